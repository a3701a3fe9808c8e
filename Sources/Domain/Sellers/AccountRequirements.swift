/// What Stripe wants to know about a seller, in Stripe's own field names such as `individual.dob.day`.
package struct AccountRequirements: Hashable, Sendable, Codable {
    /// Needed by `currentDeadline`.
    package let currentlyDue: [String]
    /// The deadline has passed and something was switched off for it; also in `currentlyDue`.
    package let pastDue: [String]
    /// Needed at some later volume or time; holds `currentlyDue` too.
    package let eventuallyDue: [String]
    /// Given and being checked; may come back to `currentlyDue` with an error.
    package let pendingVerification: [String]
    package let currentDeadline: Timestamp?
    /// Why charges or payouts are off.
    package let disabledReason: DisabledReason?
    /// What was wrong with something that the seller gave.
    package let errors: [RequirementError]

    package init(
        currentlyDue: [String] = [], pastDue: [String] = [], eventuallyDue: [String] = [],
        pendingVerification: [String] = [], currentDeadline: Timestamp? = nil, disabledReason: DisabledReason? = nil,
        errors: [RequirementError] = []
    ) {
        self.currentlyDue = currentlyDue
        self.pastDue = pastDue
        self.eventuallyDue = eventuallyDue
        self.pendingVerification = pendingVerification
        self.currentDeadline = currentDeadline
        self.disabledReason = disabledReason
        self.errors = errors
    }

    package static let none = AccountRequirements()

    /// Stripe's rule for "action needed": something due, or an error to correct.
    package var owesAnything: Bool { !currentlyDue.isEmpty || !pastDue.isEmpty || !errors.isEmpty }

    private enum CodingKeys: String, CodingKey {
        case errors
        case currentlyDue = "currently_due"
        case pastDue = "past_due"
        case eventuallyDue = "eventually_due"
        case pendingVerification = "pending_verification"
        case currentDeadline = "current_deadline"
        case disabledReason = "disabled_reason"
    }

    /// Writes every member, so that callers see `null` rather than nothing.
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(currentlyDue, forKey: .currentlyDue)
        try container.encode(pastDue, forKey: .pastDue)
        try container.encode(eventuallyDue, forKey: .eventuallyDue)
        try container.encode(pendingVerification, forKey: .pendingVerification)
        try container.encode(currentDeadline, forKey: .currentDeadline)
        try container.encode(disabledReason, forKey: .disabledReason)
        try container.encode(errors, forKey: .errors)
    }
}

/// One thing that Stripe could not accept.
package struct RequirementError: Hashable, Sendable, Codable {
    /// Stripe's code, such as `verification_document_expired`.
    package let code: String
    /// Stripe's sentence for the seller.
    package let reason: String
    /// The field in question; also in `currentlyDue` or `pastDue`.
    package let requirement: String

    package init(code: String, reason: String, requirement: String) {
        self.code = code
        self.reason = reason
        self.requirement = requirement
    }
}

/// Why Stripe has charges or payouts off. Open: a reason that Stripe adds is kept and shown.
package struct DisabledReason: RawRepresentable, Hashable, Sendable, Codable {
    package let rawValue: String
    package init(rawValue: String) { self.rawValue = rawValue }

    package static let actionRequired = Self(rawValue: "action_required.requested_capabilities")
    package static let pastDue = Self(rawValue: "requirements.past_due")
    package static let pendingVerification = Self(rawValue: "requirements.pending_verification")
    package static let underReview = Self(rawValue: "under_review")
    package static let listed = Self(rawValue: "listed")
    package static let platformPaused = Self(rawValue: "platform_paused")
    package static let other = Self(rawValue: "other")

    /// `rejected.fraud`, `rejected.platform_other`, …
    package var isRejection: Bool { rawValue.hasPrefix("rejected.") }
    /// The platform itself rejected the account, and could take it back.
    package var isRejectionByPlatform: Bool { rawValue.hasPrefix("rejected.platform_") }
    package var isReview: Bool { self == .pendingVerification || self == .underReview }
    /// Only Stripe or the platform can end it: nothing that the seller gives would help.
    package var isOutOfReach: Bool { self == .listed || self == .platformPaused || self == .other }
}

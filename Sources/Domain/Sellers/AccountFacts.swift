/// What Stripe says about a connected account, as far as Souk decides by it and shows it.
///
/// The JSON form is how the facts are stored: Stripe's own names, so that a row can be read beside Stripe's Dashboard.
package struct AccountFacts: Hashable, Sendable, Codable {
    /// ISO 3166-1 alpha-2; fixed by Stripe when the account is made.
    package let country: String
    package let defaultCurrency: String?
    package let email: String?
    package let businessType: String?
    /// A charge capability is on. Can turn false again at any time.
    package let chargesEnabled: Bool
    /// Stripe pays out to the seller's bank. Can turn false again at any time.
    package let payoutsEnabled: Bool
    /// The seller has been through Stripe's form once; says nothing about verification.
    package let detailsSubmitted: Bool
    /// What the account may do, by Stripe's name of the capability; one that was never asked for is missing.
    package let capabilities: [String: CapabilityStatus]
    package let requirements: AccountRequirements
    /// What becomes `requirements` at its `currentDeadline`.
    package let futureRequirements: AccountRequirements
    /// When Stripe pays the balance out by itself; nil while Stripe has not said.
    package let payoutSchedule: PayoutSchedule?
    /// Where it pays out to; nil in facts that an older build of Souk stored.
    package let payoutDestinations: [PayoutDestination]?

    package init(
        country: String, defaultCurrency: String?, email: String?, businessType: String?, chargesEnabled: Bool,
        payoutsEnabled: Bool, detailsSubmitted: Bool, capabilities: [String: CapabilityStatus],
        requirements: AccountRequirements, futureRequirements: AccountRequirements,
        payoutSchedule: PayoutSchedule? = nil, payoutDestinations: [PayoutDestination]? = nil
    ) {
        self.country = country
        self.defaultCurrency = defaultCurrency
        self.email = email
        self.businessType = businessType
        self.chargesEnabled = chargesEnabled
        self.payoutsEnabled = payoutsEnabled
        self.detailsSubmitted = detailsSubmitted
        self.capabilities = capabilities
        self.requirements = requirements
        self.futureRequirements = futureRequirements
        self.payoutSchedule = payoutSchedule
        self.payoutDestinations = payoutDestinations
    }

    /// Needed for destination charges and for transfers to the account.
    package var transfers: CapabilityStatus? { capabilities["transfers"] }
    /// Needed for direct charges and for `on_behalf_of`.
    package var cardPayments: CapabilityStatus? { capabilities["card_payments"] }

    /// Money can come in and go out.
    package var works: Bool { chargesEnabled && payoutsEnabled && transfers == .active }

    package var isUnderReview: Bool {
        !requirements.pendingVerification.isEmpty || requirements.disabledReason?.isReview == true
            || capabilities.values.contains(.pending)
    }

    private enum CodingKeys: String, CodingKey {
        case country, email, capabilities, requirements
        case defaultCurrency = "default_currency"
        case businessType = "business_type"
        case chargesEnabled = "charges_enabled"
        case payoutsEnabled = "payouts_enabled"
        case detailsSubmitted = "details_submitted"
        case futureRequirements = "future_requirements"
        case payoutSchedule = "payout_schedule"
        case payoutDestinations = "payout_destinations"
    }
}

/// Stripe's word for a capability. Open: a word that Stripe adds is kept and counts as "not active".
package struct CapabilityStatus: RawRepresentable, Hashable, Sendable, Codable {
    package let rawValue: String
    package init(rawValue: String) { self.rawValue = rawValue }
    package static let active = Self(rawValue: "active")
    package static let inactive = Self(rawValue: "inactive")
    package static let pending = Self(rawValue: "pending")
}

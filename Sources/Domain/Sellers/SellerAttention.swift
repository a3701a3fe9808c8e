/// What a seller can do, or has to wait for, in the order in which to show it. Several may hold at once: one document
/// owed by Friday while another is being checked.
package enum SellerAttention: Hashable, Sendable {
    /// The connected account does not exist yet: Souk is still making it.
    case awaitingAccount
    /// Stripe's form has not been finished; the fields are those it will ask for.
    case finishOnboarding(fields: [String])
    /// Owed now: something is off because of it, or Stripe found what was given wrong, or there is no deadline.
    case owesNow(fields: [String], errors: [RequirementError])
    /// Everything goes on until the deadline.
    case owesBy(Timestamp, fields: [String])
    /// Given, and being checked; there is nothing to do.
    case underReview(fields: [String])
    case disabled(DisabledReason)
    case rejected(DisabledReason)
    case deauthorized

    package static func all(account: AccountFacts?, isDeauthorized: Bool) -> [SellerAttention] {
        if isDeauthorized { return [.deauthorized] }
        guard let account else { return [.awaitingAccount] }
        let requirements = account.requirements
        if let reason = requirements.disabledReason {
            if reason.isRejection { return [.rejected(reason)] }
            if reason.isOutOfReach { return [.disabled(reason)] }
        }
        if !account.detailsSubmitted { return [.finishOnboarding(fields: requirements.currentlyDue)] }

        var found = owed(by: requirements) + owedLater(by: account.futureRequirements, beyond: requirements)
        if account.isUnderReview { found.append(.underReview(fields: requirements.pendingVerification)) }
        if found.isEmpty, !account.works, let reason = requirements.disabledReason { found.append(.disabled(reason)) }
        return found
    }

    private static func owed(by requirements: AccountRequirements) -> [SellerAttention] {
        let wrong = Set(requirements.errors.map(\.requirement))
        let late = Set(requirements.pastDue)
        let everything = requirements.currentlyDue + requirements.pastDue + requirements.errors.map(\.requirement)
        var now: [String] = []
        var byDeadline: [String] = []
        var seen: Set<String> = []
        for field in everything where seen.insert(field).inserted {
            if requirements.currentDeadline != nil, !wrong.contains(field), !late.contains(field) {
                byDeadline.append(field)
            } else {
                now.append(field)
            }
        }
        var found: [SellerAttention] = []
        if !now.isEmpty || requirements.disabledReason == .actionRequired {
            found.append(.owesNow(fields: now, errors: requirements.errors))
        }
        if let deadline = requirements.currentDeadline, !byDeadline.isEmpty {
            found.append(.owesBy(deadline, fields: byDeadline))
        }
        return found
    }

    private static func owedLater(
        by future: AccountRequirements, beyond present: AccountRequirements
    ) -> [SellerAttention] {
        guard let deadline = future.currentDeadline else { return [] }
        let known = Set(present.currentlyDue + present.pastDue)
        let fields = future.currentlyDue.filter { !known.contains($0) }
        return fields.isEmpty ? [] : [.owesBy(deadline, fields: fields)]
    }
}

extension SellerAttention {
    /// The word for it in our API.
    package var name: String {
        switch self {
        case .awaitingAccount: "awaiting_account"
        case .finishOnboarding: "finish_onboarding"
        case .owesNow: "owes_now"
        case .owesBy: "owes_by"
        case .underReview: "under_review"
        case .disabled: "disabled"
        case .rejected: "rejected"
        case .deauthorized: "deauthorized"
        }
    }

    /// Whether a new onboarding link would help.
    package var sellerCanAct: Bool {
        switch self {
        case .finishOnboarding, .owesNow, .owesBy: true
        case .awaitingAccount, .underReview, .disabled, .rejected, .deauthorized: false
        }
    }

    package var fields: [String] {
        switch self {
        case .finishOnboarding(let fields), .owesNow(let fields, _), .owesBy(_, let fields), .underReview(let fields):
            fields
        case .awaitingAccount, .disabled, .rejected, .deauthorized: []
        }
    }

    package var deadline: Timestamp? {
        guard case .owesBy(let deadline, _) = self else { return nil }
        return deadline
    }

    /// One sentence for a person who supports sellers.
    package var words: String {
        switch self {
        case .awaitingAccount: "The connected account is being made at Stripe."
        case .finishOnboarding: "The seller has not finished Stripe's onboarding form: send an onboarding link."
        case .owesNow(let fields, _):
            "The seller owes \(Self.counted(fields)) now: send an onboarding link."
        case .owesBy(_, let fields):
            "The seller owes \(Self.counted(fields)) by the deadline, after which charges or payouts stop."
        case .underReview: "Stripe is checking what the seller gave; there is nothing to do."
        case .disabled(let reason): reason.words
        case .rejected(let reason):
            reason.isRejectionByPlatform
                ? "The platform has rejected this account."
                : "Stripe has rejected this account; only Stripe's support can say more."
        case .deauthorized: "The account has left the platform: it can neither be charged for nor paid."
        }
    }

    private static func counted(_ fields: [String]) -> String {
        switch fields.count {
        case 0: "information"
        case 1: "1 piece of information"
        default: "\(fields.count) pieces of information"
        }
    }
}

extension DisabledReason {
    /// One sentence for a person who supports sellers.
    package var words: String {
        switch self {
        case .actionRequired: "Stripe needs more from the seller before the account can be used."
        case .pastDue: "What the seller owed was not given in time."
        case .pendingVerification: "Stripe is checking what the seller gave."
        case .underReview: "Stripe is reviewing the account."
        case .listed: "Stripe is checking the account against lists of prohibited persons and businesses."
        case .platformPaused: "The platform has paused this account."
        case .other: "Stripe has switched the account off while it is being reviewed."
        default:
            isRejection ? "The account has been rejected (\(rawValue))." : "Stripe has switched this off (\(rawValue))."
        }
    }
}

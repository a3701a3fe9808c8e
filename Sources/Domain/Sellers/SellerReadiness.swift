/// Why a buyer cannot be charged for a seller's goods yet, or no longer.
package enum ChargeObstacle: Hashable, Sendable {
    case deauthorized
    case rejected
    /// The marketplace's own hold.
    case held(reason: String)
    case noAccount
    case onboardingUnfinished
    /// A capability that the shape of the charge needs is not active.
    case capabilityNotActive(name: String, status: CapabilityStatus?)
    case chargesDisabled(DisabledReason?)

    /// One sentence for the caller: what is so, and what to do.
    package var message: String {
        switch self {
        case .deauthorized: "the connected account has left the platform; the seller must be onboarded anew"
        case .rejected: "the connected account has been rejected"
        case .held(let reason): "the seller is held (\(reason)); release the hold first"
        case .noAccount: "the connected account does not exist at Stripe yet; try again when it does"
        case .onboardingUnfinished: "the seller has not finished onboarding; make an onboarding link for them"
        case .capabilityNotActive(let name, let status):
            "the capability '\(name)' is \(status?.rawValue ?? "not requested"); see the seller's requirements"
        case .chargesDisabled(let reason):
            "charges are disabled" + (reason.map { " (\($0.rawValue))" } ?? "") + "; see the seller's requirements"
        }
    }
}

/// Whether buyers can be charged for a seller's goods now. Stripe's flags decide, never the status in words:
/// `charges_enabled` and the capability that the shape of the charge needs.
package enum SellerReadiness {
    /// For destination charges and for separate charges with transfers.
    /// - Returns: nil when the seller can be charged for.
    package static func obstacleToDestinationCharge(
        account: AccountFacts?, isDeauthorized: Bool, hold: SellerHold?
    ) -> ChargeObstacle? {
        obstacle(account: account, isDeauthorized: isDeauthorized, hold: hold) { account in
            account.transfers == .active ? nil : .capabilityNotActive(name: "transfers", status: account.transfers)
        }
    }

    /// For direct charges, which the connected account makes itself.
    /// - Returns: nil when the seller can be charged for.
    package static func obstacleToDirectCharge(
        account: AccountFacts?, isDeauthorized: Bool, hold: SellerHold?
    ) -> ChargeObstacle? {
        obstacle(account: account, isDeauthorized: isDeauthorized, hold: hold) { account in
            account.cardPayments == .active
                ? nil : .capabilityNotActive(name: "card_payments", status: account.cardPayments)
        }
    }

    /// For money that a buyer has paid already and that is to go to the seller: Stripe asks for nothing but the capability
    /// `transfers`.
    /// - Returns: nil when the seller can be paid.
    package static func obstacleToTransfer(
        account: AccountFacts?, isDeauthorized: Bool, hold: SellerHold?
    ) -> ChargeObstacle? {
        if isDeauthorized { return .deauthorized }
        if account?.requirements.disabledReason?.isRejection == true { return .rejected }
        if let hold { return .held(reason: hold.reason) }
        guard let account else { return .noAccount }
        return account.transfers == .active
            ? nil : .capabilityNotActive(name: "transfers", status: account.transfers)
    }

    private static func obstacle(
        account: AccountFacts?, isDeauthorized: Bool, hold: SellerHold?,
        capability: (AccountFacts) -> ChargeObstacle?
    ) -> ChargeObstacle? {
        if isDeauthorized { return .deauthorized }
        guard let account else { return hold.map { .held(reason: $0.reason) } ?? .noAccount }
        let reason = account.requirements.disabledReason
        if reason?.isRejection == true { return .rejected }
        if let hold { return .held(reason: hold.reason) }
        if account.chargesEnabled, let missing = capability(account) {
            return account.detailsSubmitted ? missing : .onboardingUnfinished
        }
        if !account.chargesEnabled {
            return account.detailsSubmitted ? .chargesDisabled(reason) : .onboardingUnfinished
        }
        return nil
    }
}

/// The marketplace's own brake on a seller: no new orders and no money out until it is released.
package struct SellerHold: Hashable, Sendable {
    /// Why, in the words of whoever set it.
    package let reason: String
    package let since: Timestamp

    package init(reason: String, since: Timestamp) {
        self.reason = reason
        self.since = since
    }
}

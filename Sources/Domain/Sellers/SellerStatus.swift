/// Where a seller stands, in one word. Computed from what Stripe says and never set by hand.
///
/// It says what has to happen next. Whether a seller can be charged for is `SellerReadiness`: an `actionRequired`
/// seller who owes something by a date still sells until then.
package enum SellerStatus: String, Hashable, Sendable, CaseIterable, Codable {
    /// The seller has no connected account yet, or has not finished Stripe's form.
    case onboarding
    /// Everything asked for was given, and Stripe is checking it.
    case underReview = "under_review"
    /// Stripe waits for the seller: something is owed now or by a date.
    case actionRequired = "action_required"
    /// Charges and payouts work, and nothing is owed.
    case active
    /// Some of it works and some does not, and there is nothing that the seller could do about it.
    case restricted
    /// Stripe or the platform has switched the account off.
    case disabled
    /// Stripe or the platform has refused the account for good.
    case rejected
    /// The account no longer belongs to the platform.
    case disconnected

    /// The one rule. The first line that holds decides.
    /// - Parameters:
    ///   - account: what Stripe said last; nil while there is no connected account.
    ///   - isDeauthorized: whether Stripe told us that the account has left the platform.
    package init(account: AccountFacts?, isDeauthorized: Bool) {
        if isDeauthorized {
            self = .disconnected
            return
        }
        guard let account else {
            self = .onboarding
            return
        }
        self = Self.connected(account)
    }

    private static func connected(_ account: AccountFacts) -> SellerStatus {
        let reason = account.requirements.disabledReason
        if let reason, reason.isRejection { return .rejected }
        if let reason, reason.isOutOfReach { return .disabled }
        if !account.detailsSubmitted { return .onboarding }
        if account.requirements.owesAnything || reason == .actionRequired { return .actionRequired }
        if account.works { return .active }
        if account.isUnderReview { return .underReview }
        return account.chargesEnabled || account.payoutsEnabled ? .restricted : .disabled
    }
}

/// Why a seller's balance cannot be paid out on request now.
package enum PayoutObstacle: Hashable, Sendable {
    case disconnected
    case rejected
    /// The marketplace's own hold.
    case held(reason: String)
    case noAccount
    case payoutsDisabled(DisabledReason?)
    /// No bank account or card takes this currency.
    case noDestination(Currency)
    /// The last payout to this destination came back, and the destination is still the same.
    case destinationReturned(PayoutDestination, failureCode: String?)
    /// By the books the seller would owe Stripe: what is left of the seller's funds after everything on its way.
    case fundsTooLow(Money)

    package var code: ErrorCode {
        switch self {
        case .disconnected, .rejected, .held, .noAccount, .payoutsDisabled, .noDestination: .sellerNotReady
        case .destinationReturned, .fundsTooLow: .payoutBlocked
        }
    }

    /// Whether it would stand in the way of any amount.
    package var isAboutTheSeller: Bool { if case .fundsTooLow = self { false } else { true } }

    /// One sentence for the caller: what is so, and what to do.
    package var message: String {
        switch self {
        case .disconnected: "the connected account has left the platform; the seller must be onboarded anew"
        case .rejected: "the connected account has been rejected"
        case .held(let reason): "the seller is held (\(reason)); release the hold first"
        case .noAccount: "the connected account does not exist at Stripe yet; try again when it does"
        case .payoutsDisabled(let reason):
            "payouts are disabled" + (reason.map { " (\($0.rawValue))" } ?? "") + "; see the seller's requirements"
        case .noDestination(let currency):
            "there is no bank account for \(currency); the seller adds one in Stripe's dashboard"
        case .destinationReturned(let destination, let code):
            "the last payout to \(destination.type == "card" ? "the card" : "the bank account") ending in "
                + "\(destination.last4 ?? destination.id) came back" + (code.map { " (\($0))" } ?? "")
                + "; the seller must change it in Stripe's dashboard first"
        case .fundsTooLow(let left):
            "the books have only \(left) of the seller's money that is not on its way; read the seller's balance"
        }
    }

    /// The one rule. The first line that holds decides.
    /// - Parameters:
    ///   - amount: what is asked for.
    ///   - seller: whose balance it is in.
    ///   - funds: the seller's money by the books, less payouts that are on their way or asked for.
    ///   - returned: Stripe's ids of destinations whose latest payout came back, with the bank's reason.
    /// - Returns: nil when Stripe may be asked.
    package static func to(
        payingOut amount: Money, from seller: SellerRecord, funds: Money, returned: [String: String?]
    ) -> PayoutObstacle? {
        if seller.isDeauthorized { return .disconnected }
        if seller.status == .rejected { return .rejected }
        if let hold = seller.hold { return .held(reason: hold.reason) }
        guard seller.stripeAccount != nil, let account = seller.account else { return .noAccount }
        let destination = account.payoutDestinations?.first {
            $0.isDefault && $0.currency == amount.currency.code
        }
        // A bank account's status tells whether it was changed; of a card nothing but its replacement does.
        if let destination,
            destination.status == "errored" || (destination.status == nil && returned[destination.id] != nil)
        {
            return .destinationReturned(destination, failureCode: returned[destination.id] ?? nil)
        }
        guard account.payoutsEnabled else { return .payoutsDisabled(account.requirements.disabledReason) }
        // An older build of Souk did not keep them: Stripe says it then.
        if destination == nil, account.payoutDestinations != nil { return .noDestination(amount.currency) }
        return funds.minorUnits < amount.minorUnits ? .fundsTooLow(funds) : nil
    }
}

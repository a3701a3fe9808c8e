package import Domain

/// Whose balance at Stripe: the platform's own, or that of one connected account.
package enum BalanceOwner: Hashable, Sendable, Comparable, CustomStringConvertible {
    case platform
    case connected(StripeAccountID)

    /// `platform` or `acct_…`, as in account codes and in every table.
    package var code: String {
        switch self {
        case .platform: "platform"
        case .connected(let account): account.rawValue
        }
    }

    package init(code: String) {
        self = code == "platform" ? .platform : .connected(StripeAccountID(code))
    }

    /// The value of the `Stripe-Account` header: nil for the platform.
    package var stripeAccount: StripeAccountID? {
        guard case .connected(let account) = self else { return nil }
        return account
    }

    package static func < (left: Self, right: Self) -> Bool { left.code < right.code }
    package var description: String { code }
}

package enum Side: String, Hashable, Sendable {
    case debit, credit

    package var opposite: Side { self == .debit ? .credit : .debit }
}

/// A bucket of our books, kept for each currency. `docs/money-flows.md` shows when each one moves.
package enum LedgerAccount: Hashable, Sendable {
    /// Available and pending money in a balance at Stripe.
    case stripeBalance(BalanceOwner)
    /// Money in that balance that Stripe holds back: reserves and minimum-balance holds.
    case stripeReserved(BalanceOwner)
    /// Owed to the seller and still in the platform's balance.
    case sellerPayable(ID<Seller>)
    /// Held back from the seller until a date.
    case sellerReserve(ID<Seller>)
    /// The seller's own money in the seller's balance at Stripe; a debit balance while Stripe has yet to collect it.
    case sellerFunds(ID<Seller>)
    /// What the platform paid for the seller and has not got back.
    case sellerReceivable(ID<Seller>)
    /// Left Stripe for a bank and is not yet known to have arrived.
    case transit(BalanceOwner)
    /// Withdrawn by Stripe for a dispute whose end is not known.
    case disputesOpen
    case applicationFeeRevenue
    /// The platform's own sales.
    case billingRevenue
    /// Stripe's fee, where the policy passes it on to the seller.
    case recoveredStripeFees
    case taxCollected
    /// A refund that failed at the bank: the buyer is still owed it.
    case buyerRefundsDue
    case stripeFees
    case disputeFees
    case refundLoss
    case disputeLoss
    case writeOffLoss
    /// Discounts that the platform funds.
    case promotionExpense
    /// Goodwill, bonus and correction for a seller.
    case sellerAdjustmentExpense
    case fxConversion
    case fxGainLoss
    case platformBank
    /// What was there before Souk.
    case openingEquity
    /// Rows of Stripe's books that are not Souk's business.
    case externalEquity
    /// Between what happened and what Stripe booked; returns to zero for each subject.
    case clearing(Clearing)
    /// A row of a kind that Souk does not know: a finding, and nothing waits for it.
    case suspense

    package enum Clearing: String, Hashable, Sendable, CaseIterable {
        case charge, transfer, refund, dispute, payout, topup, reserve
        case applicationFee = "application_fee"
    }

    package var code: String {
        switch self {
        case .stripeBalance(let owner): "stripe:\(owner.code)"
        case .stripeReserved(let owner): "stripe:\(owner.code):reserved"
        case .sellerPayable(let seller): "seller:\(seller):payable"
        case .sellerReserve(let seller): "seller:\(seller):reserve"
        case .sellerFunds(let seller): "seller:\(seller):funds"
        case .sellerReceivable(let seller): "seller:\(seller):receivable"
        case .transit(let owner): "transit:\(owner.code)"
        case .clearing(let kind): "clearing:\(kind.rawValue)"
        default: Self.fixedCodes[self] ?? "suspense"
        }
    }

    /// - Returns: nil for a code that no account of the chart has.
    package init?(code: String) {
        if let fixed = Self.fixedAccounts[code] {
            self = fixed
            return
        }
        let parts = code.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        switch (parts.first, parts.count) {
        case ("stripe", 2): self = .stripeBalance(BalanceOwner(code: parts[1]))
        case ("stripe", 3) where parts[2] == "reserved": self = .stripeReserved(BalanceOwner(code: parts[1]))
        case ("transit", 2): self = .transit(BalanceOwner(code: parts[1]))
        case ("clearing", 2):
            guard let kind = Clearing(rawValue: parts[1]) else { return nil }
            self = .clearing(kind)
        case ("seller", 3):
            guard let seller = ID<Seller>(parts[1]) else { return nil }
            switch parts[2] {
            case "payable": self = .sellerPayable(seller)
            case "reserve": self = .sellerReserve(seller)
            case "funds": self = .sellerFunds(seller)
            case "receivable": self = .sellerReceivable(seller)
            default: return nil
            }
        default: return nil
        }
    }

    /// The side that increases the account.
    package var normalSide: Side {
        switch self {
        case .stripeBalance, .stripeReserved, .sellerReceivable, .transit, .disputesOpen, .stripeFees, .disputeFees,
            .refundLoss, .disputeLoss, .writeOffLoss, .promotionExpense, .sellerAdjustmentExpense, .platformBank,
            .clearing, .suspense, .fxConversion, .fxGainLoss:
            .debit
        case .sellerPayable, .sellerReserve, .sellerFunds, .applicationFeeRevenue, .billingRevenue,
            .recoveredStripeFees, .taxCollected, .buyerRefundsDue, .openingEquity, .externalEquity:
            .credit
        }
    }

    /// Accounts whose balance must come back to zero for each subject.
    package var returnsToZero: Bool {
        switch self {
        case .clearing, .fxConversion: true
        default: false
        }
    }

    private static let fixedCodes: [LedgerAccount: String] = [
        .disputesOpen: "disputes:open",
        .applicationFeeRevenue: "revenue:application_fees",
        .billingRevenue: "revenue:billing",
        .recoveredStripeFees: "recovered:stripe_fees",
        .taxCollected: "tax:collected",
        .buyerRefundsDue: "buyer:refunds_due",
        .stripeFees: "fees:stripe",
        .disputeFees: "fees:dispute",
        .refundLoss: "loss:refunds",
        .disputeLoss: "loss:disputes",
        .writeOffLoss: "loss:write_off",
        .promotionExpense: "expense:promotions",
        .sellerAdjustmentExpense: "expense:seller_adjustments",
        .fxConversion: "fx:conversion",
        .fxGainLoss: "fx:gain_loss",
        .platformBank: "bank:platform",
        .openingEquity: "equity:opening",
        .externalEquity: "equity:external",
        .suspense: "suspense",
    ]

    private static let fixedAccounts: [String: LedgerAccount] = Dictionary(
        uniqueKeysWithValues: fixedCodes.map { ($0.value, $0.key) })
}

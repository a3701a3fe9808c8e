package import Domain

/// The platform's share of a charge.
package struct ApplicationFeeResource: StripeObject {
    package let id: StripeApplicationFeeID
    package let account: Reference<StripeAccount>
    package let amount: Int64
    package let amountRefunded: Int64
    package let currency: Currency
    package let balanceTransaction: Expandable<BalanceTransactionResource>?
    /// On the connected account: a `py_` for a destination charge.
    package let charge: Expandable<ChargeResource>
    /// The platform's charge, for a destination charge.
    package let originatingTransaction: Expandable<ChargeResource>?
    package let refunded: Bool
    package let refunds: List<FeeRefundResource>?
    package let livemode: Bool
    package let created: Timestamp

    package var cursor: String { id.rawValue }

    private enum CodingKeys: String, CodingKey {
        case id, account, amount, currency, charge, refunded, refunds, livemode, created
        case amountRefunded = "amount_refunded"
        case balanceTransaction = "balance_transaction"
        case originatingTransaction = "originating_transaction"
    }
}

/// A share that the platform gave back.
package struct FeeRefundResource: StripeObject {
    package let id: StripeID<StripeFeeRefund>
    package let amount: Int64
    package let currency: Currency
    package let fee: Reference<StripeApplicationFee>
    package let balanceTransaction: Expandable<BalanceTransactionResource>?
    package let metadata: [String: String]
    package let created: Timestamp

    package var cursor: String { id.rawValue }

    private enum CodingKeys: String, CodingKey {
        case id, amount, currency, fee, metadata, created
        case balanceTransaction = "balance_transaction"
    }
}

package import Domain

/// Money from the platform's balance to a connected account's.
package struct TransferResource: StripeObject {
    package let id: StripeTransferID
    package let amount: Int64
    package let amountReversed: Int64
    package let currency: Currency
    package let destination: Reference<StripeAccount>?
    /// The `py_` on the connected account.
    package let destinationPayment: Expandable<ChargeResource>?
    package let balanceTransaction: Expandable<BalanceTransactionResource>?
    /// The charge whose money it is.
    package let sourceTransaction: Expandable<ChargeResource>?
    package let sourceType: String?
    package let transferGroup: String?
    package let description: String?
    /// Whole amount reversed.
    package let reversed: Bool
    package let reversals: List<TransferReversalResource>?
    package let metadata: [String: String]
    package let livemode: Bool
    package let created: Timestamp

    package var cursor: String { id.rawValue }

    private enum CodingKeys: String, CodingKey {
        case id, amount, currency, destination, description, reversed, reversals, metadata, livemode, created
        case amountReversed = "amount_reversed"
        case destinationPayment = "destination_payment"
        case balanceTransaction = "balance_transaction"
        case sourceTransaction = "source_transaction"
        case sourceType = "source_type"
        case transferGroup = "transfer_group"
    }
}

/// Money of a transfer that came back.
package struct TransferReversalResource: StripeObject {
    package let id: StripeID<StripeTransferReversal>
    package let amount: Int64
    package let currency: Currency
    package let transfer: Reference<StripeTransfer>
    package let balanceTransaction: Expandable<BalanceTransactionResource>?
    /// The `pyr_` on the connected account.
    package let destinationPaymentRefund: Reference<StripeRefund>?
    /// The refund that asked for it with `reverse_transfer`.
    package let sourceRefund: Reference<StripeRefund>?
    /// Only in a preview of Stripe's: `pending`, `failed`, `canceled`.
    package let status: String?
    package let metadata: [String: String]
    package let created: Timestamp

    package var cursor: String { id.rawValue }

    private enum CodingKeys: String, CodingKey {
        case id, amount, currency, transfer, status, metadata, created
        case balanceTransaction = "balance_transaction"
        case destinationPaymentRefund = "destination_payment_refund"
        case sourceRefund = "source_refund"
    }
}

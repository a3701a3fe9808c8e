package import Domain

/// The card-side movement of money, on the account where it lives. A `py_` on a connected account is the seller's
/// end of a transfer and comes as this object too.
///
/// Just after success the balance transaction, the application fee and the transfer may be nil: Stripe fills them in
/// seconds later.
package struct ChargeResource: StripeObject {
    package let id: StripeChargeID
    package let amount: Int64
    package let amountCaptured: Int64?
    package let amountRefunded: Int64
    package let currency: Currency
    package let status: StripeChargeStatus
    package let paid: Bool
    package let captured: Bool
    /// Whole amount refunded; `amountRefunded` tells of partial ones.
    package let refunded: Bool
    package let disputed: Bool?
    package let balanceTransaction: Expandable<BalanceTransactionResource>?
    package let applicationFee: Expandable<ApplicationFeeResource>?
    package let applicationFeeAmount: Int64?
    /// To the destination, for a destination charge.
    package let transfer: Expandable<TransferResource>?
    /// Of a `py_`: the transfer that it is the other end of.
    package let sourceTransfer: Expandable<TransferResource>?
    package let transferData: TransferDestination?
    package let transferGroup: String?
    package let onBehalfOf: Reference<StripeAccount>?
    package let paymentIntent: Reference<StripePaymentIntent>?
    package let customer: Reference<StripeCustomer>?
    package let description: String?
    package let failureCode: String?
    package let failureMessage: String?
    package let failureBalanceTransaction: Expandable<BalanceTransactionResource>?
    /// Only where the request expanded it.
    package let refunds: List<RefundResource>?
    package let receiptURL: String?
    package let metadata: [String: String]
    package let livemode: Bool
    package let created: Timestamp

    package var cursor: String { id.rawValue }

    private enum CodingKeys: String, CodingKey {
        case id, amount, currency, status, paid, captured, refunded, disputed, transfer, customer, description,
            refunds, metadata, livemode, created
        case amountCaptured = "amount_captured"
        case amountRefunded = "amount_refunded"
        case balanceTransaction = "balance_transaction"
        case applicationFee = "application_fee"
        case applicationFeeAmount = "application_fee_amount"
        case sourceTransfer = "source_transfer"
        case transferData = "transfer_data"
        case transferGroup = "transfer_group"
        case onBehalfOf = "on_behalf_of"
        case paymentIntent = "payment_intent"
        case failureCode = "failure_code"
        case failureMessage = "failure_message"
        case failureBalanceTransaction = "failure_balance_transaction"
        case receiptURL = "receipt_url"
    }
}

/// Whether the money was taken.
package struct StripeChargeStatus: OpenEnum {
    package let rawValue: String
    package init(rawValue: String) { self.rawValue = rawValue }

    package static let succeeded = Self(rawValue: "succeeded")
    package static let pending = Self(rawValue: "pending")
    package static let failed = Self(rawValue: "failed")
}

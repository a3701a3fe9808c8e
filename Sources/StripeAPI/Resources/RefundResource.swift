package import Domain

/// Money on its way back to the buyer. A card refund succeeds at once and may still fail days later.
package struct RefundResource: StripeObject {
    package let id: StripeRefundID
    package let amount: Int64
    package let currency: Currency
    package let status: StripeRefundStatus?
    package let charge: Reference<StripeCharge>?
    package let paymentIntent: Reference<StripePaymentIntent>?
    package let balanceTransaction: Expandable<BalanceTransactionResource>?
    package let failureBalanceTransaction: Expandable<BalanceTransactionResource>?
    package let failureReason: String?
    package let pendingReason: String?
    package let reason: String?
    package let transferReversal: Expandable<TransferReversalResource>?
    package let sourceTransferReversal: Reference<StripeTransferReversal>?
    package let metadata: [String: String]
    package let created: Timestamp

    package var cursor: String { id.rawValue }

    private enum CodingKeys: String, CodingKey {
        case id, amount, currency, status, charge, reason, metadata, created
        case paymentIntent = "payment_intent"
        case balanceTransaction = "balance_transaction"
        case failureBalanceTransaction = "failure_balance_transaction"
        case failureReason = "failure_reason"
        case pendingReason = "pending_reason"
        case transferReversal = "transfer_reversal"
        case sourceTransferReversal = "source_transfer_reversal"
    }
}

/// Where a refund stands.
package struct StripeRefundStatus: OpenEnum {
    package let rawValue: String
    package init(rawValue: String) { self.rawValue = rawValue }

    package static let pending = Self(rawValue: "pending")
    package static let requiresAction = Self(rawValue: "requires_action")
    package static let succeeded = Self(rawValue: "succeeded")
    package static let failed = Self(rawValue: "failed")
    package static let canceled = Self(rawValue: "canceled")
}

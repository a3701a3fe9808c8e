package import Domain

/// Money from a Stripe balance to a bank account. `paid` is not the end: a bank may still return it.
package struct PayoutResource: StripeObject {
    package let id: StripePayoutID
    package let amount: Int64
    package let currency: Currency
    package let status: StripePayoutStatus
    package let arrivalDate: Timestamp
    package let automatic: Bool
    package let method: String?
    package let type: String?
    package let destination: Reference<StripeExternalAccount>?
    package let balanceTransaction: Expandable<BalanceTransactionResource>?
    package let failureBalanceTransaction: Expandable<BalanceTransactionResource>?
    package let failureCode: String?
    package let failureMessage: String?
    package let originalPayout: Reference<StripePayout>?
    package let reversedBy: Reference<StripePayout>?
    package let reconciliationStatus: String?
    package let statementDescriptor: String?
    package let description: String?
    package let metadata: [String: String]
    package let livemode: Bool
    package let created: Timestamp

    package var cursor: String { id.rawValue }

    private enum CodingKeys: String, CodingKey {
        case id, amount, currency, status, automatic, method, type, destination, description, metadata, livemode,
            created
        case arrivalDate = "arrival_date"
        case balanceTransaction = "balance_transaction"
        case failureBalanceTransaction = "failure_balance_transaction"
        case failureCode = "failure_code"
        case failureMessage = "failure_message"
        case originalPayout = "original_payout"
        case reversedBy = "reversed_by"
        case reconciliationStatus = "reconciliation_status"
        case statementDescriptor = "statement_descriptor"
    }
}

/// Where a payout stands.
package struct StripePayoutStatus: OpenEnum {
    package let rawValue: String
    package init(rawValue: String) { self.rawValue = rawValue }

    package static let pending = Self(rawValue: "pending")
    package static let inTransit = Self(rawValue: "in_transit")
    package static let paid = Self(rawValue: "paid")
    package static let failed = Self(rawValue: "failed")
    package static let canceled = Self(rawValue: "canceled")
}

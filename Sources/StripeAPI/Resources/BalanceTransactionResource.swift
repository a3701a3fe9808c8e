package import Domain

/// One line of Stripe's books: what our Stripe-side entries are made from. `net` is `amount` less `fee`.
package struct BalanceTransactionResource: StripeObject {
    package let id: StripeBalanceTransactionID
    package let amount: Int64
    package let fee: Int64
    package let net: Int64
    package let currency: Currency
    package let feeDetails: [FeeDetail]
    package let type: StripeBalanceTransactionType
    package let reportingCategory: String
    /// Which balance it is part of; `payments` for money.
    package let balanceType: String?
    /// `pending` or `available`; the only field that ever changes.
    package let status: String
    package let availableOn: Timestamp
    package let source: BalanceTransactionSource?
    package let description: String?
    package let created: Timestamp

    /// One part of `fee`.
    package struct FeeDetail: Codable, Hashable, Sendable {
        package let amount: Int64
        package let currency: Currency
        /// `stripe_fee`, `application_fee`, `tax` and others.
        package let type: String
        package let application: String?
        package let description: String?
    }

    package var cursor: String { id.rawValue }

    private enum CodingKeys: String, CodingKey {
        case id, amount, fee, net, currency, type, status, source, description, created
        case feeDetails = "fee_details"
        case reportingCategory = "reporting_category"
        case balanceType = "balance_type"
        case availableOn = "available_on"
    }
}

/// What kind of movement a line of Stripe's books is.
package struct StripeBalanceTransactionType: OpenEnum {
    package let rawValue: String
    package init(rawValue: String) { self.rawValue = rawValue }

    package static let charge = Self(rawValue: "charge")
    package static let payment = Self(rawValue: "payment")
    package static let refund = Self(rawValue: "refund")
    package static let paymentRefund = Self(rawValue: "payment_refund")
    package static let refundFailure = Self(rawValue: "refund_failure")
    package static let paymentFailureRefund = Self(rawValue: "payment_failure_refund")
    package static let paymentReversal = Self(rawValue: "payment_reversal")
    package static let transfer = Self(rawValue: "transfer")
    package static let transferRefund = Self(rawValue: "transfer_refund")
    package static let transferCancel = Self(rawValue: "transfer_cancel")
    package static let transferFailure = Self(rawValue: "transfer_failure")
    package static let applicationFee = Self(rawValue: "application_fee")
    package static let applicationFeeRefund = Self(rawValue: "application_fee_refund")
    package static let adjustment = Self(rawValue: "adjustment")
    package static let payout = Self(rawValue: "payout")
    package static let payoutCancel = Self(rawValue: "payout_cancel")
    package static let payoutFailure = Self(rawValue: "payout_failure")
    package static let topup = Self(rawValue: "topup")
    package static let topupReversal = Self(rawValue: "topup_reversal")
    package static let stripeFee = Self(rawValue: "stripe_fee")
    package static let taxFee = Self(rawValue: "tax_fee")
    package static let reserveHold = Self(rawValue: "reserve_hold")
    package static let reserveRelease = Self(rawValue: "reserve_release")
    package static let reservedFunds = Self(rawValue: "reserved_funds")
    package static let connectCollectionTransfer = Self(rawValue: "connect_collection_transfer")
    package static let reserveTransaction = Self(rawValue: "reserve_transaction")
    package static let stripeFxFee = Self(rawValue: "stripe_fx_fee")
    package static let payoutMinimumBalanceHold = Self(rawValue: "payout_minimum_balance_hold")
    package static let payoutMinimumBalanceRelease = Self(rawValue: "payout_minimum_balance_release")
    package static let paymentNetworkReserveHold = Self(rawValue: "payment_network_reserve_hold")
    package static let paymentNetworkReserveRelease = Self(rawValue: "payment_network_reserve_release")
    package static let contribution = Self(rawValue: "contribution")
}

package import Domain

/// A charge that the buyer contests at the bank. An inquiry is only a question; a chargeback takes the money at once and
/// gives it back if the platform wins.
package struct DisputeResource: StripeObject {
    package let id: StripeDisputeID
    package let amount: Int64
    package let currency: Currency
    package let status: StripeDisputeStatus
    package let reason: String
    package let charge: Reference<StripeCharge>
    package let paymentIntent: Reference<StripePaymentIntent>?
    package let isChargeRefundable: Bool
    package let evidenceDetails: EvidenceDetails
    /// The rows of the platform's books: the withdrawal, and the reversal of one that was won.
    package let balanceTransactions: [BalanceTransactionResource]
    package let metadata: [String: String]
    package let livemode: Bool
    package let created: Timestamp

    package var cursor: String { id.rawValue }

    package struct EvidenceDetails: Codable, Hashable, Sendable {
        /// Nil or zero when it cannot be contested.
        package let dueBy: Timestamp?
        package let hasEvidence: Bool
        package let pastDue: Bool
        /// Stripe takes evidence once.
        package let submissionCount: Int

        private enum CodingKeys: String, CodingKey {
            case dueBy = "due_by"
            case hasEvidence = "has_evidence"
            case pastDue = "past_due"
            case submissionCount = "submission_count"
        }
    }

    private enum CodingKeys: String, CodingKey {
        case id, amount, currency, status, reason, charge, metadata, livemode, created
        case paymentIntent = "payment_intent"
        case isChargeRefundable = "is_charge_refundable"
        case evidenceDetails = "evidence_details"
        case balanceTransactions = "balance_transactions"
    }
}

/// Where a dispute stands.
package struct StripeDisputeStatus: OpenEnum {
    package let rawValue: String
    package init(rawValue: String) { self.rawValue = rawValue }

    package static let warningNeedsResponse = Self(rawValue: "warning_needs_response")
    package static let warningUnderReview = Self(rawValue: "warning_under_review")
    package static let warningClosed = Self(rawValue: "warning_closed")
    package static let needsResponse = Self(rawValue: "needs_response")
    package static let underReview = Self(rawValue: "under_review")
    package static let appealNeedsResponse = Self(rawValue: "appeal_needs_response")
    package static let appealUnderReview = Self(rawValue: "appeal_under_review")
    package static let won = Self(rawValue: "won")
    package static let lost = Self(rawValue: "lost")
    /// Settled before it became a chargeback.
    package static let prevented = Self(rawValue: "prevented")
}

package import Domain

/// Gives a buyer a charge back, wholly or in part. For a destination charge the seller and the fee pay their part only if
/// the flags say so.
package struct CreateRefund: StripeCall {
    package typealias Answer = RefundResource

    package var charge: StripeChargeID
    /// All that remains when nil.
    package var amount: Int64?
    /// `duplicate`, `fraudulent` or `requested_by_customer`.
    package var reason: String?
    package var reverseTransfer: Bool?
    /// Needs `reverseTransfer` for a destination charge.
    package var refundApplicationFee: Bool?
    package var metadata: [String: String]

    package init(
        charge: StripeChargeID,
        amount: Int64? = nil,
        reason: String? = nil,
        reverseTransfer: Bool? = nil,
        refundApplicationFee: Bool? = nil,
        metadata: [String: String] = [:]
    ) {
        self.charge = charge
        self.amount = amount
        self.reason = reason
        self.reverseTransfer = reverseTransfer
        self.refundApplicationFee = refundApplicationFee
        self.metadata = metadata
    }

    package var request: StripeRequest {
        var form = FormEncoder()
        form.set("charge", charge)
        form.set("amount", amount)
        form.set("reason", reason)
        form.set("reverse_transfer", reverseTransfer)
        form.set("refund_application_fee", refundApplicationFee)
        form.set("metadata", metadata: metadata)
        return StripeRequest(.post, "/v1/refunds", form: form)
    }
}

package struct RetrieveRefund: StripeCall {
    package typealias Answer = RefundResource

    package var id: StripeRefundID

    package init(_ id: StripeRefundID) { self.id = id }

    package var request: StripeRequest { StripeRequest(.get, "/v1/refunds/\(id)") }
}

package struct ListRefunds: StripeListCall {
    package typealias Element = RefundResource

    /// Nil for all.
    package var charge: StripeChargeID?
    package var page: StripePage

    package init(charge: StripeChargeID? = nil, page: StripePage = StripePage()) {
        self.charge = charge
        self.page = page
    }

    package var request: StripeRequest {
        var form = FormEncoder()
        form.set("charge", charge)
        form.set(page)
        return StripeRequest(.get, "/v1/refunds", form: form)
    }
}

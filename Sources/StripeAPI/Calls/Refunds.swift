package import Domain

/// Gives a buyer money back. For a destination charge the seller and the fee pay their part only if the flags say so.
package struct CreateRefund: StripeCall {
    package typealias Answer = RefundResource

    /// This or `charge`.
    package var paymentIntent: StripePaymentIntentID?
    package var charge: StripeChargeID?
    /// Nil refunds all that is left.
    package var amount: Int64?
    /// `duplicate`, `fraudulent` or `requested_by_customer`.
    package var reason: String?
    package var reverseTransfer: Bool?
    /// Needs `reverseTransfer` for a destination charge.
    package var refundApplicationFee: Bool?
    package var metadata: [String: String]
    package var expand: [String]
    package var account: StripeAccountID?

    package init(
        paymentIntent: StripePaymentIntentID? = nil,
        charge: StripeChargeID? = nil,
        amount: Int64? = nil,
        reason: String? = nil,
        reverseTransfer: Bool? = nil,
        refundApplicationFee: Bool? = nil,
        metadata: [String: String] = [:],
        expand: [String] = [],
        account: StripeAccountID? = nil
    ) {
        self.paymentIntent = paymentIntent
        self.charge = charge
        self.amount = amount
        self.reason = reason
        self.reverseTransfer = reverseTransfer
        self.refundApplicationFee = refundApplicationFee
        self.metadata = metadata
        self.expand = expand
        self.account = account
    }

    package var request: StripeRequest {
        var form = FormEncoder()
        form.set("payment_intent", paymentIntent)
        form.set("charge", charge)
        form.set("amount", amount)
        form.set("reason", reason)
        form.set("reverse_transfer", reverseTransfer)
        form.set("refund_application_fee", refundApplicationFee)
        form.set("metadata", metadata: metadata)
        form.set(expand: expand)
        return StripeRequest(.post, "/v1/refunds", form: form, account: account)
    }
}

package struct RetrieveRefund: StripeCall {
    package typealias Answer = RefundResource

    package var id: StripeRefundID
    package var expand: [String]
    package var account: StripeAccountID?

    package init(_ id: StripeRefundID, expand: [String] = [], account: StripeAccountID? = nil) {
        self.id = id
        self.expand = expand
        self.account = account
    }

    package var request: StripeRequest {
        var form = FormEncoder()
        form.set(expand: expand)
        return StripeRequest(.get, "/v1/refunds/\(id)", form: form, account: account)
    }
}

package struct ListRefunds: StripeListCall {
    package typealias Element = RefundResource

    package var paymentIntent: StripePaymentIntentID?
    package var charge: StripeChargeID?
    package var expand: [String]
    package var account: StripeAccountID?
    package var page: StripePage

    package init(
        paymentIntent: StripePaymentIntentID? = nil,
        charge: StripeChargeID? = nil,
        expand: [String] = [],
        account: StripeAccountID? = nil,
        page: StripePage = StripePage()
    ) {
        self.paymentIntent = paymentIntent
        self.charge = charge
        self.expand = expand
        self.account = account
        self.page = page
    }

    package var request: StripeRequest {
        var form = FormEncoder()
        form.set("payment_intent", paymentIntent)
        form.set("charge", charge)
        form.set(expand: expand)
        form.set(page)
        return StripeRequest(.get, "/v1/refunds", form: form, account: account)
    }
}

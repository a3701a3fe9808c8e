package import Domain

/// Begins to collect an amount. Stripe offers the ways to pay that its Dashboard says.
package struct CreatePaymentIntent: StripeCall {
    package typealias Answer = PaymentIntentResource

    package var amount: Money
    package var applicationFeeAmount: Int64?
    /// Nil for a charge of the platform alone, which is transferred later.
    package var destination: StripeAccountID?
    package var transferGroup: String
    /// `automatic_async` (Stripe's default), `automatic` or `manual`.
    package var captureMethod: String?
    package var description: String
    package var metadata: [String: String]

    package init(
        amount: Money,
        applicationFeeAmount: Int64? = nil,
        destination: StripeAccountID? = nil,
        transferGroup: String,
        captureMethod: String? = nil,
        description: String,
        metadata: [String: String]
    ) {
        self.amount = amount
        self.applicationFeeAmount = applicationFeeAmount
        self.destination = destination
        self.transferGroup = transferGroup
        self.captureMethod = captureMethod
        self.description = description
        self.metadata = metadata
    }

    package var request: StripeRequest {
        var form = FormEncoder()
        form.set("amount", amount.minorUnits)
        form.set("currency", amount.currency)
        form.set("application_fee_amount", applicationFeeAmount)
        form.set("transfer_data[destination]", destination)
        form.set("transfer_group", transferGroup)
        form.set("capture_method", captureMethod)
        form.set("automatic_payment_methods[enabled]", true)
        form.set("description", description)
        form.set("metadata", metadata: metadata)
        return StripeRequest(.post, "/v1/payment_intents", form: form)
    }
}

package struct RetrievePaymentIntent: StripeCall {
    package typealias Answer = PaymentIntentResource

    package var id: StripePaymentIntentID
    /// Such as `latest_charge.balance_transaction`.
    package var expand: [String]

    package init(_ id: StripePaymentIntentID, expand: [String] = []) {
        self.id = id
        self.expand = expand
    }

    package var request: StripeRequest {
        var form = FormEncoder()
        form.set(expand: expand)
        return StripeRequest(.get, "/v1/payment_intents/\(id)", form: form)
    }
}

/// Takes an authorized amount, or a part of it: the rest is released.
package struct CapturePaymentIntent: StripeCall {
    package typealias Answer = PaymentIntentResource

    package var id: StripePaymentIntentID
    /// Nil takes all.
    package var amountToCapture: Int64?
    /// Nil keeps the fee of the PaymentIntent.
    package var applicationFeeAmount: Int64?
    package var expand: [String]

    package init(
        _ id: StripePaymentIntentID, amountToCapture: Int64? = nil, applicationFeeAmount: Int64? = nil,
        expand: [String] = []
    ) {
        self.id = id
        self.amountToCapture = amountToCapture
        self.applicationFeeAmount = applicationFeeAmount
        self.expand = expand
    }

    package var request: StripeRequest {
        var form = FormEncoder()
        form.set("amount_to_capture", amountToCapture)
        form.set("application_fee_amount", applicationFeeAmount)
        form.set(expand: expand)
        return StripeRequest(.post, "/v1/payment_intents/\(id)/capture", form: form)
    }
}

package struct CancelPaymentIntent: StripeCall {
    package typealias Answer = PaymentIntentResource

    package var id: StripePaymentIntentID
    package var expand: [String]

    package init(_ id: StripePaymentIntentID, expand: [String] = []) {
        self.id = id
        self.expand = expand
    }

    package var request: StripeRequest {
        var form = FormEncoder()
        form.set(expand: expand)
        return StripeRequest(.post, "/v1/payment_intents/\(id)/cancel", form: form)
    }
}

package struct ListPaymentIntents: StripeListCall {
    package typealias Element = PaymentIntentResource

    package var page: StripePage

    package init(page: StripePage = StripePage()) { self.page = page }

    package var request: StripeRequest {
        var form = FormEncoder()
        form.set(page)
        return StripeRequest(.get, "/v1/payment_intents", form: form)
    }
}

package import Domain

/// Makes a payment page for an order. The metadata of the page is not copied to the payment, so
/// it is sent for both.
package struct CreateCheckoutSession: StripeCall {
    package typealias Answer = CheckoutSessionResource

    /// One line as the buyer sees it, priced here and now.
    package struct LineItem: Hashable, Sendable {
        package var name: String
        /// Minor units of one piece.
        package var unitAmount: Int64
        package var quantity: Int64

        package init(name: String, unitAmount: Int64, quantity: Int64) {
            self.name = name
            self.unitAmount = unitAmount
            self.quantity = quantity
        }
    }

    package var currency: Currency
    /// At most 100.
    package var lineItems: [LineItem]
    /// May contain `{CHECKOUT_SESSION_ID}`.
    package var successURL: String
    package var cancelURL: String
    package var customerEmail: String?
    package var clientReferenceID: String
    package var applicationFeeAmount: Int64?
    /// Nil for a charge of the platform alone, which is transferred later.
    package var destination: StripeAccountID?
    package var transferGroup: String
    package var captureMethod: String?
    package var description: String
    package var metadata: [String: String]

    package init(
        currency: Currency,
        lineItems: [LineItem],
        successURL: String,
        cancelURL: String,
        customerEmail: String? = nil,
        clientReferenceID: String,
        applicationFeeAmount: Int64? = nil,
        destination: StripeAccountID? = nil,
        transferGroup: String,
        captureMethod: String? = nil,
        description: String,
        metadata: [String: String]
    ) {
        self.currency = currency
        self.lineItems = lineItems
        self.successURL = successURL
        self.cancelURL = cancelURL
        self.customerEmail = customerEmail
        self.clientReferenceID = clientReferenceID
        self.applicationFeeAmount = applicationFeeAmount
        self.destination = destination
        self.transferGroup = transferGroup
        self.captureMethod = captureMethod
        self.description = description
        self.metadata = metadata
    }

    package var request: StripeRequest {
        var form = FormEncoder()
        form.set("mode", "payment")
        for (index, item) in lineItems.enumerated() {
            form.set("line_items[\(index)][price_data][currency]", currency)
            form.set("line_items[\(index)][price_data][unit_amount]", item.unitAmount)
            form.set("line_items[\(index)][price_data][product_data][name]", item.name)
            form.set("line_items[\(index)][quantity]", item.quantity)
        }
        form.set("success_url", successURL)
        form.set("cancel_url", cancelURL)
        form.set("customer_email", customerEmail)
        form.set("client_reference_id", clientReferenceID)
        form.set("payment_intent_data[application_fee_amount]", applicationFeeAmount)
        form.set("payment_intent_data[transfer_data][destination]", destination)
        form.set("payment_intent_data[transfer_group]", transferGroup)
        form.set("payment_intent_data[capture_method]", captureMethod)
        form.set("payment_intent_data[description]", description)
        form.set("payment_intent_data[metadata]", metadata: metadata)
        form.set("metadata", metadata: metadata)
        return StripeRequest(.post, "/v1/checkout/sessions", form: form)
    }
}

package struct RetrieveCheckoutSession: StripeCall {
    package typealias Answer = CheckoutSessionResource

    package var id: StripeCheckoutSessionID
    /// Such as `payment_intent.latest_charge`.
    package var expand: [String]

    package init(_ id: StripeCheckoutSessionID, expand: [String] = []) {
        self.id = id
        self.expand = expand
    }

    package var request: StripeRequest {
        var form = FormEncoder()
        form.set(expand: expand)
        return StripeRequest(.get, "/v1/checkout/sessions/\(id)", form: form)
    }
}

/// Closes an open page, so that nobody can pay it any more.
package struct ExpireCheckoutSession: StripeCall {
    package typealias Answer = CheckoutSessionResource

    package var id: StripeCheckoutSessionID

    package init(_ id: StripeCheckoutSessionID) { self.id = id }

    package var request: StripeRequest { StripeRequest(.post, "/v1/checkout/sessions/\(id)/expire") }
}

package struct ListCheckoutSessions: StripeListCall {
    package typealias Element = CheckoutSessionResource

    package var page: StripePage

    package init(page: StripePage = StripePage()) { self.page = page }

    package var request: StripeRequest {
        var form = FormEncoder()
        form.set(page)
        return StripeRequest(.get, "/v1/checkout/sessions", form: form)
    }
}

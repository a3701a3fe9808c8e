package import Domain

/// Makes a payment page for an order. The metadata of the page is not copied to the payment, so it is sent for both.
package struct CreateCheckoutSession: StripeCall {
    package typealias Answer = CheckoutSessionResource

    /// One line as the buyer sees it, priced here and now.
    package struct LineItem: Hashable, Sendable {
        package var name: String
        package var description: String?
        /// Minor units of one piece.
        package var unitAmount: Int64
        package var quantity: Int64

        package init(name: String, description: String? = nil, unitAmount: Int64, quantity: Int64) {
            self.name = name
            self.description = description
            self.unitAmount = unitAmount
            self.quantity = quantity
        }
    }

    package var currency: Currency
    /// At most 100.
    package var lineItems: [LineItem]
    /// May contain `{CHECKOUT_SESSION_ID}`.
    package var successURL: String
    package var cancelURL: String?
    package var customer: StripeCustomerID?
    /// Exclusive with `customer`.
    package var customerEmail: String?
    package var clientReferenceID: String?
    /// 30 minutes to 24 hours ahead; Stripe's default is 24 hours.
    package var expiresAt: Timestamp?
    package var applicationFeeAmount: Int64?
    package var destination: StripeAccountID?
    package var transferAmount: Int64?
    package var onBehalfOf: StripeAccountID?
    package var transferGroup: String?
    package var captureMethod: String?
    package var description: String?
    package var metadata: [String: String]
    /// The connected account on which a direct charge is made.
    package var account: StripeAccountID?

    package init(
        currency: Currency,
        lineItems: [LineItem],
        successURL: String,
        cancelURL: String? = nil,
        customer: StripeCustomerID? = nil,
        customerEmail: String? = nil,
        clientReferenceID: String? = nil,
        expiresAt: Timestamp? = nil,
        applicationFeeAmount: Int64? = nil,
        destination: StripeAccountID? = nil,
        transferAmount: Int64? = nil,
        onBehalfOf: StripeAccountID? = nil,
        transferGroup: String? = nil,
        captureMethod: String? = nil,
        description: String? = nil,
        metadata: [String: String] = [:],
        account: StripeAccountID? = nil
    ) {
        self.currency = currency
        self.lineItems = lineItems
        self.successURL = successURL
        self.cancelURL = cancelURL
        self.customer = customer
        self.customerEmail = customerEmail
        self.clientReferenceID = clientReferenceID
        self.expiresAt = expiresAt
        self.applicationFeeAmount = applicationFeeAmount
        self.destination = destination
        self.transferAmount = transferAmount
        self.onBehalfOf = onBehalfOf
        self.transferGroup = transferGroup
        self.captureMethod = captureMethod
        self.description = description
        self.metadata = metadata
        self.account = account
    }

    package var request: StripeRequest {
        var form = FormEncoder()
        form.set("mode", "payment")
        for (index, item) in lineItems.enumerated() {
            form.set("line_items[\(index)][price_data][currency]", currency)
            form.set("line_items[\(index)][price_data][unit_amount]", item.unitAmount)
            form.set("line_items[\(index)][price_data][product_data][name]", item.name)
            form.set("line_items[\(index)][price_data][product_data][description]", item.description)
            form.set("line_items[\(index)][quantity]", item.quantity)
        }
        form.set("success_url", successURL)
        form.set("cancel_url", cancelURL)
        form.set("customer", customer)
        form.set("customer_email", customerEmail)
        form.set("client_reference_id", clientReferenceID)
        form.set("expires_at", expiresAt)
        form.set("payment_intent_data[application_fee_amount]", applicationFeeAmount)
        form.set("payment_intent_data[transfer_data][destination]", destination)
        form.set("payment_intent_data[transfer_data][amount]", transferAmount)
        form.set("payment_intent_data[on_behalf_of]", onBehalfOf)
        form.set("payment_intent_data[transfer_group]", transferGroup)
        form.set("payment_intent_data[capture_method]", captureMethod)
        form.set("payment_intent_data[description]", description)
        form.set("payment_intent_data[metadata]", metadata: metadata)
        form.set("metadata", metadata: metadata)
        return StripeRequest(.post, "/v1/checkout/sessions", form: form, account: account)
    }
}

package struct RetrieveCheckoutSession: StripeCall {
    package typealias Answer = CheckoutSessionResource

    package var id: StripeCheckoutSessionID
    package var account: StripeAccountID?
    /// Such as `payment_intent.latest_charge`.
    package var expand: [String]

    package init(_ id: StripeCheckoutSessionID, account: StripeAccountID? = nil, expand: [String] = []) {
        self.id = id
        self.account = account
        self.expand = expand
    }

    package var request: StripeRequest {
        var form = FormEncoder()
        form.set(expand: expand)
        return StripeRequest(.get, "/v1/checkout/sessions/\(id)", form: form, account: account)
    }
}

/// Closes an open page, so that nobody can pay it any more.
package struct ExpireCheckoutSession: StripeCall {
    package typealias Answer = CheckoutSessionResource

    package var id: StripeCheckoutSessionID
    package var account: StripeAccountID?

    package init(_ id: StripeCheckoutSessionID, account: StripeAccountID? = nil) {
        self.id = id
        self.account = account
    }

    package var request: StripeRequest {
        StripeRequest(.post, "/v1/checkout/sessions/\(id)/expire", account: account)
    }
}

package struct ListCheckoutSessions: StripeListCall {
    package typealias Element = CheckoutSessionResource

    package var paymentIntent: StripePaymentIntentID?
    package var customer: StripeCustomerID?
    package var status: StripeCheckoutSessionStatus?
    package var account: StripeAccountID?
    package var page: StripePage

    package init(
        paymentIntent: StripePaymentIntentID? = nil,
        customer: StripeCustomerID? = nil,
        status: StripeCheckoutSessionStatus? = nil,
        account: StripeAccountID? = nil,
        page: StripePage = StripePage()
    ) {
        self.paymentIntent = paymentIntent
        self.customer = customer
        self.status = status
        self.account = account
        self.page = page
    }

    package var request: StripeRequest {
        var form = FormEncoder()
        form.set("payment_intent", paymentIntent)
        form.set("customer", customer)
        form.set("status", status)
        form.set(page)
        return StripeRequest(.get, "/v1/checkout/sessions", form: form, account: account)
    }
}

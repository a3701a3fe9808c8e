package import Domain

package struct RetrieveCharge: StripeCall {
    package typealias Answer = ChargeResource

    package var id: StripeChargeID
    package var expand: [String]
    package var account: StripeAccountID?

    package init(_ id: StripeChargeID, expand: [String] = [], account: StripeAccountID? = nil) {
        self.id = id
        self.expand = expand
        self.account = account
    }

    package var request: StripeRequest {
        var form = FormEncoder()
        form.set(expand: expand)
        return StripeRequest(.get, "/v1/charges/\(id)", form: form, account: account)
    }
}

package struct ListCharges: StripeListCall {
    package typealias Element = ChargeResource

    package var paymentIntent: StripePaymentIntentID?
    package var transferGroup: String?
    package var customer: StripeCustomerID?
    package var expand: [String]
    package var account: StripeAccountID?
    package var page: StripePage

    package init(
        paymentIntent: StripePaymentIntentID? = nil,
        transferGroup: String? = nil,
        customer: StripeCustomerID? = nil,
        expand: [String] = [],
        account: StripeAccountID? = nil,
        page: StripePage = StripePage()
    ) {
        self.paymentIntent = paymentIntent
        self.transferGroup = transferGroup
        self.customer = customer
        self.expand = expand
        self.account = account
        self.page = page
    }

    package var request: StripeRequest {
        var form = FormEncoder()
        form.set("payment_intent", paymentIntent)
        form.set("transfer_group", transferGroup)
        form.set("customer", customer)
        form.set(expand: expand)
        form.set(page)
        return StripeRequest(.get, "/v1/charges", form: form, account: account)
    }
}

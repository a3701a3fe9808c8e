package import Domain

/// Makes a record of a buyer. Stripe makes as many as it is asked for: addresses are not unique.
package struct CreateCustomer: StripeCall {
    package typealias Answer = CustomerResource

    package var email: String?
    package var name: String?
    package var metadata: [String: String]
    package var account: StripeAccountID?

    package init(
        email: String? = nil,
        name: String? = nil,
        metadata: [String: String] = [:],
        account: StripeAccountID? = nil
    ) {
        self.email = email
        self.name = name
        self.metadata = metadata
        self.account = account
    }

    package var request: StripeRequest {
        var form = FormEncoder()
        form.set("email", email)
        form.set("name", name)
        form.set("metadata", metadata: metadata)
        return StripeRequest(.post, "/v1/customers", form: form, account: account)
    }
}

package struct RetrieveCustomer: StripeCall {
    package typealias Answer = CustomerResource

    package var id: StripeCustomerID
    package var account: StripeAccountID?

    package init(_ id: StripeCustomerID, account: StripeAccountID? = nil) {
        self.id = id
        self.account = account
    }

    package var request: StripeRequest { StripeRequest(.get, "/v1/customers/\(id)", account: account) }
}

package import Domain

/// What happened in the last 30 days: finds events that no delivery brought.
package struct ListEvents: StripeListCall {
    package typealias Element = EventResource

    /// At most 20; nil for all.
    package var types: [String]?
    package var account: StripeAccountID?
    package var page: StripePage

    package init(types: [String]? = nil, account: StripeAccountID? = nil, page: StripePage = StripePage()) {
        self.types = types
        self.account = account
        self.page = page
    }

    package var request: StripeRequest {
        var form = FormEncoder()
        form.set("types", list: types)
        form.set(page)
        return StripeRequest(.get, "/v1/events", form: form, account: account)
    }
}

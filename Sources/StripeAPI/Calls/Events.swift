package import Domain

/// Reaches back 30 days.
package struct RetrieveEvent: StripeCall {
    package typealias Answer = EventResource

    package var id: StripeEventID
    package var account: StripeAccountID?

    package init(_ id: StripeEventID, account: StripeAccountID? = nil) {
        self.id = id
        self.account = account
    }

    package var request: StripeRequest { StripeRequest(.get, "/v1/events/\(id)", account: account) }
}

/// What happened in the last 30 days: finds events that no delivery brought.
package struct ListEvents: StripeListCall {
    package typealias Element = EventResource

    /// At most 20; nil for all.
    package var types: [String]?
    /// False: only what some endpoint has not acknowledged.
    package var deliverySuccess: Bool?
    package var account: StripeAccountID?
    package var page: StripePage

    package init(
        types: [String]? = nil,
        deliverySuccess: Bool? = nil,
        account: StripeAccountID? = nil,
        page: StripePage = StripePage()
    ) {
        self.types = types
        self.deliverySuccess = deliverySuccess
        self.account = account
        self.page = page
    }

    package var request: StripeRequest {
        var form = FormEncoder()
        form.set("types", list: types)
        form.set("delivery_success", deliverySuccess)
        form.set(page)
        return StripeRequest(.get, "/v1/events", form: form, account: account)
    }
}

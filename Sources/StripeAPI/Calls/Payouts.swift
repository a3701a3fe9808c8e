package import Domain

package struct RetrievePayout: StripeCall {
    package typealias Answer = PayoutResource

    package var id: StripePayoutID
    package var expand: [String]
    package var account: StripeAccountID?

    package init(_ id: StripePayoutID, expand: [String] = [], account: StripeAccountID? = nil) {
        self.id = id
        self.expand = expand
        self.account = account
    }

    package var request: StripeRequest {
        var form = FormEncoder()
        form.set(expand: expand)
        return StripeRequest(.get, "/v1/payouts/\(id)", form: form, account: account)
    }
}

package struct ListPayouts: StripeListCall {
    package typealias Element = PayoutResource

    package var status: StripePayoutStatus?
    /// Inclusive.
    package var arrivalFrom: Timestamp?
    /// Exclusive.
    package var arrivalBefore: Timestamp?
    package var expand: [String]
    package var account: StripeAccountID?
    package var page: StripePage

    package init(
        status: StripePayoutStatus? = nil,
        arrivalFrom: Timestamp? = nil,
        arrivalBefore: Timestamp? = nil,
        expand: [String] = [],
        account: StripeAccountID? = nil,
        page: StripePage = StripePage()
    ) {
        self.status = status
        self.arrivalFrom = arrivalFrom
        self.arrivalBefore = arrivalBefore
        self.expand = expand
        self.account = account
        self.page = page
    }

    package var request: StripeRequest {
        var form = FormEncoder()
        form.set("status", status)
        form.set("arrival_date[gte]", arrivalFrom)
        form.set("arrival_date[lt]", arrivalBefore)
        form.set(expand: expand)
        form.set(page)
        return StripeRequest(.get, "/v1/payouts", form: form, account: account)
    }
}

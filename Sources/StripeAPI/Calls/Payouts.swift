package import Domain

package struct RetrievePayout: StripeCall {
    package typealias Answer = PayoutResource

    package var id: StripePayoutID
    package var account: StripeAccountID?

    package init(_ id: StripePayoutID, account: StripeAccountID? = nil) {
        self.id = id
        self.account = account
    }

    package var request: StripeRequest { StripeRequest(.get, "/v1/payouts/\(id)", account: account) }
}

/// Pays part of a connected account's available balance out to its bank, or of the platform's own.
package struct CreatePayout: StripeCall {
    package typealias Answer = PayoutResource

    package var account: StripeAccountID?
    package var amount: Money
    /// `standard` or `instant`.
    package var method: String
    package var description: String?
    package var metadata: [String: String]

    package init(
        account: StripeAccountID?, amount: Money, method: String = "standard", description: String? = nil,
        metadata: [String: String] = [:]
    ) {
        self.account = account
        self.amount = amount
        self.method = method
        self.description = description
        self.metadata = metadata
    }

    package var request: StripeRequest {
        var form = FormEncoder()
        form.set("amount", amount.minorUnits)
        form.set("currency", amount.currency)
        form.set("method", method)
        form.set("description", description)
        form.set("metadata", metadata: metadata)
        return StripeRequest(.post, "/v1/payouts", form: form, account: account)
    }
}

package struct ListPayouts: StripeListCall {
    package typealias Element = PayoutResource

    package var account: StripeAccountID?
    package var page: StripePage

    package init(account: StripeAccountID? = nil, page: StripePage = StripePage()) {
        self.account = account
        self.page = page
    }

    package var request: StripeRequest {
        var form = FormEncoder()
        form.set(page)
        return StripeRequest(.get, "/v1/payouts", form: form, account: account)
    }
}

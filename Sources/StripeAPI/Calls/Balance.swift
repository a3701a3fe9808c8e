package import Domain

/// What the platform, or a connected account, has at Stripe now.
package struct RetrieveBalance: StripeCall {
    package typealias Answer = BalanceResource

    package var account: StripeAccountID?

    package init(account: StripeAccountID? = nil) { self.account = account }

    package var request: StripeRequest { StripeRequest(.get, "/v1/balance", account: account) }
}

/// Stripe's books of one account, newest first.
package struct ListBalanceTransactions: StripeListCall {
    package typealias Element = BalanceTransactionResource

    package var account: StripeAccountID?
    /// Only what an automatic payout is made of.
    package var payout: StripePayoutID?
    /// Such as `data.source`.
    package var expand: [String]
    package var page: StripePage

    package init(
        account: StripeAccountID? = nil, payout: StripePayoutID? = nil, expand: [String] = [],
        page: StripePage = StripePage()
    ) {
        self.account = account
        self.payout = payout
        self.expand = expand
        self.page = page
    }

    package var request: StripeRequest {
        var form = FormEncoder()
        form.set("payout", payout)
        form.set(page)
        form.set(expand: expand)
        return StripeRequest(.get, "/v1/balance_transactions", form: form, account: account)
    }
}

/// One line of Stripe's books.
package struct RetrieveBalanceTransaction: StripeCall {
    package typealias Answer = BalanceTransactionResource

    package var id: StripeBalanceTransactionID
    package var account: StripeAccountID?
    /// Such as `source`.
    package var expand: [String]

    package init(_ id: StripeBalanceTransactionID, account: StripeAccountID? = nil, expand: [String] = []) {
        self.id = id
        self.account = account
        self.expand = expand
    }

    package var request: StripeRequest {
        var form = FormEncoder()
        form.set(expand: expand)
        return StripeRequest(.get, "/v1/balance_transactions/\(id)", form: form, account: account)
    }
}

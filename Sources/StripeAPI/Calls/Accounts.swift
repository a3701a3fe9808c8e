package import Domain

/// Makes a connected account with an Express dashboard, for which the platform pays Stripe's fees and bears losses.
package struct CreateAccount: StripeCall {
    package typealias Answer = AccountResource

    /// ISO 3166, such as `US`. Cannot be changed later.
    package var country: String?
    package var email: String?
    /// `individual`, `company`, `non_profit` or `government_entity`.
    package var businessType: String?
    package var businessProfile: AccountProfile
    /// What the account shall be able to do. `card_payments` needs `transfers` too.
    package var capabilities: [String]
    package var metadata: [String: String]

    package init(
        country: String? = nil,
        email: String? = nil,
        businessType: String? = nil,
        businessProfile: AccountProfile = AccountProfile(),
        capabilities: [String] = ["card_payments", "transfers"],
        metadata: [String: String] = [:]
    ) {
        self.country = country
        self.email = email
        self.businessType = businessType
        self.businessProfile = businessProfile
        self.capabilities = capabilities
        self.metadata = metadata
    }

    package var request: StripeRequest {
        var form = FormEncoder()
        form.set("country", country)
        form.set("email", email)
        form.set("business_type", businessType)
        form.set("controller[fees][payer]", "application")
        form.set("controller[losses][payments]", "application")
        form.set("controller[stripe_dashboard][type]", "express")
        form.set("controller[requirement_collection]", "stripe")
        for name in capabilities { form.set("capabilities[\(name)][requested]", true) }
        businessProfile.write(to: &form)
        form.set("metadata", metadata: metadata)
        return StripeRequest(.post, "/v1/accounts", form: form)
    }
}

/// What buyers may see of the business. Nil fields are not sent.
package struct AccountProfile: Hashable, Sendable {
    package var name: String?
    /// Merchant category code, four digits.
    package var mcc: String?
    package var url: String?
    package var productDescription: String?

    package init(name: String? = nil, mcc: String? = nil, url: String? = nil, productDescription: String? = nil) {
        self.name = name
        self.mcc = mcc
        self.url = url
        self.productDescription = productDescription
    }

    fileprivate func write(to form: inout FormEncoder) {
        form.set("business_profile[name]", name)
        form.set("business_profile[mcc]", mcc)
        form.set("business_profile[url]", url)
        form.set("business_profile[product_description]", productDescription)
    }
}

package struct RetrieveAccount: StripeCall {
    package typealias Answer = AccountResource

    package var id: StripeAccountID

    package init(_ id: StripeAccountID) { self.id = id }

    package var request: StripeRequest { StripeRequest(.get, "/v1/accounts/\(id)") }
}

package struct ListAccounts: StripeListCall {
    package typealias Element = AccountResource

    package var page: StripePage

    package init(page: StripePage = StripePage()) { self.page = page }

    package var request: StripeRequest {
        var form = FormEncoder()
        form.set(page)
        return StripeRequest(.get, "/v1/accounts", form: form)
    }
}

/// Changes when Stripe pays a connected account's balance out by itself. Nil fields stay as they are.
package struct UpdatePayoutSchedule: StripeCall {
    package typealias Answer = AccountResource

    package var id: StripeAccountID
    /// `manual`, `daily`, `weekly` or `monthly`.
    package var interval: String
    /// A weekday, for `weekly`.
    package var weeklyAnchor: String?
    /// A day of the month, for `monthly`.
    package var monthlyAnchor: Int?
    package var delayDays: Int?

    package init(
        _ id: StripeAccountID, interval: String, weeklyAnchor: String? = nil, monthlyAnchor: Int? = nil,
        delayDays: Int? = nil
    ) {
        self.id = id
        self.interval = interval
        self.weeklyAnchor = weeklyAnchor
        self.monthlyAnchor = monthlyAnchor
        self.delayDays = delayDays
    }

    package var request: StripeRequest {
        var form = FormEncoder()
        let schedule = "settings[payouts][schedule]"
        form.set("\(schedule)[interval]", interval)
        form.set("\(schedule)[weekly_anchor]", weeklyAnchor)
        form.set("\(schedule)[monthly_anchor]", monthlyAnchor)
        form.set("\(schedule)[delay_days]", delayDays)
        return StripeRequest(.post, "/v1/accounts/\(id)", form: form)
    }
}

/// Ends the business with a seller: charges and payouts stop.
package struct RejectAccount: StripeCall {
    package typealias Answer = AccountResource

    package var id: StripeAccountID
    /// `fraud_other`, `terms_of_service`, `other` and further ones of Stripe's list.
    package var reason: String

    package init(_ id: StripeAccountID, reason: String) {
        self.id = id
        self.reason = reason
    }

    package var request: StripeRequest {
        var form = FormEncoder()
        form.set("reason", reason)
        return StripeRequest(.post, "/v1/accounts/\(id)/reject", form: form)
    }
}

/// An onboarding address for one click.
package struct CreateAccountLink: StripeCall {
    package typealias Answer = AccountLinkResource

    package var account: StripeAccountID
    /// Visited when the link was used or is too old: must make a new one.
    package var refreshURL: String
    /// Visited when the seller is done or leaves; proves nothing.
    package var returnURL: String

    package init(account: StripeAccountID, refreshURL: String, returnURL: String) {
        self.account = account
        self.refreshURL = refreshURL
        self.returnURL = returnURL
    }

    package var request: StripeRequest {
        var form = FormEncoder()
        form.set("account", account)
        form.set("type", "account_onboarding")
        form.set("refresh_url", refreshURL)
        form.set("return_url", returnURL)
        // All at once, so that the seller need not come back when the volume grows or a new rule begins.
        form.set("collection_options[fields]", "eventually_due")
        form.set("collection_options[future_requirements]", "include")
        return StripeRequest(.post, "/v1/account_links", form: form)
    }
}

/// An address of the seller's Express dashboard for one click.
package struct CreateLoginLink: StripeCall {
    package typealias Answer = LoginLinkResource

    package var account: StripeAccountID

    package init(account: StripeAccountID) { self.account = account }

    package var request: StripeRequest { StripeRequest(.post, "/v1/accounts/\(account)/login_links") }
}

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
    package var controller: AccountController
    /// What the account shall be able to do. `card_payments` needs `transfers` too.
    package var capabilities: [String]
    package var payouts: AccountPayoutSettings
    package var metadata: [String: String]

    package init(
        country: String? = nil,
        email: String? = nil,
        businessType: String? = nil,
        businessProfile: AccountProfile = AccountProfile(),
        controller: AccountController = .express,
        capabilities: [String] = ["card_payments", "transfers"],
        payouts: AccountPayoutSettings = AccountPayoutSettings(),
        metadata: [String: String] = [:]
    ) {
        self.country = country
        self.email = email
        self.businessType = businessType
        self.businessProfile = businessProfile
        self.controller = controller
        self.capabilities = capabilities
        self.payouts = payouts
        self.metadata = metadata
    }

    package var request: StripeRequest {
        var form = FormEncoder()
        form.set("country", country)
        form.set("email", email)
        form.set("business_type", businessType)
        form.set("controller[fees][payer]", controller.feesPayer)
        form.set("controller[losses][payments]", controller.lossesPayments)
        form.set("controller[stripe_dashboard][type]", controller.dashboard)
        form.set("controller[requirement_collection]", controller.requirementCollection)
        for name in capabilities { form.set("capabilities[\(name)][requested]", true) }
        businessProfile.write(to: &form)
        payouts.write(to: &form)
        form.set("metadata", metadata: metadata)
        return StripeRequest(.post, "/v1/accounts", form: form)
    }
}

/// Who pays Stripe's fees, who bears losses, who collects what Stripe wants to know, and which dashboard the seller has.
package struct AccountController: Hashable, Sendable {
    package var feesPayer: String
    package var lossesPayments: String
    package var requirementCollection: String
    package var dashboard: String

    package init(feesPayer: String, lossesPayments: String, requirementCollection: String, dashboard: String) {
        self.feesPayer = feesPayer
        self.lossesPayments = lossesPayments
        self.requirementCollection = requirementCollection
        self.dashboard = dashboard
    }

    package static let express = AccountController(
        feesPayer: "application", lossesPayments: "application", requirementCollection: "stripe", dashboard: "express")
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

/// How an account's balance reaches its bank. Nil fields are not sent.
package struct AccountPayoutSettings: Hashable, Sendable {
    /// `manual`, `daily`, `weekly` or `monthly`.
    package var interval: String?
    package var delayDays: Int?
    package var weeklyAnchor: String?
    package var monthlyAnchor: Int?
    package var debitNegativeBalances: Bool?
    package var statementDescriptor: String?

    package init(
        interval: String? = nil,
        delayDays: Int? = nil,
        weeklyAnchor: String? = nil,
        monthlyAnchor: Int? = nil,
        debitNegativeBalances: Bool? = nil,
        statementDescriptor: String? = nil
    ) {
        self.interval = interval
        self.delayDays = delayDays
        self.weeklyAnchor = weeklyAnchor
        self.monthlyAnchor = monthlyAnchor
        self.debitNegativeBalances = debitNegativeBalances
        self.statementDescriptor = statementDescriptor
    }

    fileprivate func write(to form: inout FormEncoder) {
        form.set("settings[payouts][schedule][interval]", interval)
        form.set("settings[payouts][schedule][delay_days]", delayDays)
        form.set("settings[payouts][schedule][weekly_anchor]", weeklyAnchor)
        form.set("settings[payouts][schedule][monthly_anchor]", monthlyAnchor)
        form.set("settings[payouts][debit_negative_balances]", debitNegativeBalances)
        form.set("settings[payouts][statement_descriptor]", statementDescriptor)
    }
}

package struct RetrieveAccount: StripeCall {
    package typealias Answer = AccountResource

    package var id: StripeAccountID

    package init(_ id: StripeAccountID) { self.id = id }

    package var request: StripeRequest { StripeRequest(.get, "/v1/accounts/\(id)") }
}

/// The platform's own account: what the key belongs to.
package struct RetrievePlatformAccount: StripeCall {
    package typealias Answer = AccountResource

    package init() {}

    package var request: StripeRequest { StripeRequest(.get, "/v1/account") }
}

/// Changes what the platform may still change; once onboarding began, Stripe takes little more than metadata and settings.
package struct UpdateAccount: StripeCall {
    package typealias Answer = AccountResource

    package var id: StripeAccountID
    package var email: String?
    package var businessProfile: AccountProfile
    /// Capability by name: true requests it, false gives it up.
    package var capabilities: [String: Bool]
    package var payouts: AccountPayoutSettings
    package var metadata: [String: String]

    package init(
        _ id: StripeAccountID,
        email: String? = nil,
        businessProfile: AccountProfile = AccountProfile(),
        capabilities: [String: Bool] = [:],
        payouts: AccountPayoutSettings = AccountPayoutSettings(),
        metadata: [String: String] = [:]
    ) {
        self.id = id
        self.email = email
        self.businessProfile = businessProfile
        self.capabilities = capabilities
        self.payouts = payouts
        self.metadata = metadata
    }

    package var request: StripeRequest {
        var form = FormEncoder()
        form.set("email", email)
        businessProfile.write(to: &form)
        for (name, isRequested) in capabilities.sorted(by: { $0.key < $1.key }) {
            form.set("capabilities[\(name)][requested]", isRequested)
        }
        payouts.write(to: &form)
        form.set("metadata", metadata: metadata)
        return StripeRequest(.post, "/v1/accounts/\(id)", form: form)
    }
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

/// Ends the business with a seller: charges and, unless told otherwise, payouts stop.
package struct RejectAccount: StripeCall {
    package typealias Answer = AccountResource

    package var id: StripeAccountID
    /// `fraud_other`, `terms_of_service`, `other` and further ones of Stripe's list.
    package var reason: String
    /// `pause`, Stripe's default, or `none`.
    package var payoutsAction: String?

    package init(_ id: StripeAccountID, reason: String, payoutsAction: String? = nil) {
        self.id = id
        self.reason = reason
        self.payoutsAction = payoutsAction
    }

    package var request: StripeRequest {
        var form = FormEncoder()
        form.set("reason", reason)
        form.set("payouts_action", payoutsAction)
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
    /// `currently_due` or `eventually_due`.
    package var collect: String?
    /// `include` or `omit`.
    package var futureRequirements: String?

    package init(
        account: StripeAccountID,
        refreshURL: String,
        returnURL: String,
        collect: String? = "eventually_due",
        futureRequirements: String? = "include"
    ) {
        self.account = account
        self.refreshURL = refreshURL
        self.returnURL = returnURL
        self.collect = collect
        self.futureRequirements = futureRequirements
    }

    package var request: StripeRequest {
        var form = FormEncoder()
        form.set("account", account)
        form.set("type", "account_onboarding")
        form.set("refresh_url", refreshURL)
        form.set("return_url", returnURL)
        form.set("collection_options[fields]", collect)
        form.set("collection_options[future_requirements]", futureRequirements)
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

/// How an account is paid out by Stripe: its schedule, and what stays in the balance.
package struct BalanceSettingsResource: Codable, Hashable, Sendable {
    package let payments: Payments

    package struct Payments: Codable, Hashable, Sendable {
        package let payouts: Payouts
    }

    package struct Payouts: Codable, Hashable, Sendable {
        package let schedule: Schedule?
        /// In minor units, for each currency that has one.
        package let minimumBalanceByCurrency: [String: Int64]?

        private enum CodingKeys: String, CodingKey {
            case schedule
            case minimumBalanceByCurrency = "minimum_balance_by_currency"
        }
    }

    package struct Schedule: Codable, Hashable, Sendable {
        /// Stripe's word: `manual`, `daily`, `weekly` or `monthly`.
        package let interval: String?
    }
}

/// The platform's own settings.
package struct RetrieveBalanceSettings: StripeCall {
    package typealias Answer = BalanceSettingsResource

    package init() {}

    package var request: StripeRequest { StripeRequest(.get, "/v1/balance_settings") }
}

/// Changes when the platform's own balance is paid out.
package struct UpdateBalanceSettings: StripeCall {
    package typealias Answer = BalanceSettingsResource

    package var interval: String

    package init(interval: String) { self.interval = interval }

    package var request: StripeRequest {
        var form = FormEncoder()
        form.set("payments[payouts][schedule][interval]", interval)
        return StripeRequest(.post, "/v1/balance_settings", form: form)
    }
}

package import Domain

/// A connected account, as Stripe sees the seller behind it.
///
/// Whether it can be charged for or paid out is told by the two flags and the capabilities, never by `detailsSubmitted`.
package struct AccountResource: StripeObject {
    package let id: StripeAccountID
    package let email: String?
    package let country: String?
    package let defaultCurrency: Currency?
    package let businessType: String?
    package let businessProfile: BusinessProfile?
    /// `none` for accounts made with `controller`.
    package let type: String?
    package let controller: Controller?
    package let chargesEnabled: Bool
    package let payoutsEnabled: Bool
    /// The form was finished once; says nothing about verification.
    package let detailsSubmitted: Bool
    /// By name, such as `transfers`; empty if none was requested.
    package let capabilities: [String: StripeCapabilityStatus]
    package let requirements: Requirements?
    /// What moves into `requirements` at its own deadline.
    package let futureRequirements: Requirements?
    package let externalAccounts: List<ExternalAccount>?
    package let settings: Settings?
    package let metadata: [String: String]
    /// Nil for accounts that the platform does not control.
    package let created: Timestamp?

    package var cursor: String { id.rawValue }

    private enum CodingKeys: String, CodingKey {
        case id, email, country, type, controller, capabilities, requirements, settings, metadata, created
        case defaultCurrency = "default_currency"
        case businessType = "business_type"
        case businessProfile = "business_profile"
        case chargesEnabled = "charges_enabled"
        case payoutsEnabled = "payouts_enabled"
        case detailsSubmitted = "details_submitted"
        case futureRequirements = "future_requirements"
        case externalAccounts = "external_accounts"
    }
}

extension AccountResource {
    /// What Stripe still wants to know, by field path such as `individual.dob.day`.
    package struct Requirements: Codable, Hashable, Sendable {
        /// Needed by `currentDeadline`.
        package let currentlyDue: [String]?
        /// Everything that will be needed some day, `currentlyDue` included.
        package let eventuallyDue: [String]?
        /// The deadline passed: a capability is off for it.
        package let pastDue: [String]?
        /// Given, and being checked by Stripe.
        package let pendingVerification: [String]?
        package let currentDeadline: Timestamp?
        /// Why charges or payouts are off.
        package let disabledReason: String?
        package let errors: [RequirementError]?
        package let alternatives: [Alternative]?

        private enum CodingKeys: String, CodingKey {
            case errors, alternatives
            case currentlyDue = "currently_due"
            case eventuallyDue = "eventually_due"
            case pastDue = "past_due"
            case pendingVerification = "pending_verification"
            case currentDeadline = "current_deadline"
            case disabledReason = "disabled_reason"
        }
    }

    /// What Stripe could not verify, in words for the seller.
    package struct RequirementError: Codable, Hashable, Sendable {
        package let code: String
        package let reason: String
        package let requirement: String
    }

    /// Fields that may be given instead of others.
    package struct Alternative: Codable, Hashable, Sendable {
        package let originalFieldsDue: [String]
        package let alternativeFieldsDue: [String]

        private enum CodingKeys: String, CodingKey {
            case originalFieldsDue = "original_fields_due"
            case alternativeFieldsDue = "alternative_fields_due"
        }
    }

    /// What buyers may see of the business.
    package struct BusinessProfile: Codable, Hashable, Sendable {
        package let name: String?
        package let mcc: String?
        package let url: String?
        package let productDescription: String?
        package let supportEmail: String?
        package let supportPhone: String?

        private enum CodingKeys: String, CodingKey {
            case name, mcc, url
            case productDescription = "product_description"
            case supportEmail = "support_email"
            case supportPhone = "support_phone"
        }
    }

    /// Who is answerable for the account. Complete only for the platform that controls it.
    package struct Controller: Codable, Hashable, Sendable {
        package let type: String?
        package let isController: Bool?
        package let fees: Fees?
        package let losses: Losses?
        package let requirementCollection: String?
        package let stripeDashboard: Dashboard?

        package struct Fees: Codable, Hashable, Sendable { package let payer: String? }
        package struct Losses: Codable, Hashable, Sendable { package let payments: String? }
        package struct Dashboard: Codable, Hashable, Sendable { package let type: String? }

        private enum CodingKeys: String, CodingKey {
            case type, fees, losses
            case isController = "is_controller"
            case requirementCollection = "requirement_collection"
            case stripeDashboard = "stripe_dashboard"
        }
    }

    /// Where payouts go: a bank account or a debit card.
    package struct ExternalAccount: Codable, Hashable, Sendable {
        package let id: String
        /// `bank_account` or `card`.
        package let object: String
        package let last4: String?
        package let bankName: String?
        package let country: String?
        package let currency: Currency?
        /// `errored` after a failed payout: no further one until the seller changes it.
        package let status: String?
        package let defaultForCurrency: Bool?

        private enum CodingKeys: String, CodingKey {
            case id, object, last4, country, currency, status
            case bankName = "bank_name"
            case defaultForCurrency = "default_for_currency"
        }
    }

    /// The settings that Souk reads.
    package struct Settings: Codable, Hashable, Sendable {
        package let payouts: Payouts?

        package struct Payouts: Codable, Hashable, Sendable {
            package let debitNegativeBalances: Bool?
            package let schedule: Schedule?
            package let statementDescriptor: String?

            private enum CodingKeys: String, CodingKey {
                case schedule
                case debitNegativeBalances = "debit_negative_balances"
                case statementDescriptor = "statement_descriptor"
            }
        }

        package struct Schedule: Codable, Hashable, Sendable {
            /// `manual`, `daily`, `weekly` or `monthly`.
            package let interval: String?
            package let delayDays: Int?
            package let weeklyAnchor: String?
            package let monthlyAnchor: Int?

            private enum CodingKeys: String, CodingKey {
                case interval
                case delayDays = "delay_days"
                case weeklyAnchor = "weekly_anchor"
                case monthlyAnchor = "monthly_anchor"
            }
        }
    }
}

/// Whether the account may do what a capability names.
package struct StripeCapabilityStatus: OpenEnum {
    package let rawValue: String
    package init(rawValue: String) { self.rawValue = rawValue }

    package static let active = Self(rawValue: "active")
    package static let inactive = Self(rawValue: "inactive")
    package static let pending = Self(rawValue: "pending")
    package static let unrequested = Self(rawValue: "unrequested")
}

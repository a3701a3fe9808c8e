// What the demonstration says to Souk, and what it reads of the answers. Fields that it does not use are left out.

struct SellerRequest: Encodable {
    let externalID: String
    let email: String
    let country: String
    let businessType = "individual"
    let metadata: [String: String]

    private enum CodingKeys: String, CodingKey {
        case email, country, metadata
        case externalID = "external_id"
        case businessType = "business_type"
    }
}

struct SellerAnswer: Decodable, Sendable {
    struct Attention: Decodable, Sendable { let message: String }

    let id: String
    let stripeAccount: String?
    let status: String
    let chargesEnabled: Bool
    let payoutsEnabled: Bool
    let attention: [Attention]?

    private enum CodingKeys: String, CodingKey {
        case id, status, attention
        case stripeAccount = "stripe_account"
        case chargesEnabled = "charges_enabled"
        case payoutsEnabled = "payouts_enabled"
    }
}

struct OnboardingLinkAnswer: Decodable { let url: String }

struct FeePolicyRequest: Encodable {
    let scope: String
    var seller: String?
    var category: String?
    let currency: String
    let percentBPS: Int64
    let fixed: Int64
    let minimum: Int64

    private enum CodingKeys: String, CodingKey {
        case scope, seller, category, currency, fixed, minimum
        case percentBPS = "percent_bps"
    }
}

struct OrderRequest: Encodable {
    struct Buyer: Encodable {
        let externalID: String
        let email: String

        private enum CodingKeys: String, CodingKey {
            case email
            case externalID = "external_id"
        }
    }

    struct Line: Encodable {
        let seller: String
        let description: String
        let unitAmount: Int64
        let quantity: Int64
        let category: String

        private enum CodingKeys: String, CodingKey {
            case seller, description, quantity, category
            case unitAmount = "unit_amount"
        }
    }

    let externalID: String
    let currency: String
    let buyer: Buyer
    let lines: [Line]
    let payment: String
    let capture: String
    let metadata: [String: String]

    private enum CodingKeys: String, CodingKey {
        case currency, buyer, lines, payment, capture, metadata
        case externalID = "external_id"
    }
}

struct OrderAnswer: Decodable, Sendable {
    struct Waiting: Decodable, Sendable {
        let state: String
        let reason: String?
    }

    let id: String
    let status: String
    let currency: String
    let amount: Int64
    let applicationFeeAmount: Int64
    let amountCaptured: Int64
    let paymentIntent: String?
    let checkoutSession: String?
    /// What Souk has yet to finish at Stripe.
    let operation: Waiting?

    private enum CodingKeys: String, CodingKey {
        case id, status, currency, amount, operation
        case applicationFeeAmount = "application_fee_amount"
        case amountCaptured = "amount_captured"
        case paymentIntent = "payment_intent"
        case checkoutSession = "checkout_session"
    }
}

struct PayoutAnswer: Decodable, Sendable {
    let id: String
    let status: String
    let amount: Int64
    let currency: String
}

struct BalanceAnswer: Decodable, Sendable {
    struct Amount: Decodable, Sendable {
        let amount: Int64
        let currency: String
    }

    let available: [Amount]
    let pending: [Amount]

    func total(in currency: String) -> Int64 {
        (available + pending).filter { $0.currency == currency }.reduce(0) { $0 + $1.amount }
    }
}

struct TrialBalanceAnswer: Decodable, Sendable {
    struct Line: Decodable, Sendable {
        let code: String
        let currency: String
        let debits: Int64
        let credits: Int64
        /// Positive on the account's normal side.
        let balance: Int64
        let normalSide: String

        private enum CodingKeys: String, CodingKey {
            case code, currency, debits, credits, balance
            case normalSide = "normal_side"
        }
    }

    let difference: [String: Int64]
    let accounts: [Line]
}

struct ProofAnswer: Decodable, Sendable {
    struct Fault: Decodable, Sendable {
        let kind: String
        let subject: String
        let detail: String
    }

    let sound: Bool
    let faults: [Fault]
}

struct ReconciliationAnswer: Decodable, Sendable {
    let id: String
    let status: String
    let compares: [String]?
    let matched: Int64
    let findingsCount: Int64
    let difference: [String: Int64]
    let failure: String?

    private enum CodingKeys: String, CodingKey {
        case id, status, compares, matched, difference, failure
        case findingsCount = "findings_count"
    }
}

struct FindingAnswer: Decodable, Sendable {
    let id: String
    let kind: String
    let objectID: String
    let detail: String

    private enum CodingKeys: String, CodingKey {
        case id, kind, detail
        case objectID = "object_id"
    }
}

struct Listed<Element: Decodable>: Decodable {
    let data: [Element]
    let hasMore: Bool

    private enum CodingKeys: String, CodingKey {
        case data
        case hasMore = "has_more"
    }
}

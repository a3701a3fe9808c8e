import Domain
import Hummingbird
import Postgres
import Sellers
import Store
import Web

/// `/v1/fee_policies`: what the platform takes, for orders placed from then on.
struct FeePolicyRoutes: Sendable {
    let store: Store
    let livemode: Bool

    func register(on api: APIRoutes) {
        api.post("/v1/fee_policies", scope: .feesWrite, use: create)
        api.get("/v1/fee_policies", scope: .feesRead, use: list)
        api.post("/v1/fee_policies/preview", scope: .feesRead, use: preview)
    }

    /// A policy of the same scope and currency takes over from the one before, which stays as a record.
    @Sendable func create(_ request: Request, _ context: SoukContext) async throws -> EditedResponse<FeePolicyBody> {
        let body = try await request.decode(as: CreateFeePolicyBody.self, context: context)
        let scope = try body.checkedScope()
        let terms = try body.terms()
        let caller = context.caller
        let policy = try await store.transaction { tx in
            if let seller = scope.seller, try await tx.seller(seller) == nil {
                throw Refusal(
                    .sellerNotFound, "There is no seller \(seller). GET /v1/sellers lists them.", parameter: "seller")
            }
            let policy = FeePolicy(id: tx.makeID(FeePolicy.self), scope: scope, terms: terms, inForceFrom: tx.now)
            try await tx.insert(policy)
            try await tx.audit("fee_policy.create", subject: policy.id.rawValue, by: caller)
            return policy
        }
        return EditedResponse(status: .created, response: FeePolicyBody(policy, livemode: livemode))
    }

    @Sendable func list(_ request: Request, _ context: SoukContext) async throws -> ListBody<FeePolicyBody> {
        let (page, filter) = try request.list(filteredBy: FeePolicyFilter.self)
        var query: PostgresQuery = "SELECT \(unescaped: FeePolicy.columns) FROM fee_policies WHERE true"
        if let scope = filter.scope { query += " AND scope = \(scope.rawValue)" }
        if let seller = filter.seller { query += " AND seller_id = \(seller)" }
        if let category = filter.category { query += " AND category = \(category)" }
        if let currency = filter.currency { query += " AND currency = \(currency)" }
        query += page.keyset()
        let policies = try await store.query(query).map(FeePolicy.init)
        let found = Page(fetched: policies, for: page).map { FeePolicyBody($0, livemode: livemode) }
        return ListBody(found, url: "/v1/fee_policies")
    }

    /// What the policies in force would take on each line.
    @Sendable func preview(_ request: Request, _ context: SoukContext) async throws -> FeePreviewBody {
        let body = try await request.decode(as: PreviewFeesBody.self, context: context)
        let lines = try body.drafts()
        let division = try await store.transaction { tx in
            let policies = try await tx.feePolicies(
                currency: body.currency, sellers: lines.compactMap(\.seller?.rawValue),
                categories: lines.compactMap(\.category))
            var priced: [OrderLine] = []
            for line in lines {
                let policy = line.seller.flatMap {
                    FeePolicy.inForce(
                        among: policies, seller: $0, category: line.category, currency: body.currency, at: tx.now)
                }
                priced.append(
                    try OrderLine(
                        id: tx.makeID(OrderLine.self), draft: line, currency: body.currency, policy: policy))
            }
            return try OrderDivision(lines: priced, currency: body.currency)
        }
        return FeePreviewBody(division, currency: body.currency, livemode: livemode)
    }
}

struct FeePolicyFilter: Decodable {
    let scope: CreateFeePolicyBody.Scope?
    let seller: ID<Seller>?
    let category: String?
    let currency: Currency?
}

struct CreateFeePolicyBody: Decodable {
    enum Scope: String, Decodable {
        case `default`, seller, category
    }

    let scope: Scope
    let seller: ID<Seller>?
    let category: String?
    let currency: Currency
    let percentBPS: Int64
    let fixed: Int64?
    let minimum: Int64?
    let maximum: Int64?

    func checkedScope() throws(Refusal) -> FeePolicy.Scope {
        if scope != .seller, seller != nil {
            throw Refusal(.parameterInvalid, "seller belongs to the scope 'seller'.", parameter: "seller")
        }
        if scope != .category, category != nil {
            throw Refusal(.parameterInvalid, "category belongs to the scope 'category'.", parameter: "category")
        }
        switch scope {
        case .default: return .everyone
        case .seller:
            guard let seller else {
                throw Refusal(.parameterMissing, "Name the seller of this policy.", parameter: "seller")
            }
            return .seller(seller)
        case .category:
            guard let category else {
                throw Refusal(.parameterMissing, "Name the category of this policy.", parameter: "category")
            }
            try PlainText.check(category, 1...100, parameter: "category")
            return .category(category)
        }
    }

    func terms() throws(Refusal) -> FeeTerms {
        try FeeTerms(
            currency: currency, percentBPS: percentBPS, fixed: fixed ?? 0, minimum: minimum ?? 0, maximum: maximum)
    }
}

struct PreviewFeesBody: Decodable {
    let currency: Currency
    let lines: [PlaceOrderBody.Line]

    func drafts() throws(Refusal) -> [OrderLineDraft] {
        guard (1...OrderDraft.maximumLines).contains(lines.count) else {
            throw Refusal(
                .tooManyLines, "Give 1 to \(OrderDraft.maximumLines) lines.", parameter: "lines")
        }
        return try PlaceOrderBody.drafts(lines)
    }
}

struct FeePolicyBody: ResponseEncodable, Sendable {
    let id: ID<FeePolicy>
    let object = "fee_policy"
    let scope: String
    let seller: ID<Seller>?
    let category: String?
    let currency: Currency
    let percentBPS: Int64
    let fixed: Int64
    let minimum: Int64
    let maximum: Int64?
    let created: Timestamp
    let livemode: Bool

    init(_ policy: FeePolicy, livemode: Bool) {
        id = policy.id
        scope = policy.scope.name
        seller = policy.scope.seller
        category = policy.scope.category
        currency = policy.terms.currency
        percentBPS = policy.terms.percentBPS
        fixed = policy.terms.fixed
        minimum = policy.terms.minimum
        maximum = policy.terms.maximum
        created = policy.inForceFrom
        self.livemode = livemode
    }

    private enum CodingKeys: String, CodingKey {
        case id, object, scope, seller, category, currency, percentBPS, fixed, minimum, maximum, created, livemode
    }
}

struct FeePreviewBody: ResponseEncodable, Sendable {
    let object = "fee_preview"
    let currency: Currency
    /// The platform's cut in all.
    let applicationFeeAmount: Int64
    let lines: [Line]
    let livemode: Bool

    struct Line: Encodable, Sendable {
        let seller: ID<Seller>?
        let amount: Int64
        let applicationFeeAmount: Int64
        let sellerAmount: Int64
        let feePolicy: ID<FeePolicy>?
    }

    init(_ division: OrderDivision, currency: Currency, livemode: Bool) {
        self.currency = currency
        applicationFeeAmount = division.total.platformFee.minorUnits
        lines = division.lines.map {
            Line(
                seller: $0.seller, amount: $0.amount.minorUnits,
                applicationFeeAmount: $0.parts.platformFee.minorUnits,
                sellerAmount: $0.parts.sellerAmount.minorUnits, feePolicy: $0.feePolicy)
        }
        self.livemode = livemode
    }

    private enum CodingKeys: String, CodingKey {
        case object, currency, applicationFeeAmount, lines, livemode
    }
}

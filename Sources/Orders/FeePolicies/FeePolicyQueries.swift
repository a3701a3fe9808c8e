import Domain
import Postgres
import Store

extension StoreTransaction {
    /// The policies that may apply to an order's lines: of each scope that it touches the newest in force.
    func feePolicies(for draft: OrderDraft) async throws -> [FeePolicy] {
        let sellers = Set(draft.lines.compactMap(\.seller?.rawValue)).sorted()
        let categories = Set(draft.lines.compactMap(\.category)).sorted()
        return try await feePolicies(currency: draft.currency, sellers: sellers, categories: categories)
    }

    func feePolicies(
        currency: Currency, sellers: [String], categories: [String]
    ) async throws -> [FeePolicy] {
        try await query(
            """
            SELECT DISTINCT ON (scope, seller_id, category) \(unescaped: FeePolicy.columns) FROM fee_policies
            WHERE currency = \(currency) AND created_at <= \(now)
                AND (scope = 'default' OR seller_id = ANY (\(sellers)) OR category = ANY (\(categories)))
            ORDER BY scope, seller_id, category, created_at DESC, id DESC
            """
        ).map(FeePolicy.init)
    }

    func insert(_ policy: FeePolicy) async throws {
        let terms = policy.terms
        try await execute(
            """
            INSERT INTO fee_policies
                (id, scope, seller_id, category, currency, percent_bps, fixed_minor, minimum_minor, maximum_minor,
                 created_at)
            VALUES (\(policy.id), \(policy.scope.name), \(policy.scope.seller), \(policy.scope.category),
                \(terms.currency), \(terms.percentBPS), \(terms.fixed), \(terms.minimum), \(terms.maximum),
                \(policy.inForceFrom))
            """)
    }
}

extension FeePolicy.Scope {
    var seller: ID<Seller>? {
        guard case .seller(let id) = self else { return nil }
        return id
    }

    var category: String? {
        guard case .category(let name) = self else { return nil }
        return name
    }
}

extension FeePolicy {
    static let columns = """
        id, scope, seller_id, category, currency, percent_bps, fixed_minor, minimum_minor, maximum_minor, created_at
        """

    init(row: PostgresRow) throws {
        let scope: Scope
        switch try row.get("scope", as: String.self) {
        case "seller": scope = .seller(try row.get("seller_id"))
        case "category": scope = .category(try row.get("category"))
        default: scope = .everyone
        }
        self.init(
            id: try row.get("id"), scope: scope,
            terms: try FeeTerms(
                currency: try row.get("currency"), percentBPS: try row.get("percent_bps"),
                fixed: try row.get("fixed_minor"), minimum: try row.get("minimum_minor"),
                maximum: try row.get("maximum_minor")),
            inForceFrom: try row.get("created_at"))
    }
}

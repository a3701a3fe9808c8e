package import Domain
import Hummingbird
import Postgres
package import Store
package import Web

/// Starting and reading reconciliation runs: for admins.
package struct ReconciliationRoutes: Sendable {
    let store: Store
    let reconciliation: RunReconciliation

    package init(store: Store, reconciliation: RunReconciliation) {
        self.store = store
        self.reconciliation = reconciliation
    }

    package func register(on api: APIRoutes) {
        api.post("/v1/admin/reconciliations", scope: .admin, use: start)
        api.get("/v1/admin/reconciliations", scope: .admin, use: list)
        api.get("/v1/admin/reconciliations/{id}", scope: .admin, use: retrieve)
        api.get("/v1/admin/reconciliations/{id}/findings", scope: .admin, use: findings)
    }

    struct StartBody: Decodable, Sendable {
        let scope: String?
        let seller: ID<Seller>?
        let from: Timestamp?
        let to: Timestamp?
    }

    @Sendable func start(
        _ request: Request, _ context: SoukContext
    ) async throws -> EditedResponse<ReconciliationBody> {
        let body = try await request.decode(as: StartBody.self, context: context)
        let scope = try ReconciliationScope(asked: body.scope ?? ReconciliationScope.all.rawValue)
        if let from = body.from, let to = body.to, from >= to {
            throw Refusal(.parameterInvalid, "The period ends before it begins.", parameter: "to")
        }
        if let seller = body.seller,
            try await store.query("SELECT 1 FROM sellers WHERE id = \(seller)").isEmpty
        {
            throw Refusal(.sellerNotFound, "There is no seller '\(seller)'.", parameter: "seller")
        }
        let run = try await reconciliation.start(scope, seller: body.seller, from: body.from, to: body.to)
        return EditedResponse(status: .created, response: ReconciliationBody(run))
    }

    @Sendable func list(_ request: Request, _ context: SoukContext) async throws -> ListBody<ReconciliationBody> {
        let page = try request.page()
        let query: PostgresQuery = "SELECT \(unescaped: ReconciliationRecord.columns) FROM reconciliations WHERE true"
        let runs = try await store.query(query + page.keyset())
            .map { ReconciliationBody(try ReconciliationRecord(row: $0)) }
        return ListBody(Page(fetched: runs, for: page), url: "/v1/admin/reconciliations")
    }

    @Sendable func retrieve(_ request: Request, _ context: SoukContext) async throws -> ReconciliationBody {
        try request.refuseQuery()
        return ReconciliationBody(try await run(in: context))
    }

    struct FindingFilter: Decodable, Sendable {
        let kind: String?
        let status: String?
    }

    @Sendable func findings(_ request: Request, _ context: SoukContext) async throws -> ListBody<FindingBody> {
        let (page, filter) = try request.list(filteredBy: FindingFilter.self)
        let run = try await run(in: context)
        var query: PostgresQuery =
            "SELECT \(unescaped: FindingBody.columns) FROM reconciliation_findings WHERE reconciliation_id = \(run.id)"
        if let kind = filter.kind { query += " AND kind = \(kind)" }
        if let status = filter.status { query += " AND status = \(status)" }
        let rows = try await store.query(query + page.keyset()).map(FindingBody.init)
        return ListBody(Page(fetched: rows, for: page), url: "/v1/admin/reconciliations/\(run.id)/findings")
    }

    private func run(in context: SoukContext) async throws -> ReconciliationRecord {
        let id = try context.id(of: Reconciliation.self, else: .reconciliationNotFound)
        guard let run = try await store.reconciliation(id) else {
            throw Refusal(.reconciliationNotFound, "There is no reconciliation '\(id)'.", parameter: "id")
        }
        return run
    }
}

extension ReconciliationScope {
    /// - Throws: `scope_not_available` for a part that no run compares yet, `parameter_invalid` for any other word.
    package init(asked word: String) throws(Refusal) {
        if Self.notAvailable.contains(word) {
            throw Refusal(
                .scopeNotAvailable, "Souk does not reconcile '\(word)' yet. \(Self.choices)", parameter: "scope")
        }
        guard let scope = ReconciliationScope(rawValue: word) else {
            throw Refusal(.parameterInvalid, "'\(word)' is no scope. \(Self.choices)", parameter: "scope")
        }
        self = scope
    }

    private static var choices: String { "Choose one of: \(allCases.map(\.rawValue).joined(separator: ", "))." }
}

/// A run as callers see it.
package struct ReconciliationBody: ResponseEncodable, Sendable {
    let id: ID<Reconciliation>
    let object = "reconciliation"
    let scope: String
    /// The parts that the run compares, and those of the design that are not there yet.
    let compares: [String]
    let notAvailable: [String]
    let seller: ID<Seller>?
    let from: Timestamp?
    let to: Timestamp?
    let status: String
    let matched: Int64
    let findingsCount: Int64
    let difference: [String: Int64]
    let failure: String?
    let created: Timestamp
    let finished: Timestamp?

    package init(_ run: ReconciliationRecord) {
        id = run.id
        scope = run.scope.rawValue
        compares = run.scope.parts.map(\.rawValue)
        notAvailable = ReconciliationScope.notAvailable
        seller = run.seller
        from = run.from
        to = run.to
        status = run.status.rawValue
        matched = run.matched
        findingsCount = run.findingsCount
        difference = run.difference
        failure = run.failure
        created = run.createdAt
        finished = run.finishedAt
    }

    private enum CodingKeys: String, CodingKey {
        case id, object, scope, compares, notAvailable, seller, from, to, status, matched, findingsCount, difference,
            failure, created, finished
    }
}

/// A difference by object, with what Stripe has and what the books have.
package struct FindingBody: Encodable, Sendable {
    let id: ID<Finding>
    let object = "finding"
    let kind: String
    let stripeAccount: String
    let objectID: String
    let currency: String?
    let expected: Int64?
    let actual: Int64?
    let detail: String
    let status: String
    let created: Timestamp
    let closed: Timestamp?

    static let columns = """
        id, kind, stripe_account, object_id, currency, expected_minor, actual_minor, detail, status, created_at, closed_at
        """

    init(_ row: PostgresRow) throws {
        id = try row.get("id")
        kind = try row.get("kind")
        stripeAccount = try row.get("stripe_account")
        objectID = try row.get("object_id")
        currency = try row.get("currency")
        expected = try row.get("expected_minor")
        actual = try row.get("actual_minor")
        detail = try row.get("detail")
        status = try row.get("status")
        created = try row.get("created_at")
        closed = try row.get("closed_at")
    }

    private enum CodingKeys: String, CodingKey {
        case id, object, kind, stripeAccount, objectID, currency, expected, actual, detail, status, created, closed
    }
}

extension Store {
    /// A run's findings, one to a line, for the command line.
    package func findings(of run: ID<Reconciliation>) async throws -> [String] {
        try await query(
            """
            SELECT \(unescaped: FindingBody.columns) FROM reconciliation_findings
            WHERE reconciliation_id = \(run) ORDER BY id
            """
        ).map { row in
            let finding = try FindingBody(row)
            return "\(finding.kind)  \(finding.stripeAccount)  \(finding.objectID)  \(finding.detail)"
        }
    }
}

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
            throw Refusal(
                .sellerNotFound, "There is no seller '\(seller)'. GET /v1/sellers lists them.", parameter: "seller")
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
        return ReconciliationBody(try await store.requireRun(in: context))
    }
}

extension ReconciliationScope {
    /// - Throws: `parameter_invalid` for a word that is no scope.
    package init(asked word: String) throws(Refusal) {
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
    /// The parts that the run compares.
    let compares: [String]
    let seller: ID<Seller>?
    let from: Timestamp?
    let to: Timestamp?
    let status: String
    let matched: Int64
    let findingsCount: Int64
    let difference: [String: Int64]
    let failure: String?
    /// The beginning of the daily window that it was started for; null for one that somebody asked for.
    let scheduledFor: Timestamp?
    let created: Timestamp
    let finished: Timestamp?

    package init(_ run: ReconciliationRecord) {
        id = run.id
        scope = run.scope.rawValue
        compares = run.scope.parts.map(\.rawValue)
        seller = run.seller
        from = run.from
        to = run.to
        status = run.status.rawValue
        matched = run.matched
        findingsCount = run.findingsCount
        difference = run.difference
        failure = run.failure
        scheduledFor = run.scheduledFor
        created = run.createdAt
        finished = run.finishedAt
    }

    private enum CodingKeys: String, CodingKey {
        case id, object, scope, compares, seller, from, to, status, matched, findingsCount, difference, failure,
            scheduledFor, created, finished
    }
}

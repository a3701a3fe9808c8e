import Domain
import Hummingbird
import Postgres
package import Store
package import Web

/// Operations as an admin sees them: what is under way, held or needs a person, and the buttons that help.
package struct OperationRoutes: Sendable {
    let store: Store
    let decide: DecideMoneyOut

    package init(store: Store, decide: DecideMoneyOut) {
        self.store = store
        self.decide = decide
    }

    package func register(on api: APIRoutes) {
        api.get("/v1/admin/operations", scope: .admin, use: list)
        api.get("/v1/admin/operations/{id}", scope: .admin, use: retrieve)
        api.post("/v1/admin/operations/{id}/retry", scope: .admin, use: retry)
        api.post("/v1/admin/operations/{id}/release", scope: .admin, use: release)
        api.post("/v1/admin/operations/{id}/approve", scope: .admin, use: approve)
        api.post("/v1/admin/operations/{id}/refuse", scope: .admin, use: refuse)
    }

    struct Filter: Decodable, Sendable {
        let state: String?
        let kind: String?
        let subject: String?
        let approval: MoneyOutApproval?
    }

    @Sendable func list(_ request: Request, _ context: SoukContext) async throws -> ListBody<OperationBody> {
        let (page, filter) = try request.list(filteredBy: Filter.self)
        if let state = filter.state, OperationState(rawValue: state) == nil {
            let choices = OperationState.allCases.map(\.rawValue).joined(separator: ", ")
            throw Refusal(.parameterInvalid, "'\(state)' is no state. Choose one of: \(choices).", parameter: "state")
        }
        var query: PostgresQuery = "SELECT \(unescaped: OperationBody.columns) FROM stripe_operations WHERE true"
        if let state = filter.state { query += " AND state = \(state)" }
        if let kind = filter.kind { query += " AND kind = \(kind)" }
        if let subject = filter.subject { query += " AND subject_id = \(subject)" }
        if let approval = filter.approval {
            query += " AND id IN (SELECT operation_id FROM money_out WHERE approval = \(approval.rawValue))"
        }
        query += page.keyset()
        let operations = try await store.query(query).map(OperationBody.init)
        return ListBody(Page(fetched: operations, for: page), url: "/v1/admin/operations")
    }

    @Sendable func retrieve(_ request: Request, _ context: SoukContext) async throws -> OperationBody {
        try request.refuseQuery()
        return try await body(of: try context.id(of: Operation.self, else: .operationNotFound))
    }

    /// Has a worker look again now: an operation in review is looked up at Stripe first, never sent blindly.
    @Sendable func retry(_ request: Request, _ context: SoukContext) async throws -> OperationBody {
        try await change(request, context, action: "operation.retried") { tx, id in
            try await tx.retryOperation(id)
        }
    }

    /// Lets a held operation try to go now instead of at its next date.
    @Sendable func release(_ request: Request, _ context: SoukContext) async throws -> OperationBody {
        try await change(request, context, action: "operation.released") { tx, id in
            try await tx.execute(
                "UPDATE stripe_operations SET due_at = \(tx.now) WHERE id = \(id) AND state = 'held'") == 1
        }
    }

    /// Lets an operation above a limit go: by somebody else than who asked for it.
    @Sendable func approve(_ request: Request, _ context: SoukContext) async throws -> OperationBody {
        try await decide(.approve, request, context)
    }

    /// Ends an operation above a limit as if nobody had asked for it.
    @Sendable func refuse(_ request: Request, _ context: SoukContext) async throws -> OperationBody {
        try await decide(.refuse, request, context)
    }

    private func decide(
        _ decision: MoneyOutDecision, _ request: Request, _ context: SoukContext
    ) async throws -> OperationBody {
        let id = try context.id(of: Operation.self, else: .operationNotFound)
        let reason = try await request.decode(as: ReasonBody.self, context: context).reason
        guard try await decide(id, decision, because: reason, by: context.caller) else { throw Refusal.noOperation(id) }
        return try await body(of: id)
    }

    private func change(
        _ request: Request, _ context: SoukContext, action: String,
        _ update: @Sendable (StoreTransaction, ID<Operation>) async throws -> Bool
    ) async throws -> OperationBody {
        let id = try context.id(of: Operation.self, else: .operationNotFound)
        let reason = try await request.decode(as: ReasonBody.self, context: context).reason
        let before = try await body(of: id)
        try await store.transaction { tx in
            guard try await update(tx, id) else {
                throw Refusal(
                    .illegalTransition,
                    "The operation is \(before.state): there is nothing to do here. GET it to see why.")
            }
            try await tx.audit(action, subject: id.rawValue, by: context.caller, details: ["reason": reason])
        }
        return try await body(of: id)
    }

    private func body(of id: ID<Operation>) async throws -> OperationBody {
        let rows = try await store.query(
            "SELECT \(unescaped: OperationBody.columns) FROM stripe_operations WHERE id = \(id)")
        guard let row = rows.first else { throw Refusal.noOperation(id) }
        return try OperationBody(row)
    }
}

extension Refusal {
    fileprivate static func noOperation(_ id: ID<Operation>) -> Refusal {
        Refusal(
            .operationNotFound, "There is no operation '\(id)'. GET /v1/admin/operations lists them.", parameter: "id")
    }
}

/// An operation without its request's bytes, which may hold a buyer's address.
package struct OperationBody: ResponseEncodable, Sendable {
    let id: ID<Operation>
    let object = "operation"
    let kind: String
    /// The object of ours that it is for.
    let subject: String
    let state: String
    let reason: String?
    /// The API key that asked for it.
    let askedBy: ID<APIKey>?
    /// Of one that was above a limit of that key.
    let approval: MoneyOutApproval?
    let attempt: Int
    let sends: Int
    let idempotencyKey: String
    let path: String?
    let stripeAccount: StripeAccountID?
    let stripeID: String?
    let firstSent: Timestamp?
    let lastSent: Timestamp?
    let due: Timestamp
    let created: Timestamp
    let finished: Timestamp?

    static let columns = """
        id, kind, subject_id, state, reason, attempt, sends, path, stripe_account, stripe_id, first_sent_at, \
        last_sent_at, due_at, created_at, finished_at, asked_by, \
        (SELECT m.approval FROM money_out m WHERE m.operation_id = stripe_operations.id) AS approval
        """

    init(_ row: PostgresRow) throws {
        id = try row.get("id")
        kind = try row.get("kind")
        subject = try row.get("subject_id")
        state = try row.get("state")
        reason = try row.get("reason")
        askedBy = try row.get("asked_by")
        approval = try row.get("approval", as: String?.self).flatMap(MoneyOutApproval.init)
        attempt = try row.get("attempt")
        sends = try row.get("sends")
        idempotencyKey = "souk_\(id)_\(attempt)"
        path = try row.get("path")
        stripeAccount = try row.get("stripe_account")
        stripeID = try row.get("stripe_id")
        firstSent = try row.get("first_sent_at")
        lastSent = try row.get("last_sent_at")
        due = try row.get("due_at")
        created = try row.get("created_at")
        finished = try row.get("finished_at")
    }

    private enum CodingKeys: String, CodingKey {
        case id, object, kind, subject, state, reason, askedBy, approval, attempt, sends, idempotencyKey, path,
            stripeAccount, stripeID,
            firstSent, lastSent, due, created, finished
    }
}

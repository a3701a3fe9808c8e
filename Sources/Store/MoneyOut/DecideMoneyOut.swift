package import Domain
import Postgres

/// What a second person says to an operation above a limit.
package enum MoneyOutDecision: Hashable, Sendable {
    case approve, refuse
}

/// Has a second person decide about an operation above a limit: it goes by itself, or ends as if nobody had asked.
package struct DecideMoneyOut: Sendable {
    let store: Store
    let engine: OperationEngine

    package init(store: Store, engine: OperationEngine) {
        self.store = store
        self.engine = engine
    }

    /// - Returns: false if there is no such operation.
    /// - Throws: `illegal_transition` unless it waits for approval; `second_person_required` when the key that asked, or one
    ///   that it has made, would approve.
    package func callAsFunction(
        _ id: ID<Operation>, _ decision: MoneyOutDecision, because reason: String, by caller: Caller
    ) async throws -> Bool {
        try await store.transaction { tx in
            guard let operation = try await tx.lockOperation(id) else { return false }
            let rows = try await tx.query(
                "SELECT asked_by, approval, decided_by FROM money_out WHERE operation_id = \(id) FOR UPDATE")
            let approval = try rows.first?.get("approval", as: String?.self)
            guard let row = rows.first, operation.state == .held, approval == MoneyOutApproval.needed.rawValue else {
                throw Refusal(
                    .illegalTransition,
                    "The operation is \(operation.state.rawValue) and waits for nobody's approval. GET it to see why.")
            }
            if decision == .approve {
                try await tx.requireSecondPerson(caller, besides: try row.get("asked_by"))
            }
            let word: MoneyOutApproval = decision == .approve ? .approved : .refused
            try await tx.execute(
                """
                UPDATE money_out SET approval = \(word.rawValue), decided_by = \(caller.name),
                    decision_reason = \(reason), decided_at = \(tx.now)
                WHERE operation_id = \(id)
                """)
            try await tx.audit(
                "operation.\(word.rawValue)", subject: id.rawValue, by: caller, details: ["reason": reason])
            switch decision {
            case .approve: try await engine.approve(operation, in: tx)
            case .refuse: try await engine.giveUp(operation, because: "\(caller.name) refused it: \(reason)", in: tx)
            }
            return true
        }
    }
}

extension StoreTransaction {
    fileprivate func lockOperation(_ id: ID<Operation>) async throws -> OperationRecord? {
        try await query(
            "SELECT \(unescaped: OperationRecord.columns) FROM stripe_operations WHERE id = \(id) FOR UPDATE"
        ).first.map(OperationRecord.init)
    }

    /// The shell is nobody's key. A key that the asker has made is the asker's own.
    fileprivate func requireSecondPerson(_ caller: Caller, besides asker: ID<APIKey>) async throws {
        let isTheirs = try await !query(
            """
            SELECT 1 FROM audit_log WHERE action = 'api_key.create' AND subject = \(caller.name) AND caller = \(asker)
            """
        ).isEmpty
        guard caller.apiKey != asker, !isTheirs else {
            throw Refusal(
                .secondPersonRequired,
                "The key \(asker) asked for it\(isTheirs ? " and made this key" : ""). Approve it with the admin key of "
                    + "another person; refuse it with any.")
        }
    }

    func letGo(_ operation: OperationRecord) async throws {
        try await execute(
            """
            UPDATE stripe_operations
            SET due_at = \(now), reason = 'approved, and about to go', waits_for = NULL
            WHERE id = \(operation.id)
            """)
    }
}

package import Domain
import Postgres

// Limits are counted under the lock of the limit's row, so that two processes never let out more than it together.

extension StoreTransaction {
    /// Writes down an operation that lets money out, to be sent at once, or held while it may not go: above a limit of the
    /// key that asks, until a second person agrees; and while everything is held.
    ///
    /// - Parameters:
    ///   - amount: what it lets out.
    ///   - kind: as what it counts.
    ///   - caller: on whose behalf.
    ///   - operation: what is written down.
    ///   - request: the call, of an operation that may go. One that is held has its handler compute it later, as has one
    ///     for which no call is given.
    /// - Returns: the id.
    /// - Throws: what PostgreSQL refuses, and what `request` throws.
    package func enqueue(
        lettingOut amount: Money, as kind: MoneyOutKind, by caller: Caller, _ operation: NewOperation,
        request: ((ID<Operation>) throws -> OperationRequest)? = nil
    ) async throws -> ID<Operation> {
        var operation = operation
        operation.askedBy = caller.apiKey
        let excess = try await excess(of: amount, as: kind, askedBy: caller.apiKey, for: nil)
        var hold = excess.map(MoneyOutHold.approval)
        if hold == nil { hold = try await moneyOutHold() }
        if let hold {
            operation.heldBecause = hold.reason
            operation.heldUntil = now.advanced(by: MoneyOutHold.pause)
            operation.waitsFor = hold.waitsFor
        }
        let id = try await enqueue(operation, request: operation.heldBecause == nil ? request : nil)
        try await count(amount, as: kind, of: id, askedBy: caller.apiKey, excess: excess)
        return id
    }

    /// Whether an operation waits for a second person.
    package func needsApproval(_ operation: ID<Operation>) async throws -> Bool {
        try await !query(
            "SELECT 1 FROM money_out WHERE operation_id = \(operation) AND approval = 'needed'"
        ).isEmpty
    }

    /// For an operation whose amount is known only when it leaves `held`: counts it against the limits of the key that
    /// asked for it. An amount that was agreed to, or less, may go; one that waits for a second person waits on, whatever a
    /// new day would allow.
    /// - Returns: why it needs a second person; nil if it may go.
    package func countMoneyOut(
        _ amount: Money, as kind: MoneyOutKind, of operation: OperationRecord
    ) async throws -> MoneyOutHold? {
        let known = try await query(
            "SELECT approval, amount_minor, excess FROM money_out WHERE operation_id = \(operation.id)"
        ).first
        switch try known?.get("approval", as: String?.self).flatMap(MoneyOutApproval.init) {
        case .needed: return .approval(try known?.get("excess") ?? "")
        case .approved where try known?.get("amount_minor", as: Int64.self) ?? 0 >= amount.minorUnits: return nil
        case .approved, .refused, nil: break
        }
        let excess = try await excess(of: amount, as: kind, askedBy: operation.askedBy, for: operation.id)
        try await count(amount, as: kind, of: operation.id, askedBy: operation.askedBy, excess: excess)
        return excess.map(MoneyOutHold.approval)
    }

    /// - Returns: which limit of the key the amount is above, as a sentence.
    private func excess(
        of amount: Money, as kind: MoneyOutKind, askedBy key: ID<APIKey>?, for operation: ID<Operation>?
    ) async throws -> String? {
        guard let key else { return nil }
        let limits = try await query(
            """
            SELECT per_operation_minor, per_day_minor FROM money_out_limits
            WHERE kind = \(kind.rawValue) AND currency = \(amount.currency)
                AND (api_key_id = \(key) OR api_key_id IS NULL)
            ORDER BY api_key_id NULLS LAST LIMIT 1 FOR UPDATE
            """)
        guard let row = limits.first else { return nil }
        let limit = MoneyOutLimit(
            currency: amount.currency, perOperation: try row.get("per_operation_minor"),
            perDay: try row.get("per_day_minor"))
        // What Stripe refused, or a person, has let nothing out.
        let used = try await query(
            """
            SELECT coalesce(sum(m.amount_minor), 0)::bigint AS amount
            FROM money_out m JOIN stripe_operations o ON o.id = m.operation_id
            WHERE m.asked_by = \(key) AND m.kind = \(kind.rawValue) AND m.currency = \(amount.currency)
                AND m.approval IS NULL AND m.counted_at >= \(CalendarDay(of: now).start) AND o.state <> 'failed'
                AND m.operation_id IS DISTINCT FROM \(operation)
            """)
        return limit.excess(of: amount, after: try used.first?.get("amount") ?? 0)?.sentence(about: kind)
    }

    private func count(
        _ amount: Money, as kind: MoneyOutKind, of operation: ID<Operation>, askedBy key: ID<APIKey>?, excess: String?
    ) async throws {
        guard let key else { return }
        try await execute(
            """
            INSERT INTO money_out (operation_id, kind, asked_by, currency, amount_minor, counted_at, approval, excess)
            VALUES (\(operation), \(kind.rawValue), \(key), \(amount.currency), \(amount.minorUnits), \(now),
                \(excess == nil ? nil : MoneyOutApproval.needed.rawValue), \(excess))
            ON CONFLICT (operation_id) DO UPDATE
                SET amount_minor = excluded.amount_minor, counted_at = excluded.counted_at,
                    approval = excluded.approval, excess = excluded.excess, decided_by = NULL, decision_reason = NULL,
                    decided_at = NULL
            """)
    }
}

/// A limit as it is kept.
package struct MoneyOutLimitRecord: Sendable {
    package let id: ID<MoneyOutLimitRow>
    /// Nil: for each key that has no limit of its own.
    package let apiKey: ID<APIKey>?
    package let kind: MoneyOutKind
    package let limit: MoneyOutLimit
    package let created: Timestamp
    package let updated: Timestamp

    static let columns =
        "id, api_key_id, kind, currency, per_operation_minor, per_day_minor, created_at, updated_at"

    init(row: PostgresRow) throws {
        id = try row.get("id")
        apiKey = try row.get("api_key_id")
        kind = try row.known("kind")
        limit = MoneyOutLimit(
            currency: try row.get("currency"), perOperation: try row.get("per_operation_minor"),
            perDay: try row.get("per_day_minor"))
        created = try row.get("created_at")
        updated = try row.get("updated_at")
    }
}

extension StoreTransaction {
    /// Sets the limit of a key, or of every key, for a kind and a currency.
    /// - Returns: nil if there is no such key.
    package func setLimit(
        _ limit: MoneyOutLimit, on kind: MoneyOutKind, of key: ID<APIKey>?, by caller: Caller
    ) async throws -> MoneyOutLimitRecord? {
        if let key, try await query("SELECT 1 FROM api_keys WHERE id = \(key) AND revoked_at IS NULL").isEmpty {
            return nil
        }
        let rows = try await query(
            """
            INSERT INTO money_out_limits
                (id, api_key_id, kind, currency, per_operation_minor, per_day_minor, created_at, updated_at)
            VALUES (\(makeID(MoneyOutLimitRow.self)), \(key), \(kind.rawValue), \(limit.currency),
                \(limit.perOperation), \(limit.perDay), \(now), \(now))
            ON CONFLICT ON CONSTRAINT money_out_limits_key DO UPDATE
                SET per_operation_minor = excluded.per_operation_minor, per_day_minor = excluded.per_day_minor,
                    updated_at = excluded.updated_at
            RETURNING \(unescaped: MoneyOutLimitRecord.columns)
            """)
        guard let record = try rows.first.map(MoneyOutLimitRecord.init) else { return nil }
        func word(_ amount: Int64?) -> String { amount.map { "\(Money($0, limit.currency))" } ?? "any" }
        try await audit(
            "limit.set", subject: record.id.rawValue, by: caller,
            details: [
                "key": key?.rawValue ?? "every key", "kind": kind.rawValue, "per_operation": word(limit.perOperation),
                "per_day": word(limit.perDay),
            ])
        return record
    }

    /// - Returns: false if there is no such limit.
    package func removeLimit(_ id: ID<MoneyOutLimitRow>, by caller: Caller) async throws -> Bool {
        guard try await execute("DELETE FROM money_out_limits WHERE id = \(id)") == 1 else { return false }
        try await audit("limit.remove", subject: id.rawValue, by: caller)
        return true
    }
}

extension Store {
    package func limits(_ page: PageRequest) async throws -> Page<MoneyOutLimitRecord> {
        let rows = try await query(
            "SELECT \(unescaped: MoneyOutLimitRecord.columns) FROM money_out_limits WHERE true" + page.keyset())
        return Page(fetched: try rows.map(MoneyOutLimitRecord.init), for: page)
    }

    package func limit(_ id: ID<MoneyOutLimitRow>) async throws -> MoneyOutLimitRecord? {
        try await query(
            "SELECT \(unescaped: MoneyOutLimitRecord.columns) FROM money_out_limits WHERE id = \(id)"
        ).first.map(MoneyOutLimitRecord.init)
    }
}

package import Domain
package import Postgres

// How operations stand in `stripe_operations`. Whoever works on one holds its lease; each write names the lease's number,
// so that a process that was paused past its lease changes nothing.

extension StoreTransaction {
    /// Writes an operation down. Its request is made from its id, which belongs into the request's metadata.
    ///
    /// - Returns: the id; that of the operation which already has the unique key, if there is one.
    package func enqueue(
        _ operation: NewOperation, request: ((ID<Operation>) throws -> OperationRequest)? = nil
    ) async throws -> ID<Operation> {
        let id = makeID(Operation.self)
        let made = try request.map { try $0(id) }
        let state: OperationState = made == nil ? .held : .pending
        let reason = made == nil ? operation.heldBecause ?? "its request is not computed yet" : nil
        let start = operation.startsInline ? now.advanced(by: OperationEngine.inlineHeadStart) : now
        let due = made == nil ? operation.heldUntil ?? start : start
        let rows = try await query(
            """
            INSERT INTO stripe_operations
                (id, kind, subject_id, state, reason, unique_key, method, path, stripe_account, stripe_version, body,
                 waits_for, asked_by, due_at, created_at)
            VALUES (\(id), \(operation.kind.rawValue), \(operation.subject), \(state.rawValue), \(reason),
                \(operation.uniqueKey), \(made?.method), \(made?.path), \(made?.account), \(made?.stripeVersion),
                \(made?.body), \(made == nil ? operation.waitsFor : nil), \(operation.askedBy), \(due), \(now))
            ON CONFLICT (unique_key) WHERE unique_key IS NOT NULL AND state <> 'failed' DO NOTHING
            RETURNING id
            """)
        // boundary: before_commit
        if let row = rows.first { return try row.get("id") }
        let existing = try await query(
            """
            SELECT id FROM stripe_operations WHERE unique_key = \(operation.uniqueKey) AND state <> 'failed'
            """)
        guard let row = existing.first else { throw OperationError.uniqueKeyVanished(operation.uniqueKey ?? "") }
        return try row.get("id")
    }

    /// Has the held operations of an object looked at now, because what they wait for may have come. One that is being
    /// looked at this moment is left alone: it waits for the lock under which its cause changes, and sees the change.
    package func wakeHeld(of subject: String) async throws {
        try await execute(
            """
            UPDATE stripe_operations SET due_at = \(now)
            WHERE id IN (
                SELECT id FROM stripe_operations WHERE subject_id = \(subject) AND state = 'held'
                ORDER BY id FOR UPDATE SKIP LOCKED)
            """)
    }

    /// Takes the operation for as long as its lease number stays what it is.
    /// - Returns: nil if somebody else took it over meanwhile.
    func lockLeased(_ operation: OperationRecord) async throws -> OperationRecord? {
        try await query(
            """
            SELECT \(unescaped: OperationRecord.columns) FROM stripe_operations
            WHERE id = \(operation.id) AND lease_number = \(operation.leaseNumber) FOR UPDATE
            """
        ).first.map(OperationRecord.init)
    }

    func markSending(_ operation: OperationRecord, leaseSeconds: Int) async throws -> OperationRecord? {
        try await query(
            """
            UPDATE stripe_operations
            SET state = 'sent', waits_for = NULL, first_sent_at = coalesce(first_sent_at, \(now)), last_sent_at = \(now),
                sends = sends + 1, lease_until = clock_timestamp() + \(leaseSeconds) * interval '1 second'
            WHERE id = \(operation.id) AND lease_number = \(operation.leaseNumber)
            RETURNING \(unescaped: OperationRecord.columns)
            """
        ).first.map(OperationRecord.init)
    }

    func setRequest(_ request: OperationRequest, of operation: OperationRecord) async throws {
        try await execute(
            """
            UPDATE stripe_operations
            SET state = 'pending', reason = NULL, waits_for = NULL, method = \(request.method), path = \(request.path),
                stripe_account = \(request.account), stripe_version = \(request.stripeVersion),
                body = \(request.body), due_at = \(now)
            WHERE id = \(operation.id)
            """)
    }

    func finish(
        _ operation: OperationRecord, as state: OperationState, because reason: String? = nil, stripeID: String? = nil,
        refusal: OperationRefusal? = nil
    ) async throws {
        try await execute(
            """
            UPDATE stripe_operations
            SET state = \(state.rawValue), reason = \(reason), stripe_id = coalesce(\(stripeID), stripe_id),
                refusal = coalesce(\(try refusal.map(PostgresJSON.init(encoding:))), refusal), lease_until = NULL,
                finished_at = CASE WHEN \(state.isFinal) THEN \(now) END
            WHERE id = \(operation.id)
            """)
    }

    func hold(
        _ operation: OperationRecord, because reason: String, until due: Timestamp, waitingFor object: String?
    ) async throws {
        try await execute(
            """
            UPDATE stripe_operations
            SET state = 'held', reason = \(reason), due_at = \(due), waits_for = \(object), lease_until = NULL,
                body = NULL, attempt = CASE WHEN sends > 0 THEN attempt + 1 ELSE attempt END, sends = 0, first_sent_at = NULL,
                last_sent_at = NULL, look_up_since = NULL
            WHERE id = \(operation.id)
            """)
    }

    /// Has held operations looked at now that wait for a change of this object, of which the caller holds the row.
    ///
    /// One that somebody works on at this moment is left alone: it is about to look at the object itself, and waits for the
    /// caller's lock.
    package func wakeOperations(waitingFor object: String) async throws {
        try await wakeOperations(
            among: "SELECT id FROM stripe_operations WHERE waits_for = \(object) AND state = 'held'")
    }

    /// The same for the operations with these ids, whatever they wait for.
    package func wakeOperations(among ids: PostgresQuery) async throws {
        try await execute(
            """
            UPDATE stripe_operations SET due_at = \(now) WHERE id IN (
                SELECT id FROM stripe_operations WHERE id IN (\(ids)) AND state = 'held' AND due_at > \(now)
                ORDER BY id FOR UPDATE SKIP LOCKED)
            """)
    }

    /// Ends those of the operations with these ids that were never sent: what they were for is no more. One that somebody
    /// works on at this moment is left to its own end.
    /// - Returns: the ended.
    @discardableResult
    package func endUnsentOperations(
        among ids: PostgresQuery, in states: [OperationState], because reason: String
    ) async throws -> [ID<Operation>] {
        try await query(
            """
            UPDATE stripe_operations SET state = 'failed', reason = \(reason), finished_at = \(now),
                lease_number = lease_number + 1, lease_until = NULL
            WHERE id IN (
                SELECT id FROM stripe_operations
                WHERE id IN (\(ids)) AND state = ANY(\(states.map(\.rawValue))::text[]) AND sends = 0
                ORDER BY id FOR UPDATE SKIP LOCKED)
            RETURNING id
            """
        ).map { try $0.get("id") }
    }

    /// Has a worker look at an operation now. One in review is looked up at Stripe first, never sent blindly.
    /// - Returns: false if there is nothing to do: it has ended, or a person must decide about what was never sent.
    package func retryOperation(_ id: ID<Operation>) async throws -> Bool {
        try await execute(
            """
            UPDATE stripe_operations
            SET due_at = \(now), state = CASE WHEN state = 'needs_review' THEN 'sent' ELSE state END,
                look_up_since = CASE WHEN state = 'needs_review' THEN \(now) ELSE look_up_since END
            WHERE id = \(id) AND (state IN ('pending', 'sent', 'held') OR state = 'needs_review' AND sends > 0)
            """) == 1
    }

    /// Takes the operation away from whoever has leased it: their lease number is an old one from here on.
    func revokeLease(of operation: OperationRecord) async throws {
        try await execute(
            """
            UPDATE stripe_operations SET lease_number = lease_number + 1, lease_until = NULL WHERE id = \(operation.id)
            """)
    }

    func startNewAttempt(_ operation: OperationRecord, at due: Timestamp) async throws {
        try await execute(
            """
            UPDATE stripe_operations
            SET state = 'pending', reason = NULL, attempt = attempt + 1, sends = 0, first_sent_at = NULL,
                last_sent_at = NULL, look_up_since = NULL, due_at = \(due), lease_until = NULL
            WHERE id = \(operation.id)
            """)
    }

    func lookAgain(
        _ operation: OperationRecord, at due: Timestamp, because reason: String, lookUpSince: Timestamp?
    ) async throws {
        try await execute(
            """
            UPDATE stripe_operations
            SET due_at = \(due), reason = \(reason), lease_until = NULL, look_up_since = \(lookUpSince)
            WHERE id = \(operation.id) AND lease_number = \(operation.leaseNumber)
            """)
    }
}

extension Store {
    /// Leases an operation for work, unless it has ended or somebody else works on it.
    func lease(_ id: ID<Operation>, seconds: Int) async throws -> OperationRecord? {
        try await query(
            """
            UPDATE stripe_operations
            SET lease_until = clock_timestamp() + \(seconds) * interval '1 second', lease_number = lease_number + 1
            WHERE id = \(id) AND state IN ('pending', 'held', 'sent')
                AND (lease_until IS NULL OR lease_until < clock_timestamp())
            RETURNING \(unescaped: OperationRecord.columns)
            """
        ).first.map(OperationRecord.init)
    }

    /// Operations that a worker should look at by now.
    func dueOperations(at now: Timestamp, limit: Int) async throws -> [ID<Operation>] {
        try await query(
            """
            SELECT id FROM stripe_operations
            WHERE state IN ('pending', 'held', 'sent') AND due_at <= \(now)
                AND (lease_until IS NULL OR lease_until < clock_timestamp())
            ORDER BY due_at LIMIT \(limit)
            """
        ).map { try $0.get("id") }
    }

    package func operation(_ id: ID<Operation>) async throws -> OperationRecord? {
        try await query(
            "SELECT \(unescaped: OperationRecord.columns) FROM stripe_operations WHERE id = \(id)"
        ).first.map(OperationRecord.init)
    }

    /// Those of these that there are, by id.
    package func operations(_ ids: [ID<Operation>]) async throws -> [ID<Operation>: OperationRecord] {
        guard !ids.isEmpty else { return [:] }
        let rows = try await query(
            "SELECT \(unescaped: OperationRecord.columns) FROM stripe_operations WHERE id = ANY (\(ids))")
        return Dictionary(uniqueKeysWithValues: try rows.map(OperationRecord.init).map { ($0.id, $0) })
    }

    /// The latest operation of a kind for one of our objects.
    package func latestOperation(_ kind: OperationKind, subject: String) async throws -> OperationRecord? {
        try await query(
            """
            SELECT \(unescaped: OperationRecord.columns) FROM stripe_operations
            WHERE subject_id = \(subject) AND kind = \(kind.rawValue) ORDER BY id DESC LIMIT 1
            """
        ).first.map(OperationRecord.init)
    }

    /// Operations on their way to Stripe, and held ones that a worker is to look at by now: zero when nothing is left to
    /// do. Those that wait until money may leave again are not on their way.
    package func operationsUnderWay() async throws -> Int64 {
        let now = try await clock.now()
        let rows = try await query(
            """
            SELECT count(*) AS n FROM stripe_operations
            WHERE state = 'sent' OR state = 'pending' AND (waits_for IS NULL OR due_at <= \(now))
                OR state = 'held' AND due_at <= \(now)
            """)
        return try rows.first?.get("n") ?? 0
    }

    /// What an event that we received tells of an operation: the object that the call made, as Stripe showed it then.
    func objectProving(_ operation: OperationRecord, eventTypes: [String]) async throws -> [UInt8]? {
        guard !eventTypes.isEmpty else { return nil }
        let rows = try await query(
            """
            SELECT convert_to(convert_from(body, 'UTF8')::jsonb #>> '{data,object}', 'UTF8') AS object
            FROM inbox_events
            WHERE idempotency_key = \(operation.idempotencyKey) AND type = ANY (\(eventTypes))
            ORDER BY created_at DESC LIMIT 1
            """)
        return try rows.first?.get("object")
    }
}

extension OperationRecord {
    static let columns = """
        id, kind, subject_id, state, reason, attempt, method, path, stripe_account, stripe_version, body, \
        first_sent_at, last_sent_at, sends, look_up_since, due_at, stripe_id, created_at, asked_by, lease_number
        """

    init(row: PostgresRow) throws {
        id = try row.get("id")
        kind = OperationKind(rawValue: try row.get("kind"))
        subject = try row.get("subject_id")
        state = try row.known("state")
        reason = try row.get("reason")
        attempt = try row.get("attempt")
        let method: String? = try row.get("method")
        let path: String? = try row.get("path")
        let version: String? = try row.get("stripe_version")
        let body: [UInt8]? = try row.get("body")
        if let method, let path, let version, let body {
            request = OperationRequest(
                method: method, path: path, account: try row.get("stripe_account"), stripeVersion: version, body: body)
        } else {
            request = nil
        }
        firstSentAt = try row.get("first_sent_at")
        lastSentAt = try row.get("last_sent_at")
        sends = try row.get("sends")
        lookUpSince = try row.get("look_up_since")
        dueAt = try row.get("due_at")
        stripeID = try row.get("stripe_id")
        createdAt = try row.get("created_at")
        askedBy = try row.get("asked_by")
        leaseNumber = try row.get("lease_number")
    }
}

package enum OperationError: Error, CustomStringConvertible {
    case unknownKind(OperationKind)
    case missing(ID<Operation>)
    case uniqueKeyVanished(String)

    package var description: String {
        switch self {
        case .unknownKind(let kind): "no part of this build knows operations of the kind '\(kind)'"
        case .missing(let id): "there is no operation \(id)"
        case .uniqueKeyVanished(let key): "the operation with the unique key '\(key)' failed while it was looked at"
        }
    }
}

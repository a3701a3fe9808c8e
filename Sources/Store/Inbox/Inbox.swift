package import Domain
import Postgres

/// Stripe's events in PostgreSQL: stored once, leased to whoever handles them, kept afterwards.
package struct Inbox: Sendable {
    package let store: Store

    package init(store: Store) {
        self.store = store
    }

    /// Stores the arrivals in one statement, so in one commit, and returns once that is durable.
    ///
    /// An event that is there already counts one more delivery, which writes, so that its answer too waits for a
    /// commit: the first one may not have reached the standby.
    /// - Throws: whatever PostgreSQL says; then nothing of the batch is stored. See `isDataError`.
    package func accept(_ arrivals: [InboxArrival]) async throws -> [StripeEventID: InboxReceipt] {
        // In id order, so that two batches with the same ids never wait for each other in a circle.
        let batch = Dictionary(arrivals.map { ($0.event.id, $0) }, uniquingKeysWith: { first, _ in first })
            .values.sorted { $0.event.id < $1.event.id }
        guard !batch.isEmpty else { return [:] }
        let events = batch.map(\.event)
        let rows = try await store.query(
            """
            WITH given AS (
                SELECT * FROM unnest(
                    \(events.map(\.id))::text[], \(events.map(\.objectKey))::text[],
                    \(batch.map(\.state.rawValue))::text[], \(batch.map(\.source.rawValue))::text[],
                    \(batch.map(\.endpoint.rawValue))::text[], \(events.map(\.type))::text[],
                    \(events.map(\.account))::text[], \(events.map(\.objectID))::text[],
                    \(events.map(\.objectType))::text[],
                    \(events.map(\.created))::timestamptz[],
                    \(events.map(\.livemode))::boolean[], \(events.map(\.apiVersion))::text[],
                    \(events.map(\.idempotencyKey))::text[], \(events.map(\.body))::bytea[])
                AS g (event_id, object_key, state, source, endpoint, type, account, object_id, object_type,
                      created_at, livemode, api_version, idempotency_key, body)
            ), ids AS (
                INSERT INTO inbox_event_ids AS i (event_id, received_at, object_key, state, source, due_at)
                SELECT event_id, now(), object_key, state, source, CASE WHEN state = 'waiting' THEN now() END
                FROM given
                ON CONFLICT (event_id) DO UPDATE SET deliveries = i.deliveries + 1
                RETURNING event_id, received_at, deliveries = 1 AS is_new, source
            ), bodies AS (
                INSERT INTO inbox_events (
                    received_at, event_id, endpoint, type, account, object_id, object_type, created_at, livemode,
                    api_version, idempotency_key, body)
                SELECT ids.received_at, g.event_id, g.endpoint, g.type, g.account, g.object_id, g.object_type,
                       g.created_at, g.livemode, g.api_version, g.idempotency_key, g.body
                FROM given g JOIN ids USING (event_id) WHERE ids.is_new
            )
            SELECT event_id, is_new, source FROM ids
            """)
        var receipts: [StripeEventID: InboxReceipt] = [:]
        receipts.reserveCapacity(rows.count)
        for row in rows {
            let source: String = try row.get("source")
            receipts[try row.get("event_id", as: StripeEventID.self)] = InboxReceipt(
                isNew: try row.get("is_new"), firstSource: InboxArrival.Source(rawValue: source) ?? .delivery)
        }
        return receipts
    }

    /// Whether the error is about the data of a row, so that other rows of the batch may well be fine.
    package static func isDataError(_ error: any Error) -> Bool {
        guard case .server(let refusal)? = error as? PostgresError else { return false }
        // 22 data exception, 23 constraint, 54 too long for an index or a row, P0 raised by a trigger.
        return ["22", "23", "54", "P0"].contains(refusal.state.classCode)
    }

    /// Those of the ids that the inbox does not hold.
    package func missing(of ids: [StripeEventID]) async throws -> Set<StripeEventID> {
        let rows = try await store.query(
            """
            SELECT g.event_id FROM unnest(\(ids)::text[]) AS g (event_id)
            WHERE NOT EXISTS (SELECT 1 FROM inbox_event_ids i WHERE i.event_id = g.event_id)
            """)
        return Set(try rows.map { try $0.get("event_id", as: StripeEventID.self) })
    }

    /// The newest event that a request with this key caused: proof that the request took effect.
    package func event(causedBy idempotencyKey: String) async throws -> InboundEvent? {
        let rows = try await store.query(
            """
            SELECT \(unescaped: Self.eventColumns) FROM inbox_events e
            WHERE e.idempotency_key = \(idempotencyKey) ORDER BY e.created_at DESC, e.event_id DESC LIMIT 1
            """)
        return try rows.first.map { try Self.event($0) }
    }

    /// Whether nothing is left to do: no event is leased, due, or due again within a minute. Events that failed
    /// repeatedly and wait for a later attempt do not count, or one of them would keep Souk busy for days.
    package func isIdle() async throws -> Bool {
        let rows = try await store.query(
            """
            SELECT NOT EXISTS (
                SELECT 1 FROM inbox_event_ids WHERE state = 'waiting' AND due_at <= now() + interval '1 minute')
            AND NOT EXISTS (SELECT 1 FROM inbox_leases WHERE leased_until > now()) AS idle
            """)
        return try rows.first?.get("idle", as: Bool.self) ?? true
    }

    /// Makes the partitions of the coming months. Cheap when they exist.
    package func preparePartitions(monthsAhead: Int = 3) async throws {
        _ = try await store.query("SELECT inbox_make_partitions(\(Int32(monthsAhead))) AS made")
    }

    /// Figures for metrics.
    package func depth() async throws -> InboxDepth {
        let rows = try await store.query(
            """
            SELECT count(*) AS waiting, (
                SELECT count(*) FROM inbox_event_ids WHERE state = 'parked'
            ) AS parked, coalesce(extract(epoch FROM now() - min(received_at)), 0)::bigint AS oldest_seconds
            FROM inbox_event_ids WHERE state = 'waiting'
            """)
        guard let row = rows.first else { return InboxDepth(waiting: 0, parked: 0, oldestWaitingSeconds: 0) }
        return InboxDepth(
            waiting: try row.get("waiting"), parked: try row.get("parked"),
            oldestWaitingSeconds: try row.get("oldest_seconds"))
    }
}

package struct InboxDepth: Hashable, Sendable {
    package let waiting: Int64
    package let parked: Int64
    package let oldestWaitingSeconds: Int64
}

extension Inbox {
    static let eventColumns = """
        e.event_id, e.type, e.account, e.object_id, e.object_type, e.created_at, e.livemode, e.api_version,
        e.idempotency_key, e.body
        """

    /// Reads `eventColumns`; a body that was left out is empty.
    static func event(_ row: PostgresRow) throws -> InboundEvent {
        InboundEvent(
            id: try row.get("event_id"),
            type: try row.get("type"),
            account: try row.get("account"),
            objectID: try row.get("object_id"),
            objectType: try row.get("object_type"),
            created: try row.get("created_at"),
            livemode: try row.get("livemode"),
            apiVersion: try row.get("api_version"),
            idempotencyKey: try row.get("idempotency_key"),
            body: try row.get("body", as: [UInt8]?.self) ?? [])
    }
}

package import Domain
import Postgres

/// A delivery that this process may attempt now.
package struct LeasedDelivery: Sendable {
    package let id: ID<EventDelivery>
    package let fence: Int64
    /// How many attempts were made before.
    package let attempts: Int
    package let event: OutboxRecord
    package let destination: ID<EventDestination>
    package let url: String
    package let sealedSecret: [UInt8]
}

/// What came of one attempt.
package struct DeliveryAttempt: Sendable {
    package let attemptedAt: Timestamp
    package let duration: Duration
    /// The destination's HTTP status; nil if there was no answer.
    package let status: Int?
    package let error: String?
    /// Until the next attempt; nil when it was delivered.
    package let retryAfter: Duration?

    package init(attemptedAt: Timestamp, duration: Duration, status: Int?, error: String?, retryAfter: Duration?) {
        self.attemptedAt = attemptedAt
        self.duration = duration
        self.status = status
        self.error = error
        self.retryAfter = retryAfter
    }
}

package struct DeliveryRecord: Sendable {
    package let id: ID<EventDelivery>
    package let destination: ID<EventDestination>
    package let state: String
    package let started: Timestamp
    package let due: Timestamp?
    package let attempts: [AttemptRecord]
}

package struct AttemptRecord: Sendable {
    package let at: Timestamp
    package let duration: Duration
    package let status: Int?
    package let error: String?
}

extension Outbox {
    /// Deliveries are attempted for this long.
    package static let givesUpAfter: Duration = .seconds(3 * 24 * 3600)

    /// Leases up to `limit` deliveries that are due, a few of each destination, so that a slow one never takes another's
    /// place: `busy` says how many attempts this process has under way for each, and `each` how many it may have. The
    /// lease, by database time, is longer than an attempt may take.
    package func claim(
        busy: [ID<EventDestination>: Int], each: Int, limit: Int, lease: Duration
    ) async throws -> [LeasedDelivery] {
        let busy = busy.filter { $0.value > 0 }.map { ($0.key, Int64($0.value)) }
        return try await store.query(
            """
            WITH busy AS (
                SELECT * FROM unnest(\(busy.map(\.0))::text[], \(busy.map(\.1))::bigint[]) AS b (id, in_flight)
            ), picked AS MATERIALIZED (
                SELECT p.id FROM event_destinations x LEFT JOIN busy USING (id)
                CROSS JOIN LATERAL (
                    SELECT d.id FROM outbox_deliveries d
                    WHERE d.destination_id = x.id AND d.state = 'waiting' AND d.due_at <= now()
                    AND (d.leased_until IS NULL OR d.leased_until <= now())
                    ORDER BY d.due_at LIMIT greatest(0, \(Int64(each)) - coalesce(busy.in_flight, 0))
                    FOR UPDATE SKIP LOCKED
                ) AS p
                WHERE x.deleted_at IS NULL LIMIT \(Int64(limit))
            )
            UPDATE outbox_deliveries d SET fence = d.fence + 1, leased_until = now() + \(lease)::interval
            FROM picked, outbox_events e, event_destinations x
            WHERE d.id = picked.id AND e.id = d.event_id AND x.id = d.destination_id
            RETURNING d.id, d.fence, d.attempts, d.event_id, d.destination_id, e.created_at, e.type, e.about,
                      e.object::text AS object, x.url, x.sealed_secret
            """
        ).map { row in
            LeasedDelivery(
                id: try row.get("id"), fence: try row.get("fence"),
                attempts: Int(try row.get("attempts", as: Int32.self)),
                event: OutboxRecord(
                    id: try row.get("event_id"), created: try row.get("created_at"), type: try row.get("type"),
                    about: try row.get("about"), object: try row.get("object")),
                destination: try row.get("destination_id"), url: try row.get("url"),
                sealedSecret: try row.get("sealed_secret"))
        }
    }

    /// Keeps what came of an attempt and decides the delivery's next state: delivered, waiting for the next attempt,
    /// or failed when that would lie past the three days. Changes nothing once another process holds the lease.
    package func settle(_ delivery: LeasedDelivery, _ attempt: DeliveryAttempt) async throws {
        let (seconds, attoseconds) = attempt.duration.components
        _ = try await store.execute(
            """
            WITH settled AS (
                UPDATE outbox_deliveries d
                SET state = n.state, attempts = d.attempts + 1, leased_until = NULL,
                    due_at = CASE WHEN n.state = 'waiting' THEN now() + \(attempt.retryAfter)::interval END,
                    settled_at = CASE WHEN n.state <> 'waiting' THEN now() END
                FROM (
                    SELECT id, CASE
                        WHEN \(attempt.retryAfter == nil) THEN 'delivered'
                        WHEN now() + \(attempt.retryAfter)::interval > started_at + \(Self.givesUpAfter)::interval
                            THEN 'failed'
                        ELSE 'waiting' END AS state
                    FROM outbox_deliveries WHERE id = \(delivery.id)
                ) AS n
                WHERE d.id = n.id AND d.fence = \(delivery.fence) AND d.state = 'waiting'
                RETURNING d.id, d.attempts
            )
            INSERT INTO outbox_attempts (delivery_id, attempt, attempted_at, duration_ms, status, error)
            SELECT id, attempts, \(attempt.attemptedAt), \(seconds * 1000 + attoseconds / 1_000_000_000_000_000),
                   \(attempt.status.map { Int32($0) }), \(attempt.error)
            FROM settled
            """)
    }

    /// Every delivery of an event with its attempts, the latest first.
    package func deliveries(of event: ID<OutboxEvent>) async throws -> [DeliveryRecord] {
        let attempts = try await store.query(
            """
            SELECT a.delivery_id, a.attempted_at, a.duration_ms, a.status, a.error
            FROM outbox_attempts a JOIN outbox_deliveries d ON d.id = a.delivery_id
            WHERE d.event_id = \(event) ORDER BY a.delivery_id, a.attempt
            """)
        var byDelivery: [ID<EventDelivery>: [AttemptRecord]] = [:]
        for row in attempts {
            byDelivery[try row.get("delivery_id"), default: []].append(
                AttemptRecord(
                    at: try row.get("attempted_at"),
                    duration: .milliseconds(try row.get("duration_ms", as: Int64.self)),
                    status: try row.get("status", as: Int32?.self).map { Int($0) }, error: try row.get("error")))
        }
        return try await store.query(
            """
            SELECT id, destination_id, state, started_at, due_at FROM outbox_deliveries
            WHERE event_id = \(event) ORDER BY id DESC LIMIT 100
            """
        ).map { row in
            let id: ID<EventDelivery> = try row.get("id")
            return DeliveryRecord(
                id: id, destination: try row.get("destination_id"), state: try row.get("state"),
                started: try row.get("started_at"), due: try row.get("due_at"), attempts: byDelivery[id] ?? [])
        }
    }

    /// Whether every delivery has been made or given up, or waits longer than a minute for its next attempt.
    package func isIdle() async throws -> Bool {
        let rows = try await store.query(
            """
            SELECT NOT EXISTS (
                SELECT 1 FROM outbox_deliveries d
                WHERE state = 'waiting' AND due_at <= now() + interval '1 minute') AS idle
            """)
        return try rows.first?.get("idle", as: Bool.self) ?? true
    }

    /// Figures for metrics: deliveries that wait, and the age of the oldest in seconds.
    package func depth() async throws -> (waiting: Int64, oldestSeconds: Int64) {
        let rows = try await store.query(
            """
            SELECT count(*) AS waiting, coalesce(extract(epoch FROM now() - min(started_at)), 0)::bigint AS oldest
            FROM outbox_deliveries WHERE state = 'waiting'
            """)
        guard let row = rows.first else { return (0, 0) }
        return (try row.get("waiting"), try row.get("oldest"))
    }
}

package import Domain
import Postgres

/// The right to handle one object's waiting events, for a while.
package struct InboxLane: Sendable {
    package let objectKey: String
    /// Grows with every lease; whoever comes with an older number has lost the lane.
    package let fence: Int64
    /// The newest first, by Stripe's time.
    package let events: [WaitingEvent]
}

package struct WaitingEvent: Sendable {
    /// Its body is empty unless `hasBody`: of many events of one object only the newest of each type is needed.
    package let event: InboundEvent
    package let hasBody: Bool
    package let attempts: Int
    /// False while it waits for a later attempt: then it is not tried, but a newer one's success settles it too.
    package let isDue: Bool
}

/// What became of an event in the hands of its lane's holder.
package struct InboxOutcome: Sendable {
    package enum Result: Sendable {
        case done
        case unhandled
        case retry(after: Duration, error: String)
        case parked(error: String)
    }

    package let eventID: StripeEventID
    package let result: Result

    package init(_ eventID: StripeEventID, _ result: Result) {
        self.eventID = eventID
        self.result = result
    }
}

/// Everything that became of one lane. The lease ends with it, and events that are not named stay waiting.
package struct InboxSettlement: Sendable {
    package let objectKey: String
    package let fence: Int64
    package let outcomes: [InboxOutcome]

    package init(objectKey: String, fence: Int64, outcomes: [InboxOutcome]) {
        self.objectKey = objectKey
        self.fence = fence
        self.outcomes = outcomes
    }
}

extension Inbox {
    /// At most this many events of one object are handed out at once; the rest follow with the next lease.
    package static let eventsPerLane = 200

    /// Leases up to `limit` objects with events that are due, oldest first, for as long as `lease` by database time.
    /// Nothing stays locked afterwards.
    package func claim(limit: Int, holder: String, lease: Duration) async throws -> [InboxLane] {
        let rows = try await store.query(
            """
            WITH due AS MATERIALIZED (
                SELECT event_id, object_key FROM inbox_event_ids i
                WHERE state = 'waiting' AND due_at <= now()
                AND object_key NOT IN (SELECT object_key FROM inbox_leases WHERE leased_until > now())
                ORDER BY due_at LIMIT \(Int64(limit * 4)) FOR UPDATE SKIP LOCKED
            ), leased AS (
                INSERT INTO inbox_leases AS l (object_key, fence, holder, leased_until)
                SELECT object_key, nextval('inbox_fence'), \(holder), now() + \(lease)::interval
                FROM (SELECT DISTINCT object_key FROM due ORDER BY object_key LIMIT \(Int64(limit))) AS objects
                ON CONFLICT (object_key) DO UPDATE
                SET fence = excluded.fence, holder = excluded.holder, leased_until = excluded.leased_until
                WHERE l.leased_until <= now()
                RETURNING object_key, fence
            )
            SELECT leased.object_key, leased.fence, w.attempts, w.is_due, w.is_newest,
                   e.event_id, e.type, e.account, e.object_id, e.object_type, e.created_at, e.livemode, e.api_version,
                   e.idempotency_key, CASE WHEN w.is_newest THEN e.body END AS body
            FROM leased CROSS JOIN LATERAL (
                SELECT i.event_id, i.received_at, i.attempts, i.due_at <= now() AS is_due,
                       row_number() OVER (PARTITION BY b.type ORDER BY b.created_at DESC, i.received_at DESC,
                                          i.event_id DESC) = 1 AS is_newest
                FROM inbox_event_ids i
                JOIN inbox_events b ON b.received_at = i.received_at AND b.event_id = i.event_id
                WHERE i.object_key = leased.object_key AND i.state = 'waiting'
                ORDER BY b.created_at DESC, i.received_at DESC, i.event_id DESC LIMIT \(Int64(Self.eventsPerLane))
            ) AS w
            JOIN inbox_events e ON e.received_at = w.received_at AND e.event_id = w.event_id
            ORDER BY leased.object_key, e.created_at DESC, e.received_at DESC, e.event_id DESC
            """)
        return try Self.lanes(rows)
    }

    private static func lanes(_ rows: [PostgresRow]) throws -> [InboxLane] {
        var lanes: [InboxLane] = []
        var events: [WaitingEvent] = []
        var current: (key: String, fence: Int64)?
        func close() {
            if let current { lanes.append(InboxLane(objectKey: current.key, fence: current.fence, events: events)) }
            events = []
        }
        for row in rows {
            let key: String = try row.get("object_key")
            if key != current?.key {
                close()
                current = (key, try row.get("fence"))
            }
            events.append(
                WaitingEvent(
                    event: try event(row), hasBody: try row.get("is_newest"),
                    attempts: Int(try row.get("attempts", as: Int32.self)), isDue: try row.get("is_due")))
        }
        close()
        return lanes
    }

    /// The whole event, for one that came without its body.
    package func load(_ id: StripeEventID) async throws -> InboundEvent? {
        let rows = try await store.query(
            """
            SELECT \(unescaped: Self.eventColumns) FROM inbox_event_ids i
            JOIN inbox_events e ON e.received_at = i.received_at AND e.event_id = i.event_id
            WHERE i.event_id = \(id)
            """)
        return try rows.first.map { try Self.event($0) }
    }

    /// Writes what became of several lanes and gives their leases back, in one commit. A lane whose fence is no
    /// longer the current one changes nothing: its events are another holder's now.
    package func settle(_ settlements: [InboxSettlement]) async throws {
        let outcomes = settlements.flatMap { settlement in settlement.outcomes.map { (settlement, $0) } }
        _ = try await store.execute(
            """
            WITH held AS MATERIALIZED (
                SELECT l.object_key, l.fence FROM inbox_leases l
                JOIN unnest(\(settlements.map(\.objectKey))::text[], \(settlements.map(\.fence))::bigint[])
                     AS s (object_key, fence) ON s.object_key = l.object_key AND s.fence = l.fence
                ORDER BY l.object_key FOR UPDATE OF l
            ), settled AS (
                UPDATE inbox_event_ids i
                SET state = g.state,
                    due_at = CASE WHEN g.state = 'waiting' THEN now() + g.pause END,
                    attempts = i.attempts + g.tried,
                    last_error = coalesce(g.error, i.last_error),
                    settled_at = CASE WHEN g.state <> 'waiting' THEN now() END
                FROM unnest(
                    \(outcomes.map(\.1.eventID))::text[], \(outcomes.map(\.0.objectKey))::text[],
                    \(outcomes.map { $0.1.result.state.rawValue })::text[],
                    \(outcomes.map(\.1.result.pause))::interval[],
                    \(outcomes.map(\.1.result.tried))::integer[], \(outcomes.map(\.1.result.error))::text[])
                    AS g (event_id, object_key, state, pause, tried, error)
                JOIN held ON held.object_key = g.object_key
                WHERE i.event_id = g.event_id AND i.state = 'waiting'
            )
            DELETE FROM inbox_leases l USING held WHERE l.object_key = held.object_key AND l.fence = held.fence
            """)
    }

    /// Extends leases that are still ours.
    /// - Returns: the fences that are; the others were taken over.
    package func renew(fences: [Int64], lease: Duration) async throws -> Set<Int64> {
        let rows = try await store.query(
            """
            UPDATE inbox_leases SET leased_until = now() + \(lease)::interval
            WHERE fence = ANY(\(fences)::bigint[]) RETURNING fence
            """)
        return Set(try rows.map { try $0.get("fence", as: Int64.self) })
    }
}

extension InboxOutcome.Result {
    fileprivate var state: InboxState {
        switch self {
        case .done: .done
        case .unhandled: .unhandled
        case .retry: .waiting
        case .parked: .parked
        }
    }

    fileprivate var pause: Duration {
        if case .retry(let pause, _) = self { pause } else { .zero }
    }

    fileprivate var tried: Int32 {
        switch self {
        case .retry, .parked: 1
        case .done, .unhandled: 0
        }
    }

    fileprivate var error: String? {
        switch self {
        case .retry(_, let error), .parked(let error): error
        case .done, .unhandled: nil
        }
    }
}

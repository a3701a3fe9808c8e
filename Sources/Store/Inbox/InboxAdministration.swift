package import Domain
import Postgres

/// An event as an operator sees it.
package struct InboxRecord: Sendable {
    package let event: InboundEvent
    package let endpoint: String
    package let state: InboxState
    package let source: String
    package let deliveries: Int
    package let attempts: Int
    package let receivedAt: Timestamp
    package let dueAt: Timestamp?
    package let settledAt: Timestamp?
    package let lastError: String?
    package let reason: String?
}

package struct InboxFilter: Sendable {
    package var state: InboxState?
    package var type: String?
    package var account: StripeAccountID?

    package init(state: InboxState? = nil, type: String? = nil, account: StripeAccountID? = nil) {
        self.state = state
        self.type = type
        self.account = account
    }
}

extension Inbox {
    /// A page of events, the latest arrival first. Bodies are left out.
    package func list(_ filter: InboxFilter, page: PageRequest) async throws -> Page<InboxRecord> {
        var query: PostgresQuery = """
            SELECT \(unescaped: Self.recordColumns), NULL::bytea AS body
            FROM inbox_event_ids i JOIN inbox_events e ON e.received_at = i.received_at AND e.event_id = i.event_id
            WHERE true
            """
        if let state = filter.state { query += " AND i.state = \(state.rawValue)" }
        if let type = filter.type { query += " AND e.type = \(type)" }
        if let account = filter.account { query += " AND e.account = \(account)" }
        let place: PostgresQuery = "(e.received_at, e.event_id)"
        func cursor(_ id: String) -> PostgresQuery {
            "(SELECT c.received_at, c.event_id FROM inbox_event_ids c WHERE c.event_id = \(id))"
        }
        switch page.cursor {
        case .newest: query += " ORDER BY e.received_at DESC, e.event_id DESC"
        case .after(let id):
            query += " AND \(place) < \(cursor(id)) ORDER BY e.received_at DESC, e.event_id DESC"
        case .before(let id):
            query += " AND \(place) > \(cursor(id)) ORDER BY e.received_at, e.event_id"
        }
        query += " LIMIT \(Int64(page.rowsToFetch))"
        return Page(fetched: try await store.query(query).map(Self.record), for: page)
    }

    package func record(_ id: StripeEventID) async throws -> InboxRecord? {
        try await store.query(
            """
            SELECT \(unescaped: Self.recordColumns), e.body
            FROM inbox_event_ids i JOIN inbox_events e ON e.received_at = i.received_at AND e.event_id = i.event_id
            WHERE i.event_id = \(id)
            """
        ).first.map(Self.record)
    }

    private static let recordColumns = """
        e.event_id, e.type, e.account, e.object_id, e.object_type, e.created_at, e.livemode, e.api_version,
        e.idempotency_key, e.endpoint, i.state, i.source, i.deliveries, i.attempts, i.received_at, i.due_at,
        i.settled_at, i.last_error, i.reason
        """

    private static func record(_ row: PostgresRow) throws -> InboxRecord {
        let state: String = try row.get("state")
        guard let state = InboxState(rawValue: state) else {
            throw Refusal(.internalError, "The inbox holds an event in the unknown state '\(state)'.")
        }
        return InboxRecord(
            event: try event(row),
            endpoint: try row.get("endpoint"),
            state: state,
            source: try row.get("source"),
            deliveries: Int(try row.get("deliveries", as: Int32.self)),
            attempts: Int(try row.get("attempts", as: Int32.self)),
            receivedAt: try row.get("received_at"),
            dueAt: try row.get("due_at"),
            settledAt: try row.get("settled_at"),
            lastError: try row.get("last_error"),
            reason: try row.get("reason"))
    }
}

extension StoreTransaction {
    /// Has an event handled again from its first attempt on: parked, done, dismissed and unhandled ones alike. One
    /// that waits already is tried at once.
    /// - Throws: `webhook_event_not_found`; `illegal_transition` for an event of the other mode.
    package func replay(_ id: StripeEventID, reason: String) async throws {
        try await changeInboxEvent(id, forbidden: [.wrongMode], to: "be replayed") {
            """
            UPDATE inbox_event_ids SET state = 'waiting', due_at = now(), attempts = 0, settled_at = NULL,
            reason = \(reason) WHERE event_id = \(id)
            """
        }
    }

    /// Gives an event up: nobody tries it again unless it is replayed.
    /// - Throws: `webhook_event_not_found`; `illegal_transition` for an event that was handled already.
    package func dismiss(_ id: StripeEventID, reason: String) async throws {
        try await changeInboxEvent(id, forbidden: [.done, .unhandled, .wrongMode], to: "be dismissed") {
            """
            UPDATE inbox_event_ids SET state = 'dismissed', due_at = NULL, settled_at = now(), reason = \(reason)
            WHERE event_id = \(id)
            """
        }
    }

    private func changeInboxEvent(
        _ id: StripeEventID, forbidden: Set<InboxState>, to verb: String, _ update: () -> PostgresQuery
    ) async throws {
        let rows = try await query("SELECT state FROM inbox_event_ids WHERE event_id = \(id) FOR UPDATE")
        guard let state = try rows.first?.get("state", as: String.self) else {
            throw Refusal(
                .webhookEventNotFound, "There is no webhook event '\(id)'. GET /v1/admin/webhook_events lists them.")
        }
        if let state = InboxState(rawValue: state), forbidden.contains(state) {
            throw Refusal(
                .illegalTransition, "The event is in state '\(state.rawValue)' and cannot \(verb) from there.")
        }
        _ = try await execute(update())
    }
}

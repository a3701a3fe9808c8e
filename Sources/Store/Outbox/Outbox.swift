package import Domain
import Postgres

/// One of Souk's own events: what the marketplace is told.
package struct OutboxRecord: Sendable {
    package let id: ID<OutboxEvent>
    /// Business time of the change.
    package let created: Timestamp
    /// `order.paid`, `seller.updated`, …
    package let type: String
    /// The id of the object that changed.
    package let about: String
    /// The object after the change, as JSON, exactly as the API would have answered it then.
    package let object: String
}

extension StoreTransaction {
    /// Tells the marketplace of a change, in the change's own transaction: the event exists if and only if the change
    /// does, and a delivery of it waits for each destination that wants its type.
    ///
    /// The type is in the past tense, family first: `order.refunded`. `about` is the id of the object that changed, and
    /// `object` the object as JSON.
    @discardableResult
    package func announce(_ type: String, about: String, json object: [UInt8]) async throws -> ID<OutboxEvent> {
        let id = makeID(OutboxEvent.self)
        _ = try await execute(
            """
            WITH event AS (
                INSERT INTO outbox_events (id, created_at, type, about, object)
                VALUES (\(id), \(now), \(type), \(about), \(String(decoding: object, as: UTF8.self))::text::json)
            )
            \(deliveries(of: id, type: type, to: nil))
            """)
        return id
    }

    /// Makes a delivery for each destination that wants the type, or for the one that is named.
    private func deliveries(
        of event: ID<OutboxEvent>, type: String, to destination: ID<EventDestination>?
    ) -> PostgresQuery {
        let family = String(type.prefix { $0 != "." }) + ".*"
        // One id for each destination that can be, the limit and a few that slipped past it at the same moment.
        let ids = (0..<Outbox.maximumDestinations * 2).map { _ in makeID(EventDelivery.self) }
        return """
            INSERT INTO outbox_deliveries (id, event_id, destination_id, state, due_at)
            SELECT (\(ids)::text[])[row_number() OVER (ORDER BY x.id)], \(event), x.id, 'waiting', now()
            FROM event_destinations x
            WHERE x.deleted_at IS NULL AND CASE WHEN \(destination)::text IS NULL
                THEN x.enabled_events && \(["*", family, type])::text[] ELSE x.id = \(destination) END
            """
    }

    /// Delivers an event once more, whatever became of earlier deliveries: to every destination that wants its type,
    /// or to one.
    /// - Returns: how many deliveries were made.
    /// - Throws: `event_not_found`, `event_destination_not_found`.
    package func redeliver(
        _ event: ID<OutboxEvent>, to destination: ID<EventDestination>? = nil
    ) async throws -> Int {
        let rows = try await query("SELECT type FROM outbox_events WHERE id = \(event)")
        guard let type = try rows.first?.get("type", as: String.self) else {
            throw Refusal(.eventNotFound, "There is no event '\(event)'. GET /v1/events lists them.")
        }
        let made = try await execute(deliveries(of: event, type: type, to: destination))
        guard made > 0 || destination == nil else {
            throw Refusal(
                .eventDestinationNotFound,
                "There is no event destination '\(destination?.rawValue ?? "")'. GET /v1/event_destinations lists them.",
                parameter: "destination")
        }
        return made
    }
}

package struct OutboxFilter: Sendable {
    package var types: [String]
    package var about: String?
    package var createdFrom: Timestamp?
    package var createdBefore: Timestamp?

    package init(
        types: [String] = [], about: String? = nil, createdFrom: Timestamp? = nil, createdBefore: Timestamp? = nil
    ) {
        self.types = types
        self.about = about
        self.createdFrom = createdFrom
        self.createdBefore = createdBefore
    }
}

/// Souk's own events as the marketplace reads them.
package struct Outbox: Sendable {
    /// As many as Stripe allows webhook endpoints.
    package static let maximumDestinations = 16

    package let store: Store

    package init(store: Store) {
        self.store = store
    }

    package func list(_ filter: OutboxFilter, page: PageRequest) async throws -> Page<OutboxRecord> {
        var query: PostgresQuery = "SELECT \(unescaped: Self.columns) FROM outbox_events WHERE true"
        if !filter.types.isEmpty { query += " AND type = ANY(\(filter.types)::text[])" }
        if let about = filter.about { query += " AND about = \(about)" }
        if let from = filter.createdFrom { query += " AND created_at >= \(from)" }
        if let before = filter.createdBefore { query += " AND created_at < \(before)" }
        return Page(fetched: try await store.query(query + page.keyset()).map(Self.record), for: page)
    }

    package func event(_ id: ID<OutboxEvent>) async throws -> OutboxRecord? {
        try await store.query("SELECT \(unescaped: Self.columns) FROM outbox_events WHERE id = \(id)")
            .first.map(Self.record)
    }

    private static let columns = "id, created_at, type, about, object::text AS object"

    private static func record(_ row: PostgresRow) throws -> OutboxRecord {
        OutboxRecord(
            id: try row.get("id"), created: try row.get("created_at"), type: try row.get("type"),
            about: try row.get("about"), object: try row.get("object"))
    }
}

package import Domain
import Postgres

/// An address of the marketplace that wants events.
package struct EventDestinationRecord: Sendable {
    package let id: ID<EventDestination>
    package let created: Timestamp
    package let url: String
    package let description: String?
    package let enabledEvents: [String]
}

package struct NewEventDestination: Sendable {
    package let url: String
    package let description: String?
    /// Exact types, `order.*` for a family, or `*`.
    package let enabledEvents: [String]
    package let sealedSecret: [UInt8]

    package init(url: String, description: String?, enabledEvents: [String], sealedSecret: [UInt8]) {
        self.url = url
        self.description = description
        self.enabledEvents = enabledEvents
        self.sealedSecret = sealedSecret
    }
}

extension StoreTransaction {
    /// - Throws: `parameter_invalid` when there are as many destinations as may be.
    package func insert(
        _ destination: NewEventDestination, id: ID<EventDestination>
    ) async throws -> EventDestinationRecord {
        let existing = try await query("SELECT 1 AS one FROM event_destinations WHERE deleted_at IS NULL").count
        guard existing < Outbox.maximumDestinations else {
            throw Refusal(
                .parameterInvalid,
                "There are \(existing) event destinations, as many as there may be. Delete one that is not used.")
        }
        _ = try await execute(
            """
            INSERT INTO event_destinations (id, created_at, url, description, enabled_events, sealed_secret)
            VALUES (\(id), \(now), \(destination.url), \(destination.description),
                    \(destination.enabledEvents)::text[], \(destination.sealedSecret))
            """)
        return EventDestinationRecord(
            id: id, created: now, url: destination.url, description: destination.description,
            enabledEvents: destination.enabledEvents)
    }

    /// Deletes a destination and calls off what still waits for it.
    /// - Throws: `event_destination_not_found`.
    package func deleteEventDestination(_ id: ID<EventDestination>) async throws {
        let deleted = try await execute(
            "UPDATE event_destinations SET deleted_at = now() WHERE id = \(id) AND deleted_at IS NULL")
        guard deleted == 1 else {
            throw Refusal(
                .eventDestinationNotFound,
                "There is no event destination '\(id)'. GET /v1/event_destinations lists them.")
        }
        _ = try await execute(
            """
            UPDATE outbox_deliveries SET state = 'canceled', due_at = NULL, settled_at = now()
            WHERE destination_id = \(id) AND state = 'waiting'
            """)
    }
}

extension Outbox {
    package func destinations(page: PageRequest) async throws -> Page<EventDestinationRecord> {
        let query: PostgresQuery =
            "SELECT \(unescaped: Self.destinationColumns) FROM event_destinations WHERE deleted_at IS NULL"
        return Page(fetched: try await store.query(query + page.keyset()).map(Self.destination), for: page)
    }

    package func destination(_ id: ID<EventDestination>) async throws -> EventDestinationRecord? {
        try await store.query(
            """
            SELECT \(unescaped: Self.destinationColumns) FROM event_destinations
            WHERE id = \(id) AND deleted_at IS NULL
            """
        ).first.map(Self.destination)
    }

    private static let destinationColumns = "id, created_at, url, description, enabled_events"

    private static func destination(_ row: PostgresRow) throws -> EventDestinationRecord {
        EventDestinationRecord(
            id: try row.get("id"), created: try row.get("created_at"), url: try row.get("url"),
            description: try row.get("description"), enabledEvents: try row.get("enabled_events"))
    }
}

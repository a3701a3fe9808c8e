import Domain
import Hummingbird
package import Store
package import Web

/// Souk's own events as the marketplace reads them: `/v1/events`.
package struct EventRoutes: Sendable {
    private let outbox: Outbox
    private let livemode: Bool

    package init(outbox: Outbox, livemode: Bool) {
        self.outbox = outbox
        self.livemode = livemode
    }

    package func register(on api: APIRoutes) {
        api.get("/v1/events", scope: .eventsRead, use: list)
        api.get("/v1/events/{id}", scope: .eventsRead, use: retrieve)
        api.get("/v1/events/{id}/deliveries", scope: .eventsRead, use: deliveries)
        api.post("/v1/events/{id}/replay", scope: .eventsWrite, use: replay)
    }

    private struct Filter: Decodable {
        let type: String?
        let types: [String]?
        let relatedObject: String?
        let created: CreatedFilter?
    }

    @Sendable private func list(_ request: Request, _ context: SoukContext) async throws -> Response {
        let (page, filter) = try request.list(filteredBy: Filter.self)
        let types = (filter.types ?? []) + (filter.type.map { [$0] } ?? [])
        guard types.count <= 20 else {
            throw Refusal(.parameterInvalid, "At most 20 types fit in one call.", parameter: "types")
        }
        let events = try await outbox.list(
            OutboxFilter(
                types: types, about: filter.relatedObject, createdFrom: filter.created?.from,
                createdBefore: filter.created?.before),
            page: page)
        var bytes = Array(#"{"object":"list","url":"/v1/events","has_more":\#(events.hasMore),"data":["#.utf8)
        for (index, event) in events.elements.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            bytes += event.rendered(livemode: livemode)
        }
        bytes += "]}".utf8
        return Self.answer(bytes)
    }

    @Sendable private func retrieve(_ request: Request, _ context: SoukContext) async throws -> Response {
        Self.answer(try await event(context).rendered(livemode: livemode))
    }

    @Sendable private func deliveries(
        _ request: Request, _ context: SoukContext
    ) async throws -> ListBody<EventDeliveryBody> {
        let event = try await event(context)
        let deliveries = try await outbox.deliveries(of: event.id)
        return ListBody(
            Page(elements: deliveries.map { EventDeliveryBody($0) }, hasMore: false),
            url: "/v1/events/\(event.id)/deliveries")
    }

    private struct ReplayBody: Decodable {
        let destination: String?
    }

    /// Delivers the event once more. The answer says to how many destinations.
    @Sendable private func replay(_ request: Request, _ context: SoukContext) async throws -> EventReplayBody {
        let id = try context.id(of: OutboxEvent.self, else: .eventNotFound)
        let body = try await request.decode(as: ReplayBody.self, context: context)
        let destination = try body.destination.map { text throws(Refusal) in
            guard let destination = ID<EventDestination>(text) else {
                throw Refusal(
                    .eventDestinationNotFound,
                    "There is no event destination '\(text)'. GET /v1/event_destinations lists them.",
                    parameter: "destination")
            }
            return destination
        }
        let count = try await outbox.store.transaction { tx in try await tx.redeliver(id, to: destination) }
        return EventReplayBody(event: id, deliveries: count)
    }

    private func event(_ context: SoukContext) async throws -> OutboxRecord {
        let id = try context.id(of: OutboxEvent.self, else: .eventNotFound)
        guard let event = try await outbox.event(id) else {
            throw Refusal(.eventNotFound, "There is no event '\(id)'. GET /v1/events lists them.")
        }
        return event
    }

    private static func answer(_ json: [UInt8]) -> Response {
        Response(
            status: .ok, headers: [.contentType: "application/json; charset=utf-8"],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: json)))
    }
}

struct EventReplayBody: ResponseEncodable {
    let object = "event_replay"
    let event: ID<OutboxEvent>
    let deliveries: Int

    private enum CodingKeys: String, CodingKey {
        case object, event, deliveries
    }
}

struct EventDeliveryBody: Encodable {
    let id: ID<EventDelivery>
    let object = "event_delivery"
    let destination: ID<EventDestination>
    let state: String
    let created: Timestamp
    let nextAttemptAt: Timestamp?
    let attempts: [Attempt]

    struct Attempt: Encodable {
        let attemptedAt: Timestamp
        let milliseconds: Int64
        let status: Int?
        let error: String?
    }

    private enum CodingKeys: String, CodingKey {
        case id, object, destination, state, created, nextAttemptAt, attempts
    }

    init(_ record: DeliveryRecord) {
        id = record.id
        destination = record.destination
        state = record.state
        created = record.started
        nextAttemptAt = record.due
        attempts = record.attempts.map { attempt in
            let (seconds, attoseconds) = attempt.duration.components
            return Attempt(
                attemptedAt: attempt.at, milliseconds: seconds * 1000 + attoseconds / 1_000_000_000_000_000,
                status: attempt.status, error: attempt.error)
        }
    }
}

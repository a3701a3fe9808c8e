import Domain
import Hummingbird
package import Store
package import Web

/// Where the marketplace wants its events: `/v1/event_destinations`.
package struct EventDestinationRoutes: Sendable {
    private let outbox: Outbox
    private let secrets: any SecretBox
    private let rules: DestinationRules

    package init(outbox: Outbox, secrets: any SecretBox, rules: DestinationRules) {
        self.outbox = outbox
        self.secrets = secrets
        self.rules = rules
    }

    package func register(on api: APIRoutes) {
        api.post("/v1/event_destinations", scope: .eventsWrite, use: create)
        api.get("/v1/event_destinations", scope: .eventsRead, use: list)
        api.get("/v1/event_destinations/{id}", scope: .eventsRead, use: retrieve)
        api.delete("/v1/event_destinations/{id}", scope: .eventsWrite, use: delete)
    }

    private struct CreateBody: Decodable {
        let url: String
        let enabledEvents: [String]?
        let description: String?
    }

    @Sendable private func create(
        _ request: Request, _ context: SoukContext
    ) async throws -> EditedResponse<EventDestinationBody> {
        let body = try await request.decode(as: CreateBody.self, context: context)
        try rules.check(body.url)
        let enabledEvents = try Self.checked(body.enabledEvents ?? ["*"])
        try Self.check(description: body.description)
        let secret = Self.makeSecret()
        let made = try await outbox.store.transaction { tx in
            let id = tx.makeID(EventDestination.self)
            try await tx.audit("event_destination.create", subject: id.rawValue, by: context.caller)
            return try await tx.insert(
                NewEventDestination(
                    url: body.url, description: body.description, enabledEvents: enabledEvents,
                    sealedSecret: try secrets.seal(Array(secret.utf8), for: id.rawValue)),
                id: id)
        }
        return EditedResponse(
            status: .created,
            response: EventDestinationBody(made, livemode: context.principal.livemode, secret: secret))
    }

    /// 256 random bits. Stripe's prefix, since the scheme is Stripe's and its libraries verify it.
    private static func makeSecret() -> String {
        let digits = Array("0123456789abcdef".utf8)
        var random = SystemRandomNumberGenerator()
        let text = (0..<64).map { _ in digits[Int.random(in: 0..<16, using: &random)] }
        return "whsec_" + String(decoding: text, as: UTF8.self)
    }

    private static func checked(_ types: [String]) throws(Refusal) -> [String] {
        func refuse(_ message: String) -> Refusal {
            Refusal(.parameterInvalid, message, parameter: "enabled_events")
        }
        guard (1...100).contains(types.count) else { throw refuse("Name 1 to 100 event types, or \"*\" for all.") }
        for type in types {
            let parts = type.split(separator: ".", omittingEmptySubsequences: false)
            let isName = parts.allSatisfy { part in
                !part.isEmpty && part.utf8.allSatisfy { (97...122).contains($0) || $0 == UInt8(ascii: "_") }
            }
            let isFamily = parts.count == 2 && parts[1] == "*"
            guard type == "*" || isFamily || (isName && parts.count >= 2), type.utf8.count <= 100 else {
                throw refuse("'\(type)' is no event type. Write \"order.paid\", \"order.*\" or \"*\".")
            }
        }
        return Array(Set(types)).sorted()
    }

    private static func check(description: String?) throws(Refusal) {
        guard let description else { return }
        guard description.unicodeScalars.count <= 500, !description.unicodeScalars.contains("\0") else {
            throw Refusal(.parameterInvalid, "A description has at most 500 characters.", parameter: "description")
        }
    }

    @Sendable private func list(
        _ request: Request, _ context: SoukContext
    ) async throws -> ListBody<EventDestinationBody> {
        let destinations = try await outbox.destinations(page: try request.page())
        return ListBody(
            destinations.map { EventDestinationBody($0, livemode: context.principal.livemode, secret: nil) },
            url: "/v1/event_destinations")
    }

    @Sendable private func retrieve(
        _ request: Request, _ context: SoukContext
    ) async throws -> EventDestinationBody {
        let id = try context.id(of: EventDestination.self, else: .eventDestinationNotFound)
        guard let destination = try await outbox.destination(id) else {
            throw Refusal(
                .eventDestinationNotFound,
                "There is no event destination '\(id)'. GET /v1/event_destinations lists them.")
        }
        return EventDestinationBody(destination, livemode: context.principal.livemode, secret: nil)
    }

    @Sendable private func delete(
        _ request: Request, _ context: SoukContext
    ) async throws -> DeletedBody {
        let id = try context.id(of: EventDestination.self, else: .eventDestinationNotFound)
        try await outbox.store.transaction { tx in
            try await tx.deleteEventDestination(id)
            try await tx.audit("event_destination.delete", subject: id.rawValue, by: context.caller)
        }
        return DeletedBody(id: id.rawValue, object: "event_destination")
    }
}

struct EventDestinationBody: ResponseEncodable {
    let id: ID<EventDestination>
    let object = "event_destination"
    let url: String
    let enabledEvents: [String]
    let description: String?
    let created: Timestamp
    let livemode: Bool
    /// In the answer to its creation and nowhere else.
    let secret: String?

    private enum CodingKeys: String, CodingKey {
        case id, object, url, enabledEvents, description, created, livemode, secret
    }

    init(_ record: EventDestinationRecord, livemode: Bool, secret: String?) {
        id = record.id
        url = record.url
        enabledEvents = record.enabledEvents
        description = record.description
        created = record.created
        self.livemode = livemode
        self.secret = secret
    }
}

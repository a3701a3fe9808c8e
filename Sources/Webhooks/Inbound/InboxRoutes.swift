import Domain
import Hummingbird
package import Store
package import Web

/// What an operator sees and does about Stripe's events: `/v1/admin/webhook_events`.
package struct InboxRoutes: Sendable {
    private let inbox: Inbox
    private let arrivals: WakeSignal

    package init(inbox: Inbox, arrivals: WakeSignal) {
        self.inbox = inbox
        self.arrivals = arrivals
    }

    package func register(on api: APIRoutes) {
        api.get("/v1/admin/webhook_events", scope: .admin, use: list)
        api.get("/v1/admin/webhook_events/{id}", scope: .admin, use: retrieve)
        api.post("/v1/admin/webhook_events/{id}/replay", scope: .admin, use: replay)
        api.post("/v1/admin/webhook_events/{id}/dismiss", scope: .admin, use: dismiss)
    }

    private struct Filter: Decodable {
        let state: String?
        let type: String?
        let account: String?
    }

    @Sendable private func list(
        _ request: Request, _ context: SoukContext
    ) async throws -> ListBody<WebhookEventBody> {
        let (page, filter) = try request.list(filteredBy: Filter.self)
        let records = try await inbox.list(
            InboxFilter(
                state: try filter.state.map(Self.state), type: filter.type,
                account: filter.account.map { StripeAccountID($0) }),
            page: page)
        return ListBody(records.map { WebhookEventBody($0) }, url: "/v1/admin/webhook_events")
    }

    private static func state(_ text: String) throws(Refusal) -> InboxState {
        guard let state = InboxState(rawValue: text) else {
            let known = InboxState.allCases.map(\.rawValue).joined(separator: ", ")
            throw Refusal(.parameterInvalid, "There is no such state. There are: \(known).", parameter: "state")
        }
        return state
    }

    @Sendable private func retrieve(_ request: Request, _ context: SoukContext) async throws -> WebhookEventBody {
        try await body(of: StripeEventID(try context.pathText("id")))
    }

    @Sendable private func replay(_ request: Request, _ context: SoukContext) async throws -> WebhookEventBody {
        let id = StripeEventID(try context.pathText("id"))
        let reason = try await request.decode(as: ReasonBody.self, context: context).reason
        try await inbox.store.transaction { tx in
            try await tx.replay(id, reason: reason)
            try await tx.audit("webhook_event.replay", subject: id.rawValue, by: context.caller)
        }
        arrivals.raise()
        return try await body(of: id)
    }

    @Sendable private func dismiss(_ request: Request, _ context: SoukContext) async throws -> WebhookEventBody {
        let id = StripeEventID(try context.pathText("id"))
        let reason = try await request.decode(as: ReasonBody.self, context: context).reason
        try await inbox.store.transaction { tx in
            try await tx.dismiss(id, reason: reason)
            try await tx.audit("webhook_event.dismiss", subject: id.rawValue, by: context.caller)
        }
        return try await body(of: id)
    }

    private func body(of id: StripeEventID) async throws -> WebhookEventBody {
        guard let record = try await inbox.record(id) else {
            throw Refusal(
                .webhookEventNotFound, "There is no webhook event '\(id)'. GET /v1/admin/webhook_events lists them.")
        }
        return WebhookEventBody(record)
    }
}

/// An event of Stripe's as an operator sees it.
struct WebhookEventBody: ResponseEncodable {
    let id: StripeEventID
    let object = "webhook_event"
    let type: String
    let account: StripeAccountID?
    let endpoint: String
    /// Of the object that the event is about.
    let relatedObject: String?
    let created: Timestamp
    let livemode: Bool
    let apiVersion: String?
    let state: String
    let source: String
    let deliveries: Int
    let attempts: Int
    let receivedAt: Timestamp
    let nextAttemptAt: Timestamp?
    let settledAt: Timestamp?
    let lastError: String?
    let reason: String?
    /// The bytes as they came; only when one event is asked for.
    let payload: String?

    private enum CodingKeys: String, CodingKey {
        case id, object, type, account, endpoint, relatedObject, created, livemode, apiVersion, state, source
        case deliveries, attempts, receivedAt, nextAttemptAt, settledAt, lastError, reason, payload
    }

    init(_ record: InboxRecord) {
        id = record.event.id
        type = record.event.type
        account = record.event.account
        endpoint = record.endpoint
        relatedObject = record.event.objectID
        created = record.event.created
        livemode = record.event.livemode
        apiVersion = record.event.apiVersion
        state = record.state.rawValue
        source = record.source
        deliveries = record.deliveries
        attempts = record.attempts
        receivedAt = record.receivedAt
        nextAttemptAt = record.dueAt
        settledAt = record.settledAt
        lastError = record.lastError
        reason = record.reason
        payload = record.event.body.isEmpty ? nil : String(decoding: record.event.body, as: UTF8.self)
    }
}

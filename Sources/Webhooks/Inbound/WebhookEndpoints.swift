import Domain
package import Store
package import StripeAPI

/// Souk's two webhook endpoints at Stripe, made and checked from the one list of handled types.
package struct WebhookEndpoints: Sendable {
    package struct Endpoint: Sendable {
        package enum Outcome: Sendable, Hashable {
            case unchanged
            case created
            /// These types were missing at Stripe, or too many.
            case updated(added: [String], removed: [String])
            /// It renders events in another version than this build wants. Stripe cannot change that, so a second
            /// endpoint was made: keep both secrets until the old one is deleted.
            case createdBeside(oldVersion: String)
        }

        package let endpoint: InboxEndpoint
        package let id: String
        package let url: String
        package let outcome: Outcome
        /// Only when it was made just now: Stripe shows it once.
        package let secret: String?
    }

    private let stripe: StripeClient
    private let handlers: EventHandlers
    private let publicURL: String

    /// `publicURL` is how Stripe reaches Souk, without a slash at the end.
    package init(stripe: StripeClient, handlers: EventHandlers, publicURL: String) {
        self.stripe = stripe
        self.handlers = handlers
        self.publicURL = publicURL
    }

    package func url(of endpoint: InboxEndpoint) -> String {
        switch endpoint {
        case .platform: publicURL + "/webhooks/stripe"
        case .connect: publicURL + "/webhooks/stripe/connect"
        }
    }

    /// Makes what is missing and corrects what differs. Safe to repeat.
    ///
    /// `renewing` makes endpoints anew even where good ones exist, for their secrets, and deletes the old ones
    /// afterwards: for the sandbox, whose secrets are kept in memory only.
    package func ensure(renewing: Bool = false) async throws -> [Endpoint] {
        let existing = try await list()
        var result: [Endpoint] = []
        for endpoint in InboxEndpoint.allCases {
            let same = existing.filter { $0.url == url(of: endpoint) }
            if renewing {
                result.append(try await create(endpoint, .created))
                for old in same { try await delete(old.id) }
            } else {
                result.append(try await ensure(endpoint, among: same))
            }
        }
        return result
    }

    private func ensure(_ endpoint: InboxEndpoint, among existing: [RemoteEndpoint]) async throws -> Endpoint {
        guard let current = existing.first(where: { $0.apiVersion == StripeAPIVersion.pinned }) else {
            guard let old = existing.first else { return try await create(endpoint, .created) }
            return try await create(endpoint, .createdBeside(oldVersion: old.apiVersion ?? "the account's default"))
        }
        let wanted = Set(handlers.types(of: endpoint))
        let present = Set(current.enabledEvents)
        guard wanted != present || current.status != "enabled" else {
            return Endpoint(
                endpoint: endpoint, id: current.id, url: current.url, outcome: .unchanged, secret: nil)
        }
        var form = FormEncoder()
        form.set("enabled_events", list: wanted.sorted())
        form.set("disabled", false)
        _ = try await stripe.answer(to: StripeRequest(.post, "/v1/webhook_endpoints/\(current.id)", form: form))
            .decode(RemoteEndpoint.self)
        return Endpoint(
            endpoint: endpoint, id: current.id, url: current.url,
            outcome: .updated(
                added: wanted.subtracting(present).sorted(), removed: present.subtracting(wanted).sorted()),
            secret: nil)
    }

    private func create(_ endpoint: InboxEndpoint, _ outcome: Endpoint.Outcome) async throws -> Endpoint {
        var form = FormEncoder()
        form.set("url", url(of: endpoint))
        form.set("enabled_events", list: handlers.types(of: endpoint))
        form.set("api_version", StripeAPIVersion.pinned)
        if endpoint == .connect { form.set("connect", true) }
        form.set("description", endpoint == .connect ? "Souk, connected accounts" : "Souk, platform")
        let made = try await stripe.answer(to: StripeRequest(.post, "/v1/webhook_endpoints", form: form))
            .decode(RemoteEndpoint.self)
        return Endpoint(endpoint: endpoint, id: made.id, url: made.url, outcome: outcome, secret: made.secret)
    }

    private func delete(_ id: String) async throws {
        let answer = try await stripe.answer(to: StripeRequest(.delete, "/v1/webhook_endpoints/\(id)"))
        guard answer.isSuccess || answer.status == 404 else { throw StripeError(answer) }
    }

    /// Stripe allows 16, so one page holds all.
    private func list() async throws -> [RemoteEndpoint] {
        var form = FormEncoder()
        form.set(StripePage())
        return try await stripe.answer(to: StripeRequest(.get, "/v1/webhook_endpoints", form: form))
            .decode(RemoteEndpointList.self).data
    }
}

private struct RemoteEndpointList: Decodable {
    let data: [RemoteEndpoint]
}

private struct RemoteEndpoint: Decodable {
    let id: String
    let url: String
    let apiVersion: String?
    let enabledEvents: [String]
    let status: String
    let secret: String?

    private enum CodingKeys: String, CodingKey {
        case id, url, status, secret
        case apiVersion = "api_version"
        case enabledEvents = "enabled_events"
    }
}

import Domain
package import Store
package import StripeAPI

/// Souk's two webhook endpoints at Stripe, made and checked from the one list of handled types.
package struct WebhookEndpoints: Sendable {
    package struct Endpoint: Sendable {
        package enum Outcome: Sendable, Hashable {
            case unchanged
            case created
            /// These types were missing at Stripe, or too many, or it was switched off.
            case updated(added: [String], removed: [String], enabled: Bool)
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

    package func url(of endpoint: InboxEndpoint) -> String { publicURL + Self.path(of: endpoint) }

    private static func path(of endpoint: InboxEndpoint) -> String {
        switch endpoint {
        case .platform: "/webhooks/stripe"
        case .connect: "/webhooks/stripe/connect"
        }
    }

    /// Makes what is missing and corrects what differs. Safe to repeat.
    ///
    /// `renewing` makes endpoints anew even where good ones exist, for their secrets, and deletes the old ones
    /// afterwards: when a secret was lost, and for the sandbox, whose secrets are kept in memory only.
    package func ensure(renewing: Bool = false) async throws -> [Endpoint] {
        // Stripe allows 16, so one page holds all.
        let existing = try await stripe.send(ListWebhookEndpoints()).data
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

    /// Deletes what Souk made earlier at other addresses. Only for a sandbox of our own, where nobody listens there any
    /// more: at Stripe they may be another deployment's.
    package func deleteElsewhere() async throws {
        let here = InboxEndpoint.allCases.map { url(of: $0) }
        for other in try await stripe.send(ListWebhookEndpoints()).data where !here.contains(other.url) {
            guard InboxEndpoint.allCases.contains(where: { other.url.hasSuffix(Self.path(of: $0)) }) else { continue }
            try await delete(other.id)
        }
    }

    private func ensure(
        _ endpoint: InboxEndpoint, among existing: [WebhookEndpointResource]
    ) async throws -> Endpoint {
        guard let current = existing.first(where: { $0.apiVersion == StripeAPIVersion.pinned }) else {
            guard let old = existing.first else { return try await create(endpoint, .created) }
            return try await create(endpoint, .createdBeside(oldVersion: old.apiVersion ?? "the account's default"))
        }
        let wanted = Set(handlers.types(of: endpoint))
        let present = Set(current.enabledEvents)
        let isEnabled = current.status == "enabled"
        guard wanted != present || !isEnabled else {
            return Endpoint(
                endpoint: endpoint, id: current.id.rawValue, url: current.url, outcome: .unchanged, secret: nil)
        }
        _ = try await stripe.send(
            UpdateWebhookEndpoint(current.id, enabledEvents: wanted.sorted(), disabled: false))
        return Endpoint(
            endpoint: endpoint, id: current.id.rawValue, url: current.url,
            outcome: .updated(
                added: wanted.subtracting(present).sorted(), removed: present.subtracting(wanted).sorted(),
                enabled: !isEnabled),
            secret: nil)
    }

    private func create(_ endpoint: InboxEndpoint, _ outcome: Endpoint.Outcome) async throws -> Endpoint {
        let made = try await stripe.send(
            CreateWebhookEndpoint(
                url: url(of: endpoint), enabledEvents: handlers.types(of: endpoint), connect: endpoint == .connect,
                description: endpoint == .connect ? "Souk, connected accounts" : "Souk, platform"))
        return Endpoint(
            endpoint: endpoint, id: made.id.rawValue, url: made.url, outcome: outcome, secret: made.secret)
    }

    private func delete(_ id: StripeWebhookEndpointID) async throws {
        let answer = try await stripe.answer(to: DeleteWebhookEndpoint(id).request)
        guard answer.isSuccess || answer.status == 404 else { throw StripeError(answer) }
    }
}

package import Domain

/// Where Stripe sends events.
package struct WebhookEndpointResource: StripeObject {
    package let id: StripeID<StripeWebhookEndpoint>
    package let url: String
    package let enabledEvents: [String]
    /// `enabled` or `disabled`.
    package let status: String
    /// Fixed when the endpoint was made.
    package let apiVersion: String?
    /// Only in the answer that creates it.
    package let secret: String?
    package let description: String?
    /// Set for endpoints of connected accounts' events.
    package let application: String?
    package let metadata: [String: String]
    package let livemode: Bool
    package let created: Timestamp

    package var cursor: String { id.rawValue }

    private enum CodingKeys: String, CodingKey {
        case id, url, status, secret, description, application, metadata, livemode, created
        case enabledEvents = "enabled_events"
        case apiVersion = "api_version"
    }
}

/// What is left of a deleted object.
package struct DeletedResource: Codable, Hashable, Sendable {
    package let id: String
    package let object: String
    package let deleted: Bool
}

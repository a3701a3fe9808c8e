package import Domain

/// Something that happened at Stripe. Only its id, type and account are believed: what the object is now is
/// fetched.
package struct EventResource: StripeObject {
    package let id: StripeEventID
    package let type: String
    /// Only for events of connected accounts.
    package let account: StripeAccountID?
    /// The version that rendered the object, which may not be ours.
    package let apiVersion: String?
    package let livemode: Bool
    package let pendingWebhooks: Int?
    package let request: Origin?
    package let data: Content
    package let created: Timestamp

    /// The request that caused it; empty if Stripe acted by itself.
    package struct Origin: Codable, Hashable, Sendable {
        package let id: String?
        package let idempotencyKey: String?

        private enum CodingKeys: String, CodingKey {
            case id
            case idempotencyKey = "idempotency_key"
        }
    }

    package struct Content: Codable, Hashable, Sendable {
        package let object: Subject
    }

    /// What the event is about.
    package struct Subject: Codable, Hashable, Sendable {
        /// Nil for objects without one, such as an upcoming invoice or a balance.
        package let id: String?
        package let object: String
    }

    package var cursor: String { id.rawValue }

    private enum CodingKeys: String, CodingKey {
        case id, type, account, livemode, request, data, created
        case apiVersion = "api_version"
        case pendingWebhooks = "pending_webhooks"
    }
}

/// The whole object of an event, for the rare case that it can no longer be fetched: decode the stored body as this.
package struct EventSnapshot<Object: Decodable & Sendable>: Decodable, Sendable {
    package let object: Object

    package init(from decoder: any Decoder) throws {
        let event = try decoder.container(keyedBy: CodingKeys.self)
        let content = try event.nestedContainer(keyedBy: CodingKeys.self, forKey: .data)
        object = try content.decode(Object.self, forKey: .object)
    }

    private enum CodingKeys: String, CodingKey {
        case data, object
    }
}

package import Domain

/// A field that holds an id, or the whole object where the request asked to expand it.
package indirect enum Expandable<Object: StripeObject>: Hashable, Sendable, Codable {
    case id(String)
    case object(Object)

    package var id: String {
        switch self {
        case .id(let id): id
        case .object(let object): object.cursor
        }
    }

    /// Nil unless the request asked for it.
    package var object: Object? {
        switch self {
        case .id: nil
        case .object(let object): object
        }
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        // The kind of the value decides, so that an object with a fault is reported as itself.
        if let id = try? container.decode(String.self) {
            self = .id(id)
        } else {
            self = .object(try container.decode(Object.self))
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .id(let id): try container.encode(id)
        case .object(let object): try container.encode(object)
        }
    }
}

/// A field of which only the id matters here, whether or not Stripe sends the whole object.
package struct Reference<Object>: Hashable, Sendable, Codable {
    package let id: StripeID<Object>

    package init(_ id: StripeID<Object>) { self.id = id }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let text = try? container.decode(String.self) {
            id = StripeID(text)
        } else {
            id = StripeID(try container.decode(Identifier.self).id)
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(id)
    }

    private struct Identifier: Decodable {
        let id: String
    }
}

extension KeyedDecodingContainer {
    /// Metadata that is absent or null is empty.
    func decode(_ type: [String: String].Type, forKey key: Key) throws -> [String: String] {
        try decodeIfPresent(type, forKey: key) ?? [:]
    }
}

extension KeyedDecodingContainer {
    /// No capabilities are no entry.
    func decode(
        _ type: [String: StripeCapabilityStatus].Type, forKey key: Key
    ) throws -> [String: StripeCapabilityStatus] {
        try decodeIfPresent(type, forKey: key) ?? [:]
    }
}

/// The caller's own notes on an object, under Stripe's rules: at most 50 keys of at most 40 characters, no square
/// brackets in them, with text values of at most 500 characters.
package struct Metadata: Hashable, Sendable {
    package let values: [String: String]

    package static let empty = Metadata(trusted: [:])
    package static let maximumKeys = 50
    package static let maximumKeyLength = 40
    package static let maximumValueLength = 500

    /// - Throws: `parameter_invalid` for the key that breaks a rule.
    package init(_ values: [String: String]) throws(Refusal) {
        guard values.count <= Self.maximumKeys else {
            throw Refusal(
                .parameterInvalid, "Metadata takes at most \(Self.maximumKeys) keys; these are \(values.count).",
                parameter: "metadata")
        }
        for (key, value) in values { try Self.check(key: key, value: value) }
        self.values = values
    }

    /// What Souk stored itself, so that it keeps the rules already.
    package init(trusted values: [String: String]) { self.values = values }

    /// A partial update as Stripe does it: keys are set, an empty text or null removes a key, others stay.
    /// - Throws: `parameter_invalid` when the result breaks a rule.
    package func applying(_ change: MetadataChange) throws(Refusal) -> Metadata {
        var values = values
        for (key, value) in change.values {
            if let value, !value.isEmpty { values[key] = value } else { values[key] = nil }
        }
        return try Metadata(values)
    }

    private static func check(key: String, value: String) throws(Refusal) {
        guard !key.isEmpty, key.unicodeScalars.count <= maximumKeyLength, !key.contains("["), !key.contains("]") else {
            throw Refusal(
                .parameterInvalid,
                "A metadata key has 1 to \(maximumKeyLength) characters and no square brackets.",
                parameter: "metadata.\(key)")
        }
        guard value.unicodeScalars.count <= maximumValueLength else {
            throw Refusal(
                .parameterInvalid, "A metadata value has at most \(maximumValueLength) characters.",
                parameter: "metadata.\(key)")
        }
    }
}

extension Metadata: Codable {
    package init(from decoder: any Decoder) throws {
        try self.init(decoder.singleValueContainer().decode([String: String].self))
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(values)
    }
}

/// What a caller asks to change in an object's metadata; nil and "" remove a key.
package struct MetadataChange: Hashable, Sendable, Decodable {
    package let values: [String: String?]

    package init(_ values: [String: String?]) { self.values = values }

    package init(from decoder: any Decoder) throws {
        values = try decoder.singleValueContainer().decode([String: String?].self)
    }
}

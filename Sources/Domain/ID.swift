/// What an id names: fixes the prefix that callers see, such as `ord` in `ord_01jd…`.
package protocol Identified {
    static var idPrefix: String { get }
}

/// An id that Souk made. `ID<Seller>` and `ID<Order>` do not mix, and a foreign prefix does not parse.
///
/// The text after the prefix is 48 bits of Unix milliseconds and 80 random bits in lowercase Crockford base 32, so that
/// ids sort by the time they were made and new rows land at the end of an index.
package struct ID<Entity: Identified>: Hashable, Sendable, Comparable, CustomStringConvertible {
    package let rawValue: String

    /// - Returns: nil unless the text has this entity's prefix and 26 characters of the alphabet after it.
    package init?(_ text: String) {
        let prefix = Entity.idPrefix + "_"
        guard text.hasPrefix(prefix) else { return nil }
        let body = text.utf8.dropFirst(prefix.utf8.count)
        guard body.count == 26, body.allSatisfy({ isOfCrockfordAlphabet[Int($0)] }) else { return nil }
        rawValue = text
    }

    /// Makes a new id. `milliseconds` is Unix time, which decides the order of ids.
    package init(milliseconds: Int64, using random: inout some RandomNumberGenerator) {
        var bits = (UInt128(UInt64(bitPattern: milliseconds) & 0xFFFF_FFFF_FFFF) << 80)
        bits |= UInt128(UInt64.random(in: 0...UInt64.max, using: &random)) << 16
        bits |= UInt128(UInt16.random(in: 0...UInt16.max, using: &random))
        var characters: [UInt8] = []
        characters.reserveCapacity(26)
        for shift in stride(from: 125, through: 0, by: -5) {
            characters.append(crockfordAlphabet[Int((bits >> UInt128(shift)) & 31)])
        }
        rawValue = Entity.idPrefix + "_" + String(decoding: characters, as: UTF8.self)
    }

    package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
    package var description: String { rawValue }
}

private let crockfordAlphabet = Array("0123456789abcdefghjkmnpqrstvwxyz".utf8)
/// By byte: every row that is read has several ids in it.
private let isOfCrockfordAlphabet = (0...UInt8.max).map(crockfordAlphabet.contains)

extension ID: Codable {
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let id = Self(text) else {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "'\(text)' is not an id that begins with '\(Entity.idPrefix)_'")
        }
        self = id
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(rawValue)
    }
}

/// An id that Stripe made: opaque, case-sensitive, never parsed; the type says which object it names.
package struct StripeID<Object>: RawRepresentable, Hashable, Sendable, Comparable, CustomStringConvertible {
    package let rawValue: String
    package init(rawValue: String) { self.rawValue = rawValue }
    package init(_ rawValue: String) { self.rawValue = rawValue }
    package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
    package var description: String { rawValue }
}

extension StripeID: Codable {
    package init(from decoder: any Decoder) throws {
        rawValue = try decoder.singleValueContainer().decode(String.self)
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(rawValue)
    }
}

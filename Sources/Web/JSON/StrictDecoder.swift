import Domain

/// Turns a request's JSON into Swift values, and refuses what it does not understand by name.
///
/// Property names are snake case on the wire. Every member of an object must be read by the type that it is decoded
/// into: one that nobody asked for is `parameter_unknown`. Integers are spelled as integers: `10.0` and `1e3` are
/// refused. Each refusal carries the path of the parameter, as in `lines[2].quantity`.
package enum StrictDecoder {
    /// Decodes one JSON object; nothing at all counts as an empty one. Throws a `Refusal`, always.
    package static func decode<Value: Decodable>(_ type: Value.Type, from bytes: [UInt8]) throws -> Value {
        let value: JSONValue
        do {
            value = bytes.isEmpty ? .object([]) : try JSONParser.parse(bytes)
        } catch {
            throw Refusal(
                .malformedJSON,
                "The body is not acceptable JSON: \(error.message), at byte \(error.offset).")
        }
        guard case .object = value else {
            throw Refusal(.malformedJSON, "The body must be a JSON object, not \(value.kind).")
        }
        return try decode(type, from: value, at: [])
    }

    static func decode<Value: Decodable>(
        _ type: Value.Type, from value: JSONValue, at path: [any CodingKey]
    ) throws -> Value {
        let node = StrictNode(value, at: path, keepsNames: type is any StringKeyedDictionary.Type)
        let result: Value
        do {
            result = try Value(from: node)
        } catch let refusal as Refusal {
            throw refusal.placed(at: path)
        } catch let error as any CodedError {
            throw error
        } catch let error as DecodingError {
            throw error.refusal(for: type, at: path)
        }
        try node.refuseUnreadMembers()
        return result
    }
}

extension Refusal {
    /// A rule of the domain names its parameter alone (`metadata.key`); it stands where the value stood.
    fileprivate func placed(at path: [any CodingKey]) -> Refusal {
        guard parameter == nil, let place = path.parameterPath else { return self }
        return Refusal(code, message, parameter: place)
    }
}

extension DecodingError {
    fileprivate func refusal(for type: Any.Type, at path: [any CodingKey]) -> Refusal {
        switch self {
        case .keyNotFound(let key, let context):
            return Refusal(
                .parameterMissing, "This parameter is required.",
                parameter: (context.codingPath + [JSONKey(snakeCased(key.stringValue))]).parameterPath)
        case .valueNotFound(_, let context):
            return Refusal(
                .parameterInvalid, context.debugDescription, parameter: context.codingPath.parameterPath)
        case .typeMismatch(_, let context):
            return Refusal(
                .parameterInvalid, context.debugDescription, parameter: context.codingPath.parameterPath)
        case .dataCorrupted(let context):
            return Refusal(
                type is Currency.Type ? .currencyUnknown : .parameterInvalid, sentence(context.debugDescription),
                parameter: (context.codingPath.isEmpty ? path : context.codingPath).parameterPath)
        @unknown default:
            return Refusal(.parameterInvalid, "This value is not understood.", parameter: path.parameterPath)
        }
    }
}

private func sentence(_ text: String) -> String {
    guard let first = text.first else { return "This value is not understood." }
    let begin = String(first).uppercased() + text.dropFirst()
    return begin.hasSuffix(".") ? begin : begin + "."
}

/// One value on its way into a Swift type, with the record of which members were read.
final class StrictNode: Decoder {
    let value: JSONValue
    let codingPath: [any CodingKey]
    /// Names are the caller's own words (a dictionary), not spelled from Swift's properties.
    let keepsNames: Bool
    private var opened: StrictObject?
    private var isRead = false

    var userInfo: [CodingUserInfoKey: Any] { [:] }

    init(_ value: JSONValue, at path: [any CodingKey], keepsNames: Bool) {
        self.value = value
        codingPath = path
        self.keepsNames = keepsNames
    }

    /// A type without properties reads nothing, so that every member is one too many.
    func refuseUnreadMembers() throws(Refusal) {
        if !isRead { _ = try object() }
        try opened?.refuseUnreadMembers()
    }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        isRead = true
        return KeyedDecodingContainer(StrictKeyedContainer<Key>(try object(), keepsNames: keepsNames))
    }

    private func object() throws(Refusal) -> StrictObject {
        if let opened { return opened }
        guard case .object(let members) = value else { throw mismatch("an object") }
        let object = StrictObject(members, at: codingPath)
        opened = object
        return object
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        isRead = true
        guard case .array(let elements) = value else { throw mismatch("an array") }
        return StrictArray(elements, at: codingPath)
    }

    func singleValueContainer() throws -> any SingleValueDecodingContainer {
        isRead = true
        return StrictScalar(self)
    }

    func mismatch(_ wanted: String) -> Refusal {
        Refusal(
            .parameterInvalid, "This must be \(wanted), not \(value.kind).", parameter: codingPath.parameterPath)
    }

    func string() throws(Refusal) -> String {
        switch value {
        case .string(let text), .text(let text): return text
        case .object, .array, .number, .bool, .null: throw mismatch("a string")
        }
    }

    func bool() throws(Refusal) -> Bool {
        switch value {
        case .bool(let flag): return flag
        case .text("true"): return true
        case .text("false"): return false
        case .text:
            throw Refusal(
                .parameterInvalid, "This must be true or false.", parameter: codingPath.parameterPath)
        case .object, .array, .number, .string, .null: throw mismatch("a Boolean")
        }
    }

    func integer<Integer: FixedWidthInteger>(_ type: Integer.Type) throws(Refusal) -> Integer {
        let spelling: String
        switch value {
        case .number(let text), .text(let text): spelling = text
        case .object, .array, .string, .bool, .null: throw mismatch("an integer")
        }
        let digits = spelling.utf8.drop { $0 == UInt8(ascii: "-") }
        guard !digits.isEmpty, digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else {
            throw Refusal(
                .parameterInvalid, "This must be an integer, without a fraction or an exponent.",
                parameter: codingPath.parameterPath)
        }
        guard let number = Integer(spelling) else {
            throw Refusal(
                .parameterInvalid, "This integer is out of range: it must lie between \(type.min) and \(type.max).",
                parameter: codingPath.parameterPath)
        }
        return number
    }

    /// No number of this API has a fraction: amounts are integers of minor units, rates are basis points.
    func fraction() -> Refusal { mismatch("an integer") }
}

/// The members of one object and which of them were read; shared by all containers over it.
final class StrictObject {
    let members: [JSONMember]
    let path: [any CodingKey]
    private let positions: [String: Int]
    private var unread: Set<Int>
    private var askedFor: [String] = []

    init(_ members: [JSONMember], at path: [any CodingKey]) {
        self.members = members
        self.path = path
        positions = Dictionary(members.enumerated().map { ($1.name, $0) }) { first, _ in first }
        unread = Set(members.indices)
    }

    func read(_ name: String) -> JSONValue? {
        guard let position = positions[name] else {
            if !askedFor.contains(name) { askedFor.append(name) }
            return nil
        }
        if unread.remove(position) != nil { askedFor.append(name) }
        return members[position].value
    }

    func refuseUnreadMembers() throws(Refusal) {
        guard let first = unread.min() else { return }
        let known =
            askedFor.isEmpty ? "No parameters are taken here." : "Known here: \(askedFor.joined(separator: ", "))."
        throw Refusal(
            .parameterUnknown, "This parameter is not known. \(known)",
            parameter: (path + [JSONKey(members[first].name)]).parameterPath)
    }
}

import FoundationEssentials

/// A JSON text, for looking into answers by name.
package enum JSON: Hashable, Sendable {
    case object([String: JSON])
    case array([JSON])
    case string(String)
    case int(Int)
    /// A number that is no integer, as it is written.
    case number(String)
    case bool(Bool)
    case null

    /// nil for a text that is not JSON, or in which an object names a member twice.
    package init?(_ text: String) {
        var reader = JSONReader(text)
        guard let value = reader.document() else { return nil }
        self = value
    }

    package subscript(name: String) -> JSON {
        guard case .object(let members) = self else { return .null }
        return members[name] ?? .null
    }

    package var string: String? {
        guard case .string(let text) = self else { return nil }
        return text
    }

    package var int: Int? {
        guard case .int(let number) = self else { return nil }
        return number
    }

    package var bool: Bool? {
        guard case .bool(let flag) = self else { return nil }
        return flag
    }

    package var array: [JSON]? {
        guard case .array(let elements) = self else { return nil }
        return elements
    }

    package subscript(path: [String]) -> JSON { path.reduce(self) { $0[$1] } }

    /// The value as JSON again.
    package var text: String {
        switch self {
        case .object(let members):
            "{" + members.map { "\(JSON.string($0.key).text):\($0.value.text)" }.joined(separator: ",") + "}"
        case .array(let elements): "[" + elements.map(\.text).joined(separator: ",") + "]"
        case .string(let text):
            (try? JSONEncoder().encode(text)).map { String(decoding: $0, as: UTF8.self) } ?? "\"\""
        case .int(let number): String(number)
        case .number(let text): text
        case .bool(let flag): String(flag)
        case .null: "null"
        }
    }
}

extension JSON: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
    ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    package init(stringLiteral value: String) { self = .string(value) }
    package init(integerLiteral value: Int) { self = .int(value) }
    package init(booleanLiteral value: Bool) { self = .bool(value) }
    package init(arrayLiteral elements: JSON...) { self = .array(elements) }
    package init(dictionaryLiteral elements: (String, JSON)...) {
        self = .object(Dictionary(elements, uniquingKeysWith: { _, last in last }))
    }
}

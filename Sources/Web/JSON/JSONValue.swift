/// A parsed JSON text. Numbers keep their spelling, so that `1.0` and `1e3` can be told from `1` and `1000`.
indirect enum JSONValue: Hashable, Sendable {
    case object([JSONMember])
    case array([JSONValue])
    case string(String)
    case number(String)
    case bool(Bool)
    case null
    /// A value of a query string: text that a reader may also take as an integer or a Boolean.
    case text(String)

    /// For messages: `a string`, `a number`.
    var kind: String {
        switch self {
        case .object: "an object"
        case .array: "an array"
        case .string, .text: "a string"
        case .number: "a number"
        case .bool: "a Boolean"
        case .null: "null"
        }
    }
}

struct JSONMember: Hashable, Sendable {
    let name: String
    let value: JSONValue
}

/// Why bytes are not acceptable JSON, and where.
struct JSONSyntaxError: Error, Hashable {
    let message: String
    /// How many bytes precede the fault.
    let offset: Int
}

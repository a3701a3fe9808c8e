import FoundationEssentials

/// An answer as a tree; members that are not there read as `.null`.
enum JSON: Decodable, Equatable, Sendable {
    case null
    case bool(Bool)
    case int(Int64)
    case fraction(Double)
    case string(String)
    case array([JSON])
    case object([String: JSON])

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? container.decode(Int64.self) {
            self = .int(value)
        } else if let value = try? container.decode(Double.self) {
            self = .fraction(value)
        } else if let value = try? container.decode(String.self) {
            self = .string(value)
        } else if let value = try? container.decode([JSON].self) {
            self = .array(value)
        } else {
            self = .object(try container.decode([String: JSON].self))
        }
    }

    init(bytes: [UInt8]) throws { self = try JSONDecoder().decode(JSON.self, from: Data(bytes)) }

    subscript(_ key: String) -> JSON {
        guard case .object(let object) = self else { return .null }
        return object[key] ?? .null
    }

    subscript(_ index: Int) -> JSON {
        guard case .array(let array) = self, array.indices.contains(index) else { return .null }
        return array[index]
    }

    var string: String? {
        guard case .string(let value) = self else { return nil }
        return value
    }

    var int: Int64? {
        guard case .int(let value) = self else { return nil }
        return value
    }

    var array: [JSON] {
        guard case .array(let value) = self else { return [] }
        return value
    }

    var keys: [String] {
        guard case .object(let value) = self else { return [] }
        return value.keys.sorted()
    }

    var id: String { self["id"].string ?? "" }
}

package import Domain
package import Hummingbird

/// A query string as the tree that its brackets describe: `created[gte]=1&expand[]=lines`.
/// Values are text that may be read as integers and Booleans too. Names are refused when they come twice.
struct QueryString {
    let root: JSONValue

    /// - Throws: `parameter_invalid` for broken percent-encoding, NUL characters, repeated names, tangled brackets.
    init(_ query: String) throws(Refusal) {
        var tree = Branch()
        for pair in query.split(separator: "&", omittingEmptySubsequences: true) {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = try Self.decoded(parts[0])
            let value = try parts.count > 1 ? Self.decoded(parts[1]) : ""
            try tree.insert(value, at: try Self.path(name), of: name)
        }
        root = tree.value
    }

    private static func decoded(_ text: Substring) throws(Refusal) -> String {
        guard let decoded = percentDecoded(text, plusIsSpace: true) else {
            throw Refusal(.parameterInvalid, "The query string is not valid percent-encoded UTF-8, or holds a NUL.")
        }
        return decoded
    }

    /// `a[b][]` to a, b and the empty name, which means "one more element".
    private static func path(_ name: String) throws(Refusal) -> [String] {
        guard let bracket = name.firstIndex(of: "[") else { return [name] }
        var path = [String(name[..<bracket])]
        var rest = name[bracket...]
        while !rest.isEmpty {
            guard rest.first == "[", let end = rest.firstIndex(of: "]") else {
                throw Refusal(.parameterInvalid, "The brackets of this name do not match.", parameter: name)
            }
            path.append(String(rest[rest.index(after: rest.startIndex)..<end]))
            rest = rest[rest.index(after: end)...]
        }
        guard path.count <= 4 else {
            throw Refusal(.parameterInvalid, "This name is nested too deep.", parameter: name)
        }
        return path
    }

    private struct Branch {
        var leaf: String?
        var names: [String] = []
        var members: [String: Branch] = [:]
        var elements: [String] = []

        var value: JSONValue {
            if let leaf { return .text(leaf) }
            if !elements.isEmpty { return .array(elements.map { .text($0) }) }
            return .object(names.compactMap { name in members[name].map { JSONMember(name: name, value: $0.value) } })
        }

        var isUsed: Bool { leaf != nil || !names.isEmpty || !elements.isEmpty }

        mutating func insert(_ value: String, at path: [String], of name: String) throws(Refusal) {
            guard let first = path.first else {
                guard !isUsed else {
                    throw Refusal(.parameterInvalid, "This parameter is given twice.", parameter: name)
                }
                leaf = value
                return
            }
            guard leaf == nil else {
                throw Refusal(.parameterInvalid, "This parameter is given twice.", parameter: name)
            }
            if first.isEmpty, path.count == 1 {
                guard names.isEmpty, elements.count < 100 else {
                    throw Refusal(.parameterInvalid, "This is not a list of values.", parameter: name)
                }
                elements.append(value)
                return
            }
            guard elements.isEmpty, !first.isEmpty else {
                throw Refusal(.parameterInvalid, "The brackets of this name do not match.", parameter: name)
            }
            var member = members[first] ?? Branch()
            if members[first] == nil { names.append(first) }
            try member.insert(value, at: Array(path.dropFirst()), of: name)
            members[first] = member
        }
    }
}

extension Request {
    /// The query string as a type: what the type does not read is refused by name.
    /// - Throws: `Refusal`.
    package func query<Filter: Decodable>(as type: Filter.Type) throws -> Filter {
        try StrictDecoder.decode(type, from: QueryString(uri.query ?? "").root, at: [])
    }

    /// A list's page and its own filters, from one query string.
    /// - Throws: `Refusal`.
    package func list<Filter: Decodable>(filteredBy type: Filter.Type) throws -> (PageRequest, Filter) {
        let query = try query(as: ListQuery<Filter>.self)
        return (query.page, query.filter)
    }

    /// The page of a list that takes no filters.
    /// - Throws: `Refusal`.
    package func page() throws -> PageRequest { try list(filteredBy: NoFilter.self).0 }

    /// Refuses any query parameter.
    package func refuseQuery() throws { _ = try query(as: NoFilter.self) }
}

private struct NoFilter: Decodable {}

/// - Returns: nil for a broken percent-encoding, for bytes that are not UTF-8, and for NUL characters.
func percentDecoded(_ text: Substring, plusIsSpace: Bool) -> String? {
    var bytes: [UInt8] = []
    var rest = text.utf8.makeIterator()
    while let byte = rest.next() {
        switch byte {
        case UInt8(ascii: "+") where plusIsSpace: bytes.append(0x20)
        case UInt8(ascii: "%"):
            guard let high = rest.next().flatMap(hexadecimalDigit), let low = rest.next().flatMap(hexadecimalDigit)
            else { return nil }
            bytes.append(high << 4 | low)
        case 0: return nil
        default: bytes.append(byte)
        }
    }
    return bytes.contains(0) ? nil : String(validating: bytes, as: UTF8.self)
}

private func hexadecimalDigit(_ byte: UInt8) -> UInt8? {
    Character(Unicode.Scalar(byte)).hexDigitValue.map { UInt8($0) }
}

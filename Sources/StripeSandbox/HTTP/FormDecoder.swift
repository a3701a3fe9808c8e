/// What a form body or query says, before its types are known.
enum FormValue: Sendable {
    case text(String)
    case list([FormValue])
    case hash([FormPair])
}

struct FormPair: Sendable {
    let key: String
    let value: FormValue
}

/// Reads Stripe's bracket notation: `a[b][c]=v`, `items[0][price]=v`, `expand[]=v`; brackets may be percent-encoded.
struct FormDecoder {
    /// A node while it is being filled; arrays and hashes are told apart when everything is in.
    private final class Node {
        var text: String?
        var keys: [String] = []
        var children: [String: Node] = [:]

        func child(_ key: String) -> Node {
            if let child = children[key] { return child }
            let child = Node()
            keys.append(key)
            children[key] = child
            return child
        }
    }

    static func decode(_ text: Substring) throws(StripeFailure) -> [FormPair] {
        let root = Node()
        for pair in text.utf8.split(separator: UInt8(ascii: "&"), omittingEmptySubsequences: true) {
            let halves = pair.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            let name = try unescape(halves[0])
            let value = halves.count > 1 ? try unescape(halves[1]) : ""
            try insert(name, value, into: root)
        }
        return try root.keys.map { key throws(StripeFailure) in
            guard let child = root.children[key] else { return FormPair(key: key, value: .text("")) }
            return FormPair(key: key, value: try finish(child, path: key))
        }
    }

    private static func insert(_ name: String, _ value: String, into root: Node) throws(StripeFailure) {
        var node: Node
        let path: [String]
        if let open = name.firstIndex(of: "["), open != name.startIndex {
            node = root.child(String(name[..<open]))
            path = try segments(name[open...], of: name)
        } else {
            node = root.child(name)
            path = []
        }
        for segment in path {
            let key = segment.isEmpty ? String(node.keys.count) : segment
            node = node.child(key)
        }
        guard node.text == nil || path.isEmpty else {
            throw .malformed("The parameter \(name) is given twice.")
        }
        node.text = value
    }

    private static func segments(_ text: Substring, of name: String) throws(StripeFailure) -> [String] {
        var segments: [String] = []
        var rest = text
        while !rest.isEmpty {
            guard rest.first == "[", let close = rest.firstIndex(of: "]") else {
                throw .malformed("Invalid parameter name: \(name)")
            }
            segments.append(String(rest[rest.index(after: rest.startIndex)..<close]))
            rest = rest[rest.index(after: close)...]
        }
        guard segments.count <= 10 else { throw .malformed("The parameter \(name) is nested too deeply.") }
        return segments
    }

    private static func finish(_ node: Node, path: String) throws(StripeFailure) -> FormValue {
        if node.children.isEmpty { return .text(node.text ?? "") }
        guard node.text == nil || node.text == "" else {
            throw .malformed("The parameter \(path) is both a value and a hash.")
        }
        var pairs: [FormPair] = []
        for key in node.keys {
            guard let child = node.children[key] else { continue }
            pairs.append(FormPair(key: key, value: try finish(child, path: "\(path)[\(key)]")))
        }
        let numbers = pairs.map { UInt16($0.key) }
        guard numbers.allSatisfy({ $0 != nil }) else { return .hash(pairs) }
        let order = numbers.indices.sorted { (numbers[$0] ?? 0) < (numbers[$1] ?? 0) }
        return .list(order.map { pairs[$0].value })
    }

    static func unescape(_ text: Substring.UTF8View) throws(StripeFailure) -> String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count)
        var index = text.startIndex
        while index < text.endIndex {
            let byte = text[index]
            text.formIndex(after: &index)
            switch byte {
            case UInt8(ascii: "+"): bytes.append(0x20)
            case UInt8(ascii: "%"):
                guard let high = digit(text, &index), let low = digit(text, &index) else {
                    throw .malformed("Invalid percent encoding in the request.")
                }
                bytes.append(high << 4 | low)
            default: bytes.append(byte)
            }
        }
        guard let decoded = String(validating: bytes, as: UTF8.self) else {
            throw .malformed("Invalid UTF-8 in the request.")
        }
        return decoded
    }

    private static func digit(_ text: Substring.UTF8View, _ index: inout Substring.UTF8View.Index) -> UInt8? {
        guard index < text.endIndex else { return nil }
        defer { text.formIndex(after: &index) }
        switch text[index] {
        case let byte where byte >= 0x30 && byte <= 0x39: return byte - 0x30
        case let byte where byte >= 0x41 && byte <= 0x46: return byte - 0x41 + 10
        case let byte where byte >= 0x61 && byte <= 0x66: return byte - 0x61 + 10
        default: return nil
        }
    }
}

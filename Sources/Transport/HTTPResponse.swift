/// The answer to an `HTTPRequest`, of whatever status: a 500 is an answer, not an error.
package struct HTTPResponse: Sendable {
    package enum Version: Sendable, Hashable {
        case http1_0, http1_1, http2, http3
    }

    package let status: Int
    package let headers: HTTPHeaders
    package let body: [UInt8]
    package let version: Version

    package init(status: Int, headers: HTTPHeaders = [], body: [UInt8] = [], version: Version = .http1_1) {
        self.status = status
        self.headers = headers
        self.body = body
        self.version = version
    }
}

/// Header fields in the order they came; names are looked up without regard to case.
package struct HTTPHeaders: Sendable, ExpressibleByArrayLiteral {
    package private(set) var fields: [(name: String, value: String)]

    package init(_ fields: [(String, String)]) { self.fields = fields.map { (name: $0.0, value: $0.1) } }
    package init(arrayLiteral elements: (String, String)...) { self.init(elements) }

    package mutating func append(_ name: String, _ value: String) { fields.append((name: name, value: value)) }

    /// The first value of that name.
    package subscript(name: String) -> String? {
        fields.first { Self.sameName($0.name, name) }?.value
    }

    package func values(of name: String) -> [String] {
        fields.filter { Self.sameName($0.name, name) }.map(\.value)
    }

    private static func sameName(_ left: String, _ right: String) -> Bool {
        left.utf8.count == right.utf8.count && zip(left.utf8, right.utf8).allSatisfy { lowercase($0) == lowercase($1) }
    }

    private static func lowercase(_ byte: UInt8) -> UInt8 {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
    }
}

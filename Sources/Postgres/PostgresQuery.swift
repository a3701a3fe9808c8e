/// A statement with its parameters. Interpolated values are bound, never spliced into the text:
/// `"SELECT * FROM sellers WHERE id = \(id)"`. Only `\(unescaped:)` splices, and takes nothing from outside.
package struct PostgresQuery: ExpressibleByStringInterpolation, Sendable {
    /// The text as PostgreSQL sees it, with `$1`, `$2`, … for the parameters.
    package private(set) var sql: String
    private(set) var parameters = PostgresParameters()
    /// Where in `sql` (in UTF-8 bytes) each placeholder starts.
    private var placeholders: [Int] = []

    package init(stringLiteral value: String) { sql = value }

    /// Trusted SQL without parameters.
    package init(unescaped sql: String) { self.sql = sql }

    package init(stringInterpolation: StringInterpolation) { self = stringInterpolation.query }

    package static func + (left: PostgresQuery, right: PostgresQuery) -> PostgresQuery {
        var sum = left
        sum += right
        return sum
    }

    package static func += (left: inout PostgresQuery, right: PostgresQuery) {
        guard !left.placeholders.isEmpty, !right.placeholders.isEmpty else {
            let shift = left.sql.utf8.count
            left.sql += right.sql
            left.placeholders += right.placeholders.map { $0 + shift }
            left.parameters.append(right.parameters)
            return
        }
        // Renumber what stands on the right.
        let text = Array(right.sql.utf8)
        var copied = 0
        for (index, start) in right.placeholders.enumerated() {
            left.sql += String(decoding: text[copied..<start], as: UTF8.self)
            left.appendPlaceholder()
            copied = start + 1 + String(index + 1).utf8.count
        }
        left.sql += String(decoding: text[copied...], as: UTF8.self)
        left.parameters.append(right.parameters)
    }

    private mutating func appendPlaceholder() {
        placeholders.append(sql.utf8.count)
        sql += "$"
        sql += String(placeholders.count)
    }

    package struct StringInterpolation: StringInterpolationProtocol {
        fileprivate var query = PostgresQuery(unescaped: "")

        package init(literalCapacity: Int, interpolationCount: Int) {
            query.sql.reserveCapacity(literalCapacity + 3 * interpolationCount)
        }

        package mutating func appendLiteral(_ literal: String) { query.sql += literal }

        package mutating func appendInterpolation<Value: PostgresEncodable>(_ value: Value) {
            query.appendPlaceholder()
            query.parameters.append(value)
        }

        /// Spelled out for optionals, so that binding one is not taken for printing it.
        package mutating func appendInterpolation<Value: PostgresEncodable>(_ value: Value?) {
            query.appendPlaceholder()
            query.parameters.append(value)
        }

        /// A part of a statement, with its own parameters.

        package mutating func appendInterpolation(_ part: PostgresQuery) { query += part }

        /// Trusted text: names of columns and tables that the program itself knows.
        package mutating func appendInterpolation(unescaped text: String) { query.sql += text }

        /// A name, quoted so that it can hold any character.
        package mutating func appendInterpolation(identifier name: String) {
            query.sql += PostgresQuery.quoted(identifier: name)
        }
    }

    static func quoted(identifier name: String) -> String {
        var text = "\""
        for character in name.unicodeScalars where character != "\0" {
            text.unicodeScalars.append(character)
            if character == "\"" { text += "\"" }
        }
        return text + "\""
    }
}

/// The bound values of a statement, encoded one behind the other.
struct PostgresParameters: Sendable {
    private(set) var types: [UInt32] = []
    private(set) var bytes: [UInt8] = []
    /// Offset and length of each value; a length of -1 is NULL.
    private(set) var places: [(offset: Int, length: Int)] = []

    var count: Int { types.count }

    mutating func append<Value: PostgresEncodable>(_ value: Value) {
        types.append(Value.postgresType.rawValue)
        let offset = bytes.count
        guard !value.isPostgresNull else {
            places.append((offset, -1))
            return
        }
        value.encode(into: &bytes)
        places.append((offset, bytes.count - offset))
    }

    mutating func append(_ other: PostgresParameters) {
        let shift = bytes.count
        types += other.types
        bytes += other.bytes
        places += other.places.map { ($0.offset + shift, $0.length) }
    }
}

/// A value that can be bound to a parameter. It is always sent apart from the statement, in binary form.
package protocol PostgresEncodable {
    static var postgresType: PostgresType { get }
    var isPostgresNull: Bool { get }
    /// Appends the value's binary form. Not called when `isPostgresNull`.
    func encode(into buffer: inout [UInt8])
}

extension PostgresEncodable {
    package var isPostgresNull: Bool { false }
}

/// A value that can stand in an array. `UInt8` is the odd one out: an array of it is a `bytea`.
package protocol PostgresArrayElement {
    static var postgresArrayType: PostgresType { get }
    static func encodeArray(_ values: [Self], into buffer: inout [UInt8])
    static func decodeArray(_ cell: PostgresCell) throws(PostgresDecodingError) -> [Self]
}

/// A type that binds, decodes and stands in arrays.
package typealias PostgresScalar = PostgresEncodable & PostgresDecodable & PostgresArrayElement

/// A domain type kept as text: an id, a state, a code. String-backed enums need nothing but the conformance.
package protocol PostgresTextual: PostgresScalar {
    var postgresText: String { get }
    /// - Returns: nil when the stored text is no such value; decoding then fails with the column's name.
    init?(postgresText: String)
}

extension PostgresTextual where Self: RawRepresentable, RawValue == String {
    package var postgresText: String { rawValue }

    package init?(postgresText: String) { self.init(rawValue: postgresText) }
}

extension PostgresTextual {
    package static var postgresType: PostgresType { .text }
    package static var postgresArrayType: PostgresType { .textArray }

    package func encode(into buffer: inout [UInt8]) { buffer.append(contentsOf: postgresText.utf8) }

    package init(from cell: PostgresCell) throws(PostgresDecodingError) {
        guard let value = Self(postgresText: try String(from: cell)) else {
            throw cell.failure(wanted: Self.self, "the text is not one of its values")
        }
        self = value
    }
}

extension Array where Element == UInt8 {
    @inline(__always)
    mutating func appendBigEndian<Integer: FixedWidthInteger>(_ value: Integer) {
        Swift.withUnsafeBytes(of: value.bigEndian) { append(contentsOf: $0) }
    }
}

extension Bool: PostgresEncodable, PostgresArrayElement {
    package static var postgresType: PostgresType { .bool }
    package static var postgresArrayType: PostgresType { .boolArray }
    package func encode(into buffer: inout [UInt8]) { buffer.append(self ? 1 : 0) }
}

extension Int16: PostgresEncodable, PostgresArrayElement {
    package static var postgresType: PostgresType { .int2 }
    package static var postgresArrayType: PostgresType { .int2Array }
    package func encode(into buffer: inout [UInt8]) { buffer.appendBigEndian(self) }
}

extension Int32: PostgresEncodable, PostgresArrayElement {
    package static var postgresType: PostgresType { .int4 }
    package static var postgresArrayType: PostgresType { .int4Array }
    package func encode(into buffer: inout [UInt8]) { buffer.appendBigEndian(self) }
}

extension Int64: PostgresEncodable, PostgresArrayElement {
    package static var postgresType: PostgresType { .int8 }
    package static var postgresArrayType: PostgresType { .int8Array }
    package func encode(into buffer: inout [UInt8]) { buffer.appendBigEndian(self) }
}

extension Int: PostgresEncodable, PostgresArrayElement {
    package static var postgresType: PostgresType { .int8 }
    package static var postgresArrayType: PostgresType { .int8Array }
    package func encode(into buffer: inout [UInt8]) { buffer.appendBigEndian(Int64(self)) }
}

extension Double: PostgresEncodable, PostgresArrayElement {
    package static var postgresType: PostgresType { .float8 }
    package static var postgresArrayType: PostgresType { .float8Array }
    package func encode(into buffer: inout [UInt8]) { buffer.appendBigEndian(bitPattern) }
}

extension String: PostgresEncodable, PostgresArrayElement {
    package static var postgresType: PostgresType { .text }
    package static var postgresArrayType: PostgresType { .textArray }
    package func encode(into buffer: inout [UInt8]) { buffer.append(contentsOf: utf8) }
}

extension PostgresInstant: PostgresEncodable, PostgresArrayElement {
    package static var postgresType: PostgresType { .timestamptz }
    package static var postgresArrayType: PostgresType { .timestamptzArray }

    package func encode(into buffer: inout [UInt8]) {
        let (shifted, overflow) = microsecondsSince1970.subtractingReportingOverflow(Self.epochShift)
        buffer.appendBigEndian(overflow ? Int64.min : shifted)  // PostgreSQL's "-infinity"
    }
}

extension PostgresJSON: PostgresEncodable, PostgresArrayElement {
    package static var postgresType: PostgresType { .jsonb }
    package static var postgresArrayType: PostgresType { .jsonbArray }

    package func encode(into buffer: inout [UInt8]) {
        buffer.append(1)  // the version of jsonb's binary form
        buffer.append(contentsOf: text.utf8)
    }
}

/// Bound as `interval`, in microseconds; finer parts are dropped.
extension Duration: PostgresEncodable, PostgresArrayElement {
    package static var postgresType: PostgresType { .interval }
    package static var postgresArrayType: PostgresType { .intervalArray }

    package func encode(into buffer: inout [UInt8]) {
        let (seconds, attoseconds) = components
        let micro = seconds.multipliedReportingOverflow(by: 1_000_000)
        let sum = micro.partialValue.addingReportingOverflow(attoseconds / 1_000_000_000_000)
        let limit = seconds < 0 ? Int64.min : Int64.max
        buffer.appendBigEndian(micro.overflow || sum.overflow ? limit : sum.partialValue)
        buffer.appendBigEndian(Int32(0))  // days
        buffer.appendBigEndian(Int32(0))  // months
    }
}

extension Optional: PostgresEncodable where Wrapped: PostgresEncodable {
    package static var postgresType: PostgresType { Wrapped.postgresType }

    package var isPostgresNull: Bool {
        switch self {
        case .some(let value): value.isPostgresNull
        case .none: true
        }
    }

    package func encode(into buffer: inout [UInt8]) {
        if let self { self.encode(into: &buffer) }
    }
}

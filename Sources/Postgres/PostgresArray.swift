extension Array: PostgresEncodable where Element: PostgresArrayElement {
    package static var postgresType: PostgresType { Element.postgresArrayType }
    package func encode(into buffer: inout [UInt8]) { Element.encodeArray(self, into: &buffer) }
}

extension Array: PostgresDecodable where Element: PostgresArrayElement {
    package init(from cell: PostgresCell) throws(PostgresDecodingError) {
        self = try Element.decodeArray(cell)
    }
}

extension PostgresArrayElement where Self: PostgresEncodable & PostgresDecodable {
    package static func encodeArray(_ values: [Self], into buffer: inout [UInt8]) {
        ArrayForm.encode(values, into: &buffer)
    }

    package static func decodeArray(_ cell: PostgresCell) throws(PostgresDecodingError) -> [Self] {
        try ArrayForm.decode(cell)
    }
}

/// `[UInt8]` is `bytea`.
extension UInt8: PostgresArrayElement {
    package static var postgresArrayType: PostgresType { .bytea }

    package static func encodeArray(_ values: [UInt8], into buffer: inout [UInt8]) {
        buffer.append(contentsOf: values)
    }

    package static func decodeArray(_ cell: PostgresCell) throws(PostgresDecodingError) -> [UInt8] {
        try cell.require(.bytea, wanted: [UInt8].self)
        return try cell.bytes(wanted: [UInt8].self) { Array($0) }
    }
}

/// `[[UInt8]]` is `bytea[]`; deeper nesting has no meaning and does not compile.
extension Array: PostgresArrayElement where Element == UInt8 {
    package static var postgresArrayType: PostgresType { .byteaArray }
}

extension Optional: PostgresArrayElement where Wrapped: PostgresScalar {
    package static var postgresArrayType: PostgresType { Wrapped.postgresArrayType }
}

/// PostgreSQL's binary form of a one-dimensional array.
private enum ArrayForm {
    static func encode<Element: PostgresEncodable>(_ values: [Element], into buffer: inout [UInt8]) {
        let hasNull = values.contains { $0.isPostgresNull }
        buffer.appendBigEndian(Int32(values.isEmpty ? 0 : 1))  // dimensions
        buffer.appendBigEndian(Int32(hasNull ? 1 : 0))
        buffer.appendBigEndian(Element.postgresType.rawValue)
        guard !values.isEmpty else { return }
        buffer.appendBigEndian(Int32(values.count))
        buffer.appendBigEndian(Int32(1))  // lower bound
        for value in values {
            guard !value.isPostgresNull else {
                buffer.appendBigEndian(Int32(-1))
                continue
            }
            let lengthOffset = buffer.count
            buffer.appendBigEndian(Int32(0))
            value.encode(into: &buffer)
            let length = Int32(buffer.count - lengthOffset - 4)
            withUnsafeBytes(of: length.bigEndian) { bytes in
                for (index, byte) in bytes.enumerated() { buffer[lengthOffset + index] = byte }
            }
        }
    }

    static func decode<Element: PostgresDecodable>(
        _ cell: PostgresCell
    ) throws(PostgresDecodingError) -> [Element] {
        var reader = CellReader(cell: cell, wanted: [Element].self)
        let dimensions = try reader.integer(Int32.self)
        _ = try reader.integer(Int32.self)  // whether NULLs occur
        let type = PostgresType(rawValue: try reader.integer(UInt32.self))
        guard dimensions != 0 else { return [] }
        guard dimensions == 1 else {
            throw cell.failure(wanted: [Element].self, "it has \(dimensions) dimensions, only one is supported")
        }
        let count = Int(try reader.integer(Int32.self))
        _ = try reader.integer(Int32.self)  // lower bound
        var values: [Element] = []
        values.reserveCapacity(count)
        for _ in 0..<count {
            let length = Int(try reader.integer(Int32.self))
            values.append(try Element(from: try reader.element(length: length, type: type)))
        }
        return values
    }
}

/// Walks through a cell's bytes, refusing to leave them.
struct CellReader {
    let cell: PostgresCell
    let wanted: Any.Type
    private var offset = 0

    init(cell: PostgresCell, wanted: Any.Type) {
        self.cell = cell
        self.wanted = wanted
    }

    mutating func integer<Integer: FixedWidthInteger>(_: Integer.Type) throws(PostgresDecodingError) -> Integer {
        let size = MemoryLayout<Integer>.size
        let start = offset
        let value: Integer? = try cell.bytes(wanted: wanted) { bytes in
            guard bytes.count - start >= size else { return nil }
            return Integer(bigEndian: bytes.loadUnaligned(fromByteOffset: start, as: Integer.self))
        }
        guard let value else { throw cell.failure(wanted: wanted, "its binary form is too short") }
        offset += size
        return value
    }

    mutating func element(length: Int, type: PostgresType) throws(PostgresDecodingError) -> PostgresCell {
        guard length >= 0 else { return cell.part(nil, type: type) }
        guard length <= cell.length - offset else { throw cell.failure(wanted: wanted, "its binary form is too short") }
        defer { offset += length }
        return cell.part(offset..<(offset + length), type: type)
    }
}

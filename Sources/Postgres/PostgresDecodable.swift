/// A value that can be read from a column. Types are checked, nothing is converted silently.
package protocol PostgresDecodable {
    init(from cell: PostgresCell) throws(PostgresDecodingError)
}

extension Optional: PostgresDecodable where Wrapped: PostgresDecodable {
    package init(from cell: PostgresCell) throws(PostgresDecodingError) {
        self = cell.isNull ? nil : try Wrapped(from: cell)
    }
}

extension Bool: PostgresDecodable {
    package init(from cell: PostgresCell) throws(PostgresDecodingError) {
        try cell.require(.bool, wanted: Self.self)
        self = try cell.bytes(wanted: Self.self) { $0.first == 1 }
    }
}

extension Int16: PostgresDecodable {
    package init(from cell: PostgresCell) throws(PostgresDecodingError) { self = try cell.integer() }
}

extension Int32: PostgresDecodable {
    package init(from cell: PostgresCell) throws(PostgresDecodingError) { self = try cell.integer() }
}

extension Int64: PostgresDecodable {
    package init(from cell: PostgresCell) throws(PostgresDecodingError) { self = try cell.integer() }
}

extension Int: PostgresDecodable {
    package init(from cell: PostgresCell) throws(PostgresDecodingError) { self = try cell.integer() }
}

extension Double: PostgresDecodable {
    package init(from cell: PostgresCell) throws(PostgresDecodingError) {
        var reader = CellReader(cell: cell, wanted: Self.self)
        switch cell.type {
        case .float4: self = Double(Float(bitPattern: try reader.integer(UInt32.self)))
        case .float8: self = Double(bitPattern: try reader.integer(UInt64.self))
        default: throw cell.failure(wanted: Self.self, "it is no floating-point number")
        }
    }
}

extension String: PostgresDecodable {
    package init(from cell: PostgresCell) throws(PostgresDecodingError) {
        switch cell.type {
        case .text, .varchar, .bpchar, .name, .char, .unknown, .json: self = try cell.text(dropping: 0)
        case .jsonb: self = try cell.text(dropping: 1)
        case .numeric: self = try NumericForm(from: cell).text
        case .uuid: self = try cell.bytes(wanted: Self.self, Self.uuidText)
        case let type where type.isUserDefined: self = try cell.text(dropping: 0)
        default: throw cell.failure(wanted: Self.self, "it is no text; cast it in the query with ::text")
        }
    }

    private static func uuidText(_ bytes: UnsafeRawBufferPointer) -> String {
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        text.reserveCapacity(36)
        for (index, byte) in bytes.enumerated() {
            if [4, 6, 8, 10].contains(index) { text.append(UInt8(ascii: "-")) }
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }
}

extension PostgresInstant: PostgresDecodable {
    package init(from cell: PostgresCell) throws(PostgresDecodingError) {
        try cell.require(.timestamptz, wanted: Self.self)
        var reader = CellReader(cell: cell, wanted: Self.self)
        let value = try reader.integer(Int64.self)
        let (shifted, overflow) = value.addingReportingOverflow(Self.epochShift)
        guard value != .min, value != .max, !overflow else {
            throw cell.failure(wanted: Self.self, "it is infinite")
        }
        self.init(microsecondsSince1970: shifted)
    }
}

extension PostgresJSON: PostgresDecodable {
    package init(from cell: PostgresCell) throws(PostgresDecodingError) {
        switch cell.type {
        case .json: self.init(try cell.text(dropping: 0))
        case .jsonb: self.init(try cell.text(dropping: 1))
        default: throw cell.failure(wanted: Self.self, "it is no JSON")
        }
    }
}

extension Duration: PostgresDecodable {
    package init(from cell: PostgresCell) throws(PostgresDecodingError) {
        try cell.require(.interval, wanted: Self.self)
        var reader = CellReader(cell: cell, wanted: Self.self)
        let micro = try reader.integer(Int64.self)
        let days = try reader.integer(Int32.self)
        guard try reader.integer(Int32.self) == 0 else {
            throw cell.failure(wanted: Self.self, "it counts months, whose length varies")
        }
        self = .microseconds(micro) + .seconds(Int64(days) * 86_400)
    }
}

extension PostgresCell {
    func integer<Integer: FixedWidthInteger>() throws(PostgresDecodingError) -> Integer {
        var reader = CellReader(cell: self, wanted: Integer.self)
        let wide: Int64
        switch type {
        case .int8: wide = try reader.integer(Int64.self)
        case .int4: wide = Int64(try reader.integer(Int32.self))
        case .int2: wide = Int64(try reader.integer(Int16.self))
        case .oid: wide = Int64(try reader.integer(UInt32.self))
        case .numeric:
            guard let value = Int64(try NumericForm(from: self).text) else {
                throw failure(wanted: Integer.self, "it is no whole number of 64 bits")
            }
            wide = value
        default: throw failure(wanted: Integer.self, "it is no whole number")
        }
        guard let value = Integer(exactly: wide) else {
            throw failure(wanted: Integer.self, "the number does not fit")
        }
        return value
    }

    func text(dropping prefix: Int) throws(PostgresDecodingError) -> String {
        let text: String? = try bytes(wanted: String.self) { String(validating: $0.dropFirst(prefix), as: UTF8.self) }
        guard let text else { throw failure(wanted: String.self, "it is not UTF-8") }
        return text
    }

    func require(_ expected: PostgresType, wanted: Any.Type) throws(PostgresDecodingError) {
        guard type == expected else { throw failure(wanted: wanted, "\(expected) is needed") }
    }
}

/// PostgreSQL's `numeric`: groups of four decimal digits. Sums of bigint columns come in it.
struct NumericForm {
    let text: String

    init(from cell: PostgresCell) throws(PostgresDecodingError) {
        var reader = CellReader(cell: cell, wanted: String.self)
        let count = Int(try reader.integer(Int16.self))
        let weight = Int(try reader.integer(Int16.self))
        let sign = try reader.integer(UInt16.self)
        let scale = Int(try reader.integer(UInt16.self))
        guard sign == 0 || sign == 0x4000 else {
            throw cell.failure(wanted: String.self, "it is not a finite number")
        }
        var groups: [Int] = []
        for _ in 0..<max(0, count) { groups.append(Int(try reader.integer(Int16.self))) }

        var whole = ""
        for position in 0...max(0, weight) {
            let group = position <= weight && position < groups.count ? groups[position] : 0
            whole += whole.isEmpty || whole == "0" ? String(group) : Self.fourDigits(group)
        }
        var fraction = ""
        var position = weight + 1
        while fraction.utf8.count < scale {
            fraction += position >= 0 && position < groups.count ? Self.fourDigits(groups[position]) : "0000"
            position += 1
        }
        let digits = scale > 0 ? "\(whole).\(fraction.prefix(scale))" : whole
        text = sign == 0 ? digits : "-" + digits
    }

    private static func fourDigits(_ value: Int) -> String {
        let text = String(value)
        return String(repeating: "0", count: 4 - text.utf8.count) + text
    }
}

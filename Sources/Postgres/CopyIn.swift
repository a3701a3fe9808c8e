/// A value of a row that is copied in. Written in COPY's text form, so PostgreSQL converts it to the column's type.
package enum PostgresCopyValue: Sendable, ExpressibleByStringLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByNilLiteral, ExpressibleByBooleanLiteral
{
    case null
    case text(String)
    case integer(Int64)
    case bool(Bool)
    case bytes([UInt8])
    case instant(PostgresInstant)

    package init(stringLiteral value: String) { self = .text(value) }
    package init(integerLiteral value: Int64) { self = .integer(value) }
    package init(booleanLiteral value: Bool) { self = .bool(value) }
    package init(nilLiteral: ()) { self = .null }

    func write(into buffer: inout [UInt8]) {
        switch self {
        case .null: buffer.append(contentsOf: [UInt8(ascii: "\\"), UInt8(ascii: "N")])
        case .text(let text): Self.writeEscaped(text.utf8, into: &buffer)
        case .integer(let value): buffer.append(contentsOf: String(value).utf8)
        case .bool(let value): buffer.append(value ? UInt8(ascii: "t") : UInt8(ascii: "f"))
        case .bytes(let bytes):
            let digits = Array("0123456789abcdef".utf8)
            buffer.append(contentsOf: "\\\\x".utf8)  // the backslash itself is escaped
            for byte in bytes {
                buffer.append(digits[Int(byte >> 4)])
                buffer.append(digits[Int(byte & 15)])
            }
        case .instant(let instant): buffer.append(contentsOf: CivilTime(instant).text.utf8)
        }
    }

    private static func writeEscaped(_ bytes: some Sequence<UInt8>, into buffer: inout [UInt8]) {
        let backslash = UInt8(ascii: "\\")
        for byte in bytes {
            switch byte {
            case backslash: buffer.append(contentsOf: [backslash, backslash])
            case 0x0A: buffer.append(contentsOf: [backslash, UInt8(ascii: "n")])
            case 0x0D: buffer.append(contentsOf: [backslash, UInt8(ascii: "r")])
            case 0x09: buffer.append(contentsOf: [backslash, UInt8(ascii: "t")])
            default: buffer.append(byte)
            }
        }
    }
}

extension PostgresConnection {
    /// How much is written before we wait for the server to take it.
    private static var chunkSize: Int { 64 * 1024 }

    /// Adds rows with COPY, by far the fastest way for many of them: all are stored or none. The table's name stands
    /// as SQL spells it, with a schema if need be; it never comes from outside. Gives the number of rows stored.
    @discardableResult
    package func copyIn(
        into table: String, columns: [String], rows: some Sequence<[PostgresCopyValue]>
    ) async throws -> Int {
        var iterator = rows.makeIterator()
        return try await copyIn(into: table, columns: columns) { iterator.next() }
    }

    /// The same with rows that come one by one; `nil` from `next` ends them. When `next` throws, nothing is stored.
    @discardableResult
    package func copyIn(
        into table: String, columns: [String], next: () async throws -> [PostgresCopyValue]?
    ) async throws -> Int {
        let names = columns.map(PostgresQuery.quoted(identifier:)).joined(separator: ", ")
        try await beginIfPending()
        _ = try await exchange(.copyBegin("COPY \(table) (\(names)) FROM STDIN"), mayCommit: false)
        do {
            var buffer: [UInt8] = []
            buffer.reserveCapacity(Self.chunkSize + 4096)
            while let row = try await next() {
                guard row.count == columns.count else {
                    throw PostgresError.misuse("a row has \(row.count) values for \(columns.count) columns")
                }
                for (index, value) in row.enumerated() {
                    if index > 0 { buffer.append(0x09) }
                    value.write(into: &buffer)
                }
                buffer.append(0x0A)
                if buffer.count >= Self.chunkSize {
                    _ = try await exchange(.copyChunk(buffer), mayCommit: false)
                    buffer.removeAll(keepingCapacity: true)
                }
            }
            if !buffer.isEmpty { _ = try await exchange(.copyChunk(buffer), mayCommit: false) }
        } catch {
            await abandonCopy()
            throw error
        }
        let answer = try await exchange(.copyEnd(failure: nil), mayCommit: true)
        return answer.results.last?.affectedRows ?? 0
    }

    /// Tells the server to forget the rows. It answers with an error (57014), which is what we asked for; on a broken
    /// connection there is nothing to forget.
    private func abandonCopy() async {
        _ = try? await wire.exchange(.copyEnd(failure: "the rows ended early"), mayCommit: false, isShielded: true)
    }
}

/// A point in time written out, in UTC.
struct CivilTime {
    let text: String

    init(_ instant: PostgresInstant) {
        let perDay: Int64 = 86_400_000_000
        var days = instant.microsecondsSince1970 / perDay
        var rest = instant.microsecondsSince1970 % perDay
        if rest < 0 {
            rest += perDay
            days -= 1
        }
        // Days to year, month, day in the proleptic Gregorian calendar (Howard Hinnant, "chrono-compatible dates").
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)

        func padded(_ value: Int64, _ width: Int) -> String {
            let text = String(value)
            return String(repeating: "0", count: max(0, width - text.utf8.count)) + text
        }
        let seconds = rest / 1_000_000
        let clock = [seconds / 3600, seconds / 60 % 60, seconds % 60].map { padded($0, 2) }.joined(separator: ":")
        let date = "\(padded(year > 0 ? year : 1 - year, 4))-\(padded(month, 2))-\(padded(day, 2))"
        text = "\(date) \(clock).\(padded(rest % 1_000_000, 6))+00\(year > 0 ? "" : " BC")"
    }
}

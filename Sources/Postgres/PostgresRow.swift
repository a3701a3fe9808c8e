import CLibPQ
import Glibc

/// What one statement answered. libpq's result never changes after it is made, so tasks may share it.
final class PostgresResult: @unchecked Sendable {  // immutable: `pointer` is only read until it is freed
    private let pointer: OpaquePointer

    /// Takes over the result and frees it.
    init(taking pointer: OpaquePointer) { self.pointer = pointer }

    deinit { PQclear(pointer) }

    var rowCount: Int { Int(PQntuples(pointer)) }

    var columnCount: Int { Int(PQnfields(pointer)) }

    /// "INSERT 0 3", "COMMIT", "ROLLBACK", …
    var commandTag: String { String(cString: PQcmdStatus(pointer)) }

    /// Rows that were read or changed, 0 for statements that count none.
    var affectedRows: Int { Int(String(cString: PQcmdTuples(pointer))) ?? 0 }

    var rows: [PostgresRow] { (0..<rowCount).map { PostgresRow(result: self, row: Int32($0)) } }

    func name(of column: Int) -> String { PQfname(pointer, Int32(column)).map { String(cString: $0) } ?? "" }

    func type(of column: Int) -> PostgresType { PostgresType(rawValue: PQftype(pointer, Int32(column))) }

    /// Exact comparison; of equal names the first wins.
    func index(of name: String) -> Int? {
        let count = columnCount
        return name.withCString { wanted in
            var index = 0
            while index < count {
                if let name = PQfname(pointer, Int32(index)), strcmp(name, wanted) == 0 { return index }
                index += 1
            }
            return nil
        }
    }

    func isNull(_ row: Int32, _ column: Int) -> Bool { PQgetisnull(pointer, row, Int32(column)) == 1 }

    func length(_ row: Int32, _ column: Int) -> Int { Int(PQgetlength(pointer, row, Int32(column))) }

    func withBytes<Value>(
        _ row: Int32, _ column: Int, _ range: Range<Int>, _ body: (UnsafeRawBufferPointer) -> Value
    ) -> Value {
        let start = UnsafeRawPointer(PQgetvalue(pointer, row, Int32(column)))
        return withExtendedLifetime(self) {
            body(UnsafeRawBufferPointer(start: start.map { $0 + range.lowerBound }, count: range.count))
        }
    }
}

/// One row of an answer. Cheap to pass around: it refers to the answer, which lives as long as any row of it.
package struct PostgresRow: Sendable {
    let result: PostgresResult
    let row: Int32

    package var columns: [String] { (0..<result.columnCount).map { result.name(of: $0) } }

    /// Reads a column by the name that the answer gives it. A column that is missing, NULL or of another type is a
    /// `.decoding` error that names it.
    package func get<Value: PostgresDecodable>(
        _ column: String, as type: Value.Type = Value.self
    ) throws(PostgresError) -> Value {
        guard let index = result.index(of: column) else {
            throw .decoding(
                PostgresDecodingError(
                    column: column, found: "nothing", wanted: "\(Value.self)",
                    reason: "the answer has only \(columns.joined(separator: ", "))"))
        }
        return try get(index)
    }

    /// Reads a column by its place, counted from 0.
    package func get<Value: PostgresDecodable>(
        _ index: Int, as type: Value.Type = Value.self
    ) throws(PostgresError) -> Value {
        guard index >= 0, index < result.columnCount else {
            throw .decoding(
                PostgresDecodingError(
                    column: "#\(index)", found: "nothing", wanted: "\(Value.self)",
                    reason: "the answer has \(result.columnCount) columns"))
        }
        do {
            return try Value(from: PostgresCell(result: result, row: row, column: index))
        } catch {
            throw .decoding(error)
        }
    }
}

/// One value of an answer, or one element of an array in it.
package struct PostgresCell: Sendable {
    private let result: PostgresResult
    private let row: Int32
    private let column: Int
    private let range: Range<Int>?
    package let type: PostgresType

    init(result: PostgresResult, row: Int32, column: Int) {
        self.result = result
        self.row = row
        self.column = column
        type = result.type(of: column)
        range = result.isNull(row, column) ? nil : 0..<result.length(row, column)
    }

    private init(_ whole: PostgresCell, range: Range<Int>?, type: PostgresType) {
        result = whole.result
        row = whole.row
        column = whole.column
        self.range = range
        self.type = type
    }

    package var isNull: Bool { range == nil }

    var length: Int { range?.count ?? 0 }

    package var columnName: String { result.name(of: column) }

    /// The value's binary form.
    /// - Throws: when the value is NULL.
    package func bytes<Value>(
        wanted: Any.Type, _ body: (UnsafeRawBufferPointer) -> Value
    ) throws(PostgresDecodingError) -> Value {
        guard let range else { throw failure(wanted: wanted, "it is NULL") }
        return result.withBytes(row, column, range, body)
    }

    package func failure(wanted: Any.Type, _ reason: String) -> PostgresDecodingError {
        PostgresDecodingError(
            column: columnName, found: "\(type)", wanted: "\(wanted)", reason: isNull ? "it is NULL" : reason)
    }

    func part(_ part: Range<Int>?, type: PostgresType) -> PostgresCell {
        let base = range?.lowerBound ?? 0
        return PostgresCell(
            self, range: part.map { (base + $0.lowerBound)..<(base + $0.upperBound) }, type: type)
    }
}

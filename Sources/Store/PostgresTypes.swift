package import Domain
import FoundationEssentials
package import Postgres

// How the domain's types stand in columns: ids and currencies as text, moments as timestamptz.

extension ID: PostgresTextual {
    package var postgresText: String { rawValue }
    package init?(postgresText: String) { self.init(postgresText) }
}

extension StripeID: PostgresTextual {}

extension Currency: PostgresTextual {
    package var postgresText: String { code }
    package init?(postgresText: String) { self.init(postgresText) }
}

extension Timestamp: PostgresScalar {
    package static var postgresType: PostgresType { PostgresInstant.postgresType }
    package static var postgresArrayType: PostgresType { PostgresInstant.postgresArrayType }

    package func encode(into buffer: inout [UInt8]) { PostgresInstant(self).encode(into: &buffer) }

    package init(from cell: PostgresCell) throws(PostgresDecodingError) {
        self.init(try PostgresInstant(from: cell))
    }

    package static func encodeArray(_ values: [Timestamp], into buffer: inout [UInt8]) {
        PostgresInstant.encodeArray(values.map(PostgresInstant.init), into: &buffer)
    }

    package static func decodeArray(_ cell: PostgresCell) throws(PostgresDecodingError) -> [Timestamp] {
        var moments: [Timestamp] = []
        for instant in try PostgresInstant.decodeArray(cell) { moments.append(Timestamp(instant)) }
        return moments
    }

    private init(_ instant: PostgresInstant) {
        self.init(milliseconds: instant.microsecondsSince1970 / 1000)
    }
}

extension PostgresInstant {
    fileprivate init(_ moment: Timestamp) { self.init(microsecondsSince1970: moment.milliseconds * 1000) }
}

extension PostgresJSON {
    /// Reads what some build of Souk stored: members that this one does not know are left alone.
    package func read<Value: Decodable>(as type: Value.Type) throws -> Value {
        do {
            return try JSONDecoder().decode(type, from: Data(text.utf8))
        } catch {
            throw UnreadableJSON(description: "stored \(type) cannot be read: \(error)")
        }
    }

    /// A value as it stands in a jsonb column; `read` gives it back.
    package init(encoding value: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        self.init(String(decoding: try encoder.encode(value), as: UTF8.self))
    }
}

extension PostgresRow {
    /// A word that must be one of ours.
    package func known<Word: RawRepresentable<String>>(
        _ column: String, as type: Word.Type = Word.self
    ) throws -> Word {
        let text: String = try get(column)
        guard let word = Word(rawValue: text) else {
            throw UnknownWord(column: column, text: text, wanted: "\(Word.self)")
        }
        return word
    }
}

/// A row has a word that this build does not know: for the log and an operation's reason.
struct UnknownWord: Error, CustomStringConvertible {
    let column: String
    let text: String
    let wanted: String

    var description: String { "\(column) is '\(text)', which is no \(wanted): was a newer version of Souk here?" }
}

/// What stands in a jsonb column is not what this build expects there: for the log and an operation's reason.
struct UnreadableJSON: Error, CustomStringConvertible {
    let description: String
}

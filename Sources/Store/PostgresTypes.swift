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
    /// A value as it stands in a jsonb column; decode it with `JSONDecoder`.
    package init(encoding value: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        self.init(String(decoding: try encoder.encode(value), as: UTF8.self))
    }
}

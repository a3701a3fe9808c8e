import Domain
import Postgres
import Store

/// The last seal of the books: SHA-256 over the entries of a closed month and over the seal before, and so over everything up to
/// the end of that month. Whoever keeps it elsewhere can tell later whether anything was changed.
package struct BookSeal: Encodable, Hashable, Sendable, CustomStringConvertible {
    package let month: BookMonth
    /// Of that month alone.
    package let entries: Int64
    /// Hexadecimal.
    package let hash: String

    package var description: String {
        "Sealed to the end of \(month), with \(entries) entr\(entries == 1 ? "y" : "ies") in it: \(hash)"
    }

    private enum CodingKeys: String, CodingKey { case month, entries, hash }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(month.description, forKey: .month)
        try container.encode(entries, forKey: .entries)
        try container.encode(hash, forKey: .hash)
    }
}

extension Store {
    /// - Returns: nil while no month has been closed.
    package func lastSeal() async throws -> BookSeal? {
        let rows = try await query(
            """
            SELECT to_char(month, 'YYYY-MM') AS month, entries, encode(seal, 'hex') AS hash FROM closed_months
            WHERE seal IS NOT NULL ORDER BY closed_months.month DESC LIMIT 1
            """)
        guard let row = rows.first, let month = BookMonth(try row.get("month")) else { return nil }
        return BookSeal(month: month, entries: try row.get("entries"), hash: try row.get("hash"))
    }
}

extension BooksCheck {
    /// Each closed month as it is, against what was sealed.
    func sealedMonths() async throws -> [BooksFault] {
        try await faults(
            .closedMonthChanged,
            """
            SELECT to_char(month, 'YYYY-MM') AS object,
                'it has ' || now.entries || ' entries, and had ' || sealed.entries
                    || ' when it was sealed; its own or those of a month before were changed since' AS detail
            FROM (
                SELECT month, entries, seal, coalesce(lag(seal) OVER (ORDER BY month), '') AS before
                FROM closed_months WHERE seal IS NOT NULL
            ) AS sealed, LATERAL ledger_seal(month, before) AS now
            WHERE now.seal <> sealed.seal ORDER BY month
            """)
    }
}

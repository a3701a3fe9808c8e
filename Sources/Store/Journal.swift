import Domain
package import Ledger
import Postgres

extension StoreTransaction {
    /// Writes entries to the journal. An entry whose cause is already there is the same fact told again, and is left out.
    /// - Returns: the causes that are new.
    @discardableResult
    package func append(_ entries: [JournalEntry]) async throws -> Set<Cause> {
        guard !entries.isEmpty else { return [] }
        var legs = PostingColumns()
        for (place, entry) in entries.enumerated() {
            for posting in entry.postings { legs.add(posting, ofEntry: Int64(place + 1)) }
        }
        let rows = try await query(
            """
            SELECT ledger_post(
                \(entries.map { _ in makeID(JournalEntryRow.self).rawValue }), \(entries.map(\.cause.rawValue)),
                \(entries.map(\.effectiveAt.milliseconds)), \(entries.map(\.dimensions.owner.code)),
                \(entries.map(\.dimensions.seller?.rawValue)), \(entries.map(\.dimensions.order?.rawValue)),
                \(legs.entries), \(legs.codes), \(legs.currencies), \(legs.normalSides), \(legs.amounts),
                \(legs.subjects)
            ) AS cause
            """)
        return Set(try rows.map { Cause(rawValue: try $0.get("cause")) })
    }
}

/// Postings as parallel arrays, one for each parameter of `ledger_post`.
private struct PostingColumns {
    var entries: [Int64] = []
    var codes: [String] = []
    var currencies: [String] = []
    var normalSides: [String] = []
    var amounts: [Int64] = []
    var subjects: [String?] = []

    mutating func add(_ posting: Posting, ofEntry place: Int64) {
        entries.append(place)
        codes.append(posting.account.code)
        currencies.append(posting.amount.currency.code)
        normalSides.append(posting.account.normalSide.rawValue)
        amounts.append(posting.signedMinorUnits)
        subjects.append(posting.subject)
    }
}

import Domain
package import Ledger
import Postgres
import Synchronization

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
        let ids = entries.map { _ in makeID(JournalEntryRow.self).rawValue }
        let rows = try await query(
            """
            SELECT ledger_post(
                \(ids), \(entries.map(\.cause.rawValue)),
                \(entries.map(\.effectiveAt.milliseconds)), \(entries.map(\.dimensions.owner.code)),
                \(entries.map(\.dimensions.seller?.rawValue)), \(entries.map(\.dimensions.order?.rawValue)),
                \(legs.entries), \(legs.codes), \(legs.currencies), \(legs.normalSides), \(legs.amounts),
                \(legs.subjects)
            ) AS cause
            """)
        let new = Set(try rows.map { Cause(rawValue: try $0.get("cause")) })
        appended.ids.withLock { $0 += zip(entries, ids).filter { new.contains($0.0.cause) }.map(\.1) }
        return new
    }

    /// Brings the accounts' balances up to date, together with COMMIT: nearly every transaction moves the same few accounts, and
    /// each has them to itself until it has ended.
    func foldBalances() {
        let ids = appended.ids.withLock(\.self)
        if !ids.isEmpty { connection.beforeCommit("SELECT ledger_fold(\(ids))") }
    }
}

/// The entries that a transaction has added to the journal.
final class AppendedEntries: Sendable {
    let ids = Mutex<[String]>([])
}

/// A stored sum that was not the sum of its postings.
package struct RecountedSum: Hashable, Sendable {
    /// The account's code, or the object and the code of the account in which it waits.
    package let name: String
    package let currency: String
    package let before: Int64
    package let after: Int64
}

extension Store {
    /// Looks at the accounts that these objects and entries moved, and writes a stored sum anew where it is not what its
    /// postings come to. Postings are the books; sums only save adding them up. Repeats change nothing.
    package func recount(around causes: [Cause], objects: [String], accounts: [String] = []) async throws
        -> [RecountedSum]
    {
        let touched = try await query(
            """
            SELECT DISTINCT p.account_id, p.subject FROM postings p
            WHERE p.entry_id IN (
                SELECT id FROM journal_entries WHERE cause = ANY (\(causes.map(\.rawValue)))
                UNION ALL SELECT entry_id FROM postings WHERE subject = ANY (\(objects)))
            UNION SELECT account_id, subject FROM ledger_subjects WHERE subject = ANY (\(objects))
            UNION SELECT id, NULL FROM ledger_accounts WHERE code = ANY (\(accounts))
            """)
        let ids: [Int64] = try touched.map { try $0.get("account_id") }
        let subjects: [String] = try touched.compactMap { try $0.get("subject") }
        // Objects first and accounts last, each in its own transaction: whoever posts takes them in this order.
        let inObjects = try await transaction { tx in try await tx.recount(subjects: Set(subjects).sorted()) }
        return inObjects + (try await recount(accounts: Set(ids).sorted()))
    }

    /// The sum is compared without a lock first: adding up a busy account would hold up everybody who posts.
    private func recount(accounts ids: [Int64]) async throws -> [RecountedSum] {
        let wrong: [Int64] = try await query(
            """
            SELECT a.id FROM ledger_accounts a WHERE a.id = ANY (\(ids)) AND a.balance_minor <> (
                SELECT coalesce(sum(p.amount_minor), 0) FROM postings p WHERE p.account_id = a.id)
            """
        ).map { try $0.get("id") }
        guard !wrong.isEmpty else { return [] }
        return try await transaction { tx in try await tx.recount(accounts: wrong) }
    }
}

extension StoreTransaction {
    /// Whoever posts to an account at this moment has its lock, or waits for it and adds to what is written here.
    fileprivate func recount(accounts ids: [Int64]) async throws -> [RecountedSum] {
        _ = try await query("SELECT 1 FROM ledger_accounts WHERE id = ANY (\(ids)) ORDER BY id FOR NO KEY UPDATE")
        return try await query(
            """
            WITH counted AS (
                SELECT a.id, a.balance_minor AS before, (
                    SELECT coalesce(sum(p.amount_minor), 0)::bigint FROM postings p WHERE p.account_id = a.id) AS after
                FROM ledger_accounts a WHERE a.id = ANY (\(ids))
            )
            UPDATE ledger_accounts a SET balance_minor = c.after FROM counted c
            WHERE a.id = c.id AND c.before <> c.after
            RETURNING a.code AS name, a.currency, c.before, c.after
            """
        ).map(RecountedSum.init)
    }

    fileprivate func recount(subjects: [String]) async throws -> [RecountedSum] {
        guard !subjects.isEmpty else { return [] }
        _ = try await query(
            """
            SELECT 1 FROM ledger_subjects WHERE subject = ANY (\(subjects)) ORDER BY account_id, subject
            FOR NO KEY UPDATE
            """)
        return try await query(
            """
            WITH counted AS (
                SELECT s.account_id, s.subject, s.balance_minor AS before, (
                    SELECT coalesce(sum(p.amount_minor), 0)::bigint FROM postings p
                    WHERE p.subject = s.subject AND p.account_id = s.account_id) AS after
                FROM ledger_subjects s WHERE s.subject = ANY (\(subjects))
            )
            UPDATE ledger_subjects s SET balance_minor = c.after FROM counted c JOIN ledger_accounts a ON a.id = c.account_id
            WHERE s.account_id = c.account_id AND s.subject = c.subject AND c.before <> c.after
            RETURNING s.subject || ' in ' || a.code AS name, a.currency, c.before, c.after
            """
        ).map(RecountedSum.init)
    }
}

extension RecountedSum {
    fileprivate init(_ row: PostgresRow) throws {
        name = try row.get("name")
        currency = try row.get("currency")
        before = try row.get("before")
        after = try row.get("after")
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

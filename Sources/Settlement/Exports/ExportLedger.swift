import Domain
import Ledger
import Postgres
package import Store

/// Writes the ledger out: every entry once, in the order of effective time, as it stood at one moment. The same books
/// give the same bytes; those of a closed month never change.
package struct ExportLedger: Sendable {
    let store: Store

    package init(store: Store) { self.store = store }

    /// Opening balances come first where the days begin later than the books: one for each account and currency. `write`
    /// takes the text piece by piece, so that memory stays flat; what it throws ends the export.
    ///
    /// - Returns: how many entries there were.
    package func callAsFunction(
        _ span: ExportSpan, as format: ExportFormat, write: @escaping ([UInt8]) throws -> Void
    ) async throws -> Int {
        // Nothing that was written can be taken back, so nothing is tried a second time.
        try await store.snapshot(retries: 0) { connection in
            try await export(span, format.writer, from: connection, write: write)
        }
    }

    private func export(
        _ span: ExportSpan, _ format: any LedgerFormat, from connection: PostgresConnection,
        write: @escaping ([UInt8]) throws -> Void
    ) async throws -> Int {
        var text = TextBuffer(write: write)
        let entries = JournalSpan(from: span.from?.start, to: span.to?.next.start)
        guard let firstDay = try await connection.firstDay(of: entries) else {
            try text.add(
                try format.beginning(span, currencies: [], firstDay: CalendarDay(number: 0), hasOpenings: false))
            try text.flush()
            return 0
        }
        try text.add(
            try format.beginning(
                span, currencies: try await connection.currencies(of: entries), firstDay: firstDay,
                hasOpenings: span.from != nil))
        try await connection.eachAccount(of: entries) { account, currencies in
            try text.add(format.account(account, in: currencies, firstDay: firstDay))
        }
        if let day = span.from {
            try await connection.eachBalance(before: day) { try text.add(try format.opening($0)) }
        }
        var count = 0
        try await connection.eachEntry(entries) { row in
            try text.add(try format.entry(row))
            count += 1
        }
        try text.flush()
        return count
    }
}

/// Collects text until it is worth a write.
private struct TextBuffer {
    private static let size = 64 * 1024

    let write: ([UInt8]) throws -> Void
    private var bytes: [UInt8] = []

    init(write: @escaping ([UInt8]) throws -> Void) {
        self.write = write
        bytes.reserveCapacity(2 * Self.size)
    }

    mutating func add(_ text: String) throws {
        bytes.append(contentsOf: text.utf8)
        if bytes.count >= Self.size { try flush() }
    }

    mutating func flush() throws {
        guard !bytes.isEmpty else { return }
        try write(bytes)
        bytes.removeAll(keepingCapacity: true)
    }
}

extension PostgresConnection {
    /// The day on which the export begins: the one that was asked for, or that of the first entry; nil without entries.
    fileprivate func firstDay(of span: JournalSpan) async throws -> CalendarDay? {
        let rows = try await query(
            "SELECT min(effective_at) AS first FROM journal_entries WHERE \(span.to) IS NULL OR effective_at < \(span.to)"
        )
        guard let first: Timestamp = try rows.first?.get("first") else { return nil }
        return CalendarDay(of: span.from ?? first)
    }

    fileprivate func currencies(of span: JournalSpan) async throws -> [Currency] {
        try await query(
            "SELECT DISTINCT a.currency FROM ledger_accounts a WHERE \(span.hasMoved) ORDER BY a.currency"
        ).map { try $0.get("currency") }
    }

    /// Every account that moved before the span's end, with its currencies.
    fileprivate func eachAccount(
        of span: JournalSpan, _ body: (LedgerAccount, [Currency]) throws -> Void
    ) async throws {
        let query: PostgresQuery = """
            SELECT a.code, array_agg(a.currency ORDER BY a.currency) AS currencies
            FROM ledger_accounts a WHERE \(span.hasMoved) GROUP BY a.code ORDER BY a.code
            """
        try await each(query, cursor: "souk_accounts") { row in
            try body(try LedgerAccount(recorded: try row.get("code")), try row.get("currencies"))
        }
    }

    /// What stood in each account when the day began, but for accounts that stood at zero.
    fileprivate func eachBalance(before day: CalendarDay, _ body: (OpeningBalance) throws -> Void) async throws {
        let query: PostgresQuery = """
            SELECT a.code, a.currency, sum(p.amount_minor)::bigint AS balance
            FROM ledger_accounts a
            JOIN postings p ON p.account_id = a.id
            JOIN journal_entries e ON e.id = p.entry_id
            WHERE e.effective_at < \(day.start)
            GROUP BY a.id HAVING sum(p.amount_minor) <> 0 ORDER BY a.code, a.currency
            """
        try await each(query, cursor: "souk_openings") { row in
            try body(
                OpeningBalance(
                    account: try LedgerAccount(recorded: try row.get("code")),
                    amount: Money(try row.get("balance"), try row.get("currency")), day: day))
        }
    }
}

extension JournalSpan {
    /// Of an account `a`.
    fileprivate var hasMoved: PostgresQuery {
        """
        EXISTS (
            SELECT 1 FROM postings p JOIN journal_entries e ON e.id = p.entry_id
            WHERE p.account_id = a.id AND (\(to) IS NULL OR e.effective_at < \(to)))
        """
    }
}

package import Domain
import Postgres
package import Store

/// A month of the books, by UTC.
package struct BookMonth: Hashable, Sendable, CustomStringConvertible {
    package let year: Int
    package let month: Int

    /// - Returns: nil unless the text is a year and a month, such as `2026-10`.
    package init?(_ text: String) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2, parts[0].count == 4, parts[1].count == 2, parts.joined().allSatisfy(\.isASCIIDigit),
            let year = Int(parts[0]), let month = Int(parts[1]), (1...12).contains(month), year >= 2000
        else { return nil }
        self.year = year
        self.month = month
    }

    /// - Parameters:
    ///   - year: from 2000 on.
    ///   - month: 1 to 12.
    init(year: Int, month: Int) {
        self.year = year
        self.month = month
    }

    init(of day: CalendarDay) {
        year = Int(day.parts.year)
        month = Int(day.parts.month)
    }

    package var description: String { "\(year)-\(month < 10 ? "0" : "")\(month)" }
    /// For PostgreSQL.
    var firstDay: String { "\(self)-01" }

    var first: CalendarDay { CalendarDay(year: Int64(year), month: Int64(month), day: 1) }
    /// The first day of the next month.
    var end: CalendarDay { CalendarDay(year: Int64(year), month: Int64(month) + 1, day: 1) }
}

/// Closes the books of a month: from then on nothing takes effect in it. What becomes known later is effective on the
/// first open day and keeps its true time.
package struct CloseMonth: Sendable {
    let store: Store

    package init(store: Store) { self.store = store }

    /// Closes the month and every month before it that has entries, and seals them. Closing it again changes nothing.
    ///
    /// - Returns: the months that were closed now, in order.
    /// - Throws: `illegal_transition` while the month is not over, and while a check of the books finds a fault.
    package func callAsFunction(_ month: BookMonth, by caller: Caller) async throws -> [BookMonth] {
        try await store.requireOver(month)
        let faults = try await BooksCheck(store: store)()
        if let first = faults.first {
            throw Refusal(
                .illegalTransition,
                "The books have \(faults.count) fault\(faults.count == 1 ? "" : "s"), so \(month) stays open: \(first). "
                    + "souk doctor --books lists them all.")
        }
        let closed = try await store.transaction { tx in
            // Entries under way end first, and those that follow see the month closed.
            try await tx.execute("LOCK TABLE journal_entries IN SHARE MODE")
            let closed = try await tx.close(upTo: month)
            if !closed.isEmpty {
                try await tx.audit(
                    "month.closed", subject: month.description, by: caller,
                    details: ["months": closed.map(\.description).joined(separator: " ")])
            }
            return closed
        }
        try await store.sealMonths()
        return closed
    }
}

extension Store {
    /// Seals closed months that have no seal yet, in order. Nothing takes effect in them any more, so nobody has to wait.
    fileprivate func sealMonths() async throws {
        let months: [String] = try await query(
            "SELECT month::text AS month FROM closed_months WHERE seal IS NULL ORDER BY closed_months.month"
        ).map { try $0.get("month") }
        for month in months {
            try await execute(
                """
                UPDATE closed_months c SET entries = new.entries, seal = new.seal
                FROM ledger_seal(
                    \(month)::date,
                    coalesce((SELECT seal FROM closed_months WHERE month < \(month)::date ORDER BY month DESC LIMIT 1), '')
                ) AS new
                WHERE c.month = \(month)::date AND c.seal IS NULL
                """)
        }
    }

    fileprivate func requireOver(_ month: BookMonth) async throws {
        let now = try await clock.now()
        let rows = try await query(
            "SELECT (\(month.firstDay)::date + interval '1 month') AT TIME ZONE 'UTC' <= \(now) AS over")
        guard try rows.first?.get("over") == true else {
            throw Refusal(
                .illegalTransition, "\(month) is not over yet: its books can be closed from the next month on.")
        }
    }
}

extension StoreTransaction {
    fileprivate func close(upTo month: BookMonth) async throws -> [BookMonth] {
        try await query(
            """
            WITH closed AS (
                INSERT INTO closed_months (month)
                SELECT date_trunc('month', at)::date FROM generate_series(
                    coalesce(
                        (SELECT date_trunc('month', min(effective_at) AT TIME ZONE 'UTC') FROM journal_entries),
                        \(month.firstDay)::timestamp),
                    \(month.firstDay)::timestamp, interval '1 month') AS at
                UNION SELECT \(month.firstDay)::date
                ON CONFLICT (month) DO NOTHING
                RETURNING month
            )
            SELECT to_char(month, 'YYYY-MM') AS month FROM closed ORDER BY closed.month
            """
        ).compactMap { BookMonth(try $0.get("month")) }
    }
}

extension Character {
    fileprivate var isASCIIDigit: Bool { isASCII && isNumber }
}

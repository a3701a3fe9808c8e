import Domain
import Ledger
import Postgres
import Store

/// What a seller had, earned and was paid in a month, by UTC and effective time, in each currency.
struct SellerStatement: Sendable {
    let seller: ID<Seller>
    let month: BookMonth
    /// Whether the month is closed, so that the statement never changes again.
    let isFinal: Bool
    /// In the order of their codes; only currencies in which there was or moved anything.
    let currencies: [StatementTotals]
    /// What of the closing balances is held back, the earliest date first.
    let reserves: [Reserve]

    struct Reserve: Sendable {
        let order: ID<Order>
        let amount: Money
        let releaseAt: Timestamp
    }
}

/// Makes a seller's statement from the journal: each number is the sum of entries, and the closing balance is what the
/// ledger says of the seller's accounts when the month ends.
struct ReadStatement: Sendable {
    let store: Store

    /// `each` takes every entry that is about the seller, in the order of effective time.
    func callAsFunction(
        _ seller: ID<Seller>, _ month: BookMonth,
        each: (JournalRow, [StatementRules.Part]) throws -> Void = { _, _ in }
    ) async throws -> SellerStatement {
        try await store.snapshot(retries: 0) { connection in
            var totals: [Currency: StatementTotals] = [:]
            for balance in try await connection.balances(of: seller, before: month.first) {
                totals[balance.currency] = StatementTotals(opening: balance)
            }
            let span = JournalSpan(from: month.first.start, to: month.end.start, concern: .seller(seller))
            try await connection.eachEntry(span) { row in
                let parts = try StatementRules.parts(of: row.entry, for: seller)
                for part in parts {
                    let currency = part.amount.currency
                    try totals[currency, default: StatementTotals(opening: .zero(currency))].add(part)
                }
                try each(row, parts)
            }
            let reserves = try await connection.reserves(of: seller, before: month.end)
            for currency in Set(reserves.map(\.amount.currency)) where totals[currency] == nil {
                totals[currency] = StatementTotals(opening: .zero(currency))
            }
            return SellerStatement(
                seller: seller, month: month, isFinal: try await connection.areClosed(from: month, to: month),
                currencies: totals.values.sorted { $0.currency < $1.currency }, reserves: reserves)
        }
    }
}

/// What a report to a tax office asks of a seller's year: sales by month and what was taken from them.
struct YearlyTotals: Sendable {
    struct Currency: Sendable {
        let whole: StatementTotals
        /// January to December.
        let months: [StatementTotals]
    }

    let seller: ID<Seller>
    let year: Int
    /// Whether all twelve months are closed.
    let isFinal: Bool
    let currencies: [Currency]
}

struct ReadYearlyTotals: Sendable {
    let store: Store

    func callAsFunction(_ seller: ID<Seller>, _ year: Int) async throws -> YearlyTotals {
        let (january, december) = (BookMonth(year: year, month: 1), BookMonth(year: year, month: 12))
        return try await store.snapshot { connection in
            var months: [Domain.Currency: [StatementTotals]] = [:]
            let span = JournalSpan(from: january.first.start, to: december.end.start, concern: .seller(seller))
            try await connection.eachEntry(span) { row in
                let month = BookMonth(of: CalendarDay(of: row.effectiveAt)).month
                for part in try StatementRules.parts(of: row.entry, for: seller) {
                    let currency = part.amount.currency
                    let none = Array(repeating: StatementTotals(opening: .zero(currency)), count: 12)
                    try months[currency, default: none][month - 1].add(part)
                }
            }
            return YearlyTotals(
                seller: seller, year: year, isFinal: try await connection.areClosed(from: january, to: december),
                currencies: try months.sorted { $0.key < $1.key }.map { currency, months in
                    var whole = StatementTotals(opening: .zero(currency))
                    for month in months { try whole.add(month) }
                    return YearlyTotals.Currency(whole: whole, months: months)
                })
        }
    }
}

extension PostgresConnection {
    /// What the seller had when the day began, in each currency in which that was not nothing.
    fileprivate func balances(of seller: ID<Seller>, before day: CalendarDay) async throws -> [Money] {
        try await query(
            """
            SELECT a.currency, -sum(p.amount_minor)::bigint AS balance
            FROM ledger_accounts a
            JOIN postings p ON p.account_id = a.id
            JOIN journal_entries e ON e.id = p.entry_id
            WHERE a.code = ANY (\(seller.accountCodes)) AND e.effective_at < \(day.start)
            GROUP BY a.currency HAVING sum(p.amount_minor) <> 0
            """
        ).map { Money(try $0.get("balance"), try $0.get("currency")) }
    }

    /// What was held back when the day began, by order.
    fileprivate func reserves(
        of seller: ID<Seller>, before day: CalendarDay
    ) async throws -> [SellerStatement.Reserve] {
        try await query(
            """
            SELECT r.order_id, r.release_at, r.currency, -sum(p.amount_minor)::bigint AS amount
            FROM ledger_accounts a
            JOIN postings p ON p.account_id = a.id
            JOIN journal_entries e ON e.id = p.entry_id
            JOIN reserves r ON r.order_id = e.order_id AND r.seller_id = \(seller)
            WHERE a.code = \(LedgerAccount.sellerReserve(seller).code) AND e.effective_at < \(day.start)
            GROUP BY r.transfer_id HAVING sum(p.amount_minor) <> 0 ORDER BY r.release_at, r.order_id
            """
        ).map {
            SellerStatement.Reserve(
                order: try $0.get("order_id"), amount: Money(try $0.get("amount"), try $0.get("currency")),
                releaseAt: try $0.get("release_at"))
        }
    }

    fileprivate func areClosed(from first: BookMonth, to last: BookMonth) async throws -> Bool {
        let rows = try await query(
            """
            SELECT NOT EXISTS (
                SELECT 1 FROM generate_series(\(first.firstDay)::timestamp, \(last.firstDay)::timestamp, '1 month') AS month
                WHERE NOT EXISTS (SELECT 1 FROM closed_months c WHERE c.month = month.month::date)
            ) AS closed
            """)
        return try rows.first?.get("closed") ?? false
    }
}

package import Domain
import Ledger
import Postgres
package import Store

/// The balance of every ledger account, now or as it was.
package struct TrialBalance: Sendable {
    package struct Line: Hashable, Sendable {
        package let code: String
        package let currency: Currency
        package let normalSide: String
        package let debitMinor: Int64
        package let creditMinor: Int64

        /// Positive on the account's normal side.
        package var balanceMinor: Int64 {
            normalSide == Side.debit.rawValue ? debitMinor - creditMinor : creditMinor - debitMinor
        }
    }

    package let lines: [Line]

    /// Debits less credits per currency: zero in sound books.
    package var differences: [Currency: Int64] {
        var sums: [Currency: Int64] = [:]
        for line in lines { sums[line.currency, default: 0] += line.debitMinor - line.creditMinor }
        return sums
    }
}

/// Reads the trial balance: what had happened by a moment, as far as it had been recorded by another.
package struct ReadTrialBalance: Sendable {
    let store: Store

    package init(store: Store) { self.store = store }

    /// Nil for a moment means now.
    package func callAsFunction(effectiveBy: Timestamp?, recordedBy: Timestamp?) async throws -> TrialBalance {
        let rows = try await store.query(
            """
            SELECT a.code, a.currency, a.normal_side,
                coalesce(sum(p.amount_minor) FILTER (WHERE p.amount_minor > 0), 0)::bigint AS debits,
                coalesce(-sum(p.amount_minor) FILTER (WHERE p.amount_minor < 0), 0)::bigint AS credits
            FROM ledger_accounts a
            JOIN postings p ON p.account_id = a.id
            JOIN journal_entries e ON e.id = p.entry_id
            WHERE (\(effectiveBy) IS NULL OR e.effective_at <= \(effectiveBy))
                AND (\(recordedBy) IS NULL OR e.recorded_at <= \(recordedBy))
            GROUP BY a.id ORDER BY a.code, a.currency
            """)
        return TrialBalance(
            lines: try rows.map { row in
                TrialBalance.Line(
                    code: try row.get("code"), currency: try row.get("currency"),
                    normalSide: try row.get("normal_side"), debitMinor: try row.get("debits"),
                    creditMinor: try row.get("credits"))
            })
    }
}

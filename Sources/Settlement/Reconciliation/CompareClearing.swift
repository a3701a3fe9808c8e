import Domain
import Postgres
import Store

extension RunReconciliation {
    /// What waits in a clearing account longer than Stripe takes, and rows of kinds that Souk does not know.
    func compareClearing(_ run: ReconciliationRecord, _ tally: inout Tally) async throws {
        let settled = try await store.query(
            """
            SELECT count(*) AS n FROM ledger_subjects s JOIN ledger_accounts a ON a.id = s.account_id
            WHERE s.balance_minor = 0 AND a.code LIKE 'clearing:%'
            """)
        tally.matched += try settled.first?.get("n") ?? 0
        try await report(try await openSubjects(), of: run, &tally)
    }

    /// Of all objects, or of one.
    func openSubjects(only subject: String? = nil) async throws -> [FindingFacts] {
        let limit = try await store.clock.now().advanced(by: .zero - BooksCheck.clearingAge)
        let rows = try await store.query(
            """
            SELECT s.subject, a.code, a.currency, s.balance_minor,
                coalesce((SELECT e.stripe_account FROM postings p JOIN journal_entries e ON e.id = p.entry_id
                    WHERE p.account_id = s.account_id AND p.subject = s.subject ORDER BY e.id LIMIT 1), 'platform')
                    AS stripe_account
            FROM ledger_subjects s JOIN ledger_accounts a ON a.id = s.account_id
            WHERE s.balance_minor <> 0 AND (\(subject)::text IS NULL OR s.subject = \(subject))
                AND (a.code = 'suspense' OR (a.code LIKE 'clearing:%' OR a.code = 'fx:conversion') AND s.opened_at < \(limit)
                    AND NOT \(unescaped: BooksCheck.isHeldByStripe))
            ORDER BY s.account_id, s.subject
            """)
        return try rows.map { row in
            let code: String = try row.get("code")
            let balance: Int64 = try row.get("balance_minor")
            let currency: String = try row.get("currency")
            return FindingFacts(
                kind: code == "suspense" ? .unknownBalanceTransaction : .clearingNotZero, part: .clearing,
                stripeAccount: try row.get("stripe_account"), object: try row.get("subject"), currency: currency,
                expected: 0, actual: balance, detail: "\(code) still holds \(balance) \(currency) for it.")
        }
    }
}

import Domain
import Ledger
import Postgres
import Store
import StripeAPI

extension RunReconciliation {
    /// Every row that Stripe booked against ours and against what the journal has for it, and the other way round: what
    /// clearing accounts hold is only as true as these rows. Rows younger than Stripe's own delay are left to the next run.
    func compareRows(_ run: ReconciliationRecord, _ tally: inout Tally) async throws {
        // Stripe takes whole seconds: a row of that very second must be in both lists or in neither.
        let now = try await store.clock.now()
        let youngest = Timestamp(seconds: now.milliseconds / 1000).advanced(by: .zero - BooksCheck.clearingAge)
        for owner in try await owners(of: run) {
            let call = ListBalanceTransactions(account: owner.stripeAccount)
            let fetching = try await eachWindow(of: call, owner: owner, created: \.created, before: youngest, run) {
                remote, window in
                let ours = try await localRows(
                    of: owner, in: window, halvedAt: remote.dropFirst(remote.count / 2).first?.created)
                let seen = Set(remote.map(\.id.rawValue))
                var findings = remote.compactMap {
                    Self.difference($0, of: owner, ours: ours[$0.id.rawValue])
                }
                tally.matched += Int64(remote.count - findings.count)
                for (id, row) in ours.filter({ !seen.contains($0.key) }).sorted(by: { $0.key < $1.key }) {
                    findings.append(Self.missingAtStripe(id, row, of: owner))
                }
                try await report(findings, of: run, &tally)
            }
            tally.fetching += fetching
        }
    }

    static func missingAtStripe(_ id: String, _ row: LocalRow, of owner: BalanceOwner) -> FindingFacts {
        FindingFacts(
            kind: .missingAtStripe, part: .clearing, stripeAccount: owner.code, object: id, currency: row.currency,
            expected: nil, actual: row.net, detail: "Souk has the row \(id), Stripe does not list it.")
    }

    /// What is wrong with one row; nil if Stripe, our list and the journal agree.
    static func difference(
        _ remote: BalanceTransactionResource, of owner: BalanceOwner, ours: LocalRow?
    ) -> FindingFacts? {
        func finding(_ kind: FindingFacts.Kind, _ actual: Int64?, _ detail: String) -> FindingFacts {
            FindingFacts(
                kind: kind, part: .clearing, stripeAccount: owner.code, object: remote.id.rawValue,
                currency: remote.currency.code, expected: remote.net, actual: actual, detail: detail)
        }
        guard let ours else { return finding(.missingInLedger, nil, "Stripe booked it, Souk has not read it.") }
        guard ours.currency == remote.currency.code else {
            return finding(.currencyMismatch, ours.net, "Stripe booked \(remote.currency), Souk has \(ours.currency).")
        }
        guard ours.amount == remote.amount, ours.net == remote.net else {
            return finding(
                .amountMismatch, ours.net,
                "Stripe booked \(remote.amount), net \(remote.net); Souk has \(ours.amount), net \(ours.net).")
        }
        guard let booked = ours.booked else {
            if remote.amount == 0, remote.net == 0 { return nil }
            return finding(.missingInLedger, nil, "Souk has read it, the journal has no entry for it.")
        }
        guard booked == remote.net else {
            return finding(.amountMismatch, booked, "Stripe booked net \(remote.net), the journal has \(booked).")
        }
        return nil
    }

    struct LocalRow: Hashable, Sendable {
        let currency: String
        let amount: Int64
        let net: Int64
        /// What its entry moved in the balance; nil without an entry.
        let booked: Int64?
    }

    /// The rows of a window, by Stripe's id: read in two halves at once, since most of the time goes into looking up each
    /// row's entry.
    private func localRows(
        of owner: BalanceOwner, in window: Window, halvedAt middle: Timestamp?
    ) async throws -> [String: LocalRow] {
        guard let middle else { return try await localRows(of: owner, where: window.holds("b.created_at")) }
        async let older = localRows(of: owner, where: window.upTo(middle).holds("b.created_at"))
        let newer = try await localRows(of: owner, where: window.after(middle).holds("b.created_at"))
        return try await older.merging(newer) { older, _ in older }
    }

    /// Of the rows `b` of one balance for which the condition holds, by Stripe's id.
    func localRows(of owner: BalanceOwner, where condition: PostgresQuery) async throws -> [String: LocalRow] {
        let codes = [LedgerAccount.stripeBalance(owner).code, LedgerAccount.stripeReserved(owner).code]
        let accounts: [Int64] = try await store.query("SELECT id FROM ledger_accounts WHERE code = ANY (\(codes))")
            .map { try $0.get("id") }
        let rows = try await store.query(
            """
            SELECT b.id, b.currency, b.amount_minor, b.net_minor,
                CASE WHEN e.id IS NOT NULL THEN coalesce((
                    SELECT sum(p.amount_minor) FROM postings p
                    WHERE p.entry_id = e.id AND p.account_id = ANY (\(accounts))), 0)::bigint END AS booked
            FROM balance_transactions b
            -- LIMIT has PostgreSQL look each cause up: for a window it would else read the whole journal.
            LEFT JOIN LATERAL (
                SELECT j.id FROM journal_entries j
                WHERE j.cause = 'balance_transaction:' || b.stripe_account || ':' || b.id LIMIT 1
            ) e ON true
            WHERE b.stripe_account = \(owner.code) AND
            """ + " " + condition)
        return Dictionary(
            uniqueKeysWithValues: try rows.map { row in
                (
                    try row.get("id") as String,
                    LocalRow(
                        currency: try row.get("currency"), amount: try row.get("amount_minor"),
                        net: try row.get("net_minor"), booked: try row.get("booked"))
                )
            })
    }
}

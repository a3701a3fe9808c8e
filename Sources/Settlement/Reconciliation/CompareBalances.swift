import Domain
import Ledger
import Postgres
import Store
import StripeAPI

extension RunReconciliation {
    /// A balance that moves is read again this often before its difference counts.
    private static let readings = 5

    /// Each balance at Stripe against its account in the books, at a moment when neither moves.
    func compareBalances(_ run: ReconciliationRecord, _ tally: inout Tally) async throws {
        for owner in try await owners(of: run) {
            guard let reading = try await stillReading(of: owner) else { continue }
            var findings: [FindingFacts] = []
            for currency in Set(reading.stripe.keys).union(reading.books.keys).sorted() {
                let stripe = reading.stripe[currency] ?? 0
                let books = reading.books[currency] ?? 0
                tally.difference[currency, default: 0] += abs(stripe - books)
                if stripe == books {
                    tally.matched += 1
                } else {
                    findings.append(
                        FindingFacts(
                            kind: .balanceDiffers, stripeAccount: owner.code, object: "stripe:\(owner.code)",
                            currency: currency, expected: stripe, actual: books,
                            detail: "Stripe holds \(stripe) \(currency), the books say \(books)."))
                }
            }
            try await report(findings, of: run, &tally)
            try await extendLease(run)
        }
    }

    private func owners(of run: ReconciliationRecord) async throws -> [BalanceOwner] {
        let accounts: [String] = try await store.query(
            """
            SELECT s.stripe_account FROM sellers s
            LEFT JOIN balance_feeds f ON f.stripe_account = s.stripe_account
            WHERE s.stripe_account IS NOT NULL AND f.frozen_reason IS NULL
                AND (\(run.seller)::text IS NULL OR s.id = \(run.seller))
            ORDER BY s.stripe_account
            """
        ).map { try $0.get("stripe_account") }
        let connected = accounts.map { BalanceOwner.connected(StripeAccountID($0)) }
        return run.seller == nil ? [.platform] + connected : connected
    }

    /// Reads balance, rows and balance again until nothing moved in between. After the last try a difference that stayed
    /// the same counts all the same.
    private func stillReading(
        of owner: BalanceOwner
    ) async throws -> (stripe: [String: Int64], books: [String: Int64])? {
        let feed = ReadBalanceFeed(store: store, stripe: stripe, priority: .reconciliation)
        var before = try await stripeBalance(of: owner)
        for _ in 1...Self.readings {
            let new = try await feed(owner, thorough: false)
            let books = try await booksBalance(of: owner)
            let after = try await stripeBalance(of: owner)
            if new == 0, before == after { return (after, books) }
            before = after
        }
        return (before, try await booksBalance(of: owner))
    }

    private func stripeBalance(of owner: BalanceOwner) async throws -> [String: Int64] {
        let balance = try await stripe.send(
            RetrieveBalance(account: owner.stripeAccount), priority: .reconciliation)
        var sums: [String: Int64] = [:]
        for part in balance.available + balance.pending + (balance.connectReserved ?? []) {
            sums[part.currency.code, default: 0] += part.amount
        }
        return sums
    }

    private func booksBalance(of owner: BalanceOwner) async throws -> [String: Int64] {
        let codes = [LedgerAccount.stripeBalance(owner).code, LedgerAccount.stripeReserved(owner).code]
        let rows = try await store.query(
            """
            SELECT currency, sum(balance_minor)::bigint AS total FROM ledger_accounts
            WHERE code = ANY (\(codes)) GROUP BY currency
            """)
        return Dictionary(
            uniqueKeysWithValues: try rows.map { (try $0.get("currency") as String, try $0.get("total") as Int64) })
    }
}

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
            let reading = try await stillReading(of: owner)
            for (currency, difference) in reading.differences {
                tally.difference[currency, default: 0] += abs(difference)
                if difference == 0 { tally.matched += 1 }
            }
            try await report(reading.findings(about: owner), of: run, &tally)
            try await extendLease(run)
        }
    }

    /// The balances that the run is about and that can be read.
    func owners(of run: ReconciliationRecord) async throws -> [BalanceOwner] {
        let accounts: [String] = try await store.query(
            """
            SELECT s.stripe_account FROM seller_accounts s
            LEFT JOIN balance_feeds f ON f.stripe_account = s.stripe_account
            WHERE f.frozen_reason IS NULL AND (\(run.seller)::text IS NULL OR s.seller_id = \(run.seller))
            ORDER BY s.stripe_account
            """
        ).map { try $0.get("stripe_account") }
        let connected = accounts.map { BalanceOwner.connected(StripeAccountID($0)) }
        return run.seller == nil ? [.platform] + connected : connected
    }

    /// Reads balance, rows and balance again until nothing moved in between. After the last try a difference that stayed
    /// the same counts all the same.
    func stillReading(of owner: BalanceOwner) async throws -> BalanceReading {
        let feed = ReadBalanceFeed(store: store, stripe: stripe, priority: .reconciliation)
        var before = try await stripeBalance(of: owner)
        for _ in 1...Self.readings {
            let new = try await feed(owner, thorough: false)
            let books = try await booksBalance(of: owner)
            let after = try await stripeBalance(of: owner)
            if new == 0, before == after { return BalanceReading(stripe: after, books: books) }
            before = after
        }
        return BalanceReading(stripe: before, books: try await booksBalance(of: owner))
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

/// What one balance holds, in minor units by currency.
struct BalanceReading: Hashable, Sendable {
    let stripe: [String: Int64]
    let books: [String: Int64]

    /// Stripe's side less ours.
    var differences: [String: Int64] {
        stripe.merging(books.mapValues { -$0 }, uniquingKeysWith: +)
    }

    func findings(about owner: BalanceOwner) -> [FindingFacts] {
        differences.filter { $0.value != 0 }.keys.sorted().map { currency in
            let (stripe, books) = (stripe[currency] ?? 0, books[currency] ?? 0)
            return FindingFacts(
                kind: .balanceDiffers, part: .balances, stripeAccount: owner.code, object: "stripe:\(owner.code)",
                currency: currency, expected: stripe, actual: books,
                detail: "Stripe holds \(stripe) \(currency), the books say \(books).")
        }
    }
}

package import Domain
import Ledger
import Postgres
import Sellers
package import Store
package import StripeAPI

/// Reads at Stripe what the books of a platform with sellers and a history begin with. Writes nothing.
package struct PlanOpening: Sendable {
    /// Rows show late: books open at least this long before now.
    static let settling: Duration = .seconds(24 * 3600)
    /// A payout that has been on its way for longer is not looked for.
    static let longestTransit: Duration = .seconds(60 * 86_400)
    private static let readings = 50
    private static let concurrency = 8

    let store: Store
    let stripe: StripeClient

    package init(store: Store, stripe: StripeClient) {
        self.store = store
        self.stripe = stripe
    }

    /// - Parameters:
    ///   - day: on whose beginning, in UTC, the books open.
    ///   - externalIDs: what the marketplace calls the seller of each account that takes part; nil for every account that
    ///     the platform has, each under its own id.
    /// - Returns: what each balance held when the day began.
    /// - Throws: `OpeningError`, `Refusal` for an external id that cannot be one, `StripeError`.
    package func callAsFunction(
        from day: CalendarDay, externalIDs: [StripeAccountID: String]? = nil
    ) async throws -> OpeningPlan {
        guard day.start <= (try await store.clock.now()).advanced(by: .zero - Self.settling) else {
            throw OpeningError.tooLate(day)
        }
        let accounts = try await accounts(externalIDs)
        let owners = [BalanceOwner.platform] + accounts.map { .connected($0.id) }
        let readings = try await read(owners, at: day.start)
        return OpeningPlan(
            day: day, accounts: accounts, balances: owners.flatMap { readings[$0]?.balances ?? [] },
            rowsSince: readings.values.reduce(0) { $0 + $1.rowsSince }, payouts: readings.mapValues(\.payouts))
    }

    /// In the order of their ids.
    private func accounts(_ externalIDs: [StripeAccountID: String]?) async throws -> [OpeningPlan.Account] {
        var found: [AccountResource] = []
        for try await page in stripe.pages(of: ListAccounts(), priority: .sweep) {
            found += page.filter { externalIDs == nil || externalIDs?[$0.id] != nil }
        }
        if let missing = Set((externalIDs ?? [:]).keys).subtracting(found.map(\.id)).min() {
            throw OpeningError.noSuchAccount(missing)
        }
        let registered = try await store.externalIDs(of: found.map(\.id))
        return try found.sorted { $0.id < $1.id }.map { account in
            if let externalID = registered[account.id] {
                return OpeningPlan.Account(id: account.id, externalID: externalID, joining: nil)
            }
            let application = try SellerApplication(
                externalID: externalIDs?[account.id] ?? account.id.rawValue, stripeAccount: account.id
            ).checked()
            return OpeningPlan.Account(
                id: account.id, externalID: application.externalID,
                joining: OpeningPlan.Account.Joining(application: application, facts: AccountFacts(account)))
        }
    }

    private struct Reading: Sendable {
        let balances: [OpeningPlan.Balance]
        let payouts: [PayoutResource]
        let rowsSince: Int
    }

    private func read(_ owners: [BalanceOwner], at opening: Timestamp) async throws -> [BalanceOwner: Reading] {
        try await withThrowingTaskGroup(of: (BalanceOwner, Reading).self) { group in
            var waiting = owners[...]
            func startNext() {
                guard let owner = waiting.popFirst() else { return }
                group.addTask { (owner, try await read(owner, at: opening)) }
            }
            for _ in 0..<Self.concurrency { startNext() }
            var readings: [BalanceOwner: Reading] = [:]
            while let (owner, reading) = try await group.next() {
                readings[owner] = reading
                startNext()
            }
            return readings
        }
    }

    /// What the balance held at the opening: what it holds now less all that was booked since, read while neither moves. A
    /// long list takes minutes, so it is read once, and then only what is new of it.
    private func read(_ owner: BalanceOwner, at opening: Timestamp) async throws -> Reading {
        let payouts = try await payoutsOnTheirWay(from: owner, at: opening)
        var since = RowsSince()
        var before = try await balance(of: owner)
        for _ in 1...Self.readings {
            try await readOn(&since, owner, from: opening)
            let after = try await balance(of: owner)
            if before == after { return reading(of: owner, holding: after, since, payouts) }
            before = after
        }
        throw OpeningError.restless(owner)
    }

    /// What was booked since the opening, as far as it has been read.
    private struct RowsSince {
        var drafts: [Currency: OpeningPlan.Balance.Draft] = [:]
        var count = 0
        /// Of the newest rows: where another reading of the list meets what is known.
        var newest: Set<StripeBalanceTransactionID> = []
        static let newestKept = 2000
    }

    /// Reads down to the first page of which every row is known.
    private func readOn(_ since: inout RowsSince, _ owner: BalanceOwner, from opening: Timestamp) async throws {
        var call = ListBalanceTransactions(account: owner.stripeAccount)
        call.page.createdFrom = opening
        let known = since.newest
        for try await page in stripe.pages(of: call, priority: .sweep) {
            let unread = page.filter { !known.contains($0.id) }
            if unread.isEmpty { break }
            since.count += unread.count
            for row in unread {
                since.drafts[row.currency, default: .init()].takeOff(row)
                if since.newest.count < known.count + RowsSince.newestKept { since.newest.insert(row.id) }
            }
        }
    }

    private func reading(
        of owner: BalanceOwner, holding balance: BalanceResource, _ since: RowsSince, _ payouts: [PayoutResource]
    ) -> Reading {
        var drafts = since.drafts
        for part in balance.available + balance.pending { drafts[part.currency, default: .init()].held += part.amount }
        for part in balance.connectReserved ?? [] { drafts[part.currency, default: .init()].reserved += part.amount }
        for payout in payouts { drafts[payout.currency, default: .init()].onItsWay += payout.amount }
        let balances = drafts.sorted { $0.key < $1.key }.map { OpeningPlan.Balance($0.value, of: owner, in: $0.key) }
        return Reading(balances: balances, payouts: payouts, rowsSince: since.count)
    }

    private func balance(of owner: BalanceOwner) async throws -> BalanceResource {
        try await stripe.send(RetrieveBalance(account: owner.stripeAccount), priority: .sweep)
    }

    /// Payouts that left before the opening and have not arrived by now. One that arrived meanwhile is the bank's; its money
    /// is in no balance.
    private func payoutsOnTheirWay(from owner: BalanceOwner, at opening: Timestamp) async throws -> [PayoutResource] {
        var call = ListPayouts(account: owner.stripeAccount)
        call.page.createdFrom = opening.advanced(by: .zero - Self.longestTransit)
        call.page.createdBefore = opening
        var payouts: [PayoutResource] = []
        for try await page in stripe.pages(of: call, priority: .sweep) {
            payouts += page.filter { [.pending, .inTransit].contains($0.status) }
        }
        return payouts
    }
}

extension OpeningPlan.Balance.Draft {
    fileprivate mutating func takeOff(_ row: BalanceTransactionResource) {
        if row.balanceType ?? "payments" == "payments" { held -= row.net } else { reserved -= row.net }
    }
}

extension Store {
    /// What the sellers of these accounts are called, where they are registered.
    fileprivate func externalIDs(of accounts: [StripeAccountID]) async throws -> [StripeAccountID: String] {
        let rows = try await query(
            """
            SELECT a.stripe_account, s.external_id FROM seller_accounts a JOIN sellers s ON s.id = a.seller_id
            WHERE a.stripe_account = ANY (\(accounts.map(\.rawValue)))
            """)
        return Dictionary(
            uniqueKeysWithValues: try rows.map { (try $0.get("stripe_account"), try $0.get("external_id")) })
    }
}

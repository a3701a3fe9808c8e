package import Domain
import Ledger
import Postgres
import Sellers
package import Store

/// Opens the books as a plan says, once and all at once: its sellers are registered, and each balance begins with what it
/// held.
package struct OpenBooks: Sendable {
    let store: Store
    let livemode: Bool

    package init(store: Store, livemode: Bool) {
        self.store = store
        self.livemode = livemode
    }

    /// - Throws: `OpeningError` where the books have begun, have been opened or are being read; `Refusal` for an account or an
    ///   external id that another seller has. Nothing is written then.
    package func callAsFunction(_ plan: OpeningPlan, by caller: Caller) async throws {
        try await store.transaction { tx in
            // Nobody begins to read a balance while it opens.
            try await tx.execute("LOCK TABLE balance_feeds IN SHARE ROW EXCLUSIVE MODE")
            try await tx.requireUnopenedBooks()
            for account in plan.accounts {
                guard let joining = account.joining else { continue }
                let (_, isNew) = try await tx.join(
                    joining.facts, account.id, joining.application, livemode: livemode, by: caller)
                guard isNew else { throw OpeningError.externalIDTaken(account.externalID) }
            }
            let sellers = try await tx.sellers(of: plan.owners)
            try await tx.openFeeds(of: plan.owners, at: plan.opensAt)
            _ = try await tx.record(plan.balances.flatMap { $0.rows(of: sellers[$0.owner], before: plan.opensAt) })
            for (owner, payouts) in plan.payouts {
                for payout in payouts {
                    try await tx.adopt(payout, of: owner, seller: sellers[owner], before: plan.opensAt)
                }
            }
            try await tx.audit(
                "books.open", subject: BalanceOwner.platform.code, by: caller, details: ["from": "\(plan.day)"])
        }
    }
}

extension OpeningPlan.Balance {
    /// What stands for all rows before the opening: one row for each currency, one more for what was reserved. A balance of
    /// nothing has a row too, since parts of it may be in later payouts.
    func rows(of seller: ID<Seller>?, before opening: Timestamp) -> [StoredRow] {
        let held = row(OpeningRow.id(in: currency), held, "payments", seller, before: opening)
        guard let reserved, !reserved.isZero else { return [held] }
        return [
            held, row("\(OpeningRow.id(in: currency))_reserved", reserved, "connect_reserved", seller, before: opening),
        ]
    }

    private func row(
        _ id: String, _ amount: Money, _ balanceType: String, _ seller: ID<Seller>?, before opening: Timestamp
    ) -> StoredRow {
        let time = OpeningRow.time(before: opening)
        let row = BalanceTransaction(
            id: StripeBalanceTransactionID(id), owner: owner, seller: seller, order: nil, amount: amount, net: amount,
            fees: [], applicationFee: nil, category: OpeningRow.category, balanceType: balanceType, subject: .external,
            created: time)
        return StoredRow(row: row, type: OpeningRow.category, sourceID: nil, availableAt: time)
    }
}

extension StoreTransaction {
    fileprivate func requireUnopenedBooks() async throws {
        if let opened: Timestamp = try await query(
            "SELECT opened_at FROM balance_feeds WHERE opened_at IS NOT NULL LIMIT 1"
        ).first?.get("opened_at") {
            throw OpeningError.opened(CalendarDay(of: opened))
        }
        let rows: Int64 = try await query("SELECT count(*) AS n FROM balance_transactions").first?.get("n") ?? 0
        guard rows == 0 else { throw OpeningError.begun(rows: rows) }
        let reading = try await query("SELECT 1 FROM balance_feeds WHERE lease_until > clock_timestamp() LIMIT 1")
        guard reading.isEmpty else { throw OpeningError.beingRead }
    }

    fileprivate func sellers(of owners: [BalanceOwner]) async throws -> [BalanceOwner: ID<Seller>] {
        let rows = try await query(
            """
            SELECT stripe_account, seller_id FROM seller_accounts
            WHERE stripe_account = ANY (\(owners.compactMap(\.stripeAccount?.rawValue)))
            """)
        return Dictionary(
            uniqueKeysWithValues: try rows.map {
                (BalanceOwner(code: try $0.get("stripe_account")), try $0.get("seller_id"))
            })
    }

    fileprivate func openFeeds(of owners: [BalanceOwner], at opening: Timestamp) async throws {
        try await execute(
            """
            INSERT INTO balance_feeds (stripe_account, due_at, opened_at)
            SELECT owner, \(now), \(opening) FROM unnest(\(owners.map(\.code))) AS owner
            ON CONFLICT (stripe_account) DO UPDATE SET opened_at = excluded.opened_at
            """)
    }
}

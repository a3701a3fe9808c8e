import Domain
import Ledger
import Postgres
import Store
import StripeAPI

extension ReadBalanceFeed {
    /// Reads these rows of a balance again, whenever Stripe booked them: stores those that are not here, brings the others
    /// up to what Stripe shows, and books what the journal does not have. Repeats change nothing.
    /// - Throws: `StripeError` for a row that Stripe does not have.
    func reread(_ ids: [StripeBalanceTransactionID], of owner: BalanceOwner) async throws {
        guard !ids.isEmpty else { return }
        var read: [BalanceTransactionResource] = []
        for id in ids {
            read.append(
                try await stripe.send(
                    RetrieveBalanceTransaction(id, account: owner.stripeAccount, expand: ["source"]),
                    priority: priority))
        }
        let rows = try await resolve(
            read, owner: owner, seller: try await seller(of: owner), opening: try await store.opening(of: owner))
        try await store.transaction { [read] tx in
            try await tx.saveTransfers(read, owner: owner)
            let recorded = try await tx.record(rows)
            for row in rows where !recorded.contains(row.row.id) { try await tx.restoreCopy(of: row) }
            // An entry that is there keeps its cause for itself.
            try await tx.append(try rows.flatMap { try BalanceTransactionRules.entries(for: $0.row) })
            try await tx.updateReversedAmounts(read.filter { recorded.contains($0.id) }, owner: owner)
            try await tx.awaitRows(
                read.flatMap { AwaitedRow.following($0.source, of: owner, category: $0.reportingCategory) })
            try await tx.crossOffAwaitedRows(of: owner)
            try await tx.awaitEntries(behind: rows, of: owner)
        }
    }
}

extension StoreTransaction {
    /// Brings what we keep of a row up to what Stripe shows of it. What the row is about stays as it was found out.
    fileprivate func restoreCopy(of stored: StoredRow) async throws {
        let row = stored.row
        try await execute(
            """
            UPDATE balance_transactions
            SET type = \(stored.type), category = \(row.category), balance_type = \(row.balanceType),
                currency = \(row.amount.currency), amount_minor = \(row.amount.minorUnits),
                fee_minor = \(row.fees.reduce(0) { $0 + $1.amount }), net_minor = \(row.net.minorUnits),
                fees = \(try stored.feesText())::text::jsonb, created_at = \(row.created),
                available_at = \(stored.availableAt), presented_currency = \(row.presented?.currency),
                presented_minor = \(row.presented?.minorUnits)
            WHERE stripe_account = \(row.owner.code) AND id = \(row.id)
            """)
    }
}

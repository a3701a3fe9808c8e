import Domain
import Ledger
import Orders
import Postgres
import Store
import StripeAPI

// The ordinary path of each kind of difference. Every step may be repeated, and a repair that ends half-way is repeated
// from its beginning.
extension RepairFinding {
    /// - Returns: the stored sums that were not what their postings come to.
    func carryOut(_ repair: Repair, _ finding: FindingRecord) async throws -> [RecountedSum] {
        switch (repair, finding.part) {
        case (.markReviewed, _): return []
        case (.resendOperation, _):
            try await resend(finding)
            return []
        case (.adoptObject, _):
            try await adopt(finding)
            return []
        case (_, .transfers):
            try await repairTransfer(StripeTransferID(finding.object))
            return try await recount(around: finding.object)
        case (_, .payouts):
            try await repairPayout(StripePayoutID(finding.object), of: finding.owner)
            return try await recount(around: finding.object)
        case (_, .balances):
            _ = try await feed(finding.owner, thorough: true)
            let accounts = [LedgerAccount.stripeBalance(finding.owner), .stripeReserved(finding.owner)]
            return try await store.recount(around: [], objects: [], accounts: accounts.map(\.code))
        case (_, .clearing) where finding.kind == .clearingNotZero:
            try await repairObject(finding.object, of: finding.owner)
            return try await recount(around: finding.object)
        case (_, .clearing):
            let row = StripeBalanceTransactionID(finding.object)
            try await feed.reread([row], of: finding.owner)
            return try await store.recount(
                around: [.balanceTransaction(row, of: finding.owner)], objects: [])
        case (_, .operations), (_, .all), (_, nil): return []
        }
    }

    private func recount(around object: String) async throws -> [RecountedSum] {
        let rows = try await store.query(
            "SELECT stripe_account, id FROM balance_transactions WHERE subject_id = \(object) OR source_id = \(object)")
        let causes = try rows.map {
            Cause.balanceTransaction(try $0.get("id"), of: BalanceOwner(code: try $0.get("stripe_account")))
        }
        return try await store.recount(around: causes, objects: [object])
    }

    // MARK: Objects that move money

    private func repairTransfer(_ id: StripeTransferID) async throws {
        let remote = try await stripe.send(RetrieveTransfer(id), priority: .caller)
        var reversals = remote.reversals?.data ?? []
        if remote.reversals?.hasMore == true {
            reversals = []
            for try await page in stripe.pages(of: ListTransferReversals(transfer: id), priority: .caller) {
                reversals += page
            }
        }
        let rows = [remote.balanceTransaction?.id] + reversals.map { $0.balanceTransaction?.id }
        try await feed.reread(rows.compactMap { $0.map(StripeBalanceTransactionID.init(_:)) }, of: .platform)
        try await payments(id)
        try await store.transaction { tx in
            // What Stripe says last, read last, wins. The journal is not touched.
            try await tx.execute(
                """
                UPDATE transfers SET currency = \(remote.currency), amount_minor = \(remote.amount),
                    amount_reversed_minor = \(remote.amountReversed), updated_at = \(tx.now)
                WHERE stripe_id = \(id) AND state = 'paid'
                """)
        }
    }

    private func repairPayout(_ id: StripePayoutID, of owner: BalanceOwner) async throws {
        let remote = try await stripe.send(RetrievePayout(id, account: owner.stripeAccount), priority: .caller)
        let rows = [remote.balanceTransaction?.id, remote.failureBalanceTransaction?.id]
        try await feed.reread(rows.compactMap { $0.map(StripeBalanceTransactionID.init(_:)) }, of: owner)
        try await store.transaction { tx in
            try await tx.execute(
                """
                UPDATE payouts SET currency = \(remote.currency), amount_minor = \(remote.amount), updated_at = \(tx.now)
                WHERE stripe_id = \(id) AND stripe_account = \(owner.code)
                """)
        }
        try await payouts.refresh(id, of: owner)
        try await store.transaction { tx in try await tx.forgetWrongItems(of: id) }
        try await itemize(owner)
    }

    /// What waits in a clearing account: its rows may lack their entry, or its object the entry of the business.
    private func repairObject(_ id: String, of owner: BalanceOwner) async throws {
        _ = try await feed(owner, thorough: false)
        let rows = try await store.query(
            "SELECT stripe_account, id FROM balance_transactions WHERE subject_id = \(id) ORDER BY created_at, id")
        for row in rows {
            try await feed.reread([try row.get("id")], of: BalanceOwner(code: try row.get("stripe_account")))
        }
        try await refresh(id, of: owner)
        try await follow(owner)
    }

    /// Reads an object at Stripe and books what follows, as its events do.
    private func refresh(_ id: String, of owner: BalanceOwner, parent: String? = nil) async throws {
        switch id.prefix(while: { $0 != "_" }) {
        case "ch", "py": try await refreshCharge(StripeChargeID(id))
        case "tr": try await payments(StripeTransferID(id))
        case "trr":
            if let parent { try await payments(StripeTransferID(parent)) }
        case "re", "pyr":
            let refund = try await stripe.send(RetrieveRefund(StripeRefundID(id)), priority: .caller)
            if let charge = refund.charge?.id { try await refreshCharge(charge) }
        case "fee": try await refreshFee(StripeApplicationFeeID(id))
        case "fr":
            if let parent { try await refreshFee(StripeApplicationFeeID(parent)) }
        case "dp", "du": try await disputes(StripeDisputeID(id))
        case "po": try await payouts.refresh(StripePayoutID(id), of: owner)
        default: return
        }
    }

    private func refreshCharge(_ id: StripeChargeID) async throws {
        try await payments(id)
        try await payments.rebook(id)
    }

    private func refreshFee(_ id: StripeApplicationFeeID) async throws {
        let fee = try await stripe.send(RetrieveApplicationFee(id), priority: .caller)
        if let charge = fee.originatingTransaction?.id { try await payments(StripeChargeID(charge)) }
    }

    // MARK: Operations

    private func resend(_ finding: FindingRecord) async throws {
        guard let id = ID<Operation>(finding.object) else { return }
        let isFree = try await store.transaction { tx in try await tx.retryOperation(id) }
        if isFree { _ = try await engine.perform(id) }
    }

    private func adopt(_ finding: FindingRecord) async throws {
        try await refresh(finding.object, of: finding.owner, parent: finding.parent)
        _ = try await feed(finding.owner, thorough: false)
        try await follow(finding.owner)
        // What a failed operation moved all the same is booked by now, or a person must see that it is not.
        guard finding.kind != .stateMismatch || finding.expected == nil else { return }
        try await store.transaction { tx in
            try await tx.execute(
                """
                INSERT INTO adopted_objects (stripe_account, stripe_id, finding_id, adopted_at)
                VALUES (\(finding.stripeAccount), \(finding.object), \(finding.id), \(tx.now))
                ON CONFLICT (stripe_account, stripe_id) DO NOTHING
                """)
        }
    }
}

extension StoreTransaction {
    /// Has a payout worked out anew whose items do not sum to it.
    fileprivate func forgetWrongItems(of payout: StripePayoutID) async throws {
        let rows = try await query(
            """
            SELECT id FROM payouts p
            WHERE stripe_id = \(payout) AND itemized_at IS NOT NULL AND amount_minor <> (
                SELECT coalesce(sum(i.amount_minor), 0) FROM payout_items i WHERE i.payout_id = p.id)
            FOR UPDATE
            """)
        guard let id: ID<Payout> = try rows.first?.get("id") else { return }
        try await execute("DELETE FROM payout_items WHERE payout_id = \(id)")
        try await execute("UPDATE payouts SET items_source = NULL, itemized_at = NULL WHERE id = \(id)")
    }
}

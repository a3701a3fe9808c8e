package import Domain
import Ledger
import Postgres
package import Store

// What a seller owes is paid out of the shares that come later, as far as a policy says. A debt that a reversal is on its
// way to take back is left to the reversal, so that nothing is taken twice.

/// What is kept of a share.
struct KeptPart: Sendable {
    let amount: Money
    /// What it pays beside the debt of the share's own order: debts of other orders, and without one what is owed of none.
    let paid: [(order: ID<Order>?, amount: Int64)]
}

extension StoreTransaction {
    /// How much of a share is kept, under the locks of the orders whose debts it pays, which therefore change before or after,
    /// and of the seller, whose shares wait for each other here.
    func netting(of transfer: TransferRecord, from rest: TransferRest) async throws -> KeptPart {
        // Of its own lines' refunds the transfer leaves out the seller's part by itself.
        let own = try rest.payable.subtracting(rest.amount).minorUnits
        let secured = try await securedDebt(of: transfer, from: rest)
        let least = KeptPart(amount: secured, paid: [])
        guard let basisPoints = try await nettingPolicy(of: transfer.seller), basisPoints > 0 else { return least }
        guard try await openDebt(of: transfer.seller, in: transfer.currency) > own else { return least }
        let indebted = try await lockIndebtedOrders(of: transfer.seller, in: transfer.currency)
        let locked = try await query("SELECT 1 FROM sellers WHERE id = \(transfer.seller) FOR UPDATE")
        guard !locked.isEmpty else { throw OrderError.orderMissing(transfer.seller.rawValue) }
        let debts = try await openDebts(of: transfer.seller, in: transfer.currency)
        // What has come since the orders were locked is paid by a later share.
        let later = debts.filter { !indebted.contains($0.order) && $0.order != transfer.order }.reduce(0) {
            $0 + $1.amount
        }
        let debt = try await openDebt(of: transfer.seller, in: transfer.currency) - own - later
        let part = Netting.part(of: rest.amount, debt: debt, basisPoints: basisPoints)
        let kept = part.minorUnits < secured.minorUnits ? secured : part
        // What is owed of its own order comes first: the books take it off by themselves.
        let ownDebt = debts.first { $0.order == transfer.order }.map { $0.amount - own } ?? 0
        let others = debts.filter { indebted.contains($0.order) && $0.order != transfer.order }
        let paid = Netting.paid(of: [ownDebt] + others.map(\.amount), by: kept.minorUnits)
        var parts: [(order: ID<Order>?, amount: Int64)] = zip(others, paid.dropFirst()).map { ($0.order, $1) }
        parts.append((nil, kept.minorUnits - paid.reduce(0, +)))
        return KeptPart(amount: kept, paid: parts.filter { $0.amount > 0 })
    }

    /// What was held back secures the order that it was held back of: whatever the policy, it pays what the seller still owes of
    /// that one, such as where a refund left less of the rest than a discount of the seller's own takes.
    private func securedDebt(of transfer: TransferRecord, from rest: TransferRest) async throws -> Money {
        guard transfer.purpose == .reserve else { return .zero(transfer.currency) }
        let debts = try await openDebts(of: transfer.seller, in: transfer.currency)
        let debt = debts.first { $0.order == transfer.order }?.amount ?? 0
        return Netting.part(of: rest.amount, debt: debt, basisPoints: 10_000)
    }

    /// Writes down which debts a transfer pays, when its amount is fixed.
    func insert(_ kept: KeptPart, of transfer: TransferRecord) async throws {
        try await execute(
            """
            INSERT INTO nettings (transfer_id, order_id, seller_id, currency, amount_minor)
            SELECT \(transfer.id), s.order_id, \(transfer.seller), \(transfer.currency), s.amount_minor
            FROM unnest(\(kept.paid.map(\.order?.rawValue)), \(kept.paid.map(\.amount))) AS s (order_id, amount_minor)
            """)
    }

    /// The transfer is not made after all, and pays no debts.
    func deleteNettings(of transfer: TransferRecord) async throws {
        let orders = try await query(
            "DELETE FROM nettings WHERE transfer_id = \(transfer.id) RETURNING order_id")
        // Only those that waited for it: two that Stripe refuses would else wake each other for ever.
        try await followEnd(inOrders: orders) { try await wakeOperations(waitingFor: $0.rawValue) }
    }

    /// The transfer is made, and with it the debts of other orders are paid.
    func followNettings(of transfer: TransferRecord) async throws {
        try await followEnd(
            inOrders: try await query("SELECT order_id FROM nettings WHERE transfer_id = \(transfer.id)")
        ) { try await wakeTransfers(of: $0) }
    }

    /// What is given again of orders whose debts a transfer was to pay, and what comes back of those that were given up, waits for
    /// how the transfer ends.
    private func followEnd(
        inOrders rows: [PostgresRow], waking wake: (ID<Order>) async throws -> Void
    ) async throws {
        for order in try rows.compactMap({ try $0.get("order_id") as ID<Order>? }).sorted(by: {
            $0.rawValue < $1.rawValue
        }) {
            try await wake(order)
            let writtenOff = try await query("SELECT 1 FROM write_off_orders WHERE order_id = \(order) LIMIT 1")
            if !writtenOff.isEmpty, let locked = try await lockOrder(order) { try await returnToSellers(of: locked) }
        }
    }

    /// The orders of which a seller owes something, under their locks.
    package func lockIndebtedOrders(of seller: ID<Seller>, in currency: Currency) async throws -> Set<ID<Order>> {
        let locked = try await query(
            """
            SELECT id FROM orders WHERE id IN (
                SELECT order_id FROM order_debts
                WHERE seller_id = \(seller) AND currency = \(currency) AND amount_minor > 0)
            ORDER BY id FOR UPDATE
            """)
        return Set(try locked.map { try $0.get("id") })
    }

    /// What a seller owes order by order, the oldest order first, less what transfers on their way settle and what reversals
    /// are to take back.
    package func openDebts(
        of seller: ID<Seller>, in currency: Currency
    ) async throws -> [(order: ID<Order>, amount: Int64)] {
        try await query(
            """
            SELECT order_id, amount FROM (
                SELECT d.order_id, (d.amount_minor - coalesce((
                        SELECT sum(t.payable_minor - t.amount_minor - coalesce((
                            SELECT sum(n.amount_minor) FROM nettings n WHERE n.transfer_id = t.id), 0))
                        FROM transfers t
                        WHERE t.order_id = d.order_id AND t.seller_id = d.seller_id AND t.state = 'pending'
                            AND t.operation_id IS NOT NULL), 0)
                    - coalesce((
                        SELECT sum(k.under_way_minor) FROM recoveries_under_way k
                        WHERE k.order_id = d.order_id AND k.seller_id = d.seller_id AND k.cause <> 'request'), 0))::bigint
                    AS amount
                FROM order_debts d
                WHERE d.seller_id = \(seller) AND d.currency = \(currency) AND d.amount_minor > 0
            ) AS debts WHERE amount > 0 ORDER BY order_id
            """
        ).map { (try $0.get("order_id"), try $0.get("amount")) }
    }

    /// In basis points; nil for none.
    private func nettingPolicy(of seller: ID<Seller>) async throws -> Int64? {
        try await query(
            """
            SELECT percent_bps FROM netting_policies WHERE seller_id = \(seller) OR seller_id IS NULL
            ORDER BY seller_id IS NULL, created_at DESC, id DESC LIMIT 1
            """
        ).first?.get("percent_bps")
    }

    /// What a seller owes by the books, less what transfers on their way settle and what reversals are to take back.
    package func openDebt(of seller: ID<Seller>, in currency: Currency) async throws -> Int64 {
        let rows = try await query(
            """
            SELECT (
                coalesce((SELECT balance_minor FROM ledger_accounts
                    WHERE code = \(LedgerAccount.sellerReceivable(seller).code) AND currency = \(currency)), 0)
                - coalesce((SELECT sum(payable_minor - amount_minor) FROM transfers
                    WHERE seller_id = \(seller) AND currency = \(currency) AND state = 'pending'
                        AND operation_id IS NOT NULL), 0)
                - coalesce((
                    SELECT sum(k.under_way_minor) FROM recoveries_under_way k
                    WHERE k.seller_id = \(seller) AND k.currency = \(currency) AND k.cause <> 'request'), 0)
                )::bigint AS debt
            """)
        return try rows.first?.get("debt") ?? 0
    }

    /// Ends the reversals that wait for the seller's balance; one that is on its way goes on.
    package func endWaitingReversals(
        of seller: ID<Seller>, in currency: Currency, because reason: String
    ) async throws {
        try await endUnsentOperations(
            among: """
                SELECT operation_id FROM recoveries
                WHERE seller_id = \(seller) AND currency = \(currency) AND cause <> 'request'
                """, in: [.held], because: reason)
    }
}

package import Domain
import Ledger
import Postgres
package import Store

// What a seller owes is paid out of the shares that come later, as far as a policy says. A debt that a reversal is on its
// way to take back is left to the reversal, so that nothing is taken twice.

/// What is kept of a share.
struct KeptPart: Sendable {
    let amount: Money
    /// Debts of other orders that it pays. The rest pays what is owed of the share's own order.
    let paid: [(order: ID<Order>, amount: Int64)]
}

extension StoreTransaction {
    /// How much of a share is kept, under the locks of the orders whose debts it pays, which therefore change before or after,
    /// and of the seller, whose shares wait for each other here.
    func netting(of transfer: TransferRecord, from rest: TransferRest) async throws -> KeptPart {
        let none = KeptPart(amount: .zero(transfer.currency), paid: [])
        guard let basisPoints = try await nettingPolicy(of: transfer.seller), basisPoints > 0 else { return none }
        // Of its own lines' refunds the transfer leaves out the seller's part by itself.
        let own = try rest.payable.subtracting(rest.amount).minorUnits
        guard try await openDebt(of: transfer.seller, in: transfer.currency) > own else { return none }
        let indebted = try await lockIndebtedOrders(of: transfer.seller, in: transfer.currency)
        let locked = try await query("SELECT 1 FROM sellers WHERE id = \(transfer.seller) FOR UPDATE")
        guard !locked.isEmpty else { throw OrderError.orderMissing(transfer.seller.rawValue) }
        let debt = try await openDebt(of: transfer.seller, in: transfer.currency) - own
        let kept = Netting.part(of: rest.amount, debt: debt, basisPoints: basisPoints)
        var debts = try await openDebts(of: transfer.seller, in: transfer.currency).filter {
            indebted.contains($0.order)
        }
        // What is owed of its own order comes first: the books take it off by themselves.
        let ownDebt = debts.first { $0.order == transfer.order }.map { $0.amount - own } ?? 0
        debts.removeAll { $0.order == transfer.order }
        let paid = Netting.paid(of: debts.map(\.amount), by: kept.minorUnits - max(0, min(ownDebt, kept.minorUnits)))
        return KeptPart(amount: kept, paid: zip(debts, paid).map { ($0.order, $1) }.filter { $0.amount > 0 })
    }

    /// Writes down which debts a transfer pays, when its amount is fixed.
    func insert(_ kept: KeptPart, of transfer: TransferRecord) async throws {
        try await execute(
            """
            INSERT INTO nettings (transfer_id, order_id, seller_id, currency, amount_minor)
            SELECT \(transfer.id), s.order_id, \(transfer.seller), \(transfer.currency), s.amount_minor
            FROM unnest(\(kept.paid.map(\.order.rawValue)), \(kept.paid.map(\.amount))) AS s (order_id, amount_minor)
            """)
    }

    /// The transfer pays no debts: Stripe has refused it.
    func deleteNettings(of transfer: TransferRecord) async throws {
        try await wakeReturns(ofOrdersPaidBy: transfer)
        try await execute("DELETE FROM nettings WHERE transfer_id = \(transfer.id)")
    }

    /// What is given again of the orders whose debts a transfer pays waits for how the transfer ends.
    func wakeReturns(ofOrdersPaidBy transfer: TransferRecord) async throws {
        try await wakeOperations(
            among: """
                SELECT t.operation_id FROM transfers t JOIN nettings n ON n.order_id = t.order_id
                WHERE n.transfer_id = \(transfer.id)
                """)
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

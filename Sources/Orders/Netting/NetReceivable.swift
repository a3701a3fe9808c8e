package import Domain
import Ledger
import Postgres
package import Store

// What a seller owes is paid out of the shares that come later, as far as a policy says. A debt that a reversal is on its
// way to take back is left to the reversal, so that nothing is taken twice.
extension StoreTransaction {
    /// How much of a share is kept, under the lock of the seller, whose shares therefore wait for each other here.
    func netting(of transfer: TransferRecord, from rest: TransferRest) async throws -> Money {
        let none = Money.zero(transfer.currency)
        guard let basisPoints = try await nettingPolicy(of: transfer.seller), basisPoints > 0 else { return none }
        let locked = try await query("SELECT 1 FROM sellers WHERE id = \(transfer.seller) FOR UPDATE")
        guard !locked.isEmpty else { throw OrderError.orderMissing(transfer.seller.rawValue) }
        // Of its own lines' refunds the transfer leaves out the seller's part by itself.
        let own = try rest.payable.subtracting(rest.amount)
        let debt = try await openDebt(of: transfer.seller, in: transfer.currency) - own.minorUnits
        return Netting.part(of: rest.amount, debt: debt, basisPoints: basisPoints)
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

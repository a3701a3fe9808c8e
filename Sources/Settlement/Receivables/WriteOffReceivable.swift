import Domain
import Ledger
import Orders
import Postgres
import Sellers
import Store
import Web

/// Gives up all that a seller owes in a currency. Reversals that wait for the seller's balance end with it: what was given
/// up is not taken later.
struct WriteOffReceivable: Sendable {
    let store: Store

    init(store: Store) { self.store = store }

    /// - Throws: `seller_not_found`; `illegal_transition` where nothing is owed, or while a reversal is on its way to take
    ///   some of it back.
    func callAsFunction(
        _ seller: ID<Seller>, _ currency: Currency, because reason: String, by caller: Caller,
        claim: IdempotencyClaim?
    ) async throws -> WriteOffBody {
        try await store.transaction { tx in
            if let earlier = claim?.subject.flatMap({ ID<WriteOff>($0) }) { return try await tx.writeOff(earlier) }
            let indebted = try await tx.lockIndebtedOrders(of: seller, in: currency)
            guard try await tx.lockSeller(seller) != nil else {
                throw Refusal(
                    .sellerNotFound, "There is no seller '\(seller)'. GET /v1/sellers lists them.", parameter: "id")
            }
            try await tx.endWaitingReversals(of: seller, in: currency, because: "the debt was written off: \(reason)")
            let owed = try await tx.lockReceivable(of: seller, in: currency)
            guard owed > 0 else {
                throw Refusal(
                    .illegalTransition, "Seller \(seller) owes nothing in \(currency). GET /v1/receivables lists debts."
                )
            }
            guard try await tx.openDebt(of: seller, in: currency) == owed else {
                throw Refusal(
                    .illegalTransition,
                    "Something is on its way to take back what seller \(seller) owes. Try again when it has ended: GET "
                        + "/v1/admin/operations?state=sent.")
            }
            let amount = Money(owed, currency)
            let id = tx.makeID(WriteOff.self)
            try await tx.execute(
                """
                INSERT INTO write_offs (id, seller_id, currency, amount_minor, reason, created_at)
                VALUES (\(id), \(seller), \(currency), \(owed), \(reason), \(tx.now))
                """)
            let debts = try await tx.openDebts(of: seller, in: currency)
            guard debts.allSatisfy({ indebted.contains($0.order) }) else {
                throw Refusal(
                    .illegalTransition, "What seller \(seller) owes is changing at this moment. Try again.")
            }
            let givenUp = zip(debts, Netting.paid(of: debts.map(\.amount), by: owed)).filter { $1 > 0 }
            try await tx.execute(
                """
                INSERT INTO write_off_orders (write_off_id, order_id, seller_id, currency, amount_minor)
                SELECT \(id), s.order_id, \(seller), \(currency), s.amount_minor
                FROM unnest(\(givenUp.map { $0.0.order.rawValue }), \(givenUp.map { $0.1 })) AS s (order_id, amount_minor)
                """)
            try await tx.append([try ReceivableRules.writtenOff(id, seller: seller, amount: amount, at: tx.now)])
            try await tx.bind(claim, to: id.rawValue)
            try await tx.audit(
                "seller.write_off", subject: seller.rawValue, by: caller,
                details: ["write_off": id.rawValue, "amount": "\(amount)", "reason": reason])
            return try await tx.writeOff(id)
        }
    }
}

extension StoreTransaction {
    fileprivate func writeOff(_ id: ID<WriteOff>) async throws -> WriteOffBody {
        let rows = try await query("SELECT \(unescaped: WriteOffBody.columns) FROM write_offs WHERE id = \(id)")
        guard let row = rows.first else { throw WriteOffMissing(description: "the write-off \(id) does not exist") }
        return try WriteOffBody(row: row)
    }

    /// What is owed by the books. The accounts of the entry that follows stay as they are until then, locked in the order
    /// in which the journal locks them.
    fileprivate func lockReceivable(of seller: ID<Seller>, in currency: Currency) async throws -> Int64 {
        let receivable = LedgerAccount.sellerReceivable(seller).code
        let rows = try await query(
            """
            SELECT code, balance_minor FROM ledger_accounts
            WHERE code IN (\(receivable), \(LedgerAccount.writeOffLoss.code)) AND currency = \(currency)
            ORDER BY id FOR NO KEY UPDATE
            """)
        return try rows.first { try $0.get("code") == receivable }?.get("balance_minor") ?? 0
    }
}

/// Something is wrong with Souk's own rows: for the log, never for callers.
private struct WriteOffMissing: Error, CustomStringConvertible {
    let description: String
}

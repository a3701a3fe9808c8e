import Domain
package import Ledger
package import Logging
package import Orders
import Postgres
package import Store

/// Books what rows of Stripe's books ask for and nobody told: reads the payment, dispute or payout behind each such row.
package struct FollowRows: Sendable {
    /// Events come beside the rows: for so long they are left the first word, which saves a read of Stripe.
    static let patience: Duration = .seconds(2)
    /// How many are read after one reading of a balance; the rest follow its next.
    private static let limit = 50

    let store: Store
    let payments: RefreshOrderPayment
    let payouts: RefreshPayout
    let disputes: RefreshDispute
    let logger: Logger

    package init(
        store: Store, payments: RefreshOrderPayment, payouts: RefreshPayout, disputes: RefreshDispute, logger: Logger
    ) {
        self.store = store
        self.payments = payments
        self.payouts = payouts
        self.disputes = disputes
        self.logger = logger
    }

    /// What cannot be read or booked stays awaited: it is tried again with the balance, and a check of the books names it.
    package func callAsFunction(_ owner: BalanceOwner) async throws {
        for origin in try await awaited(of: owner) {
            do {
                switch origin {
                case .charge(let id): try await payments(id)
                case .order(let order): try await payments(allOf: order)
                case .dispute(let id): try await disputes(StripeDisputeID(id))
                case .payout(let id): try await payouts.refresh(StripePayoutID(id), of: owner)
                }
            } catch is CancellationError {
                throw CancellationError()
            } catch {
                logger.warning("a row's business entry waits", metadata: ["for": "\(origin)", "error": "\(error)"])
            }
        }
    }

    private func awaited(of owner: BalanceOwner) async throws -> [AwaitedEntry.Origin] {
        let rows = try await store.transaction { tx in
            try await tx.crossOffAwaitedEntries(of: owner)
            return try await tx.query(
                """
                SELECT order_id, payout, dispute, charge FROM (
                    SELECT order_id, payout, dispute, since, CASE WHEN cause LIKE 'charge\\_paid:%' THEN split_part(cause, ':', 2) END
                        AS charge
                    FROM awaited_entries
                    WHERE stripe_account = \(owner.code) AND since <= \(tx.now.advanced(by: .zero - Self.patience))
                ) AS awaited
                GROUP BY order_id, payout, dispute, charge ORDER BY min(since) LIMIT \(Self.limit)
                """)
        }
        return try rows.compactMap { row in
            if let charge: StripeChargeID = try row.get("charge") { return .charge(charge) }
            if let order: ID<Order> = try row.get("order_id") { return .order(order) }
            if let dispute: String = try row.get("dispute") { return .dispute(dispute) }
            let payout: String? = try row.get("payout")
            return payout.map(AwaitedEntry.Origin.payout)
        }
    }
}

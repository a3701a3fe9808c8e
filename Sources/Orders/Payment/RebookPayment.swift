package import Domain
import Ledger
import Postgres
import Store
import StripeAPI

extension RefreshOrderPayment {
    /// Books a sale, what was held back of it and its refunds, of which we have rows, where the journal does not have their entries: as they were
    /// divided when they were made. A cause that is there keeps its entry. What nobody here knows changes nothing.
    package func rebook(_ charge: StripeChargeID) async throws {
        try await store.transaction { tx in
            let owner: ID<Order>? = try await tx.query("SELECT order_id FROM charges WHERE id = \(charge)").first?.get(
                "order_id")
            guard let owner, let order = try await tx.lockOrder(owner), let record = try await tx.charge(charge),
                record.status == StripeChargeStatus.succeeded.rawValue
            else { return }
            let createdAt: Timestamp? = try await tx.query("SELECT created_at FROM charges WHERE id = \(charge)").first?
                .get("created_at")
            let paidAt = record.purpose == .sale ? order.paidAt : createdAt
            guard let paidAt else { return }
            var entries = [try record.paidEntry(try order.division, at: paidAt)]
            for refund in try await tx.refunds(where: "charge_id = \(charge) AND stripe_id IS NOT NULL ORDER BY id") {
                guard let id = refund.stripeID else { continue }
                let sellers = try await tx.sellerParts(of: refund.id, in: order.currency)
                entries.append(try record.refundedEntry(id, refund.parts, sellers: sellers, at: refund.created))
            }
            if record.purpose == .sale {
                let reserves = try await tx.query(
                    "SELECT \(unescaped: ReserveRecord.columns) FROM reserves WHERE order_id = \(order.id)")
                entries += try reserves.flatMap { try ReserveRecord(row: $0).entries() }
            }
            try await tx.append(entries)
        }
    }
}

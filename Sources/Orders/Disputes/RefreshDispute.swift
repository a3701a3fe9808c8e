package import Domain
import Postgres
import Sellers
package import Store
import StripeAPI

/// Brings what Souk knows of a dispute up to what Stripe says now.
///
/// Serves `charge.dispute.*` of the platform, in any order and any number of times. What is contested of a seller's own
/// sales, or of the platform's other business, changes nothing.
package struct RefreshDispute: Sendable {
    package static let eventTypes = ["charge.dispute.created", "charge.dispute.updated", "charge.dispute.closed"]
    /// Events that also move a balance at Stripe: the platform's, or a seller's own.
    package static let balanceTypes = ["charge.dispute.funds_withdrawn", "charge.dispute.funds_reinstated"]

    let store: Store
    let copies: ObjectCopies
    let stripe: StripeClient
    let payments: RefreshOrderPayment

    package func callAsFunction(_ event: InboundEvent) async throws {
        guard event.account == nil, let id = event.objectID else { return }
        try await callAsFunction(StripeDisputeID(id))
    }

    package func callAsFunction(_ id: StripeDisputeID) async throws {
        if let unknown = try await refresh(id) {
            // The dispute may be told of before the payment is; a charge that is not Souk's stays unknown.
            try await payments(unknown)
            _ = try await refresh(id)
        }
        try await claim(id)
    }

    /// Claims it from those who bear it, if nobody has. Stripe refunds nothing of a disputed charge, so that a read of the
    /// payment now tells every refund that came before: what those took is not claimed again.
    private func claim(_ id: StripeDisputeID) async throws {
        let rows = try await store.query(
            """
            SELECT d.order_id, d.charge_id FROM disputes d JOIN orders o ON o.id = d.order_id
            WHERE d.stripe_id = \(id) AND o.dispute_bearer = \(DisputeBearer.seller.rawValue)
                AND d.withdrawn_at IS NOT NULL AND d.claimed_at IS NULL AND d.reinstated_at IS NULL
            """)
        guard let row = rows.first else { return }
        let (order, charge): (ID<Order>, StripeChargeID) = (try row.get("order_id"), try row.get("charge_id"))
        try await payments(charge)
        try await store.transaction { tx in
            guard let locked = try await tx.lockOrder(order), let paid = try await tx.charge(charge) else { return }
            try await tx.claimDisputes(of: paid, in: locked)
        }
    }

    /// - Returns: the charge, if it is none that Souk knows.
    private func refresh(_ id: StripeDisputeID) async throws -> StripeChargeID? {
        try await copies.refresh(kind: "dispute", id: id.rawValue, account: nil) {
            try await stripe.fetch(RetrieveDispute(id).request, priority: .event)
        } apply: { tx, fetched -> StripeChargeID? in
            guard case .found(let bytes) = fetched else { return nil }
            let remote = try StripeAnswer(status: 200, body: bytes).decode(DisputeResource.self)
            return try await tx.follow(remote) ? nil : remote.charge.id
        }
    }
}

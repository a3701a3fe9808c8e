import Domain
import Postgres
package import Store

/// Notes that a connected account has left the platform, or has come back to it.
///
/// Serves `account.application.deauthorized` and `account.application.authorized`. The account can no longer be asked,
/// so the verified envelope is the truth: the later of two such events, by Stripe's time, wins; in the same second the
/// one that says "left" does.
package struct RecordConnection: Sendable {
    let store: Store

    package init(store: Store) { self.store = store }

    package func callAsFunction(_ event: InboundEvent) async throws {
        guard let account = event.account else { return }
        let hasLeft = event.type == "account.application.deauthorized"
        try await store.transaction { tx in
            guard let seller = try await tx.lockSeller(stripeAccount: account),
                try await tx.isNews(event, hasLeft: hasLeft, for: seller)
            else { return }
            try await tx.execute(
                "UPDATE sellers SET connection_changed_at = \(event.created) WHERE id = \(seller.id)")
            var changed = seller
            changed.deauthorizedAt = hasLeft ? event.created : nil
            try await tx.save(changed, was: seller)
            guard hasLeft != seller.isDeauthorized else { return }
            try await tx.audit(
                hasLeft ? "seller.deauthorized" : "seller.authorized", subject: seller.id.rawValue, by: .souk)
        }
    }
}

extension StoreTransaction {
    fileprivate func isNews(_ event: InboundEvent, hasLeft: Bool, for seller: SellerRecord) async throws -> Bool {
        let row = try await query("SELECT connection_changed_at FROM sellers WHERE id = \(seller.id)").first
        guard let known: Timestamp = try row?.get("connection_changed_at", as: Timestamp?.self) else { return true }
        return hasLeft ? event.created >= known : event.created > known
    }
}

import Ledger
import Postgres
package import Store

/// Has the balance behind an event read soon: the event itself says nothing that the rows do not say better.
package struct RequestBalanceFeed: Sendable {
    /// The events of one payment come within moments of each other, before Stripe has booked it. When that shows on the
    /// charge, its balances are asked for at once; so what only hears of it waits for that.
    static let gathering: Duration = .seconds(2)

    let store: Store

    package init(store: Store) { self.store = store }

    package func callAsFunction(_ event: InboundEvent) async throws {
        try await store.transaction { tx in
            try await tx.requestFeed(
                of: event.account.map(BalanceOwner.connected) ?? .platform, after: Self.gathering)
        }
    }

    /// Makes sure that every balance of ours is in the round, once at the start of a process.
    package func registerAll() async throws {
        try await store.transaction { tx in
            try await tx.execute(
                """
                INSERT INTO balance_feeds (stripe_account, due_at, wanted)
                SELECT stripe_account, \(tx.now), false FROM seller_accounts
                UNION ALL SELECT 'platform', \(tx.now), false
                ON CONFLICT (stripe_account) DO NOTHING
                """)
        }
    }
}

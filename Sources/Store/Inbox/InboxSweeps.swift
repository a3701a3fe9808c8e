package import Domain
import Postgres

extension Inbox {
    /// Up to which of Stripe's times an account's events have been compared with ours; nil if never. `account` nil is
    /// the platform.
    package func sweptUntil(_ account: StripeAccountID?) async throws -> Timestamp? {
        try await store.query(
            "SELECT swept_until FROM inbox_sweeps WHERE account = \(account?.rawValue ?? "")"
        ).first.map { try $0.get("swept_until", as: Timestamp.self) }
    }

    package func recordSweep(of account: StripeAccountID?, until: Timestamp, missing: Int) async throws {
        _ = try await store.execute(
            """
            INSERT INTO inbox_sweeps AS s (account, swept_until, missing)
            VALUES (\(account?.rawValue ?? ""), \(until), \(Int64(missing)))
            ON CONFLICT (account) DO UPDATE
            SET swept_until = greatest(s.swept_until, excluded.swept_until), swept_at = now(),
                missing = s.missing + excluded.missing
            """)
    }

    /// Those of the accounts whose last sweep lies furthest back, never swept ones first.
    package func leastRecentlySwept(of accounts: [StripeAccountID], limit: Int) async throws -> [StripeAccountID] {
        try await store.query(
            """
            SELECT g.account FROM unnest(\(accounts)::text[]) AS g (account)
            LEFT JOIN inbox_sweeps s USING (account)
            ORDER BY s.swept_at NULLS FIRST, g.account LIMIT \(Int64(limit))
            """
        ).map { try $0.get("account", as: StripeAccountID.self) }
    }
}

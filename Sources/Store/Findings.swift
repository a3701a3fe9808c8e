package import Domain
import Postgres

extension StoreTransaction {
    /// Leaves a finding for a person that an object was made at Stripe without Souk, once for each object. `detail` says
    /// what it is and how Souk booked it.
    package func noteMadeAtStripe(_ object: String, amount: Money, detail: String) async throws {
        try await execute(
            """
            INSERT INTO reconciliation_findings
                (id, reconciliation_id, kind, stripe_account, object_id, currency, actual_minor, detail, created_at)
            VALUES (\(makeID(Finding.self)), NULL, 'made_at_stripe', 'platform', \(object), \(amount.currency),
                \(amount.minorUnits), \(detail), \(now))
            ON CONFLICT (kind, stripe_account, object_id) WHERE reconciliation_id IS NULL DO NOTHING
            """)
    }
}

package import Ledger
import Postgres

/// A row of Stripe's books that must exist because of another row or of a fact: until it is there, the books of its
/// object are not complete.
package struct AwaitedRow: Hashable, Sendable {
    package let owner: BalanceOwner
    /// Stripe's reporting category of the row.
    package let category: String
    /// The row's subject, or its source where one subject has many rows, as a transfer has reversals.
    package let object: String

    package init(owner: BalanceOwner, category: String, object: String) {
        self.owner = owner
        self.category = category
        self.object = object
    }
}

extension StoreTransaction {
    /// Writes down rows that must come to the platform's balance or to a seller's, unless they are here already, and has
    /// those balances read. What comes to accounts of nobody here is not Souk's to wait for.
    package func awaitRows(_ rows: [AwaitedRow]) async throws {
        guard !rows.isEmpty else { return }
        let awaited = try await query(
            """
            INSERT INTO awaited_rows (stripe_account, category, subject_id, since)
            SELECT given.*, \(now)
            FROM unnest(\(rows.map(\.owner.code)), \(rows.map(\.category)), \(rows.map(\.object)))
                AS given (stripe_account, category, object)
            WHERE NOT EXISTS (
                SELECT 1 FROM balance_transactions b
                WHERE b.stripe_account = given.stripe_account AND b.category = given.category
                    AND (b.subject_id = given.object OR b.source_id = given.object))
                AND (given.stripe_account = 'platform'
                    OR EXISTS (SELECT 1 FROM seller_accounts s WHERE s.stripe_account = given.stripe_account))
            ORDER BY 1, 2, 3
            ON CONFLICT DO NOTHING
            RETURNING stripe_account
            """
        ).map { BalanceOwner(code: try $0.get("stripe_account")) }
        for owner in Set(awaited).sorted() { try await requestFeed(of: owner) }
    }

    /// Crosses off the rows that have come to this balance.
    package func crossOffAwaitedRows(of owner: BalanceOwner) async throws {
        try await execute(
            """
            DELETE FROM awaited_rows w
            WHERE w.stripe_account = \(owner.code) AND EXISTS (
                SELECT 1 FROM balance_transactions b
                WHERE b.stripe_account = w.stripe_account AND b.category = w.category
                    AND (b.subject_id = w.subject_id OR b.source_id = w.subject_id))
            """)
    }
}

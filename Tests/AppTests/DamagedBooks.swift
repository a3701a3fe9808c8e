import Foundation
import Postgres
import TestSupport

/// Makes our side wrong as only a superuser can, and puts it right again.
enum DamagedBooks {
    /// What the books and our copies of Stripe's objects stand in.
    static let tables = [
        "postings", "journal_entries", "payout_items", "balance_transactions", "transfers", "payouts",
        "ledger_subjects",
        "ledger_accounts", "stripe_operations",
    ]

    /// Runs statements around every trigger and foreign key.
    static func run(_ script: String) async throws {
        try await TestDatabase.current.postgres.withConnection { connection in
            try await connection.executeScript("SET session_replication_role = replica; \(script)")
            try await connection.executeScript("RESET session_replication_role")
        }
    }

    /// Remembers how the tables stand.
    static func keep() async throws {
        for table in tables {
            try await TestDatabase.current.postgres.execute(
                PostgresQuery(unescaped: "CREATE TABLE kept_\(table) AS TABLE \(table)"))
        }
    }

    static func restore() async throws {
        try await run(
            tables.map { "DELETE FROM \($0); INSERT INTO \($0) OVERRIDING SYSTEM VALUE TABLE kept_\($0)" }
                .joined(separator: "; "))
    }
}

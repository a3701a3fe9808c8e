import Foundation
import Postgres
import TestSupport
import Testing

/// The books are damaged one way at a time, by a superuser who goes around every trigger, and the check names the object.
@Suite(.database, .serialized) struct BooksCheckTests {
    struct Damage: Sendable, CustomStringConvertible {
        let name: String
        let sql: String
        /// Which fault it must be found as, and the column that names the object.
        let kind: String
        let object: String

        var description: String { name }
    }

    /// Each `object` is a query for the id that the fault must name.
    static let damages: [Damage] = [
        Damage(
            name: "a posting is deleted", sql: "DELETE FROM postings WHERE position = 1 AND entry_id = {row_entry}",
            kind: "entry_unbalanced", object: "SELECT cause FROM journal_entries WHERE id = {row_entry}"),
        Damage(
            name: "a posting's amount is changed",
            sql: "UPDATE postings SET amount_minor = amount_minor + 1 WHERE position = 1 AND entry_id = {row_entry}",
            kind: "entry_differs", object: "SELECT split_part({row_cause}, ':', 3)"),
        Damage(
            name: "an entry of a row is deleted",
            sql:
                "DELETE FROM postings WHERE entry_id = {row_entry}; DELETE FROM journal_entries WHERE id = {row_entry}",
            kind: "row_not_booked", object: "SELECT split_part({row_cause}, ':', 3)"),
        Damage(
            name: "an entry is doubled under another cause",
            sql: """
                INSERT INTO journal_entries (id, cause, effective_at, stripe_account)
                SELECT 'jen_copy', 'copy:' || cause, effective_at, stripe_account FROM journal_entries
                WHERE id = {row_entry};
                INSERT INTO postings SELECT 'jen_copy', position, account_id, amount_minor, subject FROM postings
                WHERE entry_id = {row_entry}
                """, kind: "entry_without_cause", object: "SELECT split_part({row_cause}, ':', 3)"),
        Damage(
            name: "a row of Stripe's books is deleted",
            sql:
                "DELETE FROM balance_transactions WHERE 'balance_transaction:' || stripe_account || ':' || id = {row_cause}",
            kind: "entry_without_cause", object: "SELECT split_part({row_cause}, ':', 3)"),
        Damage(
            name: "a row's amount is changed",
            sql: """
                UPDATE balance_transactions SET amount_minor = amount_minor + 5, net_minor = net_minor + 5
                WHERE 'balance_transaction:' || stripe_account || ':' || id = {row_cause}
                """, kind: "entry_differs", object: "SELECT split_part({row_cause}, ':', 3)"),
        Damage(
            name: "a row is doubled under another id",
            sql: """
                INSERT INTO balance_transactions
                SELECT stripe_account, 'txn_copy', type, category, balance_type, currency, amount_minor, fee_minor,
                    net_minor, fees, subject_kind, subject_id, application_fee_id, source_id, seller_id, order_id,
                    created_at, available_at
                FROM balance_transactions
                WHERE 'balance_transaction:' || stripe_account || ':' || id = {row_cause}
                """, kind: "row_not_booked", object: "SELECT 'txn_copy'"),
        Damage(
            name: "the entry of a paid charge is deleted",
            sql: """
                DELETE FROM postings WHERE entry_id = {charge_entry}; DELETE FROM journal_entries WHERE id = {charge_entry}
                """, kind: "fact_not_booked", object: "SELECT id FROM charges"),
        Damage(
            name: "a share on an order's line is changed",
            sql: "UPDATE order_lines SET seller_minor = seller_minor - 1, platform_fee_minor = platform_fee_minor + 1",
            kind: "entry_differs", object: "SELECT id FROM charges"),
        Damage(
            name: "an account's balance is changed",
            sql: "UPDATE ledger_accounts SET balance_minor = balance_minor + 1 WHERE code = 'stripe:platform'",
            kind: "balance_wrong", object: "SELECT 'stripe:platform usd'"),
        Damage(
            name: "what a charge has waiting is changed",
            sql: "UPDATE ledger_subjects SET balance_minor = 7 WHERE subject = (SELECT id FROM charges)",
            kind: "subject_wrong", object: "SELECT id FROM charges"),
    ]

    /// What the damages touch, restored after each.
    static let tables = [
        "postings", "journal_entries", "balance_transactions", "order_lines", "ledger_subjects", "ledger_accounts",
    ]

    @Test("every way of damaging the books is found, and named by the object")
    func damages() async throws {
        try await RunningSouk.with { souk in
            let seller = try await souk.onboardedSeller("shop-1")
            _ = try await souk.call(
                "POST", "/v1/fee_policies", ["scope": "default", "currency": "usd", "percent_bps": 1000]
            ).expecting(201)
            _ = try await souk.pay(try await souk.placeOrder("order-1", seller: seller, amount: 10_000)).expecting(200)
            try await souk.settle()
            try await souk.expectSoundBooks()

            let postgres = TestDatabase.current.postgres
            let names = try #require(
                try await postgres.query(
                    """
                    SELECT r.id AS row_entry, r.cause AS row_cause, c.id AS charge_entry
                    FROM journal_entries r, journal_entries c
                    WHERE r.cause LIKE 'balance_transaction:platform:%' AND c.cause LIKE 'charge_paid:%' LIMIT 1
                    """
                ).first)
            func filled(_ text: String) throws -> String {
                try ["row_entry", "row_cause", "charge_entry"].reduce(text) { text, name in
                    text.replacingOccurrences(of: "{\(name)}", with: "'\(try names.get(name, as: String.self))'")
                }
            }
            for table in Self.tables {
                try await postgres.execute(PostgresQuery(unescaped: "CREATE TABLE kept_\(table) AS TABLE \(table)"))
            }
            for damage in Self.damages {
                let object: String = try #require(
                    try await postgres.query(
                        PostgresQuery(unescaped: "SELECT (\(try filled(damage.object))) AS object")
                    )
                    .first
                ).get("object")
                try await around(triggersOf: postgres, try filled(damage.sql))
                let proof = try await souk.call("GET", "/v1/ledger/proof").expecting(200)
                let faults = try #require(proof["faults"].array)
                #expect(proof["sound"].bool == false, "\(damage)")
                #expect(
                    faults.contains { $0["kind"].string == damage.kind && $0["subject"].string == object },
                    "\(damage): \(damage.kind) \(object) is not among \(proof)")
                try await around(
                    triggersOf: postgres,
                    Self.tables.map { "DELETE FROM \($0); INSERT INTO \($0) OVERRIDING SYSTEM VALUE TABLE kept_\($0)" }
                        .joined(separator: "; "))
                try await souk.expectSoundBooks()
            }
        }
    }

    /// As only a superuser can.
    private func around(triggersOf postgres: PostgresClient, _ script: String) async throws {
        try await postgres.withConnection { connection in
            try await connection.executeScript("SET session_replication_role = replica; \(script)")
            try await connection.executeScript("RESET session_replication_role")
        }
    }

    @Test("the journal refuses UPDATE, DELETE and TRUNCATE", arguments: ["journal_entries", "postings"])
    func appendOnly(table: String) async throws {
        try await RunningSouk.with { souk in
            let seller = try await souk.onboardedSeller("shop-1")
            _ = try await souk.pay(try await souk.placeOrder("order-1", seller: seller, amount: 1000)).expecting(200)
            try await souk.settle()
            for statement in [
                "UPDATE \(table) SET \(table == "postings" ? "amount_minor = 1" : "cause = 'x'")",
                "DELETE FROM \(table)", "TRUNCATE \(table) CASCADE",
            ] {
                await #expect(throws: PostgresError.self, "\(statement)") {
                    try await TestDatabase.current.postgres.execute(PostgresQuery(unescaped: statement))
                }
            }
            try await souk.expectSoundBooks()
        }
    }
}

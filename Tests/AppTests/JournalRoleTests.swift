import Postgres
import TestSupport
import Testing

/// The journal is append-only for the role that Souk runs as, too: an ordinary role that owns the database.
@Suite(.emptyDatabase, .serialized) struct JournalRoleTests {
    @Test("Souk needs no superuser, and as its role nothing of the journal can be changed, deleted or truncated")
    func ordinaryOwner() async throws {
        let database = TestDatabase.current
        let role = "souk_service_\(UInt32.random(in: 0 ... .max))"
        try await database.postgres.execute("CREATE ROLE \(identifier: role) LOGIN NOSUPERUSER")
        try await database.postgres.execute(
            "ALTER DATABASE \(identifier: database.name) OWNER TO \(identifier: role)")
        let client = try database.makeClient { $0.connectionString += " user=\(role)" }
        defer { client.shutDown() }
        try await Migrator(client: client, folder: Repository.root + "/Migrations").migrate()

        try await RunningSouk.with(role: role) { souk in
            let seller = try await souk.onboardedSeller("shop-1")
            _ = try await souk.pay(try await souk.placeOrder("order-1", seller: seller, amount: 1000)).expecting(200)
            try await souk.settle()
            try await souk.expectSoundBooks()
        }

        let before = try await journal(client)
        #expect(before.entries > 0)
        for statement in [
            "UPDATE journal_entries SET cause = 'x'", "UPDATE postings SET amount_minor = amount_minor + 1",
            "DELETE FROM journal_entries", "DELETE FROM postings", "TRUNCATE journal_entries CASCADE",
            "TRUNCATE postings", "TRUNCATE journal_entries, postings", "SET session_replication_role = replica",
        ] {
            await #expect(throws: PostgresError.self, "\(statement)") {
                try await client.execute(PostgresQuery(unescaped: statement))
            }
        }
        #expect(try await journal(client) == before)
    }

    private struct Sum: Hashable {
        let entries: Int64
        let postings: Int64
        let debits: Int64
    }

    private func journal(_ client: PostgresClient) async throws -> Sum {
        let rows = try await client.query(
            """
            SELECT (SELECT count(*) FROM journal_entries) AS entries, count(*) AS postings,
                coalesce(sum(amount_minor) FILTER (WHERE amount_minor > 0), 0)::bigint AS debits
            FROM postings
            """)
        let row = try #require(rows.first)
        return Sum(
            entries: try row.get("entries"), postings: try row.get("postings"), debits: try row.get("debits"))
    }
}

import Glibc
import Postgres
import TestSupport
import Testing

@Suite(.emptyDatabase) struct CancellationTests {
    private func isRunning(_ marker: String) async throws -> Bool {
        try await TestDatabase.current.postgres.query(
            """
            SELECT count(*) > 0 FROM pg_stat_activity
            WHERE state = 'active' AND query LIKE \("%" + marker + "%") AND pid <> pg_backend_pid()
            """)[0].get(0)
    }

    @Test("a canceled task stops the statement on the server, and its session goes on")
    func cancel() async throws {
        let postgres = try TestDatabase.current.makeClient { $0.maximumConnections = 1 }
        defer { postgres.shutDown() }
        let before: Int = try await postgres.query("SELECT pg_backend_pid()")[0].get(0)
        let task = Task { try await postgres.query("SELECT 'cancel-me', pg_sleep(60)") }
        try await eventually("the statement runs") { try await isRunning("cancel-me") }
        task.cancel()
        await #expect(throws: CancellationError.self) {
            try await within(.seconds(5), "the task ends") { try await task.value }
        }
        #expect(try await postgres.query("SELECT pg_backend_pid()")[0].get(0) == before)
        #expect(try await !isRunning("cancel-me"))
    }

    @Test("a canceled transaction is rolled back and its locks are free")
    func cancelTransaction() async throws {
        let postgres = TestDatabase.current.postgres
        try await postgres.execute("CREATE TABLE things (n bigint)")
        let task = Task {
            try await postgres.transaction { connection in
                try await connection.execute("INSERT INTO things VALUES (1)")
                try await connection.execute("SELECT 'cancel-transaction', pg_sleep(60)")
            }
        }
        try await eventually("the statement runs") { try await isRunning("cancel-transaction") }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        try await postgres.execute("DROP TABLE things")
    }

    @Test("a cancel that comes late never hits the next statement of the session")
    func lateCancels() async throws {
        let postgres = try TestDatabase.current.makeClient { $0.maximumConnections = 1 }
        defer { postgres.shutDown() }
        for round in 0..<200 {
            let task = Task { try await postgres.query("SELECT pg_sleep(\(Double(round % 5) / 10_000))") }
            await Task.yield()
            task.cancel()
            // Canceled or just finished: both are right. The next one must not feel it.
            do { _ = try await task.value } catch is CancellationError {}
            #expect(try await postgres.query("SELECT \(round) AS n")[0].get("n") == round)
        }
    }

    @Test("a statement past its time-out is a time-out, not a refusal")
    func statementTimeout() async throws {
        let postgres = try TestDatabase.current.makeClient { $0.statementTimeout = .milliseconds(200) }
        defer { postgres.shutDown() }
        let error = try await #require(throws: PostgresError.self) { try await postgres.query("SELECT pg_sleep(60)") }
        #expect(error == .timeout(after: .milliseconds(200), mayHaveCommitted: false))
        #expect(try await postgres.query("SELECT 1 AS one")[0].get("one") == 1)
    }

    @Test("no free connection in time: the pool says so")
    func exhausted() async throws {
        let postgres = try TestDatabase.current.makeClient {
            $0.maximumConnections = 1
            $0.acquireTimeout = .seconds(2)
        }
        defer { postgres.shutDown() }
        try await postgres.withConnection { _ in
            let error = try await #require(throws: PostgresError.self) { try await postgres.query("SELECT 1") }
            #expect(error == .poolExhausted(after: .seconds(2)))
        }
        #expect(try await postgres.query("SELECT 1 AS one")[0].get("one") == 1)
    }

    @Test("waiting for a connection ends when the task is canceled")
    func canceledWaiting() async throws {
        let postgres = try TestDatabase.current.makeClient { $0.maximumConnections = 1 }
        defer { postgres.shutDown() }
        try await postgres.withConnection { _ in
            let task = Task { try await postgres.query("SELECT 1") }
            try await eventually("it waits") { postgres.statistics.waiting == 1 }
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
        }
    }

    @Test("PG* variables of the environment change neither where nor how we connect")
    func environment() async throws {
        let surprises = [
            "PGHOST": "192.0.2.1", "PGHOSTADDR": "192.0.2.1", "PGPORT": "1", "PGUSER": "nobody",
            "PGDATABASE": "nowhere", "PGOPTIONS": "-c search_path=nowhere", "PGTZ": "Asia/Tokyo",
            "PGDATESTYLE": "German", "PGTARGETSESSIONATTRS": "standby", "PGAPPNAME": "stranger",
            "PGCLIENTENCODING": "LATIN1",
        ]
        for (name, value) in surprises { setenv(name, value, 1) }
        defer { for name in surprises.keys { unsetenv(name) } }
        let postgres = try TestDatabase.current.makeClient()
        defer { postgres.shutDown() }
        let row = try await postgres.query(
            """
            SELECT current_setting('TimeZone') AS zone, current_setting('search_path') AS path,
                current_setting('application_name') AS application, current_setting('DateStyle') AS style,
                current_setting('client_encoding') AS encoding
            """)[0]
        #expect(try row.get("zone") == "UTC")
        #expect(try row.get("path") == "\"$user\", public")
        #expect(try row.get("application") == "souk-tests")
        #expect(try row.get("style") == "ISO, YMD")
        #expect(try row.get("encoding") == "UTF8")
    }

    @Test("an unusable connection string is refused at once")
    func badConnectionString() {
        for text in ["postgresql://[", "host=a,b port=1,2,3", "nonsense=1"] {
            let error = #expect(throws: PostgresError.self) {
                try PostgresClient(
                    configuration: PostgresConfiguration(connectionString: text), logger: TestDatabase.logger)
            }
            guard case .configuration = error else {
                Issue.record("\(text): \(String(describing: error))")
                continue
            }
        }
    }
}

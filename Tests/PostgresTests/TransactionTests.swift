import Postgres
import TestSupport
import Testing

@Suite(.emptyDatabase) struct TransactionTests {
    @Test("what the body throws undoes everything")
    func rollback() async throws {
        struct Refused: Error {}
        let postgres = TestDatabase.current.postgres
        try await postgres.execute("CREATE TABLE things (n bigint)")
        await #expect(throws: Refused.self) {
            try await postgres.transaction { connection in
                try await connection.execute("INSERT INTO things VALUES (1)")
                throw Refused()
            }
        }
        #expect(try await postgres.query("SELECT count(*) FROM things")[0].get(0) == 0)
    }

    @Test("a swallowed error does not turn COMMIT into a silent rollback")
    func swallowed() async throws {
        let postgres = TestDatabase.current.postgres
        try await postgres.execute("CREATE TABLE things (n bigint)")
        await #expect(throws: PostgresError.transactionAborted) {
            try await postgres.transaction { connection in
                try await connection.execute("INSERT INTO things VALUES (1)")
                _ = try? await connection.query("SELECT 1 / 0")
            }
        }
        #expect(try await postgres.query("SELECT count(*) FROM things")[0].get(0) == 0)
    }

    @Test("a savepoint keeps what came before it")
    func savepoint() async throws {
        let postgres = TestDatabase.current.postgres
        try await postgres.execute("CREATE TABLE things (n bigint PRIMARY KEY)")
        try await postgres.transaction { connection in
            try await connection.execute("INSERT INTO things VALUES (1)")
            await #expect(throws: PostgresError.self) {
                try await connection.savepoint { try await $0.execute("INSERT INTO things VALUES (1)") }
            }
            try await connection.execute("INSERT INTO things VALUES (2)")
        }
        #expect(try await postgres.query("SELECT count(*) FROM things")[0].get(0) == 2)
    }

    @Test("a single statement that has to give way runs again, a bounded number of times")
    func singleStatement() async throws {
        let postgres = TestDatabase.current.postgres
        try await postgres.withConnection { connection in
            try await connection.executeScript(
                """
                CREATE SEQUENCE calls;
                CREATE FUNCTION gives_way(times bigint) RETURNS bigint LANGUAGE plpgsql AS $$
                DECLARE call bigint := nextval('calls');
                BEGIN
                    IF call <= times THEN RAISE EXCEPTION 'give way' USING ERRCODE = '40P01'; END IF;
                    RETURN call;
                END $$;
                """)
        }
        #expect(try await postgres.query("SELECT gives_way(3)")[0].get(0) == Int64(4))
        let error = try await #require(throws: PostgresError.self) {
            try await postgres.query("SELECT gives_way(100)")
        }
        #expect(error.state == .deadlockDetected)
        #expect(try await postgres.query("SELECT nextval('calls')")[0].get(0) == Int64(9))
    }

    @Test("a statement that goes with COMMIT is part of the transaction")
    func beforeCommit() async throws {
        let postgres = TestDatabase.current.postgres
        try await postgres.execute("CREATE TABLE things (n bigint PRIMARY KEY)")
        try await postgres.transaction { connection in
            connection.beforeCommit("INSERT INTO things SELECT max(n) + 1 FROM things")
            try await connection.execute("INSERT INTO things VALUES (1)")
        }
        #expect(try await postgres.query("SELECT max(n) FROM things")[0].get(0) == 2)

        struct Refused: Error {}
        await #expect(throws: Refused.self) {
            try await postgres.transaction { connection in
                try await connection.execute("INSERT INTO things VALUES (3)")
                connection.beforeCommit("INSERT INTO things VALUES (4)")
                throw Refused()
            }
        }
        #expect(try await postgres.query("SELECT count(*) FROM things")[0].get(0) == 2)
    }

    @Test("when a statement that goes with COMMIT fails, nothing is committed, and the session goes on")
    func failsBeforeCommit() async throws {
        let postgres = try TestDatabase.current.makeClient { $0.maximumConnections = 1 }
        defer { postgres.shutDown() }
        try await postgres.execute("CREATE TABLE things (n bigint PRIMARY KEY)")
        let error = try await #require(throws: PostgresError.self) {
            try await postgres.transaction { connection in
                try await connection.execute("INSERT INTO things VALUES (1)")
                connection.beforeCommit("INSERT INTO things VALUES (1)")
            }
        }
        #expect(error.state == .uniqueViolation)
        #expect(try await postgres.query("SELECT count(*) FROM things")[0].get(0) == 0)
    }

    @Test("a conflict of a statement that goes with COMMIT runs the transaction again")
    func conflictBeforeCommit() async throws {
        let postgres = TestDatabase.current.postgres
        try await postgres.execute("CREATE TABLE things (n bigint)")
        let attempts = Tally()
        try await postgres.transaction { connection in
            attempts.add()
            try await connection.execute("INSERT INTO things VALUES (1)")
            guard attempts.value == 1 else { return }
            connection.beforeCommit("DO $$ BEGIN RAISE EXCEPTION 'give way' USING ERRCODE = '40P01'; END $$")
        }
        #expect(attempts.value == 2)
        #expect(try await postgres.query("SELECT count(*) FROM things")[0].get(0) == 1)
    }

    @Test("serializable counters: every increment counts, whatever collides")
    func serializable() async throws {
        let postgres = TestDatabase.current.postgres
        try await postgres.execute("CREATE TABLE counter (n bigint)")
        try await postgres.execute("INSERT INTO counter VALUES (0)")
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<20 {
                group.addTask {
                    try await postgres.transaction(.init(isolation: .serializable, retries: 100)) { connection in
                        let row = try await connection.query("SELECT n FROM counter")[0]
                        let n: Int64 = try row.get("n")
                        try await connection.execute("UPDATE counter SET n = \(n + 1)")
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(try await postgres.query("SELECT n FROM counter")[0].get("n") == 20)
    }

    @Test("retries are bounded, and the last conflict is the error")
    func bounded() async throws {
        let postgres = TestDatabase.current.postgres
        let attempts = Tally()
        let error = try await #require(throws: PostgresError.self) {
            try await postgres.transaction(.init(retries: 2)) { connection in
                attempts.add()
                try await connection.execute("DO $$ BEGIN RAISE EXCEPTION 'give way' USING ERRCODE = '40P01'; END $$")
            }
        }
        #expect(error.state == .deadlockDetected)
        #expect(attempts.value == 3)
    }

    @Test("a real deadlock is broken and both transactions succeed")
    func deadlock() async throws {
        let postgres = TestDatabase.current.postgres
        try await postgres.execute("CREATE TABLE pair (id bigint PRIMARY KEY, n bigint NOT NULL DEFAULT 0)")
        try await postgres.execute("INSERT INTO pair VALUES (1), (2)")
        let (left, right) = (Signal("left holds row 1"), Signal("right holds row 2"))
        async let one: Void = postgres.transaction { connection in
            try await connection.execute("SET LOCAL deadlock_timeout = '50ms'")
            try await connection.execute("UPDATE pair SET n = n + 1 WHERE id = 1")
            await left.raise()
            try await right.wait()
            try await connection.execute("UPDATE pair SET n = n + 1 WHERE id = 2")
        }
        async let two: Void = postgres.transaction { connection in
            try await connection.execute("SET LOCAL deadlock_timeout = '50ms'")
            try await connection.execute("UPDATE pair SET n = n + 1 WHERE id = 2")
            await right.raise()
            try await left.wait()
            try await connection.execute("UPDATE pair SET n = n + 1 WHERE id = 1")
        }
        _ = try await (one, two)
        #expect(try await postgres.query("SELECT sum(n) FROM pair")[0].get(0) == 4)
    }

    @Test("an empty transaction sends nothing, a used connection cannot be used afterwards")
    func lifetimes() async throws {
        let postgres = TestDatabase.current.postgres
        try await postgres.transaction { _ in }
        let leaked = try await postgres.withConnection { $0 }
        await #expect(throws: PostgresError.self) { try await leaked.query("SELECT 1") }
    }

    @Test("a transaction that somebody left open is rolled back before the next user")
    func leftOpen() async throws {
        let postgres = try TestDatabase.current.makeClient { $0.maximumConnections = 1 }
        defer { postgres.shutDown() }
        try await postgres.execute("CREATE TABLE things (n bigint)")
        try await postgres.withConnection { connection in
            try await connection.execute("BEGIN")
            try await connection.execute("INSERT INTO things VALUES (1)")
        }
        #expect(try await postgres.query("SELECT count(*) FROM things")[0].get(0) == 0)
    }

    @Test("COPY stores all rows or none")
    func copy() async throws {
        let postgres = TestDatabase.current.postgres
        try await postgres.execute(
            "CREATE TABLE things (n integer PRIMARY KEY, word text, raw bytea, at timestamptz, yes boolean)")
        let columns = ["n", "word", "raw", "at", "yes"]
        let odd = "tab\tnew\nline\\ \r \\N é"
        let stored = try await postgres.transaction { connection in
            try await connection.copyIn(
                into: "things", columns: columns,
                rows: (0..<100_000).lazy.map { n in
                    [
                        .integer(Int64(n)), n == 7 ? .text(odd) : .null, .bytes([0, 92, 255]),
                        .instant(PostgresInstant(microsecondsSince1970: Int64(n) * 86_400_000_001)), true,
                    ]
                })
        }
        #expect(stored == 100_000)
        let row = try #require(
            await postgres.queryFirst("SELECT word, raw, at, yes FROM things WHERE n = 7"))
        #expect(try row.get("word") == odd)
        #expect(try row.get("raw") == [0, 92, 255] as [UInt8])
        #expect(try row.get("at") == PostgresInstant(microsecondsSince1970: 7 * 86_400_000_001))
        let wrong: Int = try await postgres.query(
            "SELECT count(*) FROM things WHERE at <> 'epoch'::timestamptz + n * interval '86400.000001 s'")[0].get(0)
        #expect(wrong == 0)

        let error = try await #require(throws: PostgresError.self) {
            try await postgres.withConnection {
                try await $0.copyIn(into: "things", columns: ["n"], rows: [[.integer(200_000)], [.integer(3)]])
            }
        }
        #expect(error.isUniqueViolation())
        struct SourceFailed: Error {}
        await #expect(throws: SourceFailed.self) {
            try await postgres.withConnection { connection in
                var n: Int64 = 300_000
                try await connection.copyIn(into: "things", columns: ["n"]) {
                    n += 1
                    if n > 350_000 { throw SourceFailed() }
                    return [.integer(n)]
                }
            }
        }
        #expect(try await postgres.query("SELECT count(*) FROM things")[0].get(0) == 100_000)
    }
}

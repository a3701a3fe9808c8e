import Postgres
import TestSupport
import Testing

@Suite(.emptyDatabase) struct StatementTests {
    @Test("every bindable type comes back as it went in")
    func roundTrip() async throws {
        let postgres = TestDatabase.current.postgres
        let row = try #require(
            await postgres.queryFirst(
                """
                SELECT \(true) AS bool, \(Int16.min) AS small, \(Int32.min) AS medium, \(Int64.min) AS large,
                    \(Int.max) AS word, \("naïve €; '--") AS text, \("") AS blank, \([0, 255, 7] as [UInt8]) AS bytes,
                    \([] as [UInt8]) AS no_bytes, \(PostgresInstant(microsecondsSince1970: -1)) AS instant,
                    \(PostgresJSON("{\"a\": [1, null]}")) AS json, \(Duration.milliseconds(-1500)) AS duration,
                    \(1.5) AS double, \(nil as String?) AS nothing
                """))
        #expect(try row.get("bool") == true)
        #expect(try row.get("small") == Int16.min)
        #expect(try row.get("medium") == Int32.min)
        #expect(try row.get("large") == Int64.min)
        #expect(try row.get("word") == Int.max)
        #expect(try row.get("text") == "naïve €; '--")
        #expect(try row.get("blank") == "")
        #expect(try row.get("bytes") == [0, 255, 7] as [UInt8])
        #expect(try row.get("no_bytes") == [] as [UInt8])
        #expect(try row.get("instant") == PostgresInstant(microsecondsSince1970: -1))
        #expect(try row.get("json") == PostgresJSON("{\"a\": [1, null]}"))
        #expect(try row.get("duration") == Duration.milliseconds(-1500))
        #expect(try row.get("double") == 1.5)
        #expect(try row.get("nothing", as: String?.self) == nil)
    }

    @Test("arrays, also with NULLs, also empty")
    func arrays() async throws {
        let row = try #require(
            await TestDatabase.current.postgres.queryFirst(
                """
                SELECT \([1, -2, 3] as [Int64]) AS numbers, \(["a,b", "", "\"{}\""]) AS texts,
                    \([true, false]) AS flags, \([[1, 2], []] as [[UInt8]]) AS blobs,
                    \(["a", nil] as [String?]) AS gaps, \([] as [Int64]) AS empty,
                    \([nil, 7] as [Int64?]) AS holes
                """))
        #expect(try row.get("numbers") == [1, -2, 3] as [Int64])
        #expect(try row.get("texts") == ["a,b", "", "\"{}\""])
        #expect(try row.get("flags") == [true, false])
        #expect(try row.get("blobs") == [[1, 2], []] as [[UInt8]])
        #expect(try row.get("gaps") == ["a", nil] as [String?])
        #expect(try row.get("empty") == [] as [Int64])
        #expect(try row.get("holes") == [nil, 7] as [Int64?])
    }

    @Test(
        "numerics read as text and, when whole, as integers",
        arguments: [
            "0", "1", "-1", "10000", "123456789012345", "0.5", "-0.0001", "100.00", "99999999.99990000", "1e20",
            "0.00000000012", "9999", "10000.00001",
        ])
    func numerics(text: String) async throws {
        let row = try #require(
            await TestDatabase.current.postgres.queryFirst(
                "SELECT \(unescaped: text)::numeric AS value, (\(unescaped: text)::numeric)::text AS text"))
        #expect(try row.get("value", as: String.self) == row.get("text"))
    }

    @Test("the sum of bigints reads as an integer")
    func sums() async throws {
        let row = try #require(
            await TestDatabase.current.postgres.queryFirst(
                "SELECT sum(n) AS total FROM unnest(\([1_000_000_000_000, 5, -7] as [Int64])) AS n"))
        #expect(try row.get("total", as: Int64.self) == 999_999_999_998)
    }

    @Test("interpolated text is bound, never spliced")
    func injection() async throws {
        let evil = "'; DROP TABLE things; --"
        let postgres = TestDatabase.current.postgres
        try await postgres.execute("CREATE TABLE things (name text)")
        try await postgres.execute("INSERT INTO things VALUES (\(evil))")
        #expect(try await postgres.query("SELECT name FROM things")[0].get("name") == evil)
        let query: PostgresQuery = "SELECT \(evil)"
        #expect(query.sql == "SELECT $1")
    }

    @Test("parts of statements are joined and renumbered")
    func joining() async throws {
        let condition: PostgresQuery = "n > \(2) AND n < \(11)"
        var query: PostgresQuery = "SELECT count(*) FROM generate_series(1, \(20)) AS n WHERE \(condition)"
        query += " AND n <> \(5)"
        #expect(
            query.sql == "SELECT count(*) FROM generate_series(1, $1) AS n WHERE n > $2 AND n < $3 AND n <> $4")
        #expect(try await TestDatabase.current.postgres.query(query)[0].get(0) == 7)
    }

    @Test("decoding errors name the column, the type found and the type wanted")
    func decodingErrors() async throws {
        let row = try #require(
            await TestDatabase.current.postgres.queryFirst(
                "SELECT 'x' AS word, NULL::bigint AS gap, 70000 AS big, now()::timestamp AS naive"))
        func message(_ read: () throws(PostgresError) -> Void) -> String {
            do {
                try read()
                return "no error"
            } catch {
                return error.description
            }
        }
        #expect(
            message { () throws(PostgresError) in _ = try row.get("word", as: Int64.self) }
                == "column \"word\" of type text does not read as Int64: it is no whole number")
        #expect(
            message { () throws(PostgresError) in _ = try row.get("gap", as: Int64.self) }
                == "column \"gap\" of type bigint does not read as Int64: it is NULL")
        #expect(
            message { () throws(PostgresError) in _ = try row.get("big", as: Int16.self) }
                == "column \"big\" of type integer does not read as Int16: the number does not fit")
        #expect(
            message { () throws(PostgresError) in _ = try row.get("naive", as: PostgresInstant.self) }.contains(
                "timestamp without time zone"))
        #expect(
            message { () throws(PostgresError) in _ = try row.get("other", as: Int.self) }.contains(
                "the answer has only word, gap, big, naive"))
    }

    @Test("SQLSTATE, constraint and table arrive as a typed error")
    func serverErrors() async throws {
        let postgres = TestDatabase.current.postgres
        try await postgres.execute("CREATE TABLE things (name text CONSTRAINT things_name UNIQUE)")
        try await postgres.execute("INSERT INTO things VALUES ('a')")
        let error = try await #require(throws: PostgresError.self) {
            try await postgres.execute("INSERT INTO things VALUES (\("a"))")
        }
        #expect(error.isUniqueViolation(constraint: "things_name"))
        #expect(!error.isUniqueViolation(constraint: "other"))
        #expect(error.state == .uniqueViolation)
        guard case .server(let server) = error else { throw error }
        #expect(server.table == "things")
        #expect(server.severity == "ERROR")
        // The connection is as good as new.
        #expect(try await postgres.query("SELECT count(*) FROM things")[0].get(0) == 1)
    }

    @Test("a pipeline outside a transaction is all or nothing")
    func pipelines() async throws {
        let postgres = TestDatabase.current.postgres
        try await postgres.execute("CREATE TABLE things (n bigint PRIMARY KEY)")
        let answers = try await postgres.pipeline([
            "INSERT INTO things VALUES (\(1))", "INSERT INTO things VALUES (\(2))",
            "SELECT n FROM things ORDER BY n",
        ])
        #expect(try answers[2].map { try $0.get("n", as: Int.self) } == [1, 2])
        await #expect(throws: PostgresError.self) {
            try await postgres.pipeline(["INSERT INTO things VALUES (\(3))", "INSERT INTO things VALUES (\(1))"])
        }
        #expect(try await postgres.query("SELECT count(*) FROM things")[0].get(0) == 2)
    }

    @Test("a thousand statements in one pipeline, with answers larger than every buffer")
    func largePipeline() async throws {
        let answers = try await TestDatabase.current.postgres.pipeline(
            (0..<1000).map { "SELECT \($0) AS n, repeat('x', 10000) AS filler" })
        #expect(try answers.enumerated().allSatisfy { try $1[0].get("n") == $0 })
    }

    @Test("a statement that was prepared before the table changed is prepared again")
    func schemaChange() async throws {
        let postgres = try TestDatabase.current.makeClient { $0.maximumConnections = 1 }
        defer { postgres.shutDown() }
        try await postgres.execute("CREATE TABLE things (n bigint)")
        try await postgres.execute("INSERT INTO things VALUES (1)")
        #expect(try await postgres.query("SELECT * FROM things")[0].columns == ["n"])
        try await postgres.execute("ALTER TABLE things ADD COLUMN m text")
        #expect(try await postgres.query("SELECT * FROM things")[0].columns == ["n", "m"])
        try await postgres.execute("ALTER TABLE things ADD COLUMN k text")
        let columns = try await postgres.transaction { try await $0.query("SELECT * FROM things")[0].columns }
        #expect(columns == ["n", "m", "k"])
        try await postgres.execute("DEALLOCATE ALL")
        #expect(try await postgres.query("SELECT * FROM things").count == 1)
    }

    @Test("more statements than the cache holds: the session is cleared and goes on")
    func cacheLimit() async throws {
        let postgres = try TestDatabase.current.makeClient { $0.maximumConnections = 1 }
        defer { postgres.shutDown() }
        for round in 0..<3 {
            try await postgres.withConnection { connection in
                for start in stride(from: 0, to: 700, by: 100) {
                    try await connection.pipeline(
                        (start..<(start + 100)).map { PostgresQuery(unescaped: "SELECT \($0) + \(round)") })
                }
            }
        }
        let prepared: Int = try await postgres.query("SELECT count(*) FROM pg_prepared_statements")[0].get(0)
        #expect(prepared <= 1000)
    }

    @Test("a scalar kept as text binds, decodes and refuses what it does not know")
    func textual() async throws {
        enum Color: String, PostgresTextual { case red, blue }
        let row = try #require(
            await TestDatabase.current.postgres.queryFirst(
                "SELECT \(Color.red) AS color, \([Color.blue, .red]) AS colors, 'green' AS other"))
        #expect(try row.get("color") == Color.red)
        #expect(try row.get("colors") == [Color.blue, .red])
        #expect(throws: PostgresError.self) { try row.get("other", as: Color.self) }
    }
}

import Postgres
import TestSupport
import Testing

@Suite(.emptyDatabase) struct MigratorTests {
    private let first = Migration(number: 1, name: "things", sql: "CREATE TABLE things (n bigint); -- ;\n")
    private let second = Migration(
        number: 2, name: "more", sql: "INSERT INTO things VALUES (1);\nALTER TABLE things ADD COLUMN m text;")

    private func migrator(_ migrations: [Migration]) throws -> Migrator {
        try Migrator(client: TestDatabase.current.postgres, migrations: migrations)
    }

    @Test("what is pending is planned, applied once, and then nothing is")
    func appliesOnce() async throws {
        #expect(try await migrator([second, first]).plan() == MigrationPlan(current: 0, pending: [first, second]))
        #expect(try await migrator([first]).migrate().pending == [first])
        #expect(try await migrator([first, second]).plan() == MigrationPlan(current: 1, pending: [second]))
        #expect(try await migrator([first, second]).migrate().pending == [second])
        #expect(try await migrator([first, second]).migrate() == MigrationPlan(current: 2, pending: []))
        #expect(try await TestDatabase.current.postgres.query("SELECT count(*) FROM things")[0].get(0) == 1)
    }

    @Test("eight at once: one works, the others wait and find nothing to do")
    func oneAtATime() async throws {
        let migrator = try migrator([first, second])
        let applied = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<8 { group.addTask { try await migrator.migrate().pending.count } }
            return try await group.reduce(0, +)
        }
        #expect(applied == 2)
    }

    @Test("a changed, a missing and a late file are refused by number and name")
    func refusals() async throws {
        try await migrator([first, second]).migrate()
        var changed = first
        changed.sql += " "
        await #expect(throws: MigrationError.changed(number: 1, name: "things")) {
            try await migrator([changed, second]).migrate()
        }
        await #expect(throws: MigrationError.missing(number: 2, name: "more")) {
            try await migrator([first]).plan()
        }
        let third = Migration(number: 3, name: "third", sql: "SELECT 1")
        let fifth = Migration(number: 5, name: "fifth", sql: "SELECT 1")
        try await migrator([first, second, fifth]).migrate()
        await #expect(throws: MigrationError.outOfOrder(number: 3, name: "third")) {
            try await migrator([first, second, third, fifth]).migrate()
        }
        #expect(throws: MigrationError.duplicateNumber(1)) { try migrator([first, first]) }
    }

    @Test("a failing migration leaves no trace, and the lock is free again")
    func failure() async throws {
        let broken = Migration(number: 2, name: "broken", sql: "CREATE TABLE half (n bigint); SELECT 1 / 0;")
        let error = try await #require(throws: MigrationError.self) {
            try await migrator([first, broken]).migrate()
        }
        guard case .failed(2, "broken", .server(let reason)) = error else { throw error }
        #expect(reason.state.rawValue == "22012")
        let postgres = TestDatabase.current.postgres
        #expect(try await postgres.query("SELECT to_regclass('half') IS NULL")[0].get(0) == true)
        #expect(try await migrator([first, second]).migrate().pending == [second])
    }

    @Test("the repository's own migrations apply from an empty database")
    func repository() async throws {
        let migrator = try Migrator(
            client: TestDatabase.current.postgres, folder: Repository.root + "/Migrations")
        try await migrator.migrate()
        #expect(try await migrator.plan().pending.isEmpty)
    }
}

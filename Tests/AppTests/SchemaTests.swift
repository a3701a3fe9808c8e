import Foundation
import Postgres
import TestSupport
import Testing

/// `Migrations/schema.sql` is what the migrations come to: for reading, and for seeing what a new one changes.
@Suite struct SchemaTests {
    private static let file = Repository.root + "/Migrations/schema.sql"

    @Test("the dump of an empty database with every migration equals Migrations/schema.sql", .database)
    func dumpEqualsFile() async throws {
        // Made anew each month: they say when the database was made, not how.
        let postgres = TestDatabase.current.postgres
        let months = try await postgres.query(
            "SELECT relname::text AS name FROM pg_class WHERE relkind = 'r' AND relname ~ '^inbox_events_\\d{4}_\\d{2}$'"
        )
        #expect(!months.isEmpty)
        for month in months {
            try await postgres.execute("DROP TABLE \(identifier: try month.get("name", as: String.self))")
        }
        let programs = try await Subprocess.run("/usr/bin/env", ["pg_config", "--bindir"])
            .trimmingCharacters(in: .whitespacesAndNewlines)
        let dump = try await Subprocess.run(
            "\(programs)/pg_dump",
            ["--schema-only", "--no-owner", "--no-privileges", "--dbname", TestDatabase.current.connectionString])
        let schema = Self.plain(dump)
        #expect(schema.contains("CREATE TABLE public.journal_entries"))
        if ProcessInfo.processInfo.environment["SOUK_WRITE_SCHEMA"] == "1" {
            try schema.write(toFile: Self.file, atomically: true, encoding: .utf8)
        }
        let kept = try String(contentsOfFile: Self.file, encoding: .utf8)
        #expect(kept == schema, "Migrations/schema.sql is not what the migrations make: run scripts/schema generate")
    }

    /// Without what differs from one dump to the next: comments with versions, session settings, `\restrict` lines.
    private static func plain(_ dump: String) -> String {
        var lines: [Substring] = []
        for line in dump.split(separator: "\n", omittingEmptySubsequences: false) {
            if line.hasPrefix("--") || line.hasPrefix("\\") || line.hasPrefix("SET ") { continue }
            if line.hasPrefix("SELECT pg_catalog.set_config") { continue }
            if line.isEmpty, lines.last?.isEmpty ?? true { continue }
            lines.append(line)
        }
        return lines.joined(separator: "\n")
    }
}

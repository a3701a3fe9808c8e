import Glibc

/// Brings the schema up to date: numbered SQL files, each applied once, in order, in a transaction of its own.
/// One process does it at a time; the others wait and then find nothing to do.
package struct Migrator: Sendable {
    /// Any number, the same in every version of Souk: "soukmigr" in ASCII, which 64 bits hold.
    private static let advisoryLock: Int64 = 0x736F_756B_6D69_6772

    private let client: PostgresClient
    private let migrations: [Migration]

    /// - Throws: `MigrationError` when two have the same number.
    package init(client: PostgresClient, migrations: [Migration]) throws(MigrationError) {
        self.client = client
        self.migrations = migrations.sorted { $0.number < $1.number }
        for (left, right) in zip(self.migrations, self.migrations.dropFirst()) where left.number == right.number {
            throw .duplicateNumber(left.number)
        }
    }

    /// The folder holds files like `0001_ledger.sql`; `schema.sql` and other kinds of files are left alone.
    package init(client: PostgresClient, folder: String) throws(MigrationError) {
        try self.init(client: client, migrations: Self.load(folder: folder))
    }

    /// Reads the numbered files of a folder, in order.
    package static func load(folder: String) throws(MigrationError) -> [Migration] {
        var migrations: [Migration] = []
        for file in try fileNames(in: folder) where file.hasSuffix(".sql") && file != "schema.sql" {
            let parts = file.dropLast(4).split(separator: "_", maxSplits: 1)
            guard parts.count == 2, let number = Int(parts[0]), number > 0 else { throw .badFileName(file) }
            migrations.append(
                Migration(number: number, name: String(parts[1]), sql: try read("\(folder)/\(file)", in: folder)))
        }
        return migrations.sorted { $0.number < $1.number }
    }

    /// What `migrate` would do. Changes nothing.
    package func plan() async throws -> MigrationPlan {
        try await client.withConnection { try await self.plan(on: $0) }
    }

    /// Applies what is pending. May be repeated, and run by several processes at once.
    /// - Returns: what was applied.
    @discardableResult
    package func migrate() async throws -> MigrationPlan {
        try await client.withConnection { connection in
            // Waiting for another process may take longer than a statement may.
            try await connection.execute("SET statement_timeout = 0")
            try await self.lock(connection)
            do {
                let plan = try await self.apply(on: connection)
                try await self.unlock(connection)
                return plan
            } catch {
                try? await self.unlock(connection)  // a broken connection has lost the lock anyway
                throw error
            }
        }
    }

    private func lock(_ connection: PostgresConnection) async throws {
        // Polling, because a wait on the server counts against this side's statement time-out.
        while try await connection.query("SELECT pg_try_advisory_lock(\(Self.advisoryLock))")[0].get(0) == false {
            try await Task.sleep(for: .milliseconds(100))
        }
    }

    private func unlock(_ connection: PostgresConnection) async throws {
        try await connection.execute("SELECT pg_advisory_unlock(\(Self.advisoryLock))")
        try await connection.execute("RESET statement_timeout")
    }

    private func apply(on connection: PostgresConnection) async throws -> MigrationPlan {
        try await connection.executeScript(
            """
            CREATE TABLE IF NOT EXISTS schema_migrations (
                number bigint PRIMARY KEY,
                name text NOT NULL,
                checksum text NOT NULL,
                applied_at timestamptz NOT NULL DEFAULT now()
            )
            """)
        let plan = try await plan(on: connection)
        for migration in plan.pending { try await apply(migration, on: connection) }
        return plan
    }

    private func apply(_ migration: Migration, on connection: PostgresConnection) async throws {
        do {
            try await connection.execute("BEGIN")
            try await connection.executeScript(migration.sql)
            try await connection.execute(
                """
                INSERT INTO schema_migrations (number, name, checksum)
                VALUES (\(migration.number), \(migration.name),
                    encode(sha256(convert_to(\(migration.sql), 'UTF8')), 'hex'))
                """)
            try await connection.commitByHand()
        } catch let error as PostgresError {
            _ = try? await connection.execute("ROLLBACK")  // on a broken connection the server has done it
            throw MigrationError.failed(number: migration.number, name: migration.name, error)
        }
    }

    private func plan(on connection: PostgresConnection) async throws -> MigrationPlan {
        let exists: Bool = try await connection.query(
            "SELECT to_regclass('schema_migrations') IS NOT NULL")[0].get(0)
        guard exists else { return MigrationPlan(current: 0, pending: migrations) }
        // The server computes the checksums of our files too, so that both sides of the comparison are its own.
        let rows = try await connection.query(
            """
            SELECT applied.number, applied.name,
                given.number IS NOT NULL AS is_given,
                applied.name = given.name
                    AND applied.checksum = encode(sha256(convert_to(given.sql, 'UTF8')), 'hex') AS is_same
            FROM schema_migrations AS applied
            LEFT JOIN unnest(\(migrations.map(\.number)), \(migrations.map(\.name)), \(migrations.map(\.sql)))
                AS given (number, name, sql) USING (number)
            ORDER BY applied.number
            """)
        var applied: Set<Int> = []
        for row in rows {
            let (number, name): (Int, String) = (try row.get("number"), try row.get("name"))
            guard try row.get("is_given") else { throw MigrationError.missing(number: number, name: name) }
            guard try row.get("is_same") else { throw MigrationError.changed(number: number, name: name) }
            applied.insert(number)
        }
        let current = applied.max() ?? 0
        let pending = migrations.filter { !applied.contains($0.number) }
        if let early = pending.first(where: { $0.number < current }) {
            throw MigrationError.outOfOrder(number: early.number, name: early.name)
        }
        return MigrationPlan(current: current, pending: pending)
    }

    private static func fileNames(in folder: String) throws(MigrationError) -> [String] {
        guard let directory = opendir(folder) else {
            throw .unreadableFolder(folder, reason: String(cString: strerror(errno)))
        }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            names.append(
                withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                    pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                })
        }
        return names
    }

    private static func read(_ path: String, in folder: String) throws(MigrationError) -> String {
        guard let file = fopen(path, "r") else {
            throw .unreadableFolder(folder, reason: "\(path): \(String(cString: strerror(errno)))")
        }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = fread(&buffer, 1, buffer.count, file)
            guard count > 0 else { break }
            bytes.append(contentsOf: buffer[..<count])
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw .unreadableFolder(folder, reason: "\(path) is not UTF-8")
        }
        return text
    }
}

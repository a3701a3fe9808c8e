import Foundation
package import Logging
package import Postgres
package import Testing

/// A fresh database, leased to one test by the trait `.database` (with Souk's schema) or `.emptyDatabase`.
package final class TestDatabase: Sendable {
    @TaskLocal private static var leased: TestDatabase?

    /// The database of the running test. A test without one of the traits has none: a mistake of the test's author.
    package static var current: TestDatabase {
        guard let leased else { preconditionFailure("this test needs the trait .database or .emptyDatabase") }
        return leased
    }

    package let name: String
    package let connectionString: String
    /// Eight connections; closed when the test ends.
    package let postgres: PostgresClient

    init(name: String, connectionString: String) throws {
        self.name = name
        self.connectionString = connectionString
        postgres = try TestDatabase.client(connectionString, maximumConnections: 8)
    }

    /// Another client of the same database, e.g. with other limits. The caller shuts it down.
    package func makeClient(
        _ adjust: (inout PostgresConfiguration) -> Void = { _ in }
    ) throws -> PostgresClient {
        var configuration = PostgresConfiguration(connectionString: connectionString, applicationName: "souk-tests")
        adjust(&configuration)
        return try PostgresClient(configuration: configuration, logger: TestDatabase.logger)
    }

    static func client(_ connectionString: String, maximumConnections: Int) throws -> PostgresClient {
        try PostgresClient(
            configuration: PostgresConfiguration(
                connectionString: connectionString, applicationName: "souk-tests",
                maximumConnections: maximumConnections, statementTimeout: .seconds(120),
                // Dozens of tests ask for a database in the same instant, on a machine that may be busy.
                acquireTimeout: .seconds(120)),
            logger: logger)
    }

    package static var logger: Logger {
        var logger = Logger(label: "tests")
        logger.logLevel = .error
        return logger
    }

    /// Runs `body` with a fresh database as the current one: for a test that needs many, one after another. `copying`
    /// names another database, whose clients must be shut down.
    package static func lend(
        isMigrated: Bool = true, copying template: String? = nil, to body: @concurrent @Sendable () async throws -> Void
    ) async throws {
        let server = try await TestServer.shared.value
        let database = try await server.lease(isMigrated: isMigrated, copying: template)
        do {
            try await Self.$leased.withValue(database, operation: body)
        } catch {
            await server.end(database)
            throw error
        }
        await server.end(database)
    }
}

package struct DatabaseTrait: TestTrait, SuiteTrait, TestScoping {
    let isMigrated: Bool

    package var isRecursive: Bool { true }

    package func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @concurrent @Sendable () async throws -> Void
    ) async throws {
        // Once for each test (or argument), not around a whole suite.
        guard testCase != nil else { return try await function() }
        try await TestDatabase.lend(isMigrated: isMigrated, to: function)
    }
}

extension Trait where Self == DatabaseTrait {
    /// A database of its own with every migration of `Migrations/` applied.
    package static var database: Self { Self(isMigrated: true) }
    /// A database of its own without any table.
    package static var emptyDatabase: Self { Self(isMigrated: false) }
}

/// The server that all leased databases are on: one for each test process, or the one that
/// `SOUK_TEST_DATABASE_URL` names (its user may create databases).
actor TestServer {
    static let shared = Task { try await TestServer() }

    private let cluster: TestCluster?
    private let admin: PostgresClient
    private let prefix = "souk_test_\(ProcessInfo.processInfo.processIdentifier)_\(UInt16.random(in: 0 ... .max))"
    private var count = 0
    private var template: Task<String, any Error>?

    private init() async throws {
        if let url = ProcessInfo.processInfo.environment["SOUK_TEST_DATABASE_URL"], !url.isEmpty {
            cluster = nil
            admin = try TestDatabase.client(url, maximumConnections: 4)
        } else {
            // In a database that lives for seconds a statement would be planned anew at each of its few executions.
            var options = TestCluster.Options()
            options.settings["plan_cache_mode"] = "force_generic_plan"
            let cluster = try await TestCluster(options)
            self.cluster = cluster
            admin = try TestDatabase.client(cluster.connectionString(), maximumConnections: 4)
        }
    }

    func lease(isMigrated: Bool, copying original: String?) async throws -> TestDatabase {
        count += 1
        let name = "\(prefix)_\(count)"
        if isMigrated {
            let template: String
            if let original {
                try await awaitLonely(original)
                template = original
            } else {
                template = try await migratedTemplate()
            }
            try await admin.execute("CREATE DATABASE \(identifier: name) TEMPLATE \(identifier: template)")
        } else {
            try await admin.execute("CREATE DATABASE \(identifier: name)")
        }
        return try TestDatabase(name: name, connectionString: connectionString(name))
    }

    func end(_ database: TestDatabase) async {
        database.postgres.shutDown()
        // Left behind is only what a crash leaves: the private cluster is deleted as a whole.
        _ = try? await admin.execute("DROP DATABASE IF EXISTS \(identifier: database.name) WITH (FORCE)")
    }

    private func awaitLonely(_ database: String) async throws {
        try await eventually("\(database) has no connections") {
            let row = try await admin.query(
                "SELECT count(*) AS connections FROM pg_stat_activity WHERE datname = \(database)")[0]
            return try row.get("connections") == 0
        }
    }

    /// A template must have no connections when it is copied: its client is shut down and gone first.
    private func migratedTemplate() async throws -> String {
        if let template { return try await template.value }
        let name = "\(prefix)_template"
        let (admin, connectionString) = (admin, connectionString(name))
        let task = Task {
            try await admin.execute("CREATE DATABASE \(identifier: name)")
            let client = try TestDatabase.client(connectionString, maximumConnections: 1)
            do {
                try await Migrator(client: client, folder: Repository.root + "/Migrations").migrate()
            } catch {
                client.shutDown()
                throw error
            }
            client.shutDown()
            try await self.awaitLonely(name)
            return name
        }
        template = task
        return try await task.value
    }

    private func connectionString(_ database: String) -> String {
        if let cluster { return cluster.connectionString(database: database) }
        let url = ProcessInfo.processInfo.environment["SOUK_TEST_DATABASE_URL"] ?? ""
        // In a key=value string the last one wins; in a URI the path is replaced.
        guard url.contains("://"), var parts = URLComponents(string: url) else { return "\(url) dbname=\(database)" }
        parts.path = "/\(database)"
        return parts.string ?? url
    }
}

/// Where the repository lies, for tests that read its files.
package enum Repository {
    package static var root: String {
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().path
    }
}

import Domain
import FoundationEssentials
package import Logging
import Postgres
import Settlement
import Store
import StripeAPI
import StripeSandbox
import ServiceLifecycle
import Transport
import UnixSignals
import Web
import Webhooks

/// What a check found, for people, and whether it is all well.
package struct Report: Sendable {
    package let text: String
    package let isSound: Bool
}

/// The database's way from one version of Souk to the next.
package struct DatabaseMigration: Sendable {
    private let client: PostgresClient
    private let migrator: Migrator

    /// Only `DATABASE_URL` is needed, so that a database can be prepared before anything else is known.
    package init(environment: [String: String], program: String, logger: Logger) throws {
        guard let url = environment["DATABASE_URL"], !url.isEmpty else {
            throw ConfigurationError(
                "DATABASE_URL is not set. Set it to a PostgreSQL 15 database, or start with scripts/run, which makes one."
            )
        }
        client = try PostgresClient(
            configuration: PostgresConfiguration(connectionString: url, applicationName: "souk migrate"), logger: logger
        )
        migrator = try Migrator(client: client, folder: try ResourceFolder.find(program: program).migrations)
    }

    package func plan() async throws -> String {
        defer { client.shutDown() }
        let plan = try await migrator.plan()
        guard !plan.pending.isEmpty else { return "The database is at version \(plan.current): nothing to do." }
        return "The database is at version \(plan.current). To be applied:\n"
            + plan.pending.map { "  \($0.number) \($0.name)" }.joined(separator: "\n")
    }

    package func migrate() async throws -> String {
        defer { client.shutDown() }
        let plan = try await migrator.migrate()
        guard let last = plan.pending.last else { return "The database is at version \(plan.current): nothing to do." }
        return "Applied \(plan.pending.count) migrations: the database is at version \(last.number)."
    }
}

/// Serves the Stripe sandbox alone until SIGTERM or SIGINT.
package func runSandbox(
    port: Int, dataDirectory: String?, seed: UInt64?, logger: Logger, announce: @escaping @Sendable (String) -> Void
) async throws {
    let sandbox = try StripeSandbox.Server(
        configuration: SandboxConfiguration(port: port, dataDirectory: dataDirectory, seed: seed), logger: logger)
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
            guard let bound = await sandbox.boundPort() else { return }
            announce("The Stripe sandbox listens on http://127.0.0.1:\(bound)")
        }
        group.addTask {
            try await ServiceGroup(
                services: [sandbox], gracefulShutdownSignals: [.sigterm, .sigint], logger: logger
            ).run()
        }
        try await group.waitForAll()
    }
}

extension Parts {
    /// The parts as a command needs them, without a server: Stripe and the clock are where the configuration says.
    static func forCommand(_ configuration: SoukConfiguration, logger: Logger) throws -> Parts {
        let postgres = try PostgresClient(
            configuration: PostgresConfiguration(
                connectionString: try configuration.requiredDatabaseURL, applicationName: "souk command"),
            logger: logger)
        let http = HTTPClient()
        return Parts(
            configuration, postgres: postgres,
            clock: configuration.usesSandbox
                ? RemoteSandboxClock(http: http, baseURL: configuration.stripeAPIBase)
                : DatabaseClock(postgres: postgres),
            http: http, stripeURL: configuration.stripeAPIBase, publicURL: configuration.publicURL, logger: logger)
    }
}

/// Every invariant of the books, recomputed.
package func checkBooks(_ configuration: SoukConfiguration, logger: Logger) async throws -> Report {
    let parts = try Parts.forCommand(configuration, logger: logger)
    defer { parts.postgres.shutDown() }
    let faults = try await BooksCheck(store: parts.store)()
    guard !faults.isEmpty else { return Report(text: "The books are sound.", isSound: true) }
    let lines = faults.map { "  \($0.kind.rawValue)  \($0.object)  \($0.detail)" }
    return Report(
        text: "The books have \(faults.count) fault\(faults.count == 1 ? "" : "s"):\n" + lines.joined(separator: "\n"),
        isSound: false)
}

/// One reconciliation run, carried out here.
package func reconcile(_ configuration: SoukConfiguration, scope: String, logger: Logger) async throws -> Report {
    let scope = try ReconciliationScope(asked: scope)
    let parts = try Parts.forCommand(configuration, logger: logger)
    defer { parts.postgres.shutDown() }
    let run = try await parts.reconciliation.start(scope)
    // A server's worker may take the run first; then this waits for its end.
    while let current = try await parts.store.reconciliation(run.id), current.status == .running {
        if try await !parts.reconciliation.work() { try await Task.sleep(for: .milliseconds(100)) }
    }
    guard let ended = try await parts.store.reconciliation(run.id) else {
        return Report(text: "The run \(run.id) is gone.", isSound: false)
    }
    let difference = ended.difference.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }
    var text =
        "\(ended.id) \(ended.status.rawValue): compared \(ended.scope.parts.map(\.rawValue).joined(separator: ", ")); "
    text += "\(ended.matched) matched, \(ended.findingsCount) findings, difference "
    text += difference.isEmpty ? "0" : difference.joined(separator: ", ")
    text += "\nNot compared yet: \(ReconciliationScope.notAvailable.joined(separator: ", "))."
    if let failure = ended.failure { text += "\nIt failed: \(failure)" }
    for finding in try await parts.store.findings(of: run.id) { text += "\n  \(finding)" }
    return Report(text: text, isSound: ended.status == .completed && ended.findingsCount == 0)
}

/// Makes or corrects Souk's webhook endpoints at Stripe.
package func ensureWebhookEndpoints(
    environment: [String: String], publicURL: String?, writingTo file: String?, logger: Logger
) async throws -> String {
    guard publicURL != nil || environment[Setting.publicURL.rawValue] != nil else {
        throw ConfigurationError(
            "SOUK_PUBLIC_URL is not set. Give --public-url, the address at which Stripe reaches Souk.")
    }
    var environment = environment
    // Nothing of this command asks the database.
    if environment[Setting.databaseURL.rawValue] == nil { environment[Setting.databaseURL.rawValue] = "dbname=unused" }
    let configuration = try SoukConfiguration(
        flags: publicURL.map { [.publicURL: $0] } ?? [:], environment: environment)
    guard configuration.stripeSecretKey != nil else {
        throw ConfigurationError("STRIPE_SECRET_KEY is not set: the endpoints are made with it.")
    }
    let parts = try Parts.forCommand(configuration, logger: logger)
    defer { parts.postgres.shutDown() }
    var lines: [String] = []
    var secrets: [String] = []
    for endpoint in try await parts.endpoints.ensure() {
        lines.append("\(endpoint.url)  \(endpoint.id)  \(endpoint.outcome.words)")
        guard let secret = endpoint.secret else { continue }
        let setting: Setting =
            endpoint.endpoint == .platform ? .stripeWebhookSecrets : .stripeConnectWebhookSecrets
        secrets.append("\(setting.rawValue)=\(secret)")
    }
    guard !secrets.isEmpty else { return lines.joined(separator: "\n") }
    guard let file else { return (lines + ["Keep these; Stripe shows them once:"] + secrets).joined(separator: "\n") }
    let text = secrets.joined(separator: "\n") + "\n"
    guard
        FileManager.default.createFile(
            atPath: file, contents: Data(text.utf8), attributes: [.posixPermissions: 0o600])
    else {
        throw ConfigurationError("\(file) cannot be written. The secrets, which Stripe shows once:\n\(text)")
    }
    return (lines + ["The secrets are in \(file)."]).joined(separator: "\n")
}

extension WebhookEndpoints.Endpoint.Outcome {
    fileprivate var words: String {
        switch self {
        case .unchanged: "is as it should be"
        case .created: "made"
        case .updated(let added, let removed): "corrected: \(added.count) types added, \(removed.count) removed"
        case .createdBeside(let version): "made beside the one of version \(version); delete that one later"
        }
    }
}

/// Makes an API key.
package func createKey(
    _ configuration: SoukConfiguration, name: String, scopes: String, logger: Logger
) async throws -> String {
    var wanted: Set<Scope> = []
    for word in scopes.split(separator: ",") {
        guard let scope = Scope(rawValue: String(word)) else {
            throw ConfigurationError(
                "'\(word)' is no scope. Choose from: \(Scope.allCases.map(\.rawValue).joined(separator: ", ")).")
        }
        wanted.insert(scope)
    }
    let parts = try Parts.forCommand(configuration, logger: logger)
    defer { parts.postgres.shutDown() }
    let manage = ManageAPIKeys(store: parts.store, livemode: configuration.livemode)
    return try await manage.create(name: name, scopes: wanted, expiresAt: nil, by: .shell).key.text
}

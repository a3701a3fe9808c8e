import Domain
import FoundationEssentials
package import Logging
import Operations
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
    static func forCommand(
        _ configuration: SoukConfiguration, statementTimeout: Duration = .seconds(30), logger: Logger
    ) throws -> Parts {
        let postgres = try PostgresClient(
            configuration: PostgresConfiguration(
                connectionString: try configuration.requiredDatabaseURL, applicationName: "souk command",
                statementTimeout: statementTimeout),
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

/// Whether sellers' money stays with the platform; `repairing` has Stripe pay out only when asked first.
package func checkCash(
    _ configuration: SoukConfiguration, repairing: Bool, logger: Logger
) async throws -> Report {
    let parts = try Parts.forCommand(configuration, logger: logger)
    defer { parts.postgres.shutDown() }
    if repairing { _ = try await parts.cash.payOutByHandOnly(by: .shell) }
    guard let risk = try await parts.cash.risk() else {
        return Report(text: "What is owed to sellers stays with the platform until it is transferred.", isSound: true)
    }
    return Report(text: risk, isSound: false)
}

/// What a person does to everything that leaves.
package enum MoneyOutChange: Sendable {
    /// For this reason.
    case hold(String)
    case release(String)
}

/// Holds all money out, or lets it go again, by the shell; nil only looks.
/// - Returns: how it stands then.
package func holdMoneyOut(
    _ configuration: SoukConfiguration, _ change: MoneyOutChange?, logger: Logger
) async throws -> String {
    let parts = try Parts.forCommand(configuration, logger: logger)
    defer { parts.postgres.shutDown() }
    switch change {
    case .hold(let reason):
        try ReasonBody.check(reason)
        return try await parts.moneyOut.hold(because: reason, by: .shell).words
    case .release(let reason):
        try ReasonBody.check(reason)
        return try await parts.moneyOut.release(because: reason, by: .shell).words
    case nil: return try await parts.moneyOut.standing().words
    }
}

extension MoneyOutStanding {
    fileprivate var words: String {
        let approvals = needingApproval == 0 ? "" : " \(needingApproval) wait for approval."
        guard let held else { return "Money may leave.\(approvals)" }
        return "All money out is held since \(held.since.iso8601) by \(held.by): \(held.reason)\n"
            + "\(waiting) operations wait. \(inFlight) were sent before, and their end is not known yet.\(approvals)"
    }
}

/// Every invariant of the books, recomputed, and whether money may leave.
package func checkBooks(_ configuration: SoukConfiguration, logger: Logger) async throws -> Report {
    let parts = try Parts.forCommand(configuration, logger: logger)
    defer { parts.postgres.shutDown() }
    let faults = try await BooksCheck(store: parts.store)()
    let standing = try await parts.moneyOut.standing()
    var note = standing.held == nil ? "" : "\n\(standing.words)"
    if let seal = try await parts.store.lastSeal() { note += "\n\(seal)" }
    guard !faults.isEmpty else { return Report(text: "The books are sound.\(note)", isSound: true) }
    let lines = faults.map { "  \($0.kind.rawValue)  \($0.object)  \($0.detail)" }
    return Report(
        text: "The books have \(faults.count) fault\(faults.count == 1 ? "" : "s"):\n" + lines.joined(separator: "\n")
            + note,
        isSound: false)
}

/// Closes the books of a month, by the shell, and writes its commission invoices. For a month that was closed before it
/// writes those that are missing.
package func closeMonth(_ configuration: SoukConfiguration, month text: String, logger: Logger) async throws -> String {
    guard let month = BookMonth(text) else {
        throw ConfigurationError("'\(text)' is no month. Give a year and a month, such as 2026-10.")
    }
    let parts = try Parts.forCommand(configuration, logger: logger)
    defer { parts.postgres.shutDown() }
    let closed = try await CloseMonth(store: parts.store)(month, by: .shell)
    let invoices = try await IssueCommissionInvoices(store: parts.store)(upTo: month, by: .shell)
    let first =
        closed.isEmpty
        ? "The books of \(month) were closed before."
        : "Closed the books of \(closed.map(\.description).joined(separator: ", "))."
    let seal = try await parts.store.lastSeal().map { "\n\($0)" } ?? ""
    guard let from = invoices.first, let to = invoices.last else { return first + seal }
    let range = from == to ? from : "\(from) to \(to)"
    return "\(first) Wrote \(invoices.count) commission invoice\(invoices.count == 1 ? "" : "s"): \(range).\(seal)"
}

/// Writes the ledger to a file, or to standard output where none is named. Days are both included; without them everything
/// is written.
/// - Returns: what there is to say about it; nil where the export itself is all that is to be seen.
package func exportLedger(
    _ configuration: SoukConfiguration, format: String, from: String?, to: String?, file: String?, logger: Logger
) async throws -> String? {
    guard let format = ExportFormat(rawValue: format) else {
        let formats = ExportFormat.allCases.map(\.rawValue).joined(separator: ", ")
        throw ConfigurationError("'\(format)' is no format of an export. Choose from: \(formats).")
    }
    let span = ExportSpan(from: try from.map(day), to: try to.map(day))
    if let from = span.from, let to = span.to, to < from {
        throw ConfigurationError("The export would end on \(to), before it begins on \(from).")
    }
    // Opening balances are sums over all that was before.
    let parts = try Parts.forCommand(configuration, statementTimeout: .seconds(3600), logger: logger)
    defer { parts.postgres.shutDown() }
    let output = try ExportOutput(path: file)
    do {
        let count = try await ExportLedger(store: parts.store)(span, as: format) { try output.write($0) }
        try output.finish()
        return file.map { "Wrote \(count) \(count == 1 ? "entry" : "entries") to \($0)." }
    } catch {
        output.abandon()
        throw error
    }
}

/// A day as a command is told it.
func day(_ text: String) throws -> CalendarDay {
    guard let day = CalendarDay(text) else {
        throw ConfigurationError("'\(text)' is no day. Give a year, a month and a day, such as 2026-10-31.")
    }
    return day
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
    if let fetching = ended.fetchingTook, let comparing = ended.comparingTook {
        text += "\nwaited \(fetching.shown) for Stripe's lists, compared in \(comparing.shown)"
    }
    if let failure = ended.failure { text += "\nIt failed: \(failure)" }
    let findings = try await parts.store.findings(of: run.id)
    if !findings.isEmpty { text += "\n\n" + FindingsTable.text(findings) }
    return Report(text: text, isSound: ended.status == .completed && ended.findingsCount == 0)
}

extension Duration {
    /// In seconds, to a tenth.
    fileprivate var shown: String {
        let (seconds, attoseconds) = components
        return "\(seconds).\(attoseconds / 100_000_000_000_000_000) s"
    }
}

/// Findings for a terminal: one to a line, each column as wide as its widest cell.
private enum FindingsTable {
    static func text(_ findings: [FindingLine]) -> String {
        let head = ["KIND", "ACCOUNT", "OBJECT", "EXPECTED", "ACTUAL", "WHAT"]
        let rows =
            [head]
            + findings.map { finding in
                [
                    finding.kind, finding.stripeAccount, finding.object, amount(finding.expected, finding.currency),
                    amount(finding.actual, finding.currency), finding.detail,
                ]
            }
        let widths = head.indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            var line = zip(row, widths).map { cell, width in cell + String(repeating: " ", count: width - cell.count) }
                .joined(separator: "  ")
            while line.last == " " { line.removeLast() }
            return line
        }.joined(separator: "\n")
    }

    private static func amount(_ minorUnits: Int64?, _ currency: String?) -> String {
        minorUnits.map { "\($0) \(currency ?? "")" } ?? "-"
    }
}

/// Makes or corrects Souk's webhook endpoints at Stripe.
package func ensureWebhookEndpoints(
    environment: [String: String], publicURL: String?, renewing: Bool, writingTo file: String?, logger: Logger
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
    for endpoint in try await parts.endpoints.ensure(renewing: renewing) {
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
        case .updated(let added, let removed, let enabled):
            "corrected: "
                + ([
                    added.isEmpty ? nil : "added \(added.joined(separator: ", "))",
                    removed.isEmpty ? nil : "removed \(removed.joined(separator: ", "))",
                    enabled ? "switched on again" : nil,
                ].compactMap(\.self)).joined(separator: "; ")
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

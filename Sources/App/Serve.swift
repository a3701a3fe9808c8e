import Domain
import FoundationEssentials
import Hummingbird
package import Logging
import Metrics
import Operations
import Orders
import Postgres
import Sellers
import ServiceLifecycle
import Settlement
import Store
import StripeAPI
import StripeSandbox
import Synchronization
import Transport
import UnixSignals
package import Web
import Webhooks

/// One running process of Souk: with `SOUK_SANDBOX=1` the sandbox too, in the same process.
package struct Souk: Sendable {
    let configuration: SoukConfiguration
    let resources: ResourceFolder
    let logger: Logger
    let metrics: PrometheusRegistry
    /// Told once what to show the person who started it.
    let announce: @Sendable (String) -> Void
    /// Takes the workers instead of having them run: each call of its argument makes new ones, as a process that was
    /// started again has them.
    let holdWorkers: (@Sendable (_ make: @escaping @Sendable () -> HeldWorkers) -> Void)?

    /// Has this process's metrics kept where `/metrics` shows them. Once for each process, before anything else.
    package static func collectMetrics() -> PrometheusRegistry {
        let metrics = PrometheusRegistry()
        MetricsSystem.bootstrap(metrics)
        return metrics
    }

    package init(
        configuration: SoukConfiguration, resources: ResourceFolder, metrics: PrometheusRegistry, logger: Logger,
        announce: @escaping @Sendable (String) -> Void,
        holdWorkers: (@Sendable (_ make: @escaping @Sendable () -> HeldWorkers) -> Void)? = nil
    ) {
        self.configuration = configuration
        self.resources = resources
        self.metrics = metrics
        self.logger = logger
        self.announce = announce
        self.holdWorkers = holdWorkers
    }

    /// Serves until SIGTERM or SIGINT, then finishes what it has begun.
    package func run() async throws {
        try configuration.checkServing()
        var services: [any Service] = []
        let sandbox = try configuration.sandbox ? makeSandbox() : nil
        if let sandbox { services.append(sandbox) }
        services.append(SoukProcess(souk: self, sandbox: sandbox))
        var ending = ServiceGroupConfiguration.endingGracefully(services, logger: logger)
        ending.gracefulShutdownSignals = [.sigterm, .sigint]
        try await ServiceGroup(configuration: ending).run()
    }

    private func makeSandbox() throws -> StripeSandbox.Server {
        try StripeSandbox.Server(
            configuration: SandboxConfiguration(
                port: configuration.sandboxPort, dataDirectory: configuration.dataDirectory + "/sandbox"),
            logger: logger)
    }
}

extension ServiceGroupConfiguration {
    /// Whichever ends first, and however, the others finish what they have begun. Canceled, the HTTP server would drop
    /// connections that it has accepted and not begun with, and for that SwiftNIO ends the process: nobody would learn what
    /// had failed.
    ///
    /// Each goes by the name of its type. Without a name it would be printed with all that it holds, keys among it, into the
    /// log's lines about it; and the printing alone took a third of the start.
    fileprivate static func endingGracefully(_ services: [any Service], logger: Logger) -> ServiceGroupConfiguration {
        ServiceGroupConfiguration(
            services: services.map {
                .init(
                    service: $0, successTerminationBehavior: .gracefullyShutdownGroup,
                    failureTerminationBehavior: .gracefullyShutdownGroup, serviceName: "\(type(of: $0))")
            }, logger: logger)
    }
}

/// Everything of a process but the sandbox, which must be up first: its address is where Stripe is.
struct SoukProcess: Service {
    let souk: Souk
    let sandbox: StripeSandbox.Server?

    func run() async throws {
        let configuration = souk.configuration
        var stripeURL = configuration.stripeAPIBase
        if let sandbox {
            guard let port = await sandbox.boundPort() else { return }
            stripeURL = "http://127.0.0.1:\(port)"
            souk.announce("The Stripe sandbox listens on \(stripeURL)")
        }
        let postgres = try PostgresClient(
            configuration: PostgresConfiguration(
                connectionString: try configuration.requiredDatabaseURL, applicationName: "souk",
                // Nobody works but the one who holds the workers: each connection more would plan every statement anew.
                maximumConnections: souk.holdWorkers == nil ? 16 : 4),
            logger: souk.logger)
        let http = HTTPClient()
        let clock: any BusinessClock =
            if let sandbox {
                SandboxClock(sandbox: sandbox)
            } else if configuration.usesSandbox {
                RemoteSandboxClock(http: http, baseURL: stripeURL)
            } else {
                DatabaseClock(postgres: postgres)
            }
        let (address, logger) = (stripeURL, souk.logger)
        try await serve(postgres: postgres) {
            Parts(
                configuration, postgres: postgres, clock: clock, http: http, stripeURL: address,
                publicURL: configuration.publicURL, logger: logger)
        }
    }

    private func serve(postgres: PostgresClient, makeParts: @escaping @Sendable () -> Parts) async throws {
        let configuration = souk.configuration
        let parts = makeParts()
        let (bound, announceBound) = AsyncStream.makeStream(of: Int.self, bufferingPolicy: .bufferingNewest(1))
        let started = Started()
        let events = try EventParts(parts)
        let workers = Workers(parts, events)

        var services: [any Service] = [postgres, events.intake]
        if let hold = souk.holdWorkers {
            hold { HeldWorkers(makeParts(), events) }
        } else if configuration.roles.contains(.worker) {
            services += workers.services(showing: souk.metrics)
        }
        if configuration.roles.contains(.api) {
            let api = try APIRoutes.souk(
                parts, events: events, resources: souk.resources, metrics: souk.metrics,
                readiness: Readying(parts: parts, inbox: events.inbox, outbox: events.outbox, started: started))
            services.append(
                Application(
                    router: api.router,
                    configuration: ApplicationConfiguration(
                        address: .hostname(configuration.host, port: configuration.port), serverName: "souk"),
                    onServerRunning: { channel in announceBound.yield(channel.localAddress?.port ?? 0) },
                    logger: souk.logger))
        } else {
            announceBound.yield(configuration.port)
        }
        services.append(
            Startup(
                souk: souk, parts: parts, sandbox: sandbox, secrets: events.secrets, started: started, bound: bound,
                sweep: workers.sweep))
        try await ServiceGroup(configuration: .endingGracefully(services, logger: souk.logger)).run()
    }
}

/// Whether everything that must be there before the first request is there.
final class Started: Sendable {
    private let state = Mutex(false)
    var isDone: Bool { state.withLock { $0 } }
    func done() { state.withLock { $0 = true } }
}

/// What is done once the port is known: the admin key, the balances to watch, and in trial the webhook endpoints.
struct Startup: Service {
    let souk: Souk
    let parts: Parts
    let sandbox: StripeSandbox.Server?
    let secrets: WebhookSecrets
    let started: Started
    let bound: AsyncStream<Int>
    let sweep: GapSweep

    func run() async throws {
        try await cancelWhenGracefulShutdown {
            guard let port = await bound.first(where: { _ in true }) else { return }
            while true {
                do {
                    try await prepare(port: port)
                    break
                } catch let away as any CodedError where [.databaseUnavailable, .stripeUnavailable].contains(away.code)
                {
                    souk.logger.warning("the start waits: \(away)")
                    try await Task.sleep(for: .seconds(1))
                }
            }
            started.done()
            souk.announce("Souk listens on http://\(souk.configuration.host):\(port)")
        }
        // A service that returns would end its group.
        try? await gracefulShutdown()
    }

    /// A live deployment does not start while Stripe may pay sellers' money to the platform's bank. That Stripe is away is no
    /// reason not to start.
    private func checkCash() async throws {
        do {
            guard let risk = try await parts.cash.risk() else { return }
            guard !parts.settings.livemode else { throw ConfigurationError(risk) }
            souk.logger.warning("sellers' money is at risk: \(risk)")
        } catch let away as any CodedError where away.code == .stripeUnavailable {
            souk.logger.warning("whether sellers' money stays with the platform is not known: \(away)")
        }
    }

    private func prepare(port: Int) async throws {
        if let key = souk.configuration.adminKey {
            try await ManageAPIKeys(store: parts.store, livemode: parts.settings.livemode).ensureAdminKey(key)
        }
        try await checkCash()
        try await parts.requestFeed.registerAll()
        if sandbox != nil {
            let endpoints = WebhookEndpoints(
                stripe: parts.stripe, handlers: parts.handlers, publicURL: "http://127.0.0.1:\(port)")
            // A start on another port leaves two; Stripe allows 16, and every event would be sent to them too.
            try await endpoints.deleteElsewhere()
            for made in try await endpoints.ensure(renewing: true) {
                if let secret = made.secret { secrets.set([secret], for: made.endpoint) }
            }
            sweep.sweepSoon()
        }
    }
}

/// Answers `/readyz`; with `?idle=1` only once nothing that Souk could do now is left to do.
struct Readying: Sendable {
    static let patience: Duration = .seconds(30)

    let parts: Parts
    let inbox: Inbox
    let outbox: Outbox
    let started: Started

    func callAsFunction(idle: Bool) async -> Readiness {
        let deadline = ContinuousClock.now + Self.patience
        while true {
            do {
                guard started.isDone else { return .notReady("it is still starting") }
                guard let busy = try await busyWith(checkingIdle: idle) else { return .ready }
                guard ContinuousClock.now < deadline else { return .notReady("still busy with \(busy)") }
                try await Task.sleep(for: .milliseconds(25))
            } catch {
                return .notReady("\(error)")
            }
        }
    }

    /// What is still to be done; nil for nothing. Without `checkingIdle` only the database is asked whether it answers.
    private func busyWith(checkingIdle: Bool) async throws -> String? {
        guard checkingIdle else {
            _ = try await parts.store.query("SELECT 1")
            return nil
        }
        if try await !inbox.isIdle() { return "events" }
        if try await parts.store.operationsUnderWay() > 0 { return "operations" }
        if try await parts.store.balanceFeedsUnderWay() > 0 { return "balances" }
        if try await parts.store.reconciliationsUnderWay() > 0 { return "reconciliations" }
        return try await outbox.isIdle() ? nil : "deliveries"
    }
}

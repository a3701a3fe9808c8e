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

    /// Has this process's metrics kept where `/metrics` shows them. Once for each process, before anything else.
    package static func collectMetrics() -> PrometheusRegistry {
        let metrics = PrometheusRegistry()
        MetricsSystem.bootstrap(metrics)
        return metrics
    }

    package init(
        configuration: SoukConfiguration, resources: ResourceFolder, metrics: PrometheusRegistry, logger: Logger,
        announce: @escaping @Sendable (String) -> Void
    ) {
        self.configuration = configuration
        self.resources = resources
        self.metrics = metrics
        self.logger = logger
        self.announce = announce
    }

    /// Serves until SIGTERM or SIGINT, then finishes what it has begun.
    package func run() async throws {
        try configuration.checkServing()
        var services: [any Service] = []
        let sandbox = try configuration.sandbox ? makeSandbox() : nil
        if let sandbox { services.append(sandbox) }
        services.append(SoukProcess(souk: self, sandbox: sandbox))
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: services.map {
                    .init(
                        service: $0, successTerminationBehavior: .gracefullyShutdownGroup,
                        failureTerminationBehavior: .gracefullyShutdownGroup)
                },
                gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
        try await group.run()
    }

    private func makeSandbox() throws -> StripeSandbox.Server {
        try StripeSandbox.Server(
            configuration: SandboxConfiguration(
                port: configuration.sandboxPort, dataDirectory: configuration.dataDirectory + "/sandbox"),
            logger: logger)
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
                connectionString: try configuration.requiredDatabaseURL, applicationName: "souk"),
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
        let parts = Parts(
            configuration, postgres: postgres, clock: clock, http: http, stripeURL: stripeURL,
            publicURL: configuration.publicURL, logger: souk.logger)
        try await serve(parts, postgres: postgres)
    }

    private func serve(_ parts: Parts, postgres: PostgresClient) async throws {
        let configuration = souk.configuration
        let (bound, announceBound) = AsyncStream.makeStream(of: Int.self, bufferingPolicy: .bufferingNewest(1))
        let started = Started()
        let events = try EventParts(parts)
        let sweep = GapSweep(
            inbox: events.inbox, intake: events.intake, handlers: parts.handlers, stripe: parts.stripe,
            accounts: parts.connectedAccounts, logger: souk.logger)

        var services: [any Service] = [postgres, events.intake]
        if configuration.roles.contains(.worker) {
            services += [
                OperationWorker(engine: parts.engine, logger: souk.logger),
                InboxWorker(
                    inbox: events.inbox, handlers: parts.handlers, arrivals: events.arrivals, logger: souk.logger),
                BalanceFeedWorker(store: parts.store, read: parts.feed, logger: souk.logger),
                ReconciliationWorker(run: parts.reconciliation, logger: souk.logger),
                DeliveryWorker(
                    outbox: events.outbox, secrets: events.box, rules: events.rules,
                    http: HTTPClient(
                        configuration: HTTPClient.Configuration(
                            peers: configuration.allowPrivateAddresses ? .any : .publicOnly)),
                    livemode: configuration.livemode, logger: souk.logger),
                sweep,
                Housekeeping(store: parts.store, logger: souk.logger),
            ]
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
                sweep: sweep))
        try await ServiceGroup(
            configuration: ServiceGroupConfiguration(services: services.map { .init(service: $0) }, logger: souk.logger)
        ).run()
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
                } catch let unavailable as StoreUnavailable {
                    souk.logger.warning("the start waits: \(unavailable)")
                    try await Task.sleep(for: .seconds(1))
                }
            }
            started.done()
            souk.announce("Souk listens on http://\(souk.configuration.host):\(port)")
        }
        // A service that returns would end its group.
        try? await gracefulShutdown()
    }

    private func prepare(port: Int) async throws {
        if let key = souk.configuration.adminKey {
            try await ManageAPIKeys(store: parts.store, livemode: parts.settings.livemode).ensureAdminKey(key)
        }
        try await parts.requestFeed.registerAll()
        if sandbox != nil {
            let endpoints = WebhookEndpoints(
                stripe: parts.stripe, handlers: parts.handlers, publicURL: "http://127.0.0.1:\(port)")
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

import Operations
import Orders
import ServiceLifecycle
package import Settlement
package import Store
import Transport
import Web
package import Webhooks

/// What a process with the role `worker` runs: each part finishes what is due, whoever left it.
struct Workers: Sendable {
    let operations: OperationWorker
    let inbox: InboxWorker
    let feeds: BalanceFeedWorker
    let sweep: GapSweep
    let payouts: PayoutSweep
    let reconciliations: ReconciliationWorker
    let reminders: RemindOfEvidence
    private let parts: Parts
    private let events: EventParts

    init(_ parts: Parts, _ events: EventParts, inbox: InboxWorker.Configuration = InboxWorker.Configuration()) {
        self.parts = parts
        self.events = events
        operations = OperationWorker(engine: parts.engine, logger: parts.logger)
        self.inbox = InboxWorker(
            inbox: events.inbox, handlers: parts.handlers, arrivals: events.arrivals, configuration: inbox,
            logger: parts.logger)
        feeds = BalanceFeedWorker(
            store: parts.store, read: parts.feed, follow: parts.follow, itemize: parts.itemize, logger: parts.logger)
        reminders = RemindOfEvidence(store: parts.store, logger: parts.logger)
        payouts = PayoutSweep(store: parts.store, refresh: parts.refreshPayout, logger: parts.logger)
        reconciliations = ReconciliationWorker(
            run: parts.reconciliation, repairs: parts.repairs, window: parts.configuration.reconcileWindow,
            logger: parts.logger)
        var sweeping = GapSweep.Configuration()
        sweeping.interval = parts.configuration.sweepInterval
        sweep = GapSweep(
            inbox: events.inbox, intake: events.intake, handlers: parts.handlers, stripe: parts.stripe,
            accounts: parts.connectedAccounts, configuration: sweeping, logger: parts.logger)
    }

    /// `metrics` is where this process shows what it measures of the books and of what waits.
    func services(showing metrics: PrometheusRegistry) -> [any Service] {
        let peers: HTTPClient.Configuration.Peers =
            parts.configuration.allowPrivateAddresses ? .any : .publicOnly
        return [
            operations, inbox, feeds, sweep, payouts, reminders, reconciliations,
            DeliveryWorker(
                outbox: events.outbox, secrets: events.box, rules: events.rules,
                http: HTTPClient(configuration: HTTPClient.Configuration(peers: peers)),
                livemode: parts.configuration.livemode, logger: parts.logger),
            Housekeeping(store: parts.store, logger: parts.logger),
            BooksWatch(store: parts.store, metrics: metrics, logger: parts.logger),
            OperationalMetrics(store: parts.store, metrics: metrics, logger: parts.logger),
        ]
    }

    /// Works once on each event, operation, balance and reconciliation that is due.
    /// - Returns: how many there were.
    func workOnDue() async throws -> Int {
        var count = try await inbox.workOnDue()
        count += try await operations.workOnDue()
        count += try await feeds.readDue()
        count += try await payouts.sweep()
        count += try await reminders.remind()
        while true {
            let done = try await reconciliations.workOnDue()
            guard done > 0 else { return count }
            count += done
        }
    }
}

/// The workers of a process in which nothing works by itself: a test that holds them knows what has happened and what
/// has not, and needs no pause to wait for it.
package struct HeldWorkers: Sendable {
    package let store: Store
    package let intake: WebhookIntake
    private let workers: Workers

    init(_ parts: Parts, _ events: EventParts) {
        var parts = parts
        // So few that also a small world is compared in many windows.
        parts.reconciliation = RunReconciliation(
            store: parts.store, stripe: parts.stripe, logger: parts.logger, windowSize: 7)
        store = parts.store
        intake = events.intake
        // An event that failed is due again at once; attempts end as they do in production.
        var inbox = InboxWorker.Configuration()
        inbox.schedule = RetrySchedule(pauses: RetrySchedule.inbox.pauses.map { _ in .zero })
        workers = Workers(parts, events, inbox: inbox)
    }

    /// Works once on each event, operation, balance and reconciliation that is due.
    /// - Returns: how many there were.
    package func workOnDue() async throws -> Int { try await workers.workOnDue() }

    /// - Returns: how many events had not arrived.
    package func sweep() async throws -> Int { try await workers.sweep.sweep().missing.count }

    /// Every invariant of the books, recomputed as `souk doctor --books` does.
    package func checkBooks() async throws -> [BooksFault] { try await BooksCheck(store: store)() }
}

package import Domain
package import Logging
import Metrics
import ServiceLifecycle
package import Store
import StripeAPI
import Synchronization
package import Transport

/// Delivers Souk's own events to the marketplace: signed as Stripe signs, tried again for three days, a few at a time
/// for each destination, so that a slow one only delays itself.
package struct DeliveryWorker: Service {
    package struct Configuration: Sendable {
        /// Attempts under way for one destination.
        package var perDestination = 4
        /// Attempts under way altogether.
        package var total = 64
        /// Of one attempt.
        package var timeout: Duration = .seconds(15)
        package var pollInterval: Duration = .seconds(1)
        package var schedule = RetrySchedule.outbox

        package init() {}

        /// Outlives an attempt, so that no second one begins beside it.
        var lease: Duration { timeout * 2 + .seconds(15) }
    }

    private let outbox: Outbox
    private let secrets: any SecretBox
    private let rules: DestinationRules
    private let http: HTTPClient
    private let livemode: Bool
    private let configuration: Configuration
    private let now: @Sendable () -> Timestamp
    private let logger: Logger
    private let inFlight = InFlight()
    private let wake = WakeSignal()
    private let metrics = DeliveryMetrics()

    /// `http` reaches public addresses only, unless the rules allow others; `now` is wall time, which signatures are
    /// made with.
    package init(
        outbox: Outbox, secrets: any SecretBox, rules: DestinationRules, http: HTTPClient, livemode: Bool,
        configuration: Configuration = Configuration(),
        now: @escaping @Sendable () -> Timestamp = WallClock.now, logger: Logger
    ) {
        self.outbox = outbox
        self.secrets = secrets
        self.rules = rules
        self.http = http
        self.livemode = livemode
        self.configuration = configuration
        self.now = now
        self.logger = logger
    }

    /// Works until the process shuts down, then finishes the attempts that are under way.
    package func run() async throws {
        await withTaskCancellationOrGracefulShutdownHandler {
            await withDiscardingTaskGroup { group in
                var lastMeasured: ContinuousClock.Instant?
                while !inFlight.isStopped {
                    let claimed = await claim()
                    for delivery in claimed {
                        inFlight.begin(delivery.destination)
                        group.addTask {
                            await self.attempt(delivery)
                            self.inFlight.end(delivery.destination)
                            self.wake.raise()
                        }
                    }
                    if lastMeasured.map({ $0.duration(to: .now) > .seconds(15) }) ?? true {
                        await measure()
                        lastMeasured = .now
                    }
                    if claimed.isEmpty { await wake.wait(atMost: configuration.pollInterval) }
                }
            }
        } onCancelOrGracefulShutdown: {
            self.inFlight.stop()
            self.wake.raise()
        }
    }

    private func claim() async -> [LeasedDelivery] {
        let free = configuration.total - inFlight.count
        guard free > 0 else { return [] }
        do {
            return try await outbox.claim(
                busy: inFlight.byDestination, each: configuration.perDestination, limit: free,
                lease: configuration.lease)
        } catch {
            logger.warning("deliveries cannot be claimed", metadata: ["error": "\(error)"])
            return []
        }
    }

    private func attempt(_ delivery: LeasedDelivery) async {
        let clock = ContinuousClock()
        let start = clock.now
        let attemptedAt = now()
        var status: Int?
        var failure: String?
        // boundary: before_delivery
        do {
            status = try await send(delivery, at: attemptedAt).status
            // Stripe's rule: only 2xx is success; a redirect is not followed and is a failure.
            if let status, !(200..<300).contains(status) { failure = "the destination answered \(status)" }
        } catch {
            failure = String("\(error)".prefix(500))
        }
        let pause = failure.map { _ in
            configuration.schedule.pause(
                afterFailed: min(delivery.attempts + 1, configuration.schedule.pauses.count),
                jitter: Double.random(in: -1...1)) ?? .seconds(12 * 3600)
        }
        metrics.count(delivered: failure == nil)
        // boundary: after_delivery
        do {
            try await outbox.settle(
                delivery,
                DeliveryAttempt(
                    attemptedAt: attemptedAt, duration: clock.now - start, status: status, error: failure,
                    retryAfter: pause))
        } catch {
            // The lease runs out and the event is delivered once more: receivers know it by its id.
            logger.warning(
                "a delivery could not be marked", metadata: ["delivery": "\(delivery.id)", "error": "\(error)"])
        }
    }

    private func send(_ delivery: LeasedDelivery, at time: Timestamp) async throws -> HTTPResponse {
        try rules.check(delivery.url)  // they may be stricter than when the destination was made
        let secret = try secrets.open(delivery.sealedSecret, for: delivery.destination.rawValue)
        let body = delivery.event.rendered(livemode: livemode)
        let signature = WebhookSignature.sign(
            body: body, secret: String(decoding: secret, as: UTF8.self), at: time)
        return try await http.execute(
            HTTPRequest(
                method: .post, url: delivery.url,
                headers: [
                    ("Content-Type", "application/json; charset=utf-8"), ("User-Agent", "souk"),
                    (WebhookSignature.headerName, signature),
                ],
                body: body, timeout: configuration.timeout, connectTimeout: .seconds(10),
                maximumResponseBytes: 64 << 10))
    }

    private func measure() async {
        do {
            let depth = try await outbox.depth()
            metrics.record(waiting: depth.waiting, oldestSeconds: depth.oldestSeconds)
        } catch {
            logger.debug("the outbox could not be measured", metadata: ["error": "\(error)"])
        }
    }
}

/// The attempts that this process has under way.
private final class InFlight: Sendable {
    private struct State {
        var counts: [ID<EventDestination>: Int] = [:]
        var isStopped = false
    }

    private let state = Mutex(State())

    var count: Int { state.withLock { $0.counts.values.reduce(0, +) } }
    var byDestination: [ID<EventDestination>: Int] { state.withLock { $0.counts } }
    var isStopped: Bool { state.withLock { $0.isStopped } }
    func begin(_ destination: ID<EventDestination>) { state.withLock { $0.counts[destination, default: 0] += 1 } }

    func end(_ destination: ID<EventDestination>) {
        state.withLock { state in
            let left = (state.counts[destination] ?? 1) - 1
            state.counts[destination] = left == 0 ? nil : left
        }
    }

    func stop() { state.withLock { $0.isStopped = true } }
}

private struct DeliveryMetrics: Sendable {
    private let delivered = Counter(label: "souk_event_deliveries_total", dimensions: [("outcome", "delivered")])
    private let failed = Counter(label: "souk_event_deliveries_total", dimensions: [("outcome", "failed")])
    private let waiting = Gauge(label: "souk_event_deliveries_waiting")
    private let oldest = Gauge(label: "souk_event_deliveries_oldest_waiting_seconds")

    func count(delivered isDelivered: Bool) { (isDelivered ? delivered : failed).increment() }

    func record(waiting count: Int64, oldestSeconds: Int64) {
        waiting.record(count)
        oldest.record(oldestSeconds)
    }
}

import Logging
import Metrics

/// Opens, lends and replaces connections.
///
/// While PostgreSQL is away callers are told at once, with the last reason, and a new attempt is made after a short
/// pause that grows to a second; the first success serves everybody again.
final class Pool: @unchecked Sendable {  // `lock` guards every `var`
    private struct Waiter {
        let continuation: CheckedContinuation<Wire, any Error>
        let deadline: UInt64
    }

    private struct Outage {
        let error: PostgresError
        let retryAt: UInt64
        let attempts: Int
    }

    private let connector: Connector
    private let configuration: PostgresConfiguration
    private let logger: Logger
    private let lock = Lock()
    private let waiterNumbers = Counter()
    private var idle: [Wire] = []
    private var open = 0
    private var connecting = 0
    private var order: [UInt64] = []
    private var waiters: [UInt64: Waiter] = [:]
    private var outage: Outage?
    private var isShutDown = false
    private var keepsWarm = false

    private let openGauge = Gauge(label: "souk_postgres_connections_open")
    private let idleGauge = Gauge(label: "souk_postgres_connections_idle")
    private let waitingGauge = Gauge(label: "souk_postgres_waiting")
    private let failureCounter = Metrics.Counter(label: "souk_postgres_connect_failures_total")
    private let timeoutCounter = Metrics.Counter(label: "souk_postgres_pool_timeouts_total")

    init(_ configuration: PostgresConfiguration, logger: Logger) throws(PostgresError) {
        self.configuration = configuration
        self.logger = logger
        connector = try Connector(configuration)
        IOThread.shared.add(self)
    }

    deinit {
        IOThread.shared.removePool(ObjectIdentifier(self))
        for wire in idle { wire.close("the client is gone") }
    }

    var statistics: PostgresPoolStatistics {
        lock.withLock {
            PostgresPoolStatistics(
                open: open, idle: idle.count, waiting: waiters.count, isUnreachable: outage != nil && open == 0)
        }
    }

    // MARK: Lending

    func acquire() async throws -> Wire {
        if let wire = takeIdle() { return wire }
        try Task.checkCancellation()
        let number = waiterNumbers.next()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                enqueue(number, continuation)
                if Task.isCancelled { giveUp(number) }
            }
        } onCancel: {
            giveUp(number)
        }
    }

    private func takeIdle() -> Wire? {
        lock.withLock { isShutDown ? nil : idle.popLast() }
    }

    private func enqueue(_ number: UInt64, _ continuation: CheckedContinuation<Wire, any Error>) {
        let now = monotonicNanoseconds()
        lock.lock()
        if isShutDown {
            lock.unlock()
            continuation.resume(throwing: Self.shutDownError)
        } else if let wire = idle.popLast() {
            lock.unlock()
            continuation.resume(returning: wire)
        } else if let outage, now < outage.retryAt, open == 0, connecting == 0 {
            lock.unlock()
            continuation.resume(throwing: outage.error)
        } else {
            waiters[number] = Waiter(
                continuation: continuation, deadline: now &+ configuration.acquireTimeout.nanoseconds)
            order.append(number)
            let attempts = planAttempts(now)
            lock.unlock()
            start(attempts)
        }
    }

    private func giveUp(_ number: UInt64) {
        let waiter = lock.withLock { waiters.removeValue(forKey: number) }
        waiter?.continuation.resume(throwing: CancellationError())
    }

    /// The session is clean (see `Wire.condition`): it goes to whoever waits longest.
    func release(_ wire: Wire) {
        lock.lock()
        let waiter = isShutDown ? nil : nextWaiter()
        let isKept = waiter == nil && !isShutDown && wire.isOpen
        if isKept {
            wire.idleSince = monotonicNanoseconds()
            idle.append(wire)
        }
        let isShutDown = isShutDown
        lock.unlock()
        waiter?.continuation.resume(returning: wire)
        if isShutDown { wire.close("the client is shut down") }
    }

    /// The session is of no further use.
    func discard(_ wire: Wire, because reason: String) {
        wire.close(reason)
    }

    private func nextWaiter() -> Waiter? {
        guard !waiters.isEmpty else {
            order.removeAll(keepingCapacity: true)
            return nil
        }
        var skipped = 0
        defer { order.removeFirst(min(order.count, skipped)) }
        for number in order {
            skipped += 1
            if let waiter = waiters.removeValue(forKey: number) { return waiter }
        }
        return nil
    }

    // MARK: Connecting

    /// Two attempts at a time: a slow server must not fill our threads. Called with the lock held.
    private func planAttempts(_ now: UInt64) -> Int {
        guard !isShutDown else { return 0 }
        if let outage, now < outage.retryAt { return 0 }
        let wanted = max(waiters.count, keepsWarm && open == 0 ? 1 : 0)
        let room = min(configuration.maximumConnections - open - connecting, 2 - connecting, wanted - connecting)
        let attempts = max(0, outage == nil ? room : min(room, 1 - connecting))
        connecting += attempts
        return attempts
    }

    private func start(_ attempts: Int) {
        for _ in 0..<attempts {
            let isAccepted = BlockingThreads.connecting.submit { [weak self, connector] in
                do throws(PostgresError) {
                    let wire = try connector.open()
                    guard let self else { return wire.close("the client is gone") }
                    self.connected(wire)
                } catch {
                    self?.failed(error)
                }
            }
            if !isAccepted { failed(.connection(PostgresConnectionError(message: "too many attempts to connect"))) }
        }
    }

    private func connected(_ wire: Wire) {
        lock.lock()
        connecting -= 1
        open += 1
        let recovered = outage
        outage = nil
        lock.unlock()
        if let recovered { logger.info("PostgreSQL answers again", metadata: ["attempts": "\(recovered.attempts)"]) }
        wire.whenClosed { [weak self] wire in self?.closed(wire) }
        release(wire)
        more()
    }

    private func failed(_ error: PostgresError) {
        failureCounter.increment()
        let now = monotonicNanoseconds()
        lock.lock()
        connecting -= 1
        let attempts = (outage?.attempts ?? 0) + 1
        let pause = min(1_000_000_000, UInt64(50_000_000) << UInt64(min(attempts - 1, 5)))
        outage = Outage(error: error, retryAt: now + UInt64.random(in: pause / 2...pause), attempts: attempts)
        // With connections left, those who wait will get one of them; without, nobody need wait for the time-out.
        let failed = open == 0 && connecting == 0 ? drain() : []
        lock.unlock()
        if attempts == 1 || attempts % 60 == 0 {
            logger.warning("cannot connect to PostgreSQL", metadata: ["error": "\(error)", "attempts": "\(attempts)"])
        }
        for waiter in failed { waiter.continuation.resume(throwing: error) }
    }

    private func closed(_ wire: Wire) {
        lock.withLock {
            open -= 1
            idle.removeAll { $0 === wire }
        }
        more()
    }

    private func more() {
        let now = monotonicNanoseconds()
        start(lock.withLock { planAttempts(now) })
    }

    private func drain() -> [Waiter] {
        let drained = order.compactMap { waiters.removeValue(forKey: $0) }
        order.removeAll(keepingCapacity: true)
        return drained
    }

    // MARK: Time

    /// Called about ten times a second by the I/O thread.
    func tick(_ now: UInt64) {
        lock.lock()
        let expired = order.filter { waiters[$0].map { now > $0.deadline } ?? false }
        let late = expired.compactMap { waiters.removeValue(forKey: $0) }
        let error =
            open == 0
            ? outage?.error ?? .connection(PostgresConnectionError(message: "no connection could be made in time"))
            : PostgresError.poolExhausted(after: configuration.acquireTimeout)
        let oldest = now &- min(now, configuration.idleTimeout.nanoseconds)
        let unused = idle.dropLast().filter { $0.idleSince < oldest }
        idle.removeAll { wire in unused.contains { $0 === wire } }
        let attempts = planAttempts(now)
        let (openCount, idleCount, waitingCount) = (open, idle.count, waiters.count)
        lock.unlock()
        for waiter in late {
            timeoutCounter.increment()
            waiter.continuation.resume(throwing: error)
        }
        for wire in unused { wire.close("unused") }
        start(attempts)
        openGauge.record(openCount)
        idleGauge.record(idleCount)
        waitingGauge.record(waitingCount)
    }

    /// Keep one connection, so that the first request after a quiet time or an outage finds it.
    func keepWarm() {
        lock.withLock { keepsWarm = true }
        more()
    }

    func shutDown() {
        lock.lock()
        isShutDown = true
        let unused = idle
        idle = []
        let failed = drain()
        lock.unlock()
        for waiter in failed { waiter.continuation.resume(throwing: Self.shutDownError) }
        for wire in unused { wire.close("the client is shut down") }
    }

    private static let shutDownError = PostgresError.connection(
        PostgresConnectionError(message: "the client is shut down"))
}

/// A momentary view of a pool.
package struct PostgresPoolStatistics: Hashable, Sendable {
    package var open: Int
    package var idle: Int
    package var waiting: Int
    /// The last attempt to connect failed and no connection is left.
    package var isUnreachable: Bool
}

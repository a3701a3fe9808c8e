import Domain
package import Logging
import Metrics
import ServiceLifecycle
package import Store
import Synchronization

/// Hands stored events to their use cases.
///
/// Objects are leased one by one, so events of the same object are handled one at a time whatever process they are in,
/// and no lock is held while a use case runs. Waiting events of one object share a call. One that fails comes back
/// later by itself; what arrives meanwhile does not wait for it.
package struct InboxWorker: Service {
    package struct Configuration: Sendable {
        /// Objects handled at the same time.
        package var lanes = 32
        /// A use case is canceled after this long.
        package var timeLimit: Duration = .seconds(50)
        /// By database time. Renewed three times in that time while a use case runs; ends by itself when the process dies.
        package var lease: Duration = .seconds(60)
        /// How long events that another process stored, or whose pause ends, may wait to be noticed.
        package var pollInterval: Duration = .seconds(1)
        package var schedule = RetrySchedule.inbox

        package init() {}
    }

    private let inbox: Inbox
    private let handlers: EventHandlers
    private let arrivals: WakeSignal
    private let configuration: Configuration
    private let logger: Logger
    private let holder: String
    private let settlements = SharedCommit<InboxSettlement, Void>(batchItems: 128)
    private let lanes = LaneTable()
    private let metrics = WorkerMetrics()

    package init(
        inbox: Inbox, handlers: EventHandlers, arrivals: WakeSignal, configuration: Configuration = Configuration(),
        logger: Logger
    ) {
        self.inbox = inbox
        self.handlers = handlers
        self.arrivals = arrivals
        self.configuration = configuration
        self.logger = logger
        holder = "worker_\(UInt64.random(in: 0...UInt64.max))"
    }

    /// Works until the process shuts down, and then until everything that was claimed is handled.
    package func run() async throws {
        await withTaskCancellationOrGracefulShutdownHandler {
            await withDiscardingTaskGroup { group in
                group.addTask { await self.settlements.run(writers: 1) { await self.settle($0) } }
                group.addTask { await self.renewLeases() }
                group.addTask { await self.watchDepth() }
                await withDiscardingTaskGroup { await self.dispatch(into: &$0) }
                group.cancelAll()
                self.settlements.finish()
            }
        } onCancelOrGracefulShutdown: {
            self.lanes.stop()
            self.arrivals.raise()
        }
    }

    private func dispatch(into group: inout DiscardingTaskGroup) async {
        while !lanes.isStopped {
            var free = configuration.lanes - lanes.count
            if free < configuration.lanes / 4 {
                // Soon more lanes are free, and then one claim fetches for all of them.
                await lanes.closed.wait(atMost: .milliseconds(20))
                free = configuration.lanes - lanes.count
                guard free > 0 else { continue }
            }
            do {
                let claimed = try await inbox.claim(limit: free, holder: holder, lease: configuration.lease)
                for lane in claimed {
                    lanes.open(lane.fence)
                    group.addTask {
                        await self.work(lane)
                        self.lanes.close(lane.fence)
                    }
                }
                if claimed.isEmpty { await arrivals.wait(atMost: configuration.pollInterval) }
            } catch {
                logger.warning("events cannot be claimed", metadata: ["error": "\(error)"])
                await arrivals.wait(atMost: configuration.pollInterval)
            }
        }
    }

    /// Handles what is due now, once, and returns when it is written down.
    /// - Returns: how many objects had something.
    package func workOnDue() async throws -> Int {
        let claimed = try await inbox.claim(
            limit: configuration.lanes, holder: holder, lease: configuration.lease)
        let settlements = await withTaskGroup(of: InboxSettlement.self) { group in
            for lane in claimed {
                group.addTask {
                    let outcomes = await self.handle(lane)
                    return InboxSettlement(objectKey: lane.objectKey, fence: lane.fence, outcomes: outcomes)
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        if !settlements.isEmpty { try await inbox.settle(settlements) }
        return claimed.count
    }

    private func work(_ lane: InboxLane) async {
        let outcomes = await handle(lane)
        do {
            try await settlements.submit(
                InboxSettlement(objectKey: lane.objectKey, fence: lane.fence, outcomes: outcomes))
        } catch {
            // The lease runs out, and the same events are handled again, which changes nothing.
            logger.warning(
                "handled events could not be marked", metadata: ["object": "\(lane.objectKey)", "error": "\(error)"])
        }
    }

    /// Handles what a lane holds, newest first, each use case apart.
    private func handle(_ lane: InboxLane) async -> [InboxOutcome] {
        var outcomes: [InboxOutcome] = []
        var groups: [String: [WaitingEvent]] = [:]
        for waiting in lane.events {
            guard let entry = handlers[waiting.event.type] else {
                outcomes.append(InboxOutcome(waiting.event.id, .unhandled))
                continue
            }
            groups[entry.name, default: []].append(waiting)
        }
        for (_, events) in groups.sorted(by: { $0.key < $1.key }) { outcomes += await handleTogether(events) }
        return outcomes
    }

    /// One call with the newest event that is due settles all that are not newer. When it fails, it alone is put off,
    /// and the next newest gets its chance, so that an event that can never be handled takes no other with it.
    private func handleTogether(_ events: [WaitingEvent]) async -> [InboxOutcome] {
        var outcomes: [InboxOutcome] = []
        var failures = 0
        for (index, candidate) in events.enumerated() where candidate.isDue {
            do {
                // boundary: before_apply_commit
                try await handle(candidate)
                // boundary: after_apply_commit
                let rest = events[index...]  // older ones; a newer one that failed stays to be tried again
                metrics.handled(rest.count)
                return outcomes + rest.map { InboxOutcome($0.event.id, .done) }
            } catch  where Task.isCancelled {
                return outcomes  // shutting down in a hurry: not the event's fault
            } catch {
                outcomes.append(failed(candidate, error))
                failures += 1
                // With Stripe away every one would fail, each after its time-out: the others are tried next time.
                if failures == Self.failuresInARow { return outcomes }
            }
        }
        return outcomes
    }

    private static let failuresInARow = 3

    private func handle(_ waiting: WaitingEvent) async throws {
        var event = waiting.event
        if !waiting.hasBody {
            guard let whole = try await inbox.load(event.id) else { return }
            event = whole
        }
        guard let entry = handlers[event.type] else { return }
        let limit = configuration.timeLimit
        try await withThrowingTaskGroup(of: Void.self) { [event] group in
            group.addTask { try await entry.useCase(event) }
            group.addTask {
                try await Task.sleep(for: limit)
                throw UseCaseTookTooLong(limit: limit)
            }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    private func failed(_ waiting: WaitingEvent, _ error: any Error) -> InboxOutcome {
        let text = Explanation(of: error).description
        let pause = configuration.schedule.pause(
            afterFailed: waiting.attempts + 1, jitter: Double.random(in: -1...1))
        metrics.failed(parked: pause == nil)
        logger.warning(
            pause == nil ? "an event is parked" : "an event is put off",
            metadata: [
                "event": "\(waiting.event.id)", "type": "\(waiting.event.type)", "attempt": "\(waiting.attempts + 1)",
                "error": "\(error)",
            ])
        let result: InboxOutcome.Result =
            if let pause { .retry(after: pause, error: text) } else { .parked(error: text) }
        return InboxOutcome(waiting.event.id, result)
    }

    private func settle(_ batch: [InboxSettlement]) async -> [Result<Void, any Error>] {
        do {
            try await inbox.settle(batch)
            return batch.map { _ in .success(()) }
        } catch {
            return batch.map { _ in .failure(error) }
        }
    }

    private func renewLeases() async {
        while !Task.isCancelled {
            try? await Task.sleep(for: configuration.lease / 3)  // cancellation ends the loop
            let held = lanes.open
            guard !held.isEmpty, !Task.isCancelled else { continue }
            do {
                let kept = try await inbox.renew(fences: held, lease: configuration.lease)
                // A lane may have been settled between the two looks.
                let lost = Set(held).subtracting(kept).intersection(lanes.open)
                if !lost.isEmpty {
                    logger.warning("leases were lost", metadata: ["count": "\(lost.count)"])
                }
            } catch {
                logger.warning("leases could not be renewed", metadata: ["error": "\(error)"])
            }
        }
    }

    private func watchDepth() async {
        while !Task.isCancelled {
            do {
                metrics.record(try await inbox.depth())
            } catch {
                logger.debug("the inbox could not be measured", metadata: ["error": "\(error)"])
            }
            try? await Task.sleep(for: .seconds(15))  // cancellation ends the loop
        }
    }
}

struct UseCaseTookTooLong: Error, CustomStringConvertible {
    let limit: Duration
    var description: String { "the use case was not done after \(limit)" }
}

/// The lanes that this process works on.
private final class LaneTable: Sendable {
    private struct State {
        var fences: Set<Int64> = []
        var isStopped = false
    }

    private let state = Mutex(State())
    /// Raised whenever a lane is free again.
    let closed = WakeSignal()

    var count: Int { state.withLock { $0.fences.count } }
    var open: [Int64] { state.withLock { Array($0.fences) } }
    var isStopped: Bool { state.withLock { $0.isStopped } }
    func open(_ fence: Int64) { state.withLock { _ = $0.fences.insert(fence) } }

    func close(_ fence: Int64) {
        state.withLock { _ = $0.fences.remove(fence) }
        closed.raise()
    }

    func stop() { state.withLock { $0.isStopped = true } }
}

private struct WorkerMetrics: Sendable {
    private let handled = Counter(label: "souk_inbox_events_total", dimensions: [("outcome", "done")])
    private let retried = Counter(label: "souk_inbox_events_total", dimensions: [("outcome", "retry")])
    private let parked = Counter(label: "souk_inbox_events_total", dimensions: [("outcome", "parked")])
    private let waiting = Gauge(label: "souk_inbox_waiting")
    private let parkedNow = Gauge(label: "souk_inbox_parked")
    private let oldest = Gauge(label: "souk_inbox_oldest_waiting_seconds")

    func handled(_ count: Int) { handled.increment(by: count) }
    func failed(parked isParked: Bool) { (isParked ? parked : retried).increment() }

    func record(_ depth: InboxDepth) {
        waiting.record(depth.waiting)
        parkedNow.record(depth.parked)
        oldest.record(depth.oldestWaitingSeconds)
    }
}

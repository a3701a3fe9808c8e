import Domain
package import Logging
import ServiceLifecycle

/// Finishes what callers did not: operations of killed processes, those that Stripe did not answer, those that waited.
package struct OperationWorker: Service {
    let engine: OperationEngine
    let logger: Logger
    /// How many operations one process works on at once.
    let concurrency: Int
    /// How often the table is asked when nothing was due.
    let idlePause: Duration

    package init(
        engine: OperationEngine, logger: Logger, concurrency: Int = 8, idlePause: Duration = .milliseconds(500)
    ) {
        self.engine = engine
        self.logger = logger
        self.concurrency = concurrency
        self.idlePause = idlePause
    }

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                do {
                    if try await workOnDue() == 0 { try await Task.sleep(for: idlePause) }
                } catch is CancellationError {
                    return
                } catch {
                    logger.warning("operations wait: \(error)")
                    try? await Task.sleep(for: .seconds(1))
                }
            }
        }
    }

    /// Works once on each operation that is due.
    /// - Returns: how many there were.
    package func workOnDue() async throws -> Int {
        let due = try await engine.store.dueOperations(at: try await engine.store.clock.now(), limit: 100)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (place, id) in due.enumerated() {
                if place >= concurrency { try await group.next() }
                group.addTask { try await engine.workIfFree(id) }
            }
            try await group.waitForAll()
        }
        return due.count
    }
}

package import Domain
package import Logging
import ServiceLifecycle

/// Carries out the runs that were asked for, one at a time in each process; begins the daily one; and looks again at what
/// was repaired and did not agree at once.
package struct ReconciliationWorker: Service {
    let run: RunReconciliation
    let repairs: RepairFinding
    /// When the daily run begins; nil for none.
    let window: DailyWindow?
    let logger: Logger
    let idlePause: Duration

    package init(
        run: RunReconciliation, repairs: RepairFinding, window: DailyWindow?, logger: Logger,
        idlePause: Duration = .milliseconds(250)
    ) {
        self.run = run
        self.repairs = repairs
        self.window = window
        self.logger = logger
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
                    logger.warning("reconciliations wait: \(error)")
                    try? await Task.sleep(for: .seconds(1))
                }
            }
        }
    }

    /// Begins the daily run in its window, carries out one run, and looks at repairs whose time has come.
    /// - Returns: how much of that there was.
    package func workOnDue() async throws -> Int {
        var count = 0
        if let window, try await run.startScheduled(in: window) != nil { count += 1 }
        if try await run.work() { count += 1 }
        return count + (try await repairs.lookAgain())
    }
}

package import Logging
import ServiceLifecycle

/// Carries out the runs that were asked for, one at a time in each process.
package struct ReconciliationWorker: Service {
    let run: RunReconciliation
    let logger: Logger
    let idlePause: Duration

    package init(run: RunReconciliation, logger: Logger, idlePause: Duration = .milliseconds(250)) {
        self.run = run
        self.logger = logger
        self.idlePause = idlePause
    }

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                do {
                    if try await !run.work() { try await Task.sleep(for: idlePause) }
                } catch is CancellationError {
                    return
                } catch {
                    logger.warning("reconciliations wait: \(error)")
                    try? await Task.sleep(for: .seconds(1))
                }
            }
        }
    }
}

import Logging
import ServiceLifecycle
import Store

/// Deletes what has been kept for as long as it is promised: idempotency keys after 30 days.
struct Housekeeping: Service {
    static let interval: Duration = .seconds(3600)

    let store: Store
    let logger: Logger

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                do {
                    while try await store.deleteExpiredIdempotencyKeys() > 0 {}
                } catch {
                    logger.warning("old idempotency keys stay for now: \(error)")
                }
                try? await Task.sleep(for: Self.interval)
            }
        }
    }
}

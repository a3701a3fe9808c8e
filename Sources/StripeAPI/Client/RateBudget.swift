import Synchronization

/// Keeps all requests of this process under Stripe's limits, higher classes first.
final class RateBudget: Sendable {
    private let bucket: Mutex<TokenBucket>
    private let time: StripeTime

    init(requestsPerSecond: Int, time: StripeTime) {
        self.time = time
        bucket = Mutex(TokenBucket(requestsPerSecond: requestsPerSecond, now: time.now()))
    }

    /// - Throws: `CancellationError` if the task is canceled while it waits.
    func take(_ priority: StripePriority) async throws { _ = try await take(priority, before: nil) }

    /// - Returns: false, and nothing is taken, when the turn would come at `latest` or later.
    /// - Throws: `CancellationError` if the task is canceled while it waits.
    func take(_ priority: StripePriority, before latest: ContinuousClock.Instant?) async throws -> Bool {
        let ticket = bucket.withLock { $0.enter(priority) }
        while true {
            let now = time.now()
            switch bucket.withLock({ $0.decide(ticket, now: now) }) {
            case .go:
                return true
            case .wait(let duration):
                if let latest, ContinuousClock.now + duration >= latest {
                    bucket.withLock { $0.leave(ticket) }
                    return false
                }
                do {
                    try await time.sleep(duration)
                } catch {
                    bucket.withLock { $0.leave(ticket) }
                    throw error
                }
            }
        }
    }

    func pause(for duration: Duration) {
        let end = time.now() + duration
        bucket.withLock { $0.pause(until: end) }
    }
}

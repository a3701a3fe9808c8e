/// The client's sense of time. Tests replace it, so that nobody waits for a back-off.
package struct StripeTime: Sendable {
    /// Monotonic, from any beginning.
    package var now: @Sendable () -> Duration
    /// Ends early, by throwing, if the task is canceled.
    package var sleep: @Sendable (Duration) async throws -> Void

    package init(
        now: @escaping @Sendable () -> Duration,
        sleep: @escaping @Sendable (Duration) async throws -> Void
    ) {
        self.now = now
        self.sleep = sleep
    }

    package static let continuous: StripeTime = {
        let start = ContinuousClock.now
        return StripeTime(
            now: { ContinuousClock.now - start },
            sleep: { try await Task.sleep(for: $0, clock: .continuous) })
    }()
}

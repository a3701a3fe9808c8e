/// When a thing that failed is tried again: a list of pauses, each shortened or lengthened at random by up to a tenth,
/// so that what failed together does not come back together.
package struct RetrySchedule: Sendable {
    package let pauses: [Duration]

    package init(pauses: [Duration]) {
        self.pauses = pauses
    }

    /// For Stripe's events: 5 seconds to 12 hours, eleven attempts over almost two days. Then a person must look.
    package static let inbox = RetrySchedule(pauses: [
        .seconds(5), .seconds(30), .seconds(120), .seconds(600), .seconds(1800), .seconds(3600), .seconds(3 * 3600),
        .seconds(6 * 3600), .seconds(12 * 3600), .seconds(12 * 3600),
    ])

    /// For deliveries to the marketplace, which end three days after the first: the last pause repeats.
    package static let outbox = RetrySchedule(pauses: [
        .seconds(5), .seconds(60), .seconds(300), .seconds(1800), .seconds(2 * 3600), .seconds(5 * 3600),
        .seconds(10 * 3600), .seconds(12 * 3600),
    ])

    /// - Parameters:
    ///   - attempts: how many have failed so far, the latest included.
    ///   - jitter: -1 to 1.
    /// - Returns: nil when the pauses are used up.
    package func pause(afterFailed attempts: Int, jitter: Double) -> Duration? {
        guard attempts >= 1, attempts <= pauses.count else { return nil }
        return pauses[attempts - 1] * (1 + 0.1 * jitter)
    }
}

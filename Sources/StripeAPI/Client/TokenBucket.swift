/// Decides when the next request may go. Pure: time comes in, waits go out.
///
/// Tokens are counted in millionths, so that a slow refill loses nothing to rounding.
package struct TokenBucket: Sendable {
    package enum Decision: Hashable, Sendable {
        case go
        case wait(Duration)
    }

    private struct Waiter: Hashable, Sendable {
        let ticket: UInt64
        let priority: StripePriority
    }

    private static let token: Int64 = 1_000_000

    private let perSecond: Int64
    private let capacity: Int64
    private var tokens: Int64
    private var refilled: Duration
    private var pausedUntil: Duration
    private var waiters: [Waiter] = []
    private var nextTicket: UInt64 = 0

    /// - Parameters:
    ///   - requestsPerSecond: the steady rate, at least one.
    ///   - now: when the bucket is full.
    package init(requestsPerSecond: Int, now: Duration) {
        perSecond = Int64(max(1, requestsPerSecond))
        capacity = perSecond * Self.token
        tokens = capacity
        refilled = now
        pausedUntil = now
    }

    package mutating func enter(_ priority: StripePriority) -> UInt64 {
        nextTicket += 1
        let waiter = Waiter(ticket: nextTicket, priority: priority)
        let position = waiters.firstIndex { $0.priority > priority } ?? waiters.endIndex
        waiters.insert(waiter, at: position)
        return nextTicket
    }

    package mutating func leave(_ ticket: UInt64) { waiters.removeAll { $0.ticket == ticket } }

    /// Takes a token for that waiter if its turn has come; the waiter leaves with it.
    package mutating func decide(_ ticket: UInt64, now: Duration) -> Decision {
        refill(now)
        guard let rank = waiters.firstIndex(where: { $0.ticket == ticket }) else { return .go }
        guard now >= pausedUntil else { return .wait(pausedUntil - now) }
        let reserve = capacity * Int64(waiters[rank].priority.reserve) / 100
        let needed = reserve + Int64(rank + 1) * Self.token
        // A bucket of few tokens must still serve its last class: never ask for more than it can hold.
        let missing = min(needed, max(capacity, Self.token)) - tokens
        guard missing > 0 else {
            tokens -= Self.token
            waiters.remove(at: rank)
            return .go
        }
        // Never shorter than a millisecond: a timer that fires a little early must not spin.
        return .wait(max(.milliseconds(1), .microseconds(missing / perSecond + 1)))
    }

    /// Stripe said "too many": nobody goes before then.
    package mutating func pause(until end: Duration) { pausedUntil = max(pausedUntil, end) }

    private mutating func refill(_ now: Duration) {
        guard now > refilled else { return }
        let (seconds, attoseconds) = min(now - refilled, .seconds(3600)).components
        let microseconds = seconds * 1_000_000 + attoseconds / 1_000_000_000_000
        guard microseconds > 0 else { return }
        tokens = min(capacity, tokens + microseconds * perSecond)
        refilled = now
    }
}

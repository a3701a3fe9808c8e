/// A moment: whole milliseconds since 1970 UTC. Stripe counts seconds; conversions say so.
package struct Timestamp: Hashable, Sendable, Comparable, Codable, CustomStringConvertible {
    package let milliseconds: Int64

    package init(milliseconds: Int64) { self.milliseconds = milliseconds }
    package init(seconds: Int64) { milliseconds = seconds * 1000 }

    /// Unix seconds, rounded down, as Stripe and our own API write them.
    package var seconds: Int64 { milliseconds >= 0 ? milliseconds / 1000 : (milliseconds - 999) / 1000 }

    package func advanced(by duration: Duration) -> Timestamp {
        let (seconds, attoseconds) = duration.components
        return Timestamp(milliseconds: milliseconds + seconds * 1000 + attoseconds / 1_000_000_000_000_000)
    }

    package func duration(to later: Timestamp) -> Duration { .milliseconds(later.milliseconds - milliseconds) }

    package static func < (left: Self, right: Self) -> Bool { left.milliseconds < right.milliseconds }
    package var description: String { "\(seconds)" }

    package init(from decoder: any Decoder) throws {
        self.init(seconds: try decoder.singleValueContainer().decode(Int64.self))
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(seconds)
    }
}

/// Business time: when things happen to money. Database time in production, the sandbox's time in trial.
/// Leases and signatures use wall time instead, never this.
package protocol BusinessClock: Sendable {
    func now() async throws -> Timestamp
}

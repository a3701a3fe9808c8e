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

    /// The day in UTC, for people: `2026-12-04`.
    package var day: String {
        // Days since 0000-03-01, so that a leap day ends its year; 400 years have 146097 days.
        let days = seconds.quotientAndRemainder(dividingBy: 86_400)
        let count = days.quotient - (days.remainder < 0 ? 1 : 0) + 719_468
        let era = (count >= 0 ? count : count - 146_096) / 146_097
        let dayOfEra = count - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let month = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * month + 2) / 5 + 1
        let calendarMonth = month < 10 ? month + 3 : month - 9
        let year = yearOfEra + era * 400 + (calendarMonth <= 2 ? 1 : 0)
        func padded(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return "\(year)-\(padded(calendarMonth))-\(padded(day))"
    }

    /// Unix seconds, up to the year 9999: past it calendars and PostgreSQL end, and nobody means it.
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let seconds = try container.decode(Int64.self)
        guard (0..<253_402_300_800).contains(seconds) else {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "Times are Unix seconds, from 1970 to 9999.")
        }
        self.init(seconds: seconds)
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

/// A point in time, in microseconds since 1970-01-01 00:00 UTC: the precision of `timestamptz`.
package struct PostgresInstant: Hashable, Comparable, Sendable {
    package var microsecondsSince1970: Int64

    package init(microsecondsSince1970: Int64) {
        self.microsecondsSince1970 = microsecondsSince1970
    }

    package static func < (left: Self, right: Self) -> Bool {
        left.microsecondsSince1970 < right.microsecondsSince1970
    }

    /// PostgreSQL counts from 2000-01-01.
    static let epochShift: Int64 = 946_684_800_000_000
}

/// JSON text, bound as `jsonb`. PostgreSQL checks it; a jsonb column gives it back normalised.
package struct PostgresJSON: Hashable, Sendable, ExpressibleByStringLiteral {
    package var text: String

    package init(_ text: String) { self.text = text }

    package init(stringLiteral value: String) { text = value }
}

/// A day of the calendar, in UTC.
package struct CalendarDay: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// Days since 1970-01-01.
    package let number: Int64

    package init(number: Int64) { self.number = number }

    /// The day on which a moment falls.
    package init(of moment: Timestamp) {
        let seconds = moment.seconds
        number = seconds >= 0 ? seconds / 86_400 : (seconds - 86_399) / 86_400
    }

    /// - Returns: nil unless the text is a day of the years 1970 to 9999, such as `2026-10-31`.
    package init?(_ text: String) {
        let parts = text.utf8.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        guard parts.map(\.count) == [4, 2, 2], parts.joined().allSatisfy({ (48...57).contains($0) }),
            let year = Int64(String(parts[0]) ?? ""), let month = Int64(String(parts[1]) ?? ""),
            let day = Int64(String(parts[2]) ?? ""), year >= 1970
        else { return nil }
        self.init(year: year, month: month, day: day)
        // The thirty-first of a month of thirty days would be the first of the next.
        guard description == text else { return nil }
    }

    /// Days, months and years past their ends run on into the next.
    package init(year: Int64, month: Int64, day: Int64) {
        // Years begin in March, so that the odd day stands at their end (Howard Hinnant, "chrono-compatible dates").
        let months = year * 12 + month - 3
        let yearFromMarch = months / 12
        let era = yearFromMarch / 400
        let yearOfEra = yearFromMarch % 400
        let dayOfYear = (153 * (months % 12) + 2) / 5 + day - 1
        number = era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    /// Year, month and day of the month, for days since the year 0.
    package var parts: (year: Int64, month: Int64, day: Int64) {
        let shifted = number + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        return (
            yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        )
    }

    package var start: Timestamp { Timestamp(seconds: number * 86_400) }
    package var next: CalendarDay { CalendarDay(number: number + 1) }

    package static func < (left: Self, right: Self) -> Bool { left.number < right.number }

    package var description: String {
        let (year, month, day) = parts
        return "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))"
    }
}

extension Timestamp {
    /// `2026-10-31T23:59:59.123Z`, as other programs read it.
    package var iso8601: String {
        let day = CalendarDay(of: self)
        let rest = milliseconds - day.start.milliseconds
        let (seconds, fraction) = (rest / 1000, rest % 1000)
        let clock = "\(padded(seconds / 3600, 2)):\(padded(seconds / 60 % 60, 2)):\(padded(seconds % 60, 2))"
        return "\(day)T\(clock).\(padded(fraction, 3))Z"
    }
}

private func padded(_ value: Int64, _ width: Int) -> String {
    let text = String(value)
    return String(repeating: "0", count: max(0, width - text.utf8.count)) + text
}

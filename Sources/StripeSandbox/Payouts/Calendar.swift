/// Days of the civil calendar in UTC, for payout schedules.
enum Calendar {
    /// 0 is Monday.
    static func weekday(ofDay day: Int64) -> Int64 { ((day + 3) % 7 + 7) % 7 }

    /// The day of the month of a day since 1970 (Howard Hinnant's algorithm), and whether it is the month's last.
    static func dayOfMonth(ofDay day: Int64) -> (day: Int64, isLast: Bool) {
        (civil(day).day, civil(day + 1).day == 1)
    }

    static func civil(_ day: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = day + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let month = (5 * dayOfYear + 2) / 153
        let dayOfMonth = dayOfYear - (153 * month + 2) / 5 + 1
        return (
            yearOfEra + era * 400 + (month >= 10 ? 1 : 0), month < 10 ? month + 3 : month - 9, dayOfMonth
        )
    }
}

/// A part of every day, in UTC, in which something is to begin: `03:00-05:00`, or over midnight `23:30-01:00`.
package struct DailyWindow: Hashable, Sendable, CustomStringConvertible {
    private static let minutesOfDay: Int64 = 1440

    /// Minutes since midnight. The window ends before its last minute begins.
    private let start: Int64
    private let end: Int64

    /// - Returns: nil unless the text is two different times of day.
    package init?(_ text: String) {
        let times = text.split(separator: "-", omittingEmptySubsequences: false).map(Self.minutes)
        guard times.count == 2, let start = times[0], let end = times[1], start != end else { return nil }
        self.start = start
        self.end = end
    }

    /// The beginning of the window that a moment falls into; nil outside of it. The same for every moment of one window,
    /// so that whatever is begun for it is begun once.
    package func opening(at moment: Timestamp) -> Timestamp? {
        let day = CalendarDay(of: moment)
        let length = (end - start + Self.minutesOfDay) % Self.minutesOfDay
        for midnight in [day.start, CalendarDay(number: day.number - 1).start] {
            let opening = midnight.advanced(by: .seconds(start * 60))
            if opening <= moment, moment < opening.advanced(by: .seconds(length * 60)) { return opening }
        }
        return nil
    }

    package var description: String { "\(Self.text(start))-\(Self.text(end))" }

    private static func minutes(_ text: Substring) -> Int64? {
        let parts = text.utf8.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        guard parts.map(\.count) == [2, 2], parts.joined().allSatisfy({ (48...57).contains($0) }),
            let hour = Int64(String(parts[0]) ?? ""), let minute = Int64(String(parts[1]) ?? ""), hour < 24, minute < 60
        else { return nil }
        return hour * 60 + minute
    }

    private static func text(_ minutes: Int64) -> String {
        [minutes / 60, minutes % 60].map { $0 < 10 ? "0\($0)" : "\($0)" }.joined(separator: ":")
    }
}

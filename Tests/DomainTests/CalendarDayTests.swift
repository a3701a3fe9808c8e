import Domain
import Foundation
import Testing

@Suite struct CalendarDayTests {
    @Test("a day is read and written as calendars do, and what is no day is none")
    func text() {
        for text in ["1970-01-01", "2000-02-29", "2026-12-31", "2100-03-01", "9999-12-31"] {
            #expect(CalendarDay(text)?.description == text)
        }
        for text in [
            "", "2026-02-29", "2100-02-29", "2026-04-31", "2026-00-10", "2026-13-01", "2026-01-00", "2026-1-01",
            "26-01-01", "2026-01-01 ", "2026/01/01", "-026-01-01", "1969-12-31", "2026-01-०१",
        ] {
            #expect(CalendarDay(text) == nil, "\(text)")
        }
        #expect(CalendarDay(year: 2026, month: 13, day: 1).description == "2027-01-01")
        #expect(CalendarDay(number: 0).next.description == "1970-01-02")
    }

    @Test("every day of four centuries is the one that the system's calendar says")
    func againstFoundation() throws {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = .gmt
        for number in stride(from: Int64(0), to: 146_097, by: 13) {
            let day = CalendarDay(number: number)
            let parts = calendar.dateComponents(
                [.year, .month, .day], from: Date(timeIntervalSince1970: TimeInterval(number * 86_400)))
            #expect(
                [day.parts.year, day.parts.month, day.parts.day]
                    == [parts.year, parts.month, parts.day].map { Int64($0 ?? 0) })
            #expect(CalendarDay(year: day.parts.year, month: day.parts.month, day: day.parts.day) == day)
        }
    }

    @Test("a moment belongs to its day to the last millisecond, before 1970 too")
    func moments() throws {
        let day = try #require(CalendarDay("2026-10-31"))
        #expect(CalendarDay(of: day.start) == day)
        let last = Timestamp(milliseconds: day.next.start.milliseconds - 1)
        #expect(CalendarDay(of: last) == day)
        #expect(last.iso8601 == "2026-10-31T23:59:59.999Z")
        #expect(day.start.iso8601 == "2026-10-31T00:00:00.000Z")
        #expect(CalendarDay(of: Timestamp(milliseconds: -1)).number == -1)
        #expect(Timestamp(milliseconds: -1).iso8601 == "1969-12-31T23:59:59.999Z")
    }
}

import Domain
import Testing

@Suite struct DailyWindowTests {
    @Test(
        "a moment falls into the window that opened last, on its own day or the day before",
        arguments: [
            ("03:00-05:00", "2026-11-27T02:59", nil), ("03:00-05:00", "2026-11-27T03:00", "2026-11-27T03:00"),
            ("03:00-05:00", "2026-11-27T04:59", "2026-11-27T03:00"), ("03:00-05:00", "2026-11-27T05:00", nil),
            ("23:30-01:00", "2026-11-27T23:30", "2026-11-27T23:30"),
            ("23:30-01:00", "2026-12-01T00:59", "2026-11-30T23:30"), ("23:30-01:00", "2026-11-27T01:00", nil),
            ("00:00-23:59", "2026-02-28T12:00", "2026-02-28T00:00"),
        ] as [(String, String, String?)])
    func opening(text: String, moment: String, expected: String?) throws {
        let window = try #require(DailyWindow(text))
        #expect(window.description == text)
        #expect(window.opening(at: try Self.time(moment)) == (try expected.map(Self.time)))
    }

    @Test(
        "anything but two different times of day is refused",
        arguments: [
            "", "03:00", "03:00-", "03:00-03:00", "3:00-05:00", "24:00-01:00", "03:60-05:00", "03:00-05:00-07:00",
            "a-b",
            "+3:00-05:00",
        ])
    func refused(text: String) { #expect(DailyWindow(text) == nil) }

    @Test("within every window there is one opening, whatever its length and day", arguments: Seeds.forThisRun)
    func oneOpening(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<50 {
            func clock(_ minute: Int) -> String {
                [minute / 60, minute % 60].map { $0 < 10 ? "0\($0)" : "\($0)" }.joined(separator: ":")
            }
            let start = Int.random(in: 0..<1440, using: &random)
            let length = Int.random(in: 1..<1440, using: &random)
            let window = try #require(DailyWindow("\(clock(start))-\(clock((start + length) % 1440))"))
            let midnight = CalendarDay(number: Int64.random(in: 0...40_000, using: &random)).start
            let opening = midnight.advanced(by: .seconds(start * 60))
            let within = opening.advanced(by: .seconds(Int.random(in: 0..<length * 60, using: &random)))
            #expect(window.opening(at: within) == opening, "seed \(seed)")
            #expect(window.opening(at: opening.advanced(by: .milliseconds(-1))) == nil, "seed \(seed)")
            #expect(window.opening(at: opening.advanced(by: .seconds(length * 60))) == nil, "seed \(seed)")
        }
    }

    private static func time(_ text: String) throws -> Timestamp {
        let parts = text.split(separator: "T")
        let day = try #require(CalendarDay(String(parts[0])))
        let clock = try parts[1].split(separator: ":").map { try #require(Int64($0)) }
        return day.start.advanced(by: .seconds(clock[0] * 3600 + clock[1] * 60))
    }
}

import Domain
import Testing

@Suite struct PlatformPayoutsTests {
    @Test(
        "Sellers' money is at risk where payouts go by themselves and keep nothing of its currency",
        arguments: [
            ("manual", [:], []), ("daily", [:], [.jpy, .usd]), ("weekly", [.usd: 1], [.jpy]),
            ("monthly", [.usd: 0, .jpy: 5], [.usd]), ("daily", [.usd: 9, .jpy: 9], []), (nil, [:], [.jpy, .usd]),
        ] as [(String?, [Currency: Int64], [Currency])])
    func unguarded(interval: String?, minimums: [Currency: Int64], expected: [Currency]) {
        let payouts = PlatformPayouts(interval: interval, minimumBalances: minimums)
        #expect(payouts.unguarded(among: [.usd, .jpy]) == expected)
        #expect(payouts.unguarded(among: []).isEmpty)
    }
}

import Domain
import Testing

@Suite struct MoneyOutLimitTests {
    @Test(
        "An amount may go up to the limit, of one operation and of a day's sum",
        arguments: [
            // amount, used before, per operation, per day, whether it may go
            (100, 0, 100, nil, true),
            (101, 0, 100, nil, false),
            (1, 0, 0, nil, false),
            (60, 40, nil, 100, true),
            (61, 40, nil, 100, false),
            (1, 100, nil, 100, false),
            (100, 0, 100, 99, false),
            (50, 0, 50, 50, true),
            (.max, 1, nil, .max, false),
            (.max, .max, nil, nil, true),
        ] as [(Int64, Int64, Int64?, Int64?, Bool)])
    func bounds(amount: Int64, used: Int64, perOperation: Int64?, perDay: Int64?, mayGo: Bool) {
        let limit = MoneyOutLimit(currency: .usd, perOperation: perOperation, perDay: perDay)
        #expect((limit.excess(of: Money(amount, .usd), after: used) == nil) == mayGo)
    }

    @Test("A limit speaks of its own currency only")
    func currencies() {
        let limit = MoneyOutLimit(currency: .usd, perOperation: 0, perDay: 0)
        #expect(limit.excess(of: Money(1_000_000, .jpy), after: 0) == nil)
    }

    @Test("The sentence names the amount, what went before, and the limit")
    func sentences() throws {
        let limit = MoneyOutLimit(currency: .usd, perOperation: 10_000, perDay: 20_000)
        let one = try #require(limit.excess(of: Money(15_000, .usd), after: 0))
        #expect(
            one.sentence(about: .refund) == "150.00 usd is above 100.00 usd, the limit of the API key for one refund")
        let day = try #require(limit.excess(of: Money(9000, .usd), after: 15_000))
        #expect(
            day.sentence(about: .payout)
                == "90.00 usd after 150.00 usd on the same day is above 200.00 usd, the limit of the API key for a day's payouts"
        )
    }

    @Test(
        "Whatever is asked for and in whatever order, what may go is never above either limit",
        arguments: Seeds.forThisRun)
    func properties(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let limit = MoneyOutLimit(
            currency: .usd, perOperation: Bool.random(using: &random) ? Int64.random(in: 0...500, using: &random) : nil,
            perDay: Bool.random(using: &random) ? Int64.random(in: 0...2000, using: &random) : nil)
        var used: Int64 = 0
        for step in 1...50 {
            let amount = Int64.random(in: 1...600, using: &random)
            let isOver = amount > limit.perOperation ?? .max || used + amount > limit.perDay ?? .max
            let excess = limit.excess(of: Money(amount, .usd), after: used)
            #expect((excess != nil) == isOver, "seed \(seed), step \(step): \(amount) after \(used) of \(limit)")
            if excess == nil { used += amount }
            #expect(used <= limit.perDay ?? .max, "seed \(seed), step \(step)")
        }
    }
}

import Domain
import Testing

@Suite struct NettingTests {
    @Test(
        "Of a share at most the part is kept, rounded down, and at most the debt",
        arguments: [
            // share, debt, basis points, kept
            (10_000, 5000, 5000, 5000), (10_000, 4999, 5000, 4999), (10_000, 9000, 2500, 2500), (99, 50, 5000, 49),
            (10_000, 9000, 10_000, 9000), (10_000, 20_000, 10_000, 10_000), (10_000, 0, 10_000, 0),
            (10_000, -5, 10_000, 0), (0, 100, 10_000, 0), (-100, 100, 10_000, 0), (100, 100, 0, 0), (1, 1, 9999, 0),
        ] as [(Int64, Int64, Int64, Int64)])
    func parts(share: Int64, debt: Int64, basisPoints: Int64, kept: Int64) {
        #expect(Netting.part(of: Money(share, .usd), debt: debt, basisPoints: basisPoints) == Money(kept, .usd))
    }

    @Test(
        "An amount pays the first debts first, each as far as it reaches",
        arguments: [
            ([300, 500], 700, [300, 400]), ([300, 500], 900, [300, 500]), ([300], 0, [0]), ([-5, 10], 8, [0, 8]),
            ([300], -1, [0]), ([], 5, []),
        ] as [([Int64], Int64, [Int64])])
    func debts(debts: [Int64], amount: Int64, paid: [Int64]) {
        #expect(Netting.paid(of: debts, by: amount) == paid)
    }

    @Test(
        "Whatever the numbers, what is kept is between nothing and share, debt and part, in the currency's steps",
        arguments: Seeds.forThisRun)
    func properties(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        for _ in 1...200 {
            let currency = [Currency.usd, .jpy, .kwd].randomElement(using: &random) ?? .usd
            let step = currency.rule.chargeStep
            let share = Money(Int64.random(in: -1000...10_000_000, using: &random) / step * step, currency)
            let debt = Int64.random(in: -1000...10_000_000, using: &random)
            let basisPoints = Int64.random(in: 0...10_000, using: &random)
            let kept = Netting.part(of: share, debt: debt, basisPoints: basisPoints).minorUnits
            #expect(kept >= 0 && kept <= max(0, share.minorUnits) && kept <= max(0, debt), "seed \(seed)")
            #expect(kept * 10_000 <= max(0, share.minorUnits) * basisPoints, "seed \(seed)")
            #expect(kept.isMultiple(of: step), "seed \(seed)")
            // No step more would be allowed.
            let more = kept + step
            #expect(
                share.minorUnits <= 0 || more > debt || more * 10_000 > share.minorUnits * basisPoints, "seed \(seed)")
        }
    }
}

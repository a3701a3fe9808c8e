import Domain
import Testing

@Suite struct RoundingTests {
    @Test(
        "A share is rounded half away from zero, to a multiple of the step",
        arguments: [
            (49, 1, 100, 1, 0), (50, 1, 100, 1, 1), (51, 1, 100, 1, 1), (150, 1, 100, 1, 2), (149, 1, 100, 1, 1),
            (-50, 1, 100, 1, -1), (-49, 1, 100, 1, 0), (50, -1, 100, 1, -1), (-150, 1, 100, 1, -2),
            (149, 1, 10, 10, 10), (150, 1, 10, 10, 20), (-150, 1, 10, 10, -20),
            (.max, 1, 1, 1, .max), (.max, 7, 7, 1, .max), (0, 5, 9, 1, 0),
        ] as [(Int64, Int64, Int64, Int64, Int64)])
    func share(amount: Int64, numerator: Int64, denominator: Int64, step: Int64, expected: Int64) {
        #expect(Rounding.share(of: amount, numerator: numerator, denominator: denominator, step: step) == expected)
    }

    @Test(
        "Odd units go to the largest remainders, of equal ones to the first",
        arguments: [
            (10, [1, 2, 4], 1, [1, 3, 6]),  // 1.43, 2.86, 5.71
            (100, [100, 100, 100], 1, [34, 33, 33]),
            (2, [1, 1, 1], 1, [1, 1, 0]),
            (5, [0, 10, 0], 1, [0, 5, 0]),
            (100, [30, 30, 40], 10, [30, 30, 40]),
            (50, [30, 30, 40], 10, [20, 10, 20]),  // 1.5, 1.5, 2 steps
            (45, [100, -10], 1, [50, -5]),
            (46, [100, -10], 1, [51, -5]),  // 51.11, −5.11 is −6 and 0.89: the odd unit goes to the discount
        ] as [(Int64, [Int64], Int64, [Int64])])
    func largestRemainder(total: Int64, weights: [Int64], step: Int64, expected: [Int64]) {
        #expect(Rounding.largestRemainder(total, over: weights, step: step) == expected)
    }

    @Test("The parts sum to the total, and each lies between zero and its weight", arguments: Seeds.forThisRun)
    func parts(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        for _ in 1...25 {
            let step: Int64 = [1, 10, 100].randomElement(using: &random) ?? 1
            var weights = (0..<Int.random(in: 1...8, using: &random)).map { _ in
                Int64.random(in: -200...1000, using: &random) * step
            }
            weights.append(2000 * step)  // the sum is positive
            let sum = weights.reduce(0, +)
            let total = Int64.random(in: 0...sum / step, using: &random) * step
            let parts = Rounding.largestRemainder(total, over: weights, step: step)
            #expect(parts.reduce(0, +) == total, "seed \(seed): \(total) over \(weights)")
            for (part, weight) in zip(parts, weights) {
                #expect((min(0, weight)...max(0, weight)).contains(part), "seed \(seed): \(total) over \(weights)")
                #expect(part.isMultiple(of: step), "seed \(seed): \(total) over \(weights)")
            }
        }
    }
}

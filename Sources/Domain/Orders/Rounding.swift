/// The one rounding of money in Souk: half away from zero, to a multiple of a step.
package enum Rounding {
    /// `amount × numerator ÷ denominator`, rounded half away from zero to a multiple of `step`; exact before rounding.
    ///
    /// - Precondition: `denominator` and `step` are not zero, and the result fits: callers divide a part of a whole.
    package static func share(of amount: Int64, numerator: Int64, denominator: Int64, step: Int64 = 1) -> Int64 {
        let product = Int128(amount) * Int128(numerator)
        let divisor = Int128(denominator) * Int128(step)
        let magnitude = product.magnitude
        let divisorMagnitude = divisor.magnitude
        let rounded = Int128((magnitude * 2 + divisorMagnitude) / (divisorMagnitude * 2))
        let isNegative = (product < 0) != (divisor < 0)
        return Int64(isNegative ? -rounded : rounded) * step
    }

    /// Divides `total` in proportion to `weights` so that the parts sum to it exactly: every part rounded down to a
    /// multiple of `step`, then one step more for those with the largest remainders, ties in order.
    ///
    /// With `0 ≤ total ≤ Σ weights` each part lies between zero and its weight, also for negative weights.
    ///
    /// - Precondition: the sum of `weights` is positive, and `total` and every weight are multiples of `step`.
    package static func largestRemainder(_ total: Int64, over weights: [Int64], step: Int64 = 1) -> [Int64] {
        let units = Int128(total / step)
        let sum = weights.reduce(Int128(0)) { $0 + Int128($1 / step) }
        var parts: [Int128] = []
        var remainders: [Int128] = []
        for weight in weights {
            let product = units * Int128(weight / step)
            var (quotient, remainder) = product.quotientAndRemainder(dividingBy: sum)
            if remainder < 0 {
                quotient -= 1
                remainder += sum
            }
            parts.append(quotient)
            remainders.append(remainder)
        }
        var missing = units - parts.reduce(0, +)
        let byRemainder = weights.indices.sorted {
            (remainders[$1], $0) < (remainders[$0], $1)
        }
        for index in byRemainder where missing > 0 {
            parts[index] += 1
            missing -= 1
        }
        return parts.map { Int64($0) * step }
    }
}

/// How a refund spreads over an order's lines and, within each, over whose money it was.
package struct RefundAllocation: Hashable, Sendable {
    /// A line of the order with what has been refunded of it before.
    package struct Line: Hashable, Sendable {
        package let id: ID<OrderLine>
        package let parts: MoneyParts
        /// Between zero and the line's amount; negative for a discount.
        package let refunded: Money
        /// What those refunds took of each part. Nil: exactly the parts of the first `refunded` of the line, which a
        /// refund that failed in between can change by a cent.
        package let taken: MoneyParts?

        package init(id: ID<OrderLine>, parts: MoneyParts, refunded: Money, taken: MoneyParts? = nil) {
            self.id = id
            self.parts = parts
            self.refunded = refunded
            self.taken = taken
        }

        var remaining: Int64 { parts.amount.minorUnits - refunded.minorUnits }
    }

    package struct Share: Hashable, Sendable {
        package let line: ID<OrderLine>
        /// This refund's parts of the line.
        package let parts: MoneyParts
    }

    /// One for each line that the refund touches, in line order.
    package let shares: [Share]
    package let total: MoneyParts

    /// What the buyer can still get back.
    package static func remaining(of lines: [Line], in currency: Currency) -> Money {
        Money(lines.reduce(0) { $0 + $1.remaining }, currency)
    }

    /// Spreads an amount over the lines' remaining amounts in proportion, largest remainder, ties by line order. A
    /// refund of all that remains takes every line to its end.
    ///
    /// - Throws: `parameter_invalid` for nothing or less, `amount_too_large` for more than remains.
    package init(of amount: Money, over lines: [Line]) throws {
        let remaining = try Self.require(amount, within: lines)
        let step = Self.step(of: lines, amount: amount)
        let parts = Rounding.largestRemainder(
            amount.minorUnits, over: lines.map(\.remaining), step: step)
        assert(parts.reduce(0, +) == amount.minorUnits && amount.minorUnits <= remaining.minorUnits)
        try self.init(amounts: parts, lines: lines, currency: amount.currency)
    }

    /// Refunds the named lines by the given amounts.
    ///
    /// - Throws: `parameter_invalid` for a line that the order does not have or more than remains of one, and
    ///   `amount_too_large` when discounts leave less than the lines' sum.
    package init(lines asked: [ID<OrderLine>: Money], of lines: [Line], currency: Currency) throws {
        for id in asked.keys where !lines.contains(where: { $0.id == id }) {
            throw Refusal(.parameterInvalid, "The order has no line \(id).", parameter: "lines")
        }
        var amounts: [Int64] = []
        for line in lines {
            let amount = asked[line.id]?.minorUnits ?? 0
            let range = min(0, line.remaining)...max(0, line.remaining)
            guard range.contains(amount) else {
                throw Refusal(
                    .parameterInvalid,
                    "Of line \(line.id) \(Money(line.remaining, currency)) can still be refunded.",
                    parameter: "lines")
            }
            amounts.append(amount)
        }
        let total = Money(amounts.reduce(0, +), currency)
        let remaining = try Self.require(total, within: lines)
        if total == remaining { amounts = lines.map(\.remaining) }
        try self.init(amounts: amounts, lines: lines, currency: currency)
    }

    private init(amounts: [Int64], lines: [Line], currency: Currency) throws {
        var shares: [Share] = []
        for (line, amount) in zip(lines, amounts) where amount != 0 {
            let refunded = try line.refunded.adding(Money(amount, currency))
            let parts = try line.parts.upTo(refunded: refunded).subtracting(
                line.taken ?? line.parts.upTo(refunded: line.refunded))
            shares.append(Share(line: line.id, parts: parts))
        }
        self.shares = shares
        total = try MoneyParts.sum(shares.map(\.parts), in: currency)
    }

    private static func require(_ amount: Money, within lines: [Line]) throws -> Money {
        guard amount.isPositive else {
            throw Refusal(.parameterInvalid, "A refund's amount must be positive.", parameter: "amount")
        }
        let remaining = remaining(of: lines, in: amount.currency)
        guard amount.minorUnits <= remaining.minorUnits else {
            throw Refusal(
                .amountTooLarge, "\(remaining) can still be refunded, not \(amount).", parameter: "amount")
        }
        return remaining
    }

    /// The currency's step, unless what happened outside Souk left amounts between the steps.
    private static func step(of lines: [Line], amount: Money) -> Int64 {
        let step = amount.currency.rule.chargeStep
        let regular = amount.minorUnits.isMultiple(of: step) && lines.allSatisfy { $0.remaining.isMultiple(of: step) }
        return regular ? step : 1
    }
}

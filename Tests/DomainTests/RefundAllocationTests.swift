import Domain
import Testing

@Suite struct RefundAllocationTests {
    /// What has been refunded of an order, as the store would keep it.
    struct Order {
        let currency: Currency
        var lines: [RefundAllocation.Line]
        var refunded: MoneyParts

        init(_ division: OrderDivision) {
            currency = division.total.amount.currency
            lines = division.lines.map {
                RefundAllocation.Line(id: $0.id, parts: $0.parts, refunded: .zero($0.amount.currency))
            }
            refunded = .zero(currency)
        }

        mutating func apply(_ refund: RefundAllocation) throws {
            refunded = try refunded.adding(refund.total)
            for share in refund.shares {
                let index = try #require(lines.firstIndex { $0.id == share.line })
                let line = lines[index]
                lines[index] = RefundAllocation.Line(
                    id: line.id, parts: line.parts, refunded: try line.refunded.adding(share.parts.amount))
            }
        }

        var remaining: Money { RefundAllocation.remaining(of: lines, in: currency) }
    }

    @Test("A quarter of a 10000 sale with a fee of 1000 takes 2250 from the seller and 250 from the fee")
    func quarter() throws {
        let order = Order(try OrderDivisionTests.divide([OrderDivisionTests.item(10_000)]))
        let refund = try RefundAllocation(of: Money(2500, .usd), over: order.lines)
        #expect(refund.total.sellerAmount == Money(2250, .usd))
        #expect(refund.total.platformFee == Money(250, .usd))
    }

    @Test("An amount spreads over the lines in proportion, the odd cent to the largest remainder, ties in order")
    func byAmount() throws {
        let three = try (1...3).map { _ in try OrderDivisionTests.item(100) }
        let order = Order(try OrderDivisionTests.divide(three))
        let refund = try RefundAllocation(of: Money(100, .usd), over: order.lines)
        #expect(refund.shares.map(\.parts.amount.minorUnits) == [34, 33, 33])
    }

    @Test("What was refunded of one line before leaves the others more of the next refund")
    func overWhatIsLeft() throws {
        var order = Order(
            try OrderDivisionTests.divide([OrderDivisionTests.item(1000), OrderDivisionTests.item(1000)]))
        try order.apply(
            RefundAllocation(lines: [order.lines[0].id: Money(900, .usd)], of: order.lines, currency: .usd))
        let next = try RefundAllocation(of: Money(110, .usd), over: order.lines)
        #expect(next.shares.map(\.parts.amount.minorUnits) == [10, 100])
        // A line gives back no more than it has left, whatever the order still has.
        #expect(throws: Refusal.self) {
            try RefundAllocation(lines: [order.lines[0].id: Money(101, .usd)], of: order.lines, currency: .usd)
        }
    }

    @Test("After a refund that failed, the rest gives back what the others have not taken of each part")
    func afterAFailedRefund() throws {
        var order = Order(try OrderDivisionTests.divide([OrderDivisionTests.item(1001)]))
        let line = order.lines[0]
        // Of the fee of 100 the first 5 cents take nothing, and the next 5 one cent; then the first refund fails.
        let first = try RefundAllocation(of: Money(5, .usd), over: order.lines)
        try order.apply(first)
        let second = try RefundAllocation(of: Money(5, .usd), over: order.lines)
        #expect([first.total.platformFee.minorUnits, second.total.platformFee.minorUnits] == [0, 1])
        let standing = RefundAllocation.Line(
            id: line.id, parts: line.parts, refunded: Money(5, .usd), taken: second.total)
        let rest = try RefundAllocation(of: Money(996, .usd), over: [standing])
        #expect(try second.total.adding(rest.total) == line.parts)
    }

    @Test("A discount is taken back in proportion with what it discounted")
    func discounts() throws {
        var order = Order(
            try OrderDivisionTests.divide([
                OrderDivisionTests.item(10_000), OrderDivisionTests.line(.discount, -1000),
            ]))
        let half = try RefundAllocation(of: Money(4500, .usd), over: order.lines)
        #expect(half.shares.map(\.parts.amount.minorUnits) == [5000, -500])
        #expect(half.total.platformDiscount == Money(500, .usd))
        try order.apply(half)
        // The item alone has more left than the buyer paid for it.
        #expect(throws: Refusal.self) {
            try RefundAllocation(lines: [order.lines[0].id: Money(5000, .usd)], of: order.lines, currency: .usd)
        }
        // All that remains, asked for by line, takes the discount to its end too.
        let rest = try RefundAllocation(
            lines: [order.lines[0].id: Money(4500, .usd)], of: order.lines, currency: .usd)
        try order.apply(rest)
        #expect(order.refunded.sellerAmount == Money(9000, .usd))
        #expect(order.remaining.isZero)
    }

    @Test("Nothing, less than nothing, more than remains and lines of others are refused")
    func refusals() throws {
        var ids = IDs()
        let order = Order(try OrderDivisionTests.divide([OrderDivisionTests.item(1000)]))
        for amount: Int64 in [0, -1, 1001] {
            #expect(throws: Refusal.self) { try RefundAllocation(of: Money(amount, .usd), over: order.lines) }
        }
        let foreign: ID<OrderLine> = {
            for _ in 1...10 { _ = ids.make(OrderLine.self) }
            return ids.make()
        }()
        #expect(throws: Refusal.self) {
            try RefundAllocation(lines: [foreign: Money(1, .usd)], of: order.lines, currency: .usd)
        }
        #expect(throws: Refusal.self) {
            try RefundAllocation(lines: [order.lines[0].id: Money(-1, .usd)], of: order.lines, currency: .usd)
        }
    }

    @Test("Whatever the mixture of refunds, each line ends at exactly its parts", arguments: Seeds.forThisRun)
    func everyMixtureEndsAtTheWhole(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for _ in 1...8 {
            let currency = try #require([Currency.usd, .jpy, .kwd].randomElement(using: &random))
            guard
                let draft = try? OrderDraft(
                    currency: currency, lines: RandomOrders.lines(in: currency, using: &random))
            else { continue }
            let division = try RandomOrders.divide(draft, using: &random)
            var order = Order(division)
            for step in 1...60 where order.remaining.isPositive {
                let refund = try Self.randomRefund(of: order, last: step == 60, using: &random)
                guard let refund else { continue }
                for share in refund.shares {
                    #expect(try RandomOrders.sum(share.parts) == share.parts.amount, "seed \(seed)")
                    let step = currency.rule.chargeStep
                    #expect(share.parts.amount.minorUnits.isMultiple(of: step), "seed \(seed)")
                    #expect(share.parts.platformFee.minorUnits.isMultiple(of: step), "seed \(seed)")
                }
                try order.apply(refund)
                for line in order.lines {
                    let amount = line.parts.amount.minorUnits
                    let range = min(0, amount)...max(0, amount)
                    #expect(range.contains(line.refunded.minorUnits), "seed \(seed)")
                }
                #expect(try RandomOrders.sum(order.refunded) == order.refunded.amount, "seed \(seed)")
            }
            #expect(order.remaining.isZero, "seed \(seed)")
            #expect(order.refunded == division.total, "seed \(seed)")
            #expect(order.lines.allSatisfy { $0.refunded == $0.parts.amount }, "seed \(seed)")
        }
    }

    private static func randomRefund(
        of order: Order, last: Bool, using random: inout SeededGenerator
    ) throws -> RefundAllocation? {
        let step = order.currency.rule.chargeStep
        let units = order.remaining.minorUnits / step
        if last { return try RefundAllocation(of: order.remaining, over: order.lines) }
        if Bool.random(using: &random) {
            let amount = Int64.random(in: 1...max(1, units / 3), using: &random) * step
            return try RefundAllocation(of: Money(amount, order.currency), over: order.lines)
        }
        let line = try #require(order.lines.randomElement(using: &random))
        let left = line.parts.amount.minorUnits - line.refunded.minorUnits
        guard left > 0 else { return nil }
        let amount = min(Int64.random(in: 1...left / step, using: &random), units) * step
        return try RefundAllocation(
            lines: [line.id: Money(amount, order.currency)], of: order.lines, currency: order.currency)
    }

    @Test(
        "A line that is nobody's but the platform's goes back to the minor unit, between the currency's steps too",
        arguments: [(OrderLine.Kind.item, Int64(28_220)), (.tax, 28_220), (.discount, -28_220)])
    func betweenSteps(kind: OrderLine.Kind, amount: Int64) throws {
        let whole = try MoneyParts(
            dividing: Money(amount, .kwd), kind: kind, seller: nil, fundedBy: kind == .discount ? .platform : nil,
            fee: .zero(.kwd))
        let part = try whole.upTo(refunded: Money(amount / 28_220 * 1003, .kwd))
        #expect(part.sellerAmount.isZero)
        #expect(try part.platformAmount == part.amount)
    }
}

import Domain
import Testing

/// What Stripe is asked for so that a refund of a destination charge comes from everyone who had its money.
@Suite struct RefundPlanTests {
    private let charge = Money(10_000, .usd)

    private func parts(_ amount: Int64, fee: Int64, discount: Int64 = 0) throws -> MoneyParts {
        try MoneyParts(
            amount: Money(amount, .usd), sellerAmount: Money(amount - fee + discount, .usd),
            platformFee: Money(fee, .usd), tax: .zero(.usd), platformSales: .zero(.usd),
            platformDiscount: Money(discount, .usd), excess: .zero(.usd))
    }

    private func before(
        _ refunded: MoneyParts? = nil, reversed: Int64 = 0, feeRefunded: Int64 = 0, transferLeft: Int64 = 10_000,
        feeLeft: Int64 = 1000, isUntouched: Bool = false
    ) -> DestinationRefundPlan.Before {
        DestinationRefundPlan.Before(
            refunded: refunded ?? .zero(.usd), reversed: Money(reversed, .usd), feeRefunded: Money(feeRefunded, .usd),
            transferLeft: Money(transferLeft, .usd), feeLeft: Money(feeLeft, .usd), isUntouched: isUntouched)
    }

    private func plan(_ parts: MoneyParts, _ before: DestinationRefundPlan.Before) throws -> [Int64] {
        let plan = try DestinationRefundPlan(of: parts, charge: charge, after: before)
        return [plan.isOneCall ? 1 : 0, plan.feeRefund.minorUnits, plan.reversal.minorUnits]
    }

    @Test("one call only for the first and whole refund")
    func oneCall() throws {
        #expect(try plan(parts(10_000, fee: 1000), before(isUntouched: true)) == [1, 1000, 10_000])
        #expect(try plan(parts(10_000, fee: 1000), before()) == [0, 1000, 10_000])
        #expect(try plan(parts(9999, fee: 1000), before(isUntouched: true))[0] == 0)
    }

    @Test("a part takes its own share of the fee and of the transfer")
    func part() throws {
        #expect(try plan(parts(2500, fee: 250), before(isUntouched: true)) == [0, 250, 2500])
        let first = try parts(2500, fee: 250)
        let after = before(first, reversed: 2500, feeRefunded: 250, transferLeft: 7500, feeLeft: 750)
        #expect(try plan(parts(7500, fee: 750), after) == [0, 750, 7500])
    }

    @Test("what was taken for a refund that does not count any more is not taken again")
    func notTwice() throws {
        let after = before(reversed: 2500, feeRefunded: 250, transferLeft: 7500, feeLeft: 750)
        #expect(try plan(parts(2500, fee: 250), after) == [0, 0, 0])
        #expect(try plan(parts(4000, fee: 400), after) == [0, 150, 1500])
    }

    @Test(
        "the platform's discount in a part: the fee never goes below nothing, and the seller bears the seller's share")
    func discount() throws {
        // An item of 50.00 with a fee of 5.00, and 20.00 of a discount that the platform funds.
        let mixed = try parts(3000, fee: 500, discount: 2000)
        #expect(mixed.sellerAmount.minorUnits == 4500)
        #expect(try plan(mixed, before(feeLeft: 500)) == [0, 0, 4500])
        // Of a fee of 5.00 no more than 5.00 goes back; the reversal less it is still the seller's share.
        let item = try parts(9500, fee: 950)
        #expect(try plan(item, before(feeLeft: 500)) == [0, 500, 9050])
    }

    @Test("never more than Stripe still has")
    func capped() throws {
        #expect(try plan(parts(10_000, fee: 1000), before(transferLeft: 8000, feeLeft: 300)) == [0, 300, 8000])
        #expect(try plan(parts(5000, fee: 500), before(transferLeft: 0, feeLeft: 0)) == [0, 0, 0])
    }

    @Test("in any sequence of parts everything goes back once", arguments: 1...50)
    func anySequence(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let total = try parts(10_000, fee: 1000)
        var refunded = MoneyParts.zero(.usd)
        var (reversed, feeRefunded): (Int64, Int64) = (0, 0)
        while refunded.amount.minorUnits < 10_000 {
            let rest = 10_000 - refunded.amount.minorUnits
            let amount = Int64.random(in: 1...rest, using: &random)
            let next = try total.upTo(refunded: Money(refunded.amount.minorUnits + amount, .usd)).subtracting(refunded)
            let plan = try DestinationRefundPlan(
                of: next, charge: charge,
                after: before(
                    refunded, reversed: reversed, feeRefunded: feeRefunded, transferLeft: 10_000 - reversed,
                    feeLeft: 1000 - feeRefunded))
            #expect(
                plan.reversal.minorUnits - plan.feeRefund.minorUnits == next.sellerAmount.minorUnits, "seed \(seed)")
            reversed += plan.reversal.minorUnits
            feeRefunded += plan.feeRefund.minorUnits
            refunded = try refunded.adding(next)
        }
        #expect([reversed, feeRefunded] == [10_000, 1000], "seed \(seed)")
    }

    @Test("an extent between the steps of its currency, and lines named twice, are refused")
    func extents() throws {
        var random = SeededGenerator(seed: 1)
        let currency = Currency.kwd
        let line = RefundAllocation.Line(
            id: ID<OrderLine>(milliseconds: 1, using: &random),
            parts: try MoneyParts(
                amount: Money(5000, currency), sellerAmount: Money(5000, currency), platformFee: .zero(currency),
                tax: .zero(currency), platformSales: .zero(currency), platformDiscount: .zero(currency),
                excess: .zero(currency)),
            refunded: .zero(currency))
        func code(_ extent: RefundExtent) -> ErrorCode? {
            do {
                _ = try RefundAllocation(of: extent, over: [line], in: currency)
                return nil
            } catch {
                return (error as? any CodedError)?.code
            }
        }
        #expect(code(.amount(1005)) == .parameterInvalid)
        #expect(code(.amount(1010)) == nil)
        #expect(code(.amount(5010)) == .amountTooLarge)
        #expect(code(.lines([.init(id: line.id, amount: 15)])) == .parameterInvalid)
        #expect(code(.lines([.init(id: line.id, amount: nil)])) == nil)
        #expect(code(.lines([.init(id: line.id, amount: nil), .init(id: line.id, amount: 10)])) == .parameterInvalid)
        #expect(code(.lines([])) == .parameterInvalid)
    }
}

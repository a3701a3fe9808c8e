import Domain
import Testing

@Suite struct FraudWarningPolicyTests {
    private static func facts(_ change: (inout FraudWarningFacts) -> Void = { _ in }) -> FraudWarningFacts {
        var facts = FraudWarningFacts(
            isActionable: true, paysOrder: true, order: .paid, shape: .separate, dispute: nil, left: Money(100, .usd))
        change(&facts)
        return facts
    }

    @Test("each policy does what its name says to a paid order")
    func names() {
        #expect(FraudWarningPolicy.none.action(on: Self.facts()) == .none)
        #expect(FraudWarningPolicy.refund.action(on: Self.facts()) == .refund)
        #expect(FraudWarningPolicy.holdRelease.action(on: Self.facts()) == .hold)
        #expect(FraudWarningPolicy.allCases.map(\.rawValue) == ["none", "refund", "hold_release"])
    }

    @Test(
        "nothing is done about what is over by Stripe's word, or about a payment that goes back anyway",
        arguments: FraudWarningPolicy.allCases)
    func over(policy: FraudWarningPolicy) {
        #expect(policy.action(on: Self.facts { $0.isActionable = false }) == .none)
        #expect(policy.action(on: Self.facts { $0.paysOrder = false }) == .none)
    }

    @Test("only what was paid and is not wholly refunded is refunded", arguments: OrderStatus.allCases)
    func statuses(status: OrderStatus) {
        let isRefunded = FraudWarningPolicy.refund.action(on: Self.facts { $0.order = status }) == .refund
        #expect(isRefunded == [.paid, .partiallyRefunded].contains(status))
    }

    @Test("an order that was ever disputed is left to the dispute", arguments: DisputeStage.allCases)
    func disputed(stage: DisputeStage) {
        #expect(FraudWarningPolicy.refund.action(on: Self.facts { $0.dispute = stage }) == .none)
    }

    @Test("where refunds and disputes have left nothing, nothing is refunded")
    func nothingLeft() {
        for left in [Int64(0), -1] {
            #expect(FraudWarningPolicy.refund.action(on: Self.facts { $0.left = Money(left, .usd) }) == .none)
        }
        #expect(FraudWarningPolicy.refund.action(on: Self.facts { $0.left = Money(1, .usd) }) == .refund)
    }

    @Test("only separate charges leave shares to hold; every shape can be refunded", arguments: ChargeShape.allCases)
    func shapes(shape: ChargeShape) {
        let facts = Self.facts { $0.shape = shape }
        #expect(FraudWarningPolicy.holdRelease.action(on: facts) == (shape == .separate ? .hold : .none))
        #expect(FraudWarningPolicy.refund.action(on: facts) == .refund)
    }

    @Test("a hold stays while a refund is under way or a dispute is open: what those leave is held too")
    func holdBesides() {
        for change: (inout FraudWarningFacts) -> Void in [
            { $0.dispute = .open }, { $0.left = Money(0, .usd) }, { $0.order = .authorized },
        ] {
            #expect(FraudWarningPolicy.holdRelease.action(on: Self.facts(change)) == .hold)
        }
    }
}

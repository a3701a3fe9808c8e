import Domain
import Ledger
import Testing

/// Money that Stripe had called ours, and that went back after all.
@Suite struct LateFailureTests {
    static let seller = ChargeRulesTests.seller
    static let dimensions = ChargeRulesTests.dimensions
    static let now = ChargeRulesTests.now

    var platform = Rows(owner: .platform)
    var books = Books()

    mutating func sell(_ division: ChargeDivision) throws {
        books.post(
            try ChargeRules.destinationChargePaid(
                StripeChargeID("ch_1"), division, dimensions: Self.dimensions, at: Self.now))
        books.post(try platform.row("charge", division.amount.minorUnits, .charge("ch_1")))
    }

    @Test("A payment that the bank took back undoes each part; what the seller has is owed by the seller")
    mutating func chargeFailsLate() throws {
        let division = ChargeRulesTests.parts(10_000, fee: 1000, tax: 700, sales: 300, discount: 200)
        try sell(division)
        books.post(
            try ChargeRules.destinationChargeFailedLate(
                StripeChargeID("ch_1"), division, dimensions: Self.dimensions, at: Self.now))
        books.post(try platform.row("charge_failure", -10_000, .charge("ch_1")))
        #expect(books.uncleared.isEmpty)
        #expect(books.balance(.stripeBalance(.platform)) == 0)
        for account in [LedgerAccount.applicationFeeRevenue, .taxCollected, .billingRevenue, .promotionExpense] {
            #expect(books.balance(account) == 0, "\(account.code)")
        }
        #expect(books.balance(.sellerFunds(Self.seller)) == 8200)
        #expect(books.balance(.sellerReceivable(Self.seller)) == 8200)
        #expect(books.sum == 0)
    }

    @Test("What the buyer has twice of it is the platform's loss")
    mutating func chargeFailsAfterBeingPaidOtherwise() throws {
        try sell(ChargeRulesTests.parts(10_000, fee: 1000))
        let rest = ChargeRulesTests.parts(7500, fee: 750)
        let division = ChargeDivision(
            amount: Money(10_000, .usd), seller: rest.seller, sellerAmount: rest.sellerAmount,
            platformFee: rest.platformFee,
            platformSales: rest.platformSales, tax: rest.tax, platformDiscount: rest.platformDiscount,
            excess: Money(2500, .usd))
        books.post(
            try ChargeRules.destinationChargeFailedLate(
                StripeChargeID("ch_1"), division, dimensions: Self.dimensions, at: Self.now))
        books.post(try platform.row("charge_failure", -10_000, .charge("ch_1")))
        #expect(books.uncleared.isEmpty)
        #expect(books.balance(.refundLoss) == 2500)
        #expect(books.balance(.sellerReceivable(Self.seller)) == 6750)
    }

    @Test("A canceled refund leaves the books as if it had never been asked for")
    mutating func refundCanceled() throws {
        let division = ChargeRulesTests.parts(10_000, fee: 1000, tax: 700, sales: 300, discount: 200)
        try sell(division)
        let before = books.balances
        let refund = StripeRefundID("re_1")
        books.post(
            try ChargeRules.destinationChargeRefunded(refund, division, dimensions: Self.dimensions, at: Self.now))
        #expect(books.balances != before)
        books.post(try ChargeRules.refundCanceled(refund, division, dimensions: Self.dimensions, at: Self.now))
        #expect(books.balances.filter { $0.value != 0 } == before.filter { $0.value != 0 })
    }

    @Test("The platform's payout ends at its bank, and comes back from there")
    mutating func platformPayout() throws {
        let payout = PayoutRules.Facts(
            id: StripePayoutID("po_1"), owner: .platform, seller: nil, amount: Money(600, .usd))
        books.post(try PayoutRules.created(payout, at: Self.now))
        books.post(try platform.row("payout", -600, .payout("po_1")))
        books.post(try PayoutRules.paid(payout, at: Self.now))
        #expect(books.balance(.platformBank) == 600)
        #expect(books.balance(.stripeBalance(.platform)) == -600)
        books.post(try PayoutRules.failed(payout, afterPaid: true, at: Self.now))
        books.post(try platform.row("payout_reversal", 600, .payout("po_1")))
        #expect(books.balances.values.allSatisfy { $0 == 0 })
    }
}

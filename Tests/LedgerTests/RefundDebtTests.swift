import Domain
import Ledger
import Testing

/// How the debt of a refund ends that the bank sent back.
@Suite struct RefundDebtTests {
    private let seller = ChargeRulesTests.seller
    private let dimensions = ChargeRulesTests.dimensions
    private let refund = StripeRefundID("re_1")
    private let division = ChargeRulesTests.parts(3000, fee: 300, tax: 200, sales: 100, discount: 200)

    private func failed() throws -> Books {
        var books = Books()
        books.post(
            try ChargeRules.destinationChargeRefunded(
                refund, division, dimensions: dimensions, at: ChargeRulesTests.now))
        books.post(
            try ChargeRules.refundFailed(
                refund, amount: division.amount, dimensions: dimensions, at: ChargeRulesTests.now))
        return books
    }

    @Test("given up: everyone has again what the refund took")
    func givenUp() throws {
        var books = try failed()
        #expect(books.balance(.buyerRefundsDue) == 3000)
        let taken = try ChargeRules.destinationChargeRefunded(
            refund, division, dimensions: dimensions, at: ChargeRulesTests.now)
        books.post(try ChargeRules.refundGivenUp(refund, undoing: taken, at: ChargeRulesTests.now))
        for account in [
            LedgerAccount.buyerRefundsDue, .sellerReceivable(seller), .applicationFeeRevenue, .billingRevenue,
            .taxCollected, .promotionExpense, .clearing(.refund),
        ] { #expect(books.balance(account) == 0, "\(account)") }
    }

    @Test("what a refund gives beyond the order is the platform's loss, and is turned round with it")
    func excess() throws {
        let parts = try MoneyParts(
            amount: Money(3000, .usd), sellerAmount: Money(2700, .usd), platformFee: Money(300, .usd), tax: .zero(.usd),
            platformSales: .zero(.usd), platformDiscount: .zero(.usd), excess: .zero(.usd)
        ).adding(excess: Money(500, .usd))
        let division = ChargeDivision(
            amount: parts.amount, seller: seller, sellerAmount: parts.sellerAmount, platformFee: parts.platformFee,
            platformSales: parts.platformSales, tax: parts.tax, platformDiscount: parts.platformDiscount,
            excess: parts.excess)
        var books = Books()
        books.post(
            try ChargeRules.destinationChargeRefunded(
                refund, division, dimensions: dimensions, at: ChargeRulesTests.now))
        #expect(books.balance(.refundLoss) == 500)
        #expect(books.balance(.clearing(.refund)) == -3500)
        #expect(books.balance(.sellerReceivable(seller)) == 2700)
        books.post(
            try ChargeRules.refundCanceled(refund, division, dimensions: dimensions, at: ChargeRulesTests.now))
        #expect(books.balances.values.allSatisfy { $0 == 0 })

        books.post(
            try SeparateChargeRules.refunded(
                StripeRefundID("re_2"),
                SeparateDivision(
                    parts,
                    sellers: [
                        SeparateDivision.Part(seller: seller, payable: Money(2700, .usd), receivable: .zero(.usd))
                    ]), dimensions: dimensions, at: ChargeRulesTests.now))
        #expect(books.balance(.refundLoss) == 500)
        #expect(books.balance(.sellerPayable(seller)) == -2700)
        #expect(books.balance(.clearing(.refund)) == -3500)
        #expect(try parts.ofOrder.amount == Money(3000, .usd))
        #expect(try parts.ofOrder.adding(excess: Money(500, .usd)) == parts)
    }

    @Test("paid otherwise: from the platform's bank, and what the refund took stays taken")
    func paidOtherwise() throws {
        var books = try failed()
        books.post(
            try ChargeRules.refundPaidOtherwise(
                refund, amount: division.amount, dimensions: dimensions, at: ChargeRulesTests.now))
        #expect(books.balance(.buyerRefundsDue) == 0)
        #expect(books.balance(.platformBank) == -3000)
        #expect(books.balance(.sellerReceivable(seller)) == 2600)
        #expect(books.balance(.applicationFeeRevenue) == -300)
    }
}

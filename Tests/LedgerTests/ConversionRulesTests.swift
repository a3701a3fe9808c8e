import Domain
import Ledger
import Testing

/// A sale in one currency whose money Stripe holds in another.
@Suite struct ConversionRulesTests {
    private static let charge = StripeChargeID("ch_1")
    private static let refund = StripeRefundID("re_1")

    /// The sale and the row of its charge, with what it came to.
    private func sold(
        _ sale: ChargeDivision, _ settled: SettledCharge, row: Int64
    ) throws -> Books {
        var books = Books()
        books.post(
            try ChargeRules.destinationChargePaid(
                Self.charge, sale, dimensions: ChargeRulesTests.dimensions, at: ChargeRulesTests.now))
        books.post(try self.row("charge", row, settled.amount.currency, sale.amount, .charge("ch_1"), id: "txn_1"))
        books.post(
            try ConversionRules.chargeConverted(
                Self.charge, sale, into: settled, dimensions: ChargeRulesTests.dimensions, at: ChargeRulesTests.now))
        return books
    }

    private func row(
        _ category: String, _ amount: Int64, _ currency: Currency, _ presented: Money,
        _ subject: BalanceTransaction.Subject, id: String
    ) throws -> JournalEntry? {
        try BalanceTransactionRules.entry(
            for: BalanceTransaction(
                id: StripeBalanceTransactionID(id), owner: .platform, seller: nil, order: nil,
                amount: Money(amount, currency), presented: presented, net: Money(amount, currency), fees: [],
                applicationFee: nil, category: category, balanceType: "payments", subject: subject,
                created: ChargeRulesTests.now))
    }

    private func division(
        _ currency: Currency, seller: Int64, fee: Int64, tax: Int64 = 0, sales: Int64 = 0, discount: Int64 = 0
    ) -> ChargeDivision {
        ChargeDivision(
            amount: Money(seller + fee + tax + sales - discount, currency), seller: ChargeRulesTests.seller,
            sellerAmount: Money(seller, currency), platformFee: Money(fee, currency),
            platformSales: Money(sales, currency), tax: Money(tax, currency),
            platformDiscount: Money(discount, currency),
            excess: .zero(currency))
    }

    @Test(
        "Shares are owed in the currency in which Stripe holds them, and nothing is left in the order's",
        arguments: [(Currency.eur, Int64(10800), Int64(1080)), (.jpy, 6500, 650), (.kwd, 3250, 325)])
    func sale(currency: Currency, amount: Int64, fee: Int64) throws {
        let settled = SettledCharge(amount: Money(amount, .usd), fee: Money(fee, .usd))
        let books = try sold(division(currency, seller: 9000, fee: 1000), settled, row: amount)
        #expect(books.uncleared.isEmpty)
        #expect(books.balance(.sellerFunds(ChargeRulesTests.seller)) == amount - fee)
        #expect(books.balance(.applicationFeeRevenue) == fee)
        for account in [LedgerAccount.sellerFunds(ChargeRulesTests.seller), .applicationFeeRevenue, .fxConversion] {
            #expect(books.balance(account, currency) == 0)
        }
    }

    @Test("Until Stripe has told what a sale came to, its conversion is open and names it; a row alone tells nothing")
    func waiting() throws {
        var books = Books()
        books.post(try row("charge", 10800, .usd, Money(10000, .eur), .charge("ch_1"), id: "txn_1"))
        #expect(books.balance(.stripeBalance(.platform)) == 10800)
        #expect(books.balance(.clearing(.charge), .eur) == -10000)
        #expect(books.balance(.clearing(.charge)) == 0)
        #expect(books.balance(.fxConversion) == -10800)
        #expect(books.balance(.fxConversion, .eur) == 10000)
        #expect(Set(books.uncleared.map(\.key.subject)) == ["ch_1"])
    }

    @Test("A row in its object's own currency, and one of somebody else's business, convert nothing")
    func unconverted() throws {
        let entries = [
            try row("charge", 10800, .usd, Money(10800, .usd), .charge("ch_1"), id: "txn_1"),
            try row("charge", 10800, .usd, Money(10000, .eur), .external, id: "txn_2"),
        ]
        for entry in entries {
            #expect(entry?.postings.count == 2)
            #expect(entry?.postings.contains { $0.account == .fxConversion } == false)
        }
    }

    @Test(
        "A whole refund takes from everyone what the sale brought them; another rate is the platform's gain or loss",
        arguments: [(Int64(11000), Int64(200)), (10800, 0), (10500, -300)])
    func refund(cost: Int64, loss: Int64) throws {
        let sale = division(.eur, seller: 9000, fee: 1000)
        let settled = SettledCharge(amount: Money(10800, .usd), fee: Money(1080, .usd))
        var books = try sold(sale, settled, row: 10800)
        let (dimensions, now) = (ChargeRulesTests.dimensions, ChargeRulesTests.now)
        books.post(try ChargeRules.destinationChargeRefunded(Self.refund, sale, dimensions: dimensions, at: now))
        books.post(try row("refund", -cost, .usd, Money(-10000, .eur), .refund("re_1"), id: "txn_2"))
        #expect(!books.uncleared.isEmpty)
        books.post(
            try ConversionRules.refundConverted(
                Self.refund, sale, into: settled, costing: Money(cost, .usd), dimensions: dimensions, at: now))
        #expect(books.uncleared.isEmpty)
        #expect(books.balance(.fxGainLoss) == loss)
        #expect(books.balance(.applicationFeeRevenue) == 0)
        #expect(books.balance(.sellerReceivable(ChargeRulesTests.seller)) == 9720)
        #expect(books.balance(.sellerReceivable(ChargeRulesTests.seller), .eur) == 0)
        #expect(books.balance(.applicationFeeRevenue, .eur) == 0)
        #expect(books.balance(.stripeBalance(.platform)) == 10800 - cost)
    }

    @Test(
        "A dispute waits in the currency in which Stripe took it; what came back at another rate is a gain or a loss",
        arguments: [false, true])
    func dispute(wasLost: Bool) throws {
        let facts = DisputeRules.Facts(
            id: StripeDisputeID("dp_1"), amount: Money(10000, .eur), dimensions: ChargeRulesTests.dimensions,
            taken: Money(11000, .usd), returned: Money(10500, .usd))
        let now = ChargeRulesTests.now
        var books = Books()
        books.post(try row("dispute", -11000, .usd, Money(-10000, .eur), .dispute("dp_1"), id: "txn_1"))
        books.post(try DisputeRules.withdrawn(facts, at: now))
        #expect(books.uncleared.isEmpty)
        #expect(books.balance(.disputesOpen) == 11000)
        if wasLost {
            books.post(try DisputeRules.lost(facts, at: now))
            #expect(books.balance(.disputeLoss) == 11000)
        }
        books.post(try row("dispute_reversal", 10500, .usd, Money(10000, .eur), .dispute("dp_1"), id: "txn_2"))
        books.post(try DisputeRules.won(facts, wasLost: wasLost, at: now))
        #expect(books.uncleared.isEmpty)
        #expect(books.balance(.disputesOpen) == 0 && books.balance(.disputeLoss) == 0)
        #expect(books.balance(.fxGainLoss) == 500)
        #expect(books.balance(.disputesOpen, .eur) == 0)
    }

    @Test("Whatever a sale divides into and comes to, the parts sum to it and all but the seller's to the fee")
    func divisions() throws {
        var random = SeededGenerator(seed: 30)
        for _ in 1...500 {
            let (fee, tax, sales) = (
                Int64.random(in: 0...900, using: &random), Int64.random(in: 0...900, using: &random),
                Int64.random(in: 0...900, using: &random)
            )
            let discount = Int64.random(in: 0...(fee + tax + sales), using: &random)
            let sale = division(
                .jpy, seller: Int64.random(in: 1...90_000, using: &random), fee: fee, tax: tax, sales: sales,
                discount: discount)
            let amount = Int64.random(in: 1...200_000, using: &random)
            let kept = Rounding.share(
                of: amount, numerator: fee + tax + sales - discount, denominator: sale.amount.minorUnits)
            let settled = SettledCharge(amount: Money(amount, .usd), fee: Money(kept, .usd))
            let parts = try settled.division(of: sale)
            let platform = [parts.platformFee, parts.platformSales, parts.tax].map(\.minorUnits)
            #expect(platform.allSatisfy { $0 >= 0 })
            #expect(platform.reduce(0, +) - parts.platformDiscount.minorUnits == kept)
            #expect(parts.sellerAmount.minorUnits == amount - kept)
            #expect(try sold(sale, settled, row: amount).uncleared.isEmpty)
        }
    }
}

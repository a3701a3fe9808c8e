import Domain
import Ledger
import Testing

/// The worked examples of a destination charge of 10000 with a fee of 1000 and Stripe's fee of 320.
@Suite struct ChargeRulesTests {
    static let seller: ID<Seller> = {
        var random = SeededGenerator(seed: 1)
        return ID(milliseconds: 1, using: &random)
    }()
    static let account = BalanceOwner.connected(StripeAccountID("acct_A"))
    static let now = Timestamp(seconds: 0)
    static let dimensions = Dimensions(owner: .platform, seller: seller)

    var platform = Rows(owner: .platform)
    var connected = Rows(owner: Self.account, seller: Self.seller)
    var books = Books()

    static func parts(_ amount: Int64, fee: Int64, tax: Int64 = 0, sales: Int64 = 0, discount: Int64 = 0)
        -> ChargeDivision
    {
        ChargeDivision(
            amount: Money(amount, .usd), seller: seller,
            sellerAmount: Money(amount - fee - tax - sales + discount, .usd), platformFee: Money(fee, .usd),
            platformSales: Money(sales, .usd), tax: Money(tax, .usd), platformDiscount: Money(discount, .usd),
            excess: .zero(.usd))
    }

    mutating func sell(_ division: ChargeDivision = parts(10_000, fee: 1000)) throws {
        let kept = division.amount.minorUnits - division.sellerAmount.minorUnits
        let charge = StripeChargeID("ch_1")
        books.post(
            try ChargeRules.destinationChargePaid(charge, division, dimensions: Self.dimensions, at: Self.now))
        let amount = division.amount.minorUnits
        books.post(try platform.row("charge", amount, fees: [("stripe_fee", 320)], .charge("ch_1")))
        books.post(try platform.row("transfer", -amount, .transfer("tr_1")))
        books.post(
            try connected.row(
                "charge", amount, fees: kept == 0 ? [] : [("application_fee", kept)], .transfer("tr_1"),
                applicationFee: "fee_1"))
        if kept != 0 { books.post(try platform.row("platform_earning", kept, .applicationFee("fee_1"))) }
    }

    /// Stripe's rows of a refund with both flags.
    mutating func refund(_ id: String, _ division: ChargeDivision) throws {
        let kept = division.amount.minorUnits - division.sellerAmount.minorUnits
        let amount = division.amount.minorUnits
        books.post(
            try ChargeRules.destinationChargeRefunded(
                StripeRefundID("re_\(id)"), division, dimensions: Self.dimensions, at: Self.now))
        books.post(
            try ChargeRules.reversalMade(
                StripeID("trr_\(id)"), seller: Self.seller, amount: division.amount, dimensions: Self.dimensions,
                at: Self.now))
        books.post(
            try ChargeRules.feeRefundMade(
                StripeID("fr_\(id)"), seller: Self.seller, amount: Money(kept, .usd), dimensions: Self.dimensions,
                at: Self.now))
        books.post(try platform.row("refund", -amount, .refund("re_\(id)")))
        books.post(try platform.row("transfer_reversal", amount, .transfer("tr_1")))
        books.post(try platform.row("platform_earning_refund", -kept, .applicationFee("fee_1")))
        books.post(
            try connected.row(
                "refund", -amount, fees: [("application_fee", -kept)], .transfer("tr_1"), applicationFee: "fee_1"))
    }

    func expect(platform: Int64, seller: Int64, _ location: SourceLocation = #_sourceLocation) {
        #expect(books.balance(.stripeBalance(.platform)) == platform, sourceLocation: location)
        #expect(books.balance(.stripeBalance(Self.account)) == seller, sourceLocation: location)
        #expect(books.balance(.sellerFunds(Self.seller)) == seller, sourceLocation: location)
        #expect(books.uncleared.isEmpty, sourceLocation: location)
        #expect(books.sum == 0, sourceLocation: location)
        #expect(books.balance(.sellerReceivable(Self.seller)) == 0, sourceLocation: location)
    }

    @Test("A sale leaves the platform 680 and the seller 9000")
    mutating func sale() throws {
        try sell()
        expect(platform: 680, seller: 9000)
        #expect(books.balance(.applicationFeeRevenue) == 1000)
        #expect(books.balance(.stripeFees) == 320)
    }

    @Test("A sale without a fee leaves the platform Stripe's fee to pay")
    mutating func saleWithoutFee() throws {
        try sell(Self.parts(10_000, fee: 0))
        expect(platform: -320, seller: 10_000)
    }

    @Test("Tax, own sales and promotions stay with the platform, each in its account")
    mutating func saleOfEveryKind() throws {
        try sell(Self.parts(10_000, fee: 1000, tax: 700, sales: 300, discount: 200))
        expect(platform: 1480, seller: 8200)
        #expect(books.balance(.taxCollected) == 700)
        #expect(books.balance(.billingRevenue) == 300)
        #expect(books.balance(.promotionExpense) == 200)
    }

    @Test("A whole refund with both flags leaves the platform −320 and the seller nothing")
    mutating func wholeRefund() throws {
        try sell()
        try refund("1", Self.parts(10_000, fee: 1000))
        expect(platform: -320, seller: 0)
        #expect(books.balance(.applicationFeeRevenue) == 0)
    }

    @Test("A refund of 2500 leaves the platform 430 and the seller 6750")
    mutating func partialRefund() throws {
        try sell()
        try refund("1", Self.parts(2500, fee: 250))
        expect(platform: 430, seller: 6750)
    }

    @Test("Four quarters end where one whole refund ends")
    mutating func quarters() throws {
        try sell()
        for id in ["1", "2", "3", "4"] { try refund(id, Self.parts(2500, fee: 250)) }
        expect(platform: -320, seller: 0)
    }

    @Test("Facts told twice are booked once")
    mutating func repeats() throws {
        try sell()
        let before = books.balances
        books.post(
            try ChargeRules.destinationChargePaid(
                StripeChargeID("ch_1"), Self.parts(10_000, fee: 1000), dimensions: Self.dimensions, at: Self.now))
        #expect(books.balances == before)
    }

    @Test("A refund without its reversal is a receivable, and clears at the bank's refusal into what the buyer is due")
    mutating func failedRefund() throws {
        try sell()
        let parts = Self.parts(10_000, fee: 1000)
        books.post(
            try ChargeRules.destinationChargeRefunded(
                StripeRefundID("re_1"), parts, dimensions: Self.dimensions, at: Self.now))
        books.post(try platform.row("refund", -10_000, .refund("re_1")))
        #expect(books.balance(.sellerReceivable(Self.seller)) == 9000)
        #expect(books.uncleared.isEmpty)
        books.post(
            try ChargeRules.refundFailed(
                StripeRefundID("re_1"), amount: parts.amount, dimensions: Self.dimensions, at: Self.now))
        books.post(try platform.row("refund_failure", 10_000, .refund("re_1")))
        #expect(books.balance(.buyerRefundsDue) == 10_000)
        #expect(books.uncleared.isEmpty)
    }

    @Test("Paid out, failed after it was paid: as before the payout")
    mutating func payoutFailsAfterPaid() throws {
        try sell()
        let payout = PayoutRules.Facts(
            id: StripePayoutID("po_1"), owner: Self.account, seller: Self.seller, amount: Money(9000, .usd))
        books.post(try PayoutRules.created(payout, at: Self.now))
        books.post(try connected.row("payout", -9000, .payout("po_1")))
        #expect(books.balance(.stripeBalance(Self.account)) == 0)
        #expect(books.balance(.transit(Self.account)) == 9000)
        books.post(try PayoutRules.paid(payout, at: Self.now))
        #expect(books.balance(.sellerFunds(Self.seller)) == 0)
        #expect(books.balance(.transit(Self.account)) == 0)
        books.post(try PayoutRules.failed(payout, afterPaid: true, at: Self.now))
        books.post(try connected.row("payout_reversal", 9000, .payout("po_1")))
        expect(platform: 680, seller: 9000)
    }

    @Test("A payout on its way when the books were opened arrives, or comes back with its row")
    func payoutFromBeforeBooks() throws {
        for comesBack in [false, true] {
            var (books, connected) = (Books(), Rows(owner: Self.account, seller: Self.seller))
            let payout = PayoutRules.Facts(
                id: StripePayoutID("po_1"), owner: Self.account, seller: Self.seller, amount: Money(9000, .usd))
            books.post(try PayoutRules.wasOnItsWay(payout, at: Self.now))
            #expect(books.balance(.transit(Self.account)) == 9000)
            #expect(books.balance(.sellerFunds(Self.seller)) == 9000)
            if comesBack {
                books.post(try PayoutRules.failed(payout, afterPaid: false, at: Self.now))
                books.post(try connected.row("payout_reversal", 9000, .payout("po_1")))
            } else {
                books.post(try PayoutRules.paid(payout, at: Self.now))
            }
            #expect(books.balance(.transit(Self.account)) == 0)
            #expect(books.balance(.sellerFunds(Self.seller)) == (comesBack ? 9000 : 0))
            #expect(books.balance(.stripeBalance(Self.account)) == (comesBack ? 9000 : 0))
            #expect(books.uncleared.isEmpty)
        }
    }

    @Test("A payout that fails or is canceled before it was paid comes back from transit")
    mutating func payoutFailsBeforePaid() throws {
        try sell()
        for (id, cancel) in [("po_1", false), ("po_2", true)] {
            let payout = PayoutRules.Facts(
                id: StripePayoutID(id), owner: Self.account, seller: Self.seller, amount: Money(9000, .usd))
            books.post(try PayoutRules.created(payout, at: Self.now))
            books.post(try connected.row("payout", -9000, .payout(id)))
            books.post(
                cancel
                    ? try PayoutRules.canceled(payout, at: Self.now)
                    : try PayoutRules.failed(payout, afterPaid: false, at: Self.now))
            books.post(try connected.row("payout_reversal", 9000, .payout(id)))
            #expect(books.balance(.transit(Self.account)) == 0)
            expect(platform: 680, seller: 9000)
        }
    }
}

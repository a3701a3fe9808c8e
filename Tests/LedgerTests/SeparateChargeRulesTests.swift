import Domain
import Ledger
import Testing

/// The worked example of separate charges and transfers: 10000, of which A gets 7000 and B 2000; Stripe's fee is 320.
@Suite struct SeparateChargeRulesTests {
    static let sellers: [ID<Seller>] = {
        var random = SeededGenerator(seed: 2)
        return [ID(milliseconds: 1, using: &random), ID(milliseconds: 2, using: &random)]
    }()
    static let transfers: [ID<Transfer>] = {
        var random = SeededGenerator(seed: 3)
        return [ID(milliseconds: 1, using: &random), ID(milliseconds: 2, using: &random)]
    }()
    static let accounts = ["acct_A", "acct_B"].map { BalanceOwner.connected(StripeAccountID($0)) }
    static let now = Timestamp(seconds: 0)
    static let dimensions = Dimensions(owner: .platform)

    var platform = Rows(owner: .platform)
    var connected = zip(accounts, sellers).map { Rows(owner: $0, seller: $1) }
    var books = Books()

    /// `payable` and `receivable` are A's and B's.
    static func division(
        _ amount: Int64, payable: [Int64] = [0, 0], receivable: [Int64] = [0, 0], fee: Int64 = 0, tax: Int64 = 0,
        sales: Int64 = 0, discount: Int64 = 0
    ) throws -> SeparateDivision {
        func money(_ amount: Int64) -> Money { Money(amount, .usd) }
        return SeparateDivision(
            try MoneyParts(
                amount: money(amount), sellerAmount: money((payable + receivable).reduce(0, +)),
                platformFee: money(fee),
                tax: money(tax), platformSales: money(sales), platformDiscount: money(discount), excess: money(0)),
            sellers: zip(sellers, zip(payable, receivable)).map {
                SeparateDivision.Part(seller: $0, payable: money($1.0), receivable: money($1.1))
            })
    }

    mutating func sell() throws {
        books.post(
            try SeparateChargeRules.paid(
                StripeChargeID("ch_1"), try Self.division(10_000, payable: [7000, 2000], fee: 1000),
                dimensions: Self.dimensions, at: Self.now))
        books.post(try platform.row("charge", 10_000, fees: [("stripe_fee", 320)], .charge("ch_1")))
    }

    mutating func transfer(_ place: Int, _ amount: Int64, payable: Int64? = nil) throws {
        let id = "tr_\(place)"
        books.post(
            try SeparateChargeRules.transferMade(
                StripeTransferID(id), seller: Self.sellers[place], amount: Money(amount, .usd),
                payable: Money(payable ?? amount, .usd), dimensions: Self.dimensions, at: Self.now))
        books.post(try platform.row("transfer", -amount, .transfer(id)))
        books.post(try connected[place].row("charge", amount, .transfer(id)))
    }

    mutating func refund(_ id: String, _ division: SeparateDivision) throws {
        books.post(
            try SeparateChargeRules.refunded(
                StripeRefundID(id), division, dimensions: Self.dimensions, at: Self.now))
        books.post(try platform.row("refund", -division.parts.amount.minorUnits, .refund(id)))
    }

    func payable(_ place: Int) -> Int64 { books.balance(.sellerPayable(Self.sellers[place])) }
    func receivable(_ place: Int) -> Int64 { books.balance(.sellerReceivable(Self.sellers[place])) }

    func expect(platform: Int64, sellers: [Int64], _ location: SourceLocation = #_sourceLocation) {
        #expect(books.balance(.stripeBalance(.platform)) == platform, sourceLocation: location)
        for place in Self.sellers.indices {
            #expect(books.balance(.stripeBalance(Self.accounts[place])) == sellers[place], sourceLocation: location)
            #expect(books.balance(.sellerFunds(Self.sellers[place])) == sellers[place], sourceLocation: location)
        }
        #expect(books.uncleared.isEmpty, sourceLocation: location)
        #expect(books.sum == 0, sourceLocation: location)
    }

    @Test("D: until the transfers are made the platform holds all, and owes 7000 and 2000; then it keeps 680")
    mutating func sale() throws {
        try sell()
        expect(platform: 9680, sellers: [0, 0])
        #expect(payable(0) == 7000)
        #expect(payable(1) == 2000)
        try transfer(0, 7000)
        try transfer(1, 2000)
        expect(platform: 680, sellers: [7000, 2000])
        #expect(payable(0) == 0)
        #expect(payable(1) == 0)
        #expect(books.balance(.applicationFeeRevenue) == 1000)
        #expect(books.balance(.stripeFees) == 320)
    }

    @Test("Tax, own sales and promotions of a separate sale stay with the platform, each in its account")
    mutating func everyKind() throws {
        let division = try Self.division(
            10_000, payable: [6000, 2200], fee: 1000, tax: 700, sales: 300, discount: 200)
        books.post(
            try SeparateChargeRules.paid(
                StripeChargeID("ch_1"), division, dimensions: Self.dimensions, at: Self.now))
        #expect(books.balance(.taxCollected) == 700)
        #expect(books.balance(.billingRevenue) == 300)
        #expect(books.balance(.promotionExpense) == 200)
        #expect(books.balance(.applicationFeeRevenue) == 1000)
        try refund("re_1", division)
        #expect(books.balance(.taxCollected) == 0)
        #expect(books.balance(.billingRevenue) == 0)
        #expect(books.balance(.promotionExpense) == 0)
        #expect(books.balance(.applicationFeeRevenue) == 0)
        #expect(payable(0) == 0)
        #expect(payable(1) == 0)
    }

    @Test("A refund before the transfers takes from what the sellers are owed, and nobody owes anything")
    mutating func refundBeforeTransfer() throws {
        try sell()
        try refund("re_1", try Self.division(2500, payable: [1750, 500], fee: 250))
        #expect(payable(0) == 5250)
        #expect(payable(1) == 1500)
        try transfer(0, 5250)
        try transfer(1, 1500)
        expect(platform: 430, sellers: [5250, 1500])
        #expect(receivable(0) == 0)
    }

    @Test("A refund between two transfers: one seller owes, the other is owed less; the reversal settles it")
    mutating func refundBetweenTransfers() throws {
        try sell()
        try transfer(0, 7000)
        try refund("re_1", try Self.division(10_000, payable: [0, 2000], receivable: [7000, 0], fee: 1000))
        #expect(receivable(0) == 7000)
        #expect(payable(1) == 0)
        books.post(
            try ChargeRules.reversalMade(
                StripeID("trr_1"), seller: Self.sellers[0], amount: Money(7000, .usd), dimensions: Self.dimensions,
                at: Self.now))
        books.post(try platform.row("transfer_reversal", 7000, .transfer("tr_0")))
        books.post(try connected[0].row("refund", -7000, .transfer("tr_0")))
        expect(platform: -320, sellers: [0, 0])
        #expect(receivable(0) == 0)
    }

    @Test("A refund that met a transfer on its way which was then refused: debt and claim cancel out when it is made")
    mutating func refundDuringTransfer() throws {
        try sell()
        try refund("re_1", try Self.division(1000, receivable: [1000, 0]))
        #expect(payable(0) == 7000)
        #expect(receivable(0) == 1000)
        try transfer(0, 6000, payable: 7000)
        #expect(payable(0) == 0)
        #expect(receivable(0) == 0)
        expect(platform: 2680, sellers: [6000, 0])
    }

    @Test("The same when nothing was left to move: a transfer that ends with nothing nets them, once each")
    mutating func netting() throws {
        try sell()
        try refund("re_1", try Self.division(9000, receivable: [7000, 2000]))
        for place in Self.sellers.indices {
            books.post(
                try SeparateChargeRules.netted(
                    Self.transfers[place], seller: Self.sellers[place], amount: Money([7000, 2000][place], .usd),
                    dimensions: Self.dimensions, at: Self.now))
            #expect(payable(place) == 0)
            #expect(receivable(place) == 0)
        }
        #expect(
            try SeparateChargeRules.netted(
                Self.transfers[0], seller: Self.sellers[0], amount: .zero(.usd), dimensions: Self.dimensions,
                at: Self.now) == nil)
    }

    @Test("A payment that the bank took back after one of two transfers")
    mutating func failedLate() throws {
        try sell()
        try transfer(1, 2000)
        books.post(
            try SeparateChargeRules.failedLate(
                StripeChargeID("ch_1"),
                try Self.division(10_000, payable: [7000, 0], receivable: [0, 2000], fee: 1000),
                dimensions: Self.dimensions, at: Self.now))
        books.post(try platform.row("charge_failure", -10_000, .charge("ch_1")))
        expect(platform: -2320, sellers: [0, 2000])
        #expect(payable(0) == 0)
        #expect(receivable(1) == 2000)
    }

    @Test("A payment for an order that takes none is the buyer's, and goes back whole")
    mutating func surplus() throws {
        let charge = StripeChargeID("ch_2")
        let amount = Money(10_000, .usd)
        books.post(
            try SeparateChargeRules.surplusPaid(charge, amount: amount, dimensions: Self.dimensions, at: Self.now))
        books.post(try platform.row("charge", 10_000, fees: [("stripe_fee", 320)], .charge("ch_2")))
        #expect(books.balance(.buyerRefundsDue) == 10_000)
        books.post(
            try SeparateChargeRules.surplusRefunded(
                StripeRefundID("re_2"), of: charge, amount: amount, excess: .zero(.usd), dimensions: Self.dimensions,
                at: Self.now))
        books.post(try platform.row("refund", -10_000, .refund("re_2")))
        #expect(books.balance(.buyerRefundsDue) == 0)
        expect(platform: -320, sellers: [0, 0])
        // Refunded once more, to a buyer who has the money.
        books.post(
            try SeparateChargeRules.surplusRefunded(
                StripeRefundID("re_3"), of: charge, amount: amount, excess: amount, dimensions: Self.dimensions,
                at: Self.now))
        #expect(books.balance(.buyerRefundsDue) == 0)
        #expect(books.balance(.refundLoss) == 10_000)
    }

    @Test("A transfer that somebody made at Stripe is owed by the seller, who is owed the share as before")
    mutating func madeAtStripe() throws {
        try sell()
        books.post(
            try SeparateChargeRules.transferMadeAtStripe(
                StripeTransferID("tr_9"), seller: Self.sellers[0], amount: Money(500, .usd),
                dimensions: Self.dimensions, at: Self.now))
        books.post(try platform.row("transfer", -500, .transfer("tr_9")))
        books.post(try connected[0].row("charge", 500, .transfer("tr_9")))
        expect(platform: 9180, sellers: [500, 0])
        #expect(payable(0) == 7000)
        #expect(receivable(0) == 500)
    }
}

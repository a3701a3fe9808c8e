import Domain
import Ledger
import Testing

/// 9000 of a sale are a seller's, and 900 of them are held back.
@Suite struct ReserveRulesTests {
    static let now = Timestamp(seconds: 1_764_000_000)
    static let seller: ID<Seller> = SeparateChargeRulesTests.sellers[0]
    static let transfer: ID<Transfer> = SeparateChargeRulesTests.transfers[0]
    static let dimensions = Dimensions(owner: .platform, seller: seller)

    var books = Books()

    mutating func sell() throws {
        books.post(
            try SeparateChargeRules.paid(
                StripeChargeID("ch_1"), try Self.division(10_000, fee: 1000, payable: 9000),
                dimensions: Self.dimensions, at: Self.now))
        books.post(
            try ReserveRules.held(
                Self.transfer, seller: Self.seller, amount: Money(900, .usd), dimensions: Self.dimensions, at: Self.now)
        )
    }

    static func division(
        _ amount: Int64, fee: Int64, payable: Int64 = 0, reserve: Int64 = 0, receivable: Int64 = 0
    ) throws -> SeparateDivision {
        func usd(_ amount: Int64) -> Money { Money(amount, .usd) }
        return SeparateDivision(
            try MoneyParts(
                amount: usd(amount), sellerAmount: usd(payable + reserve + receivable), platformFee: usd(fee),
                tax: usd(0), platformSales: usd(0), platformDiscount: usd(0), excess: usd(0)),
            sellers: [
                SeparateDivision.Part(
                    seller: seller, payable: usd(payable), receivable: usd(receivable), reserve: usd(reserve))
            ])
    }

    var standing: [Int64] {
        [.sellerPayable(Self.seller), .sellerReserve(Self.seller), .sellerReceivable(Self.seller)].map {
            books.balance($0)
        }
    }

    @Test("What is held back is the seller's all the time: payable, held back, payable again")
    mutating func heldAndReleased() throws {
        try sell()
        #expect(standing == [8100, 900, 0])
        let entry = try #require(
            try ReserveRules.released(
                Self.transfer, seller: Self.seller, amount: Money(900, .usd), dimensions: Self.dimensions, at: Self.now)
        )
        #expect(entry.cause == .reserveReleased(Self.transfer))
        books.post(entry)
        #expect(standing == [9000, 0, 0])
        #expect(books.sum == 0)
    }

    @Test("Where nothing is left nothing is booked")
    func nothing() throws {
        #expect(
            try ReserveRules.released(
                Self.transfer, seller: Self.seller, amount: .zero(.usd), dimensions: Self.dimensions, at: Self.now)
                == nil)
    }

    @Test("A refund takes from each account what its division says, and turned round gives it back there")
    mutating func refunded() throws {
        try sell()
        let taken = try Self.division(9500, fee: 950, payable: 8100, reserve: 450)
        let entry = try SeparateChargeRules.refunded(
            StripeRefundID("re_1"), taken, dimensions: Self.dimensions, at: Self.now)
        books.post(entry)
        #expect(standing == [0, 450, 0])
        books.post(try entry.reversed(as: .refundCanceled(StripeRefundID("re_1")), effectiveAt: Self.now))
        #expect(standing == [8100, 900, 0])
    }

    @Test("A dispute claims from what is held back, and won gives into what it says")
    mutating func disputed() throws {
        try sell()
        let facts = DisputeRules.Facts(
            id: StripeDisputeID("dp_1"), amount: Money(1000, .usd), dimensions: Self.dimensions)
        books.post(try DisputeRules.withdrawn(facts, at: Self.now))
        let claim = DisputeRules.Claim(try Self.division(1000, fee: 100, reserve: 900), isAfterLoss: false)
        books.post(try DisputeRules.claimed(facts, claim, at: Self.now))
        #expect(standing == [8100, 0, 0])
        let back = DisputeRules.Claim(try Self.division(1000, fee: 100, payable: 400, reserve: 500), isAfterLoss: false)
        books.post(try DisputeRules.won(facts, wasLost: false, claim: back, at: Self.now))
        #expect(standing == [8500, 500, 0])
        #expect(books.balance(.disputesOpen) == 0)
    }

    @Test("A payment that the bank takes back takes what is held back along")
    mutating func failedLate() throws {
        try sell()
        books.post(
            try SeparateChargeRules.failedLate(
                StripeChargeID("ch_1"), try Self.division(10_000, fee: 1000, payable: 8100, reserve: 900),
                dimensions: Self.dimensions, at: Self.now))
        #expect(standing == [0, 0, 0])
        #expect(books.sum == 0)
    }
}

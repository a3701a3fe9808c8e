import Domain
import Ledger
import Testing

/// What Stripe takes for a dispute, and whose it is in the end.
@Suite struct DisputeRulesTests {
    static let facts = DisputeRules.Facts(
        id: StripeDisputeID("dp_1"), amount: Money(10_000, .usd), dimensions: ChargeRulesTests.dimensions)
    static let now = ChargeRulesTests.now

    var platform = Rows(owner: .platform)
    var books = Books()

    mutating func withdraw() throws {
        books.post(try DisputeRules.withdrawn(Self.facts, at: Self.now))
        books.post(try platform.row("dispute", -10_000, .dispute("dp_1")))
        #expect(books.uncleared.isEmpty)
        #expect(books.balance(.disputesOpen) == 10_000)
    }

    mutating func reinstate(afterLost: Bool, _ claim: DisputeRules.Claim? = nil) throws {
        books.post(try DisputeRules.won(Self.facts, wasLost: afterLost, claim: claim, at: Self.now))
        books.post(try platform.row("dispute_reversal", 10_000, .dispute("dp_1")))
    }

    @Test("A dispute that is won leaves nothing behind")
    mutating func won() throws {
        try withdraw()
        try reinstate(afterLost: false)
        #expect(books.uncleared.isEmpty)
        #expect(books.balance(.disputesOpen) == 0)
        #expect(books.balance(.disputeLoss) == 0)
        #expect(books.balance(.stripeBalance(.platform)) == 0)
        #expect(books.sum == 0)
    }

    @Test("A dispute that is lost is the platform's loss, until an appeal turns it")
    mutating func lost() throws {
        try withdraw()
        books.post(try DisputeRules.lost(Self.facts, at: Self.now))
        #expect(books.balance(.disputesOpen) == 0)
        #expect(books.balance(.disputeLoss) == 10_000)
        try reinstate(afterLost: true)
        #expect(books.uncleared.isEmpty)
        #expect(books.balance(.disputesOpen) == 0)
        #expect(books.balance(.disputeLoss) == 0)
        #expect(books.sum == 0)
    }

    // MARK: Borne by those who had the money

    static let seller = ChargeRulesTests.seller
    /// All of 100.00: the platform gives its fee and the seller 90.00, of which `payable` is still with the platform.
    static func claim(payable: Int64 = 0, isAfterLoss: Bool = false) throws -> DisputeRules.Claim {
        DisputeRules.Claim(
            SeparateDivision(
                try .of(10_000, fee: 1000),
                sellers: [
                    .init(
                        seller: seller, payable: Money(payable, .usd), receivable: Money(9000 - payable, .usd))
                ]), isAfterLoss: isAfterLoss)
    }

    @Test(
        "Claimed and lost: nothing is the platform's loss, and an appeal gives each its part again",
        arguments: [false, true])
    mutating func claimed(isAfterLoss: Bool) throws {
        let claim = try Self.claim(isAfterLoss: isAfterLoss)
        try withdraw()
        let steps = [
            try DisputeRules.claimed(Self.facts, claim, at: Self.now),
            try DisputeRules.lost(Self.facts, claim: claim, at: Self.now),
        ]
        for entry in isAfterLoss ? steps.reversed() : steps { books.post(entry) }
        #expect(books.balance(.disputesOpen) == 0)
        #expect(books.balance(.disputeLoss) == 0)
        #expect(books.balance(.sellerReceivable(Self.seller)) == 9000)
        #expect(books.balance(.applicationFeeRevenue) == -1000)
        // Taken back of the seller meanwhile, so that all of it is payable again.
        books.post(
            try ChargeRules.reversalMade(
                StripeTransferReversalID("trr_1"), seller: Self.seller, amount: Money(9000, .usd),
                dimensions: ChargeRulesTests.dimensions, at: Self.now))
        try reinstate(afterLost: true, try Self.claim(payable: 9000, isAfterLoss: isAfterLoss))
        #expect(books.uncleared.isEmpty)
        #expect(books.balance(.disputesOpen) == 0)
        #expect(books.balance(.disputeLoss) == 0)
        #expect(books.balance(.sellerReceivable(Self.seller)) == 0)
        #expect(books.balance(.sellerPayable(Self.seller)) == 9000)
        #expect(books.balance(.applicationFeeRevenue) == 0)
        #expect(books.sum == 0)
    }

    @Test("Of what refunds took before, nothing is claimed: the rest is the platform's until the end")
    mutating func partly() throws {
        let claim = DisputeRules.Claim(
            SeparateDivision(
                try .of(6000, fee: 600),
                sellers: [.init(seller: Self.seller, payable: Money(1400, .usd), receivable: Money(4000, .usd))]),
            isAfterLoss: false)
        try withdraw()
        books.post(try DisputeRules.claimed(Self.facts, claim, at: Self.now))
        #expect(books.balance(.disputesOpen) == 4000)
        #expect(books.balance(.sellerPayable(Self.seller)) == -1400)
        books.post(try DisputeRules.lost(Self.facts, claim: claim, at: Self.now))
        #expect(books.balance(.disputesOpen) == 0)
        #expect(books.balance(.disputeLoss) == 4000)
        try reinstate(afterLost: true, claim)
        #expect(books.balance(.disputeLoss) == 0)
        #expect(books.balance(.sellerPayable(Self.seller)) == 0)
        #expect(books.balance(.sellerReceivable(Self.seller)) == 0)
        #expect(books.sum == 0)
    }

    @Test("Where nothing is left to claim there is no entry, and all of it is lost")
    mutating func nothingLeft() throws {
        let claim = DisputeRules.Claim(SeparateDivision(.zero(.usd), sellers: []), isAfterLoss: false)
        #expect(try DisputeRules.claimed(Self.facts, claim, at: Self.now) == nil)
        try withdraw()
        books.post(try DisputeRules.lost(Self.facts, claim: claim, at: Self.now))
        #expect(books.balance(.disputeLoss) == 10_000)
    }
}

extension MoneyParts {
    /// Of a sale of one seller, with the platform's fee.
    static func of(_ amount: Int64, fee: Int64) throws -> MoneyParts {
        try MoneyParts(
            amount: Money(amount, .usd), sellerAmount: Money(amount - fee, .usd), platformFee: Money(fee, .usd),
            tax: .zero(.usd), platformSales: .zero(.usd), platformDiscount: .zero(.usd), excess: .zero(.usd))
    }
}

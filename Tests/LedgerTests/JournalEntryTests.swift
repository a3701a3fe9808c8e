import Domain
import Ledger
import Testing

@Suite struct JournalEntryTests {
    static let cause = Cause(rawValue: "test:1")
    static let dimensions = Dimensions(owner: .platform)

    static func entry(_ postings: [Posting]) throws -> JournalEntry {
        try JournalEntry(
            cause: cause, effectiveAt: Timestamp(seconds: 0), dimensions: dimensions, postings: postings)
    }

    @Test("Debits must equal credits in each currency, not only in all")
    func balance() throws {
        let ten = Money(10, .usd)
        _ = try Self.entry(Posting.debit(.stripeFees, ten) + Posting.credit(.taxCollected, ten))
        #expect(throws: UnbalancedEntry.unequal(Self.cause, Money(1, .usd))) {
            try Self.entry(Posting.debit(.stripeFees, Money(11, .usd)) + Posting.credit(.taxCollected, ten))
        }
        #expect(throws: UnbalancedEntry.unequal(Self.cause, Money(-10, .eur))) {
            try Self.entry(Posting.debit(.stripeFees, ten) + Posting.credit(.taxCollected, Money(10, .eur)))
        }
        #expect(throws: UnbalancedEntry.tooFewPostings(Self.cause)) { try Self.entry([]) }
        #expect(throws: UnbalancedEntry.overflow(Self.cause)) {
            try Self.entry(
                Posting.debit(.stripeFees, Money(.max, .usd)) + Posting.debit(.stripeFees, Money(.max, .usd)))
        }
    }

    @Test("A leg of nothing is no leg, and a negative one turns to the other side")
    func legs() {
        #expect(Posting.debit(.stripeFees, .zero(.usd)).isEmpty)
        #expect(Posting.debit(.stripeFees, Money(-5, .usd)) == Posting.credit(.stripeFees, Money(5, .usd)))
    }

    @Test("An entry and its reversal cancel out")
    func reversal() throws {
        let entry = try Self.entry(
            Posting.debit(.stripeFees, Money(7, .usd)) + Posting.credit(.taxCollected, Money(7, .usd), subject: "x"))
        var books = Books()
        books.post(entry)
        books.post(try entry.reversed(as: Cause(rawValue: "test:2"), effectiveAt: Timestamp(seconds: 1)))
        #expect(books.balances.values.allSatisfy { $0 == 0 })
    }
}

@Suite struct LedgerAccountTests {
    static let accounts: [LedgerAccount] = {
        let seller = ChargeRulesTests.seller
        let owner = ChargeRulesTests.account
        return [
            .stripeBalance(.platform), .stripeBalance(owner), .stripeReserved(.platform), .stripeReserved(owner),
            .sellerPayable(seller), .sellerReserve(seller), .sellerFunds(seller), .sellerReceivable(seller),
            .transit(.platform), .transit(owner), .disputesOpen, .applicationFeeRevenue, .billingRevenue,
            .recoveredStripeFees, .taxCollected, .buyerRefundsDue, .stripeFees, .disputeFees, .refundLoss,
            .disputeLoss, .writeOffLoss, .promotionExpense, .sellerAdjustmentExpense, .fxConversion, .fxGainLoss,
            .platformBank, .openingEquity, .externalEquity, .suspense,
        ] + LedgerAccount.Clearing.allCases.map { .clearing($0) }
    }()

    @Test("Every account's code names it and no other", arguments: accounts)
    func codes(account: LedgerAccount) {
        #expect(LedgerAccount(code: account.code) == account)
        #expect(Self.accounts.filter { $0.code == account.code } == [account])
    }

    @Test(
        "A code that is nobody's is refused", arguments: ["", "stripe", "clearing:x", "seller:sel_1:funds", "a:b:c:d"])
    func unknownCodes(code: String) { #expect(LedgerAccount(code: code) == nil) }
}

@Suite struct BalanceTransactionRulesTests {
    @Test("A row whose net is not its amount less its fees is refused")
    func inconsistent() {
        #expect(throws: UnbalancedEntry.self) {
            try BalanceTransactionRules.entry(
                for: BalanceTransaction(
                    id: StripeBalanceTransactionID("txn_1"), owner: .platform, seller: nil, order: nil,
                    amount: Money(100, .usd), net: Money(90, .usd), fees: [], applicationFee: nil,
                    category: "charge", balanceType: "payments", subject: .charge("ch_1"),
                    created: Timestamp(seconds: 0)))
        }
    }

    @Test("A kind of row that nobody knows goes to suspense, what is not ours to equity or the seller")
    func unknownAndExternal() throws {
        var books = Books()
        var platform = Rows(owner: .platform)
        var connected = Rows(owner: ChargeRulesTests.account, seller: ChargeRulesTests.seller)
        books.post(try platform.row("new_thing", 500, .none))
        #expect(books.balance(.suspense) == -500)
        books.post(try platform.row("charge", 700, fees: [("stripe_fee", 50)], .external))
        #expect(books.balance(.externalEquity) == 650)
        books.post(try connected.row("charge", 300, fees: [("stripe_fee", 20)], .external))
        #expect(books.balance(.sellerFunds(ChargeRulesTests.seller)) == 280)
        #expect(books.uncleared.isEmpty)
    }

    @Test("Two rows of a hold meet, and the money is reserved but still at Stripe")
    func holds() throws {
        var books = Books()
        var platform = Rows(owner: .platform)
        books.post(try platform.row("connect_reserved_funds", -400, .reserve("rsv_1")))
        books.post(
            try platform.row(
                "connect_reserved_funds", 400, .reserve("rsv_1"), balanceType: "connect_reserved"))
        #expect(books.balance(.stripeBalance(.platform)) == -400)
        #expect(books.balance(.stripeReserved(.platform)) == 400)
        #expect(books.uncleared.isEmpty)
    }

    @Test("Fees: the platform bears its own, a seller those of the seller's account, disputes have their account")
    func fees() throws {
        var books = Books()
        var platform = Rows(owner: .platform)
        var connected = Rows(owner: ChargeRulesTests.account, seller: ChargeRulesTests.seller)
        books.post(try platform.row("fee", -30, .none))
        books.post(try connected.row("fee", -7, .none))
        books.post(try platform.row("dispute", -1000, fees: [("stripe_fee", 1500)], .dispute("dp_1")))
        #expect(books.balance(.stripeFees) == 30)
        #expect(books.balance(.sellerFunds(ChargeRulesTests.seller)) == -7)
        #expect(books.balance(.disputeFees) == 1500)
    }
}

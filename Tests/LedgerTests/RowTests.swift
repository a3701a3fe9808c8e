import Domain
import Ledger
import Testing

/// Each kind of row of Stripe's books, alone: where it goes, and under which object it waits for its other half.
@Suite struct RowTests {
    static let seller = ChargeRulesTests.seller

    static func books(
        _ category: String, _ subject: BalanceTransaction.Subject, in owner: BalanceOwner = .platform
    ) throws -> Books {
        var books = Books()
        var rows = Rows(owner: owner, seller: owner == .platform ? nil : seller)
        books.post(try rows.row(category, 700, subject))
        return books
    }

    @Test(
        "A row goes to the account that waits for it, under its object",
        arguments: [
            ("charge", .charge("ch_1"), .clearing(.charge), "ch_1"),
            ("charge_failure", .charge("ch_1"), .clearing(.charge), "ch_1"),
            ("partial_capture_reversal", .charge("ch_1"), .clearing(.charge), "ch_1"),
            ("charge", .transfer("tr_1"), .clearing(.transfer), "tr_1"),
            ("refund", .transfer("tr_1"), .clearing(.transfer), "tr_1"),
            ("transfer", .transfer("tr_1"), .clearing(.transfer), "tr_1"),
            ("transfer_reversal", .transfer("tr_1"), .clearing(.transfer), "tr_1"),
            ("connect_collection_transfer", .transfer("tr_1"), .clearing(.transfer), "tr_1"),
            ("platform_earning", .applicationFee("fee_1"), .clearing(.applicationFee), "fee_1"),
            ("platform_earning_refund", .applicationFee("fee_1"), .clearing(.applicationFee), "fee_1"),
            ("fee", .applicationFee("fee_1"), .clearing(.applicationFee), "fee_1"),
            ("refund", .refund("re_1"), .clearing(.refund), "re_1"),
            ("refund_failure", .refund("re_1"), .clearing(.refund), "re_1"),
            ("dispute", .dispute("dp_1"), .clearing(.dispute), "dp_1"),
            ("dispute_reversal", .dispute("dp_1"), .clearing(.dispute), "dp_1"),
            ("fee", .dispute("dp_1"), .disputeFees, "dp_1"),
            ("payout", .payout("po_1"), .clearing(.payout), "po_1"),
            ("payout_reversal", .payout("po_1"), .clearing(.payout), "po_1"),
            ("topup", .topup("tu_1"), .clearing(.topup), "tu_1"),
            ("topup_reversal", .topup("tu_1"), .clearing(.topup), "tu_1"),
            ("fee", .none, .stripeFees, nil), ("tax", .none, .stripeFees, nil),
            ("risk_reserved_funds", .reserve("rsv_1"), .clearing(.reserve), "rsv_1"),
            ("connect_reserved_funds", .none, .clearing(.reserve), "platform:usd"),
            ("charge", .external, .externalEquity, nil),
            ("opening", .external, .openingEquity, nil),
        ] as [(String, BalanceTransaction.Subject, LedgerAccount, String?)])
    func counterparts(
        category: String, subject: BalanceTransaction.Subject, account: LedgerAccount, under: String?
    ) throws {
        let books = try Self.books(category, subject)
        let balance = Books.Key(account: .stripeBalance(.platform), currency: .usd, subject: nil)
        let other = Books.Key(account: account, currency: .usd, subject: under)
        #expect(books.balances == [balance: 700, other: -700])
    }

    @Test("What a seller's balance held when its books were opened is the seller's")
    func opening() throws {
        let books = try Self.books("opening", .external, in: ChargeRulesTests.account)
        #expect(books.balance(.stripeBalance(ChargeRulesTests.account)) == 700)
        #expect(books.balance(.sellerFunds(Self.seller)) == 700)
    }

    @Test("A row that waits for its other half is uncleared until that comes")
    func waiting() throws {
        let books = try Self.books("charge", .charge("ch_1"))
        #expect(books.uncleared.map(\.key.subject) == ["ch_1"])
        #expect(try Self.books("fee", .none).uncleared.isEmpty)
    }

    @Test("A row that moves nothing is no entry, and one whose fee comes back alone moves the fee")
    func nothing() throws {
        var rows = Rows(owner: ChargeRulesTests.account, seller: Self.seller)
        #expect(try rows.row("charge", 0, .charge("ch_1")) == nil)
        var books = Books()
        books.post(
            try rows.row(
                "fee", 0, fees: [("application_fee", -250)], .applicationFee("fee_1"), applicationFee: "fee_1"))
        #expect(books.balance(.stripeBalance(ChargeRulesTests.account)) == 250)
        #expect(books.balance(.clearing(.applicationFee)) == -250)
    }

    @Test("The same id in two accounts is two rows, and each is booked")
    func sameID() throws {
        let entries = try [BalanceOwner.platform, ChargeRulesTests.account].map { owner in
            try BalanceTransactionRules.entry(
                for: BalanceTransaction(
                    id: StripeBalanceTransactionID("txn_1"), owner: owner, seller: nil, order: nil,
                    amount: Money(5, .usd), net: Money(5, .usd), fees: [], applicationFee: nil, category: "charge",
                    balanceType: "payments", subject: .external, created: Timestamp(seconds: 0)))
        }
        #expect(entries[0]?.cause != entries[1]?.cause)
        #expect(entries[0]?.dimensions.owner == .platform)
    }

    @Test("Every fee of a sale keeps its own sign and its own bearer")
    func severalFees() throws {
        var books = Books()
        var rows = Rows(owner: ChargeRulesTests.account, seller: Self.seller)
        books.post(
            try rows.row(
                "charge", 10_000, fees: [("stripe_fee", 320), ("application_fee", 1000), ("stripe_fee", -20)],
                .charge("ch_1"), applicationFee: "fee_1"))
        #expect(books.balance(.stripeBalance(ChargeRulesTests.account)) == 8700)
        #expect(books.balance(.sellerFunds(Self.seller)) == -300)
        #expect(books.balance(.clearing(.applicationFee)) == 1000)
        #expect(books.balance(.clearing(.charge)) == -10_000)
    }
}

import Domain
import Ledger
import Testing

@Suite struct StatementRulesTests {
    static let sellers: [ID<Seller>] = (1...3).map { number in
        var random = SeededGenerator(seed: UInt64(number))
        return ID(milliseconds: Int64(number), using: &random)
    }
    private let seller = sellers[0]

    private func entry(
        _ cause: String, seller: ID<Seller>? = sellers[0], isExternal: Bool = false, weights: [ID<Seller>: Int64] = [:],
        _ legs: [(LedgerAccount, Int64)], _ currency: Currency = .usd
    ) -> RecordedEntry {
        RecordedEntry(
            cause: Cause(rawValue: cause),
            legs: legs.map { .init(account: $0.0, amount: Money($0.1, currency), subject: nil) }, seller: seller,
            isExternal: isExternal, feeWeights: weights)
    }

    private func lines(_ entry: RecordedEntry, for seller: ID<Seller>? = nil) throws -> [StatementRules.Line: Int64] {
        let parts = try StatementRules.parts(of: entry, for: seller ?? self.seller)
        #expect(Set(parts.map(\.line)).count == parts.count)
        return Dictionary(uniqueKeysWithValues: parts.map { ($0.line, $0.amount.minorUnits) })
    }

    @Test(
        "a sale is what the buyer paid for the seller's goods, less the platform's fee and Stripe's if it is passed on")
    func sale() throws {
        let sale = entry(
            "charge_paid:ch_1",
            [
                (.clearing(.charge), 10_900), (.sellerFunds(seller), -8680), (.applicationFeeRevenue, -1000),
                (.recoveredStripeFees, -320), (.taxCollected, -900),
            ])
        #expect(try lines(sale) == [.gross: 10_000, .platformFee: -1000, .stripeFee: -320])
        #expect(try lines(sale, for: Self.sellers[1]) == [:])
        var totals = StatementTotals(opening: Money(50, .usd))
        for part in try StatementRules.parts(of: sale, for: seller) { try totals.add(part) }
        #expect(try totals.net == Money(8680, .usd))
        #expect(try totals.closing == Money(8730, .usd))
        #expect(totals.salesCount == 1)
        #expect(totals.feesCharged == Money(1000, .usd))
        #expect(totals.feesRefunded.isZero)
    }

    @Test("a sale that is all fee leaves the seller nothing, and is on the statement")
    func allFee() throws {
        let sale = entry("charge_paid:ch_1", [(.clearing(.charge), 50), (.applicationFeeRevenue, -50)])
        #expect(try lines(sale) == [.gross: 50, .platformFee: -50])
    }

    @Test("a refund gives back sales and fee, and once it is canceled takes them again")
    func refund() throws {
        let legs: [(LedgerAccount, Int64)] = [
            (.sellerReceivable(seller), 2250), (.applicationFeeRevenue, 250), (.clearing(.refund), -2500),
        ]
        #expect(try lines(entry("refund:re_1", legs)) == [.refunds: -2500, .platformFee: 250])
        let turned = legs.map { ($0.0, -$0.1) }
        #expect(try lines(entry("refund_canceled:re_1", turned)) == [.refunds: 2500, .platformFee: -250])
        #expect(try lines(entry("charge_failed_late:ch_1", legs)) == [.refunds: -2500, .platformFee: 250])
        #expect(try lines(entry("dispute_claimed:dp_1", legs)) == [.disputes: -2500, .platformFee: 250])
        var totals = StatementTotals(opening: .zero(.usd))
        for part in try StatementRules.parts(of: entry("refund:re_1", legs), for: seller) { try totals.add(part) }
        #expect(totals.feesRefunded == Money(250, .usd))
        #expect(totals.salesCount == 0)
    }

    @Test(
        "what moves between a seller's own accounts is no movement",
        arguments: [
            "transfer_made:tr_1", "reversal_made:trr_1", "fee_refund_made:fr_1", "netted:trf_1", "reserve_held:x",
        ])
    func ownAccounts(cause: String) throws {
        #expect(try lines(entry(cause, [(.sellerPayable(seller), 500), (.sellerFunds(seller), -500)])) == [:])
        #expect(try lines(entry(cause, [(.sellerFunds(seller), 500), (.sellerReceivable(seller), -500)])) == [:])
    }

    @Test("payouts count when they arrive, and again when they come back")
    func payouts() throws {
        let transit = LedgerAccount.transit(.connected(StripeAccountID("acct_1")))
        #expect(try lines(entry("payout_created:po_1", [(transit, 9), (.clearing(.payout), -9)])) == [:])
        #expect(try lines(entry("payout_paid:po_1", [(.sellerFunds(seller), 9), (transit, -9)])) == [.payouts: -9])
        #expect(
            try lines(entry("payout_failed:po_1", [(.clearing(.payout), 9), (.sellerFunds(seller), -9)]))
                == [.payouts: 9])
    }

    @Test("a row of the seller's balance is a fee, a conversion, or business of the seller's own")
    func rows() throws {
        let stripe = LedgerAccount.stripeBalance(.connected(StripeAccountID("acct_1")))
        let cause = "balance_transaction:acct_1:txn_1"
        #expect(try lines(entry(cause, [(stripe, -30), (.sellerFunds(seller), 30)])) == [.stripeFee: -30])
        #expect(
            try lines(entry(cause, isExternal: true, [(stripe, 30), (.sellerFunds(seller), -30)])) == [.other: 30])
        #expect(try lines(entry(cause, [(.sellerFunds(seller), 30), (.fxConversion, -30)])) == [.fx: -30])
        for cause in ["charge_converted:ch_1", "refund_converted:re_1"] {
            let legs: [(LedgerAccount, Int64)] = [
                (.sellerFunds(seller), -9720), (.applicationFeeRevenue, -1080), (.fxConversion, 10800),
            ]
            #expect(try lines(entry(cause, legs)) == [.fx: 9720])
        }
        #expect(try lines(entry(cause, [(stripe, 9000), (.clearing(.transfer), -9000)])) == [:])
    }

    @Test("goodwill, forgiven debts, and what nobody foresaw")
    func others() throws {
        let given: [(LedgerAccount, Int64)] = [(.sellerAdjustmentExpense, 70), (.sellerPayable(seller), -70)]
        #expect(try lines(entry("adjusted:adj_1", given)) == [.adjustments: 70])
        #expect(
            try lines(entry("written_off:x", [(.writeOffLoss, 70), (.sellerReceivable(seller), -70)])) == [
                .adjustments: 70
            ])
        #expect(try lines(entry("moonlit:1", given)) == [.other: 70])
    }

    @Test("of an order of several sellers each bears the fee of their own lines, and the parts sum to the fee")
    func several() throws {
        let (a, b, c) = (Self.sellers[0], Self.sellers[1], Self.sellers[2])
        let legs: [(LedgerAccount, Int64)] = [
            (.clearing(.charge), 10_000), (.sellerPayable(a), -5400), (.sellerPayable(b), -3000),
            (.applicationFeeRevenue, -1600),
        ]
        // C's sale was all fee.
        let sale = entry("charge_paid:ch_1", seller: nil, weights: [a: 600, b: 500, c: 500], legs)
        #expect(try lines(sale, for: a) == [.gross: 6000, .platformFee: -600])
        #expect(try lines(sale, for: b) == [.gross: 3500, .platformFee: -500])
        #expect(try lines(sale, for: c) == [.gross: 500, .platformFee: -500])
        // Where less was charged than the lines say, it divides in their proportion to the cent.
        let less = entry("charge_paid:ch_1", seller: nil, weights: [a: 1, b: 1, c: 1], legs)
        let fees = try [a, b, c].map { try lines(less, for: $0)[.platformFee] ?? 0 }
        #expect(fees == [-534, -533, -533])
        let back = entry("refund:re_1", seller: nil, weights: [a: 1, b: 1, c: 1], legs.map { ($0.0, -$0.1) })
        #expect(try [a, b, c].map { try lines(back, for: $0)[.platformFee] ?? 0 } == [534, 533, 533])
    }

    // MARK: Any sequence

    @Test(
        "months add up, each begins where the last one ended, and ends at the ledger's balance",
        arguments: Seeds.forThisRun)
    func months(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var openings: [ID<Seller>: [Currency: Money]] = [:]
        var balances: [ID<Seller>: [Currency: Int64]] = [:]
        for month in 1...6 {
            var totals: [ID<Seller>: [Currency: StatementTotals]] = [:]
            var revenue: [Currency: Int64] = [:]
            for _ in 0..<Int.random(in: 0...30, using: &random) {
                let entry = randomEntry(using: &random)
                for leg in entry.legs {
                    if let seller = leg.account.seller {
                        balances[seller, default: [:]][leg.amount.currency, default: 0] -= leg.amount.minorUnits
                    }
                    if leg.account == .applicationFeeRevenue {
                        revenue[leg.amount.currency, default: 0] -= leg.amount.minorUnits
                    }
                }
                for seller in Self.sellers {
                    for part in try StatementRules.parts(of: entry, for: seller) {
                        let currency = part.amount.currency
                        let opening = openings[seller]?[currency] ?? .zero(currency)
                        try totals[seller, default: [:]][currency, default: StatementTotals(opening: opening)].add(part)
                    }
                }
            }
            for seller in Self.sellers {
                for (currency, moved) in totals[seller] ?? [:] {
                    let balance = balances[seller]?[currency] ?? 0
                    #expect(try moved.closing.minorUnits == balance, "seed \(seed) month \(month)")
                    openings[seller, default: [:]][currency] = try moved.closing
                }
                for (currency, balance) in balances[seller] ?? [:] {
                    #expect((openings[seller]?[currency] ?? .zero(currency)).minorUnits == balance, "seed \(seed)")
                }
            }
            for (currency, earned) in revenue {
                let fees = try Money.sum(
                    Self.sellers.compactMap { totals[$0]?[currency] }.map {
                        try $0.feesCharged.subtracting($0.feesRefunded)
                    },
                    in: currency)
                #expect(fees.minorUnits == earned, "seed \(seed) month \(month) \(currency)")
            }
        }
    }

    private func randomEntry(using random: inout SeededGenerator) -> RecordedEntry {
        let currency = [Currency.usd, .jpy, .kwd].randomElement(using: &random) ?? .usd
        let number = Int.random(in: 0...9, using: &random)
        func amount() -> Int64 { Int64.random(in: 1...99_999, using: &random) }
        let one = Self.sellers.randomElement(using: &random) ?? seller
        switch number {
        case 0...2:
            // A sale or a refund of one to three sellers.
            let sellers = Array(Self.sellers.shuffled(using: &random).prefix(Int.random(in: 1...3, using: &random)))
            let sign: Int64 = number == 0 ? 1 : -1
            let accounts: [(ID<Seller>) -> LedgerAccount] = [
                LedgerAccount.sellerPayable, LedgerAccount.sellerFunds, LedgerAccount.sellerReceivable,
            ]
            var legs: [(LedgerAccount, Int64)] = []
            var weights: [ID<Seller>: Int64] = [:]
            for seller in sellers {
                if Int.random(in: 0...5, using: &random) > 0 {
                    legs.append((accounts[Int.random(in: 0...2, using: &random)](seller), -sign * amount()))
                }
                weights[seller] = Int64.random(in: 0...500, using: &random) + 1
            }
            legs.append((.applicationFeeRevenue, -sign * weights.values.reduce(0, +)))
            legs.append((.clearing(.charge), -legs.map(\.1).reduce(0, +)))
            return entry(
                number == 0 ? "charge_paid:ch" : number == 1 ? "refund:re" : "charge_failed_late:ch",
                seller: sellers.count == 1 ? sellers[0] : nil, weights: sellers.count == 1 ? [:] : weights, legs,
                currency)
        case 3:
            let paid = amount()
            return entry(
                "payout_paid:po", seller: one, [(.sellerFunds(one), paid), (.transit(.platform), -paid)], currency)
        case 4:
            let back = amount()
            return entry(
                "payout_failed:po", seller: one, [(.clearing(.payout), back), (.sellerFunds(one), -back)], currency)
        case 5:
            let moved = amount()
            return entry(
                "transfer_made:tr", seller: one, [(.sellerPayable(one), moved), (.sellerFunds(one), -moved)], currency)
        case 6, 7:
            let fee = amount()
            return entry(
                "balance_transaction:acct_1:txn", seller: one, isExternal: number == 7,
                [(.stripeBalance(.connected(StripeAccountID("acct_1"))), -fee), (.sellerFunds(one), fee)], currency)
        case 8:
            let given = amount()
            return entry(
                "adjusted:adj", seller: one, [(.sellerAdjustmentExpense, given), (.sellerPayable(one), -given)],
                currency)
        default:
            let unknown = amount()
            return entry("unheard:of", seller: one, [(.suspense, unknown), (.sellerReserve(one), -unknown)], currency)
        }
    }
}

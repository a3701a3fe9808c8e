import Domain
import Ledger
import Testing

/// A refund of 40.00 and a dispute of one sale of 100.00, in every order in which their news can come, with one piece of
/// news told twice: the seller is debited once.
@Suite struct RefundBesideDisputeTests {
    enum News: String, CaseIterable {
        case refundSent, refundAnswered, refundFailed, disputeCreated, withdrawn, ended
    }

    struct Story: CustomStringConvertible {
        var news: [News]
        let isWon: Bool
        /// The seller's share went with the charge, or waits with the platform for its release.
        let isTransferred: Bool
        /// Stripe does the refund when it is sent, or only just before it answers.
        let isSlow: Bool
        /// What is owed is taken back after each piece of news, or all at the end.
        let isEager: Bool

        var description: String {
            "\(news.map(\.rawValue)) \(isWon ? "won" : "lost"), \(isTransferred ? "transferred" : "payable")"
                + "\(isSlow ? ", slow" : "")\(isEager ? ", eager" : "")"
        }
    }

    /// Each order of the refund's three and the dispute's three, alone and with one of them told once more later.
    static let orders: [[News]] = {
        func merges(_ left: ArraySlice<News>, _ right: ArraySlice<News>) -> [[News]] {
            guard let first = left.first else { return [Array(right)] }
            guard let other = right.first else { return [Array(left)] }
            return merges(left.dropFirst(), right).map { [first] + $0 }
                + merges(left, right.dropFirst()).map { [other] + $0 }
        }
        let plain = merges([.refundSent, .refundAnswered, .refundFailed], [.disputeCreated, .withdrawn, .ended])
        return plain
            + plain.flatMap { order in
                order.indices.flatMap { place in
                    (place + 1...order.count).map { later in
                        var news = order
                        news.insert(order[place], at: later)
                        return news
                    }
                }
            }
    }()

    @Test("every order of a refund and a dispute, with one piece of news told twice: nobody is debited twice")
    func everyOrder() throws {
        var count = 0
        let choices = [false, true]
        for news in Self.orders {
            for (isWon, isTransferred) in choices.flatMap({ won in choices.map { (won, $0) } }) {
                for (isSlow, isEager) in choices.flatMap({ slow in choices.map { (slow, $0) } }) {
                    let story = Story(
                        news: news, isWon: isWon, isTransferred: isTransferred, isSlow: isSlow, isEager: isEager)
                    var sale = try DisputedSale(story)
                    for piece in news { try sale.hear(piece) }
                    try sale.finish()
                    sale.expectFair()
                    count += 1
                }
            }
        }
        #expect(Self.orders.count == 20 + 20 * 21)
        #expect(count == Self.orders.count * 16)
        print("refund beside dispute: \(Self.orders.count) orders of news, \(count) stories")
    }
}

/// The sale, what Stripe has done of it, and the books that the rules make of the news.
private struct DisputedSale {
    static let seller = ChargeRulesTests.seller
    static let now = ChargeRulesTests.now
    static let dimensions = ChargeRulesTests.dimensions
    static let refund = StripeRefundID("re_1")
    static let dispute = DisputeRules.Facts(
        id: StripeDisputeID("dp_1"), amount: Money(10_000, .usd), dimensions: dimensions)

    let story: RefundBesideDisputeTests.Story
    let whole: MoneyParts
    var books = Books()
    /// What Stripe has withdrawn, so that it refunds nothing any more.
    var isWithdrawn = false
    var isRefundedAtStripe = false
    /// What Souk has asked for, and whether Stripe has yet to answer.
    var asked: MoneyParts?
    var waitsForAnswer = false
    var isBooked = false
    var claim: DisputeRules.Claim?
    var isEnded = false
    var taken: Int64 = 0
    var returned: Int64 = 0
    var wonInVain: Int64 = 0

    init(_ story: RefundBesideDisputeTests.Story) throws {
        self.story = story
        whole = try .of(10_000, fee: 1000)
        books.post(
            try SeparateChargeRules.paid(
                StripeChargeID("ch_1"), division(whole, payable: whole.sellerAmount), dimensions: Self.dimensions,
                at: Self.now))
        if story.isTransferred { try transfer("tr_1", payable: 9000, amount: 9000) }
    }

    /// Stripe has given the money back, and refunds again.
    var isOver: Bool { isEnded && story.isWon }
    var owed: Int64 { books.balance(.sellerReceivable(Self.seller)) }
    var payable: Int64 { books.balance(.sellerPayable(Self.seller)) }
    var funds: Int64 { books.balance(.sellerFunds(Self.seller)) }

    private func division(_ parts: MoneyParts, payable: Money) throws -> SeparateDivision {
        SeparateDivision(
            parts,
            sellers: [
                .init(
                    seller: Self.seller, payable: payable, receivable: try parts.sellerAmount.subtracting(payable))
            ])
    }

    /// Out of what the seller's part of `parts` comes.
    private func division(_ parts: MoneyParts) throws -> SeparateDivision {
        try division(parts, payable: story.isTransferred ? .zero(.usd) : parts.sellerAmount)
    }

    private mutating func transfer(_ id: String, payable: Int64, amount: Int64) throws {
        books.post(
            try SeparateChargeRules.transferMade(
                StripeTransferID(id), seller: Self.seller, amount: Money(amount, .usd), payable: Money(payable, .usd),
                dimensions: Self.dimensions, at: Self.now))
    }

    private func remaining() throws -> [RefundAllocation.Line] {
        var taken = MoneyParts.zero(.usd)
        if let asked { taken = try taken.adding(asked) }
        if let claim, !isOver { taken = try taken.adding(claim.division.parts) }
        return [
            RefundAllocation.Line(id: Self.line, parts: whole, refunded: taken.amount, taken: taken)
        ]
    }

    static let line: ID<OrderLine> = {
        var random = SeededGenerator(seed: 4)
        return ID(milliseconds: 1, using: &random)
    }()

    mutating func hear(_ news: RefundBesideDisputeTests.News) throws {
        switch news {
        case .refundSent:
            // A repetition is the same call. What a dispute has claimed is not refunded beside it.
            guard asked == nil, claim == nil || isOver else { break }
            asked = try RefundAllocation(of: Money(4000, .usd), over: try remaining()).total
            waitsForAnswer = true
            if !story.isSlow { isRefundedAtStripe = !isWithdrawn || isOver }
        case .refundAnswered:
            guard let parts = asked, waitsForAnswer else { break }
            if story.isSlow { isRefundedAtStripe = !isWithdrawn || isOver }
            waitsForAnswer = false
            if isRefundedAtStripe {
                books.post(
                    try SeparateChargeRules.refunded(
                        Self.refund, try division(parts), dimensions: Self.dimensions, at: Self.now))
                isBooked = true
            } else {
                asked = nil
            }
            try claimWhatIsOpen()
        case .refundFailed:
            // Of one that Stripe refused the bank sends nothing back.
            guard let parts = asked, isBooked else { break }
            books.post(
                try ChargeRules.refundFailed(
                    Self.refund, amount: parts.amount, dimensions: Self.dimensions, at: Self.now))
        case .disputeCreated: break
        case .withdrawn:
            isWithdrawn = true
            books.post(try DisputeRules.withdrawn(Self.dispute, at: Self.now))
            try claimWhatIsOpen()
        case .ended:
            guard !isEnded else { break }
            isEnded = true
            if story.isWon { try win() } else { try lose() }
        }
        if story.isEager { try takeBack() }
    }

    private mutating func claimWhatIsOpen() throws {
        guard isWithdrawn, claim == nil, !waitsForAnswer, !isOver else { return }
        let lines = try remaining()
        let amount = min(10_000, RefundAllocation.remaining(of: lines, in: .usd).minorUnits)
        let parts = try RefundAllocation(of: Money(amount, .usd), over: lines).total
        let made = DisputeRules.Claim(try division(parts), isAfterLoss: isEnded)
        books.post(try DisputeRules.claimed(Self.dispute, made, at: Self.now))
        claim = made
    }

    private mutating func lose() throws {
        books.post(try DisputeRules.lost(Self.dispute, claim: claim, at: Self.now))
    }

    private mutating func win() throws {
        var back: DisputeRules.Claim?
        if let claim, let part = claim.division.sellers.first {
            let receivable = max(0, min(part.receivable.minorUnits, owed))
            let payable = part.payable.minorUnits + part.receivable.minorUnits - receivable
            wonInVain = payable - part.payable.minorUnits
            back = DisputeRules.Claim(
                try division(claim.division.parts, payable: Money(payable, .usd)), isAfterLoss: claim.isAfterLoss)
        }
        books.post(try DisputeRules.won(Self.dispute, wasLost: false, claim: back, at: Self.now))
    }

    /// One reversal of what the seller owes.
    private mutating func takeBack() throws {
        guard story.isTransferred else { return }
        let wanted =
            (isBooked ? asked?.sellerAmount.minorUnits ?? 0 : 0)
            + (claim?.division.parts.sellerAmount.minorUnits ?? 0)
        let plan = try RecoveryPlan(
            over: [.init(transfer: nil, wanted: Money(wanted, .usd), left: Money(9000 - taken, .usd))],
            debt: Money(owed, .usd))
        for part in plan.parts {
            taken += part.amount.minorUnits
            books.post(
                try ChargeRules.reversalMade(
                    StripeTransferReversalID("trr_\(taken)"), seller: Self.seller, amount: part.amount,
                    dimensions: Self.dimensions, at: Self.now))
        }
    }

    mutating func finish() throws {
        try takeBack()
        guard story.isTransferred else {
            if payable > 0 { try transfer("tr_1", payable: payable, amount: payable) }
            return
        }
        let undone = isOver ? max(0, taken - (asked?.sellerAmount.minorUnits ?? 0)) - wonInVain : 0
        let due = try SellerStanding(
            seller: Self.seller, owed: Money(owed, .usd), unmoved: Money(payable, .usd), undone: Money(undone, .usd)
        ).dueBack
        guard due.amount.isPositive else { return }
        returned = due.amount.minorUnits
        try transfer("tr_2", payable: due.payable.minorUnits, amount: due.amount.minorUnits)
    }

    /// The seller has given the part of what the buyer has, and nothing else.
    func expectFair() {
        let refunded: Int64 = isBooked ? 3600 : 0
        let borne = story.isWon ? refunded : 9000
        #expect(funds == 9000 - borne, "\(story)")
        #expect(owed == 0, "\(story)")
        #expect(payable == 0, "\(story)")
        #expect(books.balance(.disputesOpen) == 0, "\(story)")
        #expect(books.balance(.disputeLoss) == (story.isWon || !isBooked ? 0 : 4000), "\(story)")
        #expect(books.balance(.applicationFeeRevenue) == (story.isWon ? 1000 - refunded / 9 : 0), "\(story)")
        #expect(books.sum == 0, "\(story)")
    }
}

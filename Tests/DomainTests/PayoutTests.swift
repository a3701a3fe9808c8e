import Domain
import Testing

/// The rules of payouts that need no Stripe: what one is made of, when one may be asked for, which schedule makes sense.
@Suite struct PayoutTests {
    typealias Open = PayoutAllocation.Open

    static func open(_ amounts: Int64...) -> [Open] {
        amounts.enumerated().map { Open(StripeBalanceTransactionID("txn_\($0)"), $1) }
    }

    static func taken(_ open: [Open], _ amount: Int64) -> String {
        let (taken, unexplained) = PayoutAllocation.oldestFirst(open, toSumTo: amount)
        return taken.map { "\($0.transaction.rawValue.dropFirst(4)):\($0.amount)" }.joined(separator: " ")
            + (unexplained == 0 ? "" : " and \(unexplained)")
    }

    @Test("the oldest money goes first, and the row that would go past the amount is divided")
    func oldestFirst() {
        let rows = Self.open(5000, 3000, 2000)
        #expect(Self.taken(rows, 5000) == "0:5000")
        #expect(Self.taken(rows, 6000) == "0:5000 1:1000")
        #expect(Self.taken(rows, 10_000) == "0:5000 1:3000 2:2000")
        #expect(Self.taken(rows, 1) == "0:1")
    }

    @Test("what was taken from the balance counts when its turn comes, and the rest must make up for it")
    func negative() {
        #expect(Self.taken(Self.open(-2250, 5400), 1000) == "0:-2250 1:3250")
        #expect(Self.taken(Self.open(9000, -2500, 4000), 10_000) == "0:9000 1:-2500 2:3500")
        #expect(Self.taken(Self.open(9000, -2500, 4000), 9000) == "0:9000")
        #expect(Self.taken(Self.open(0, -60, 6060), 6000) == "1:-60 2:6060")
    }

    @Test("what no row explains is said")
    func unexplained() {
        #expect(Self.taken(Self.open(700), 1000) == "0:700 and 300")
        #expect(Self.taken([], 1000) == " and 1000")
    }

    @Test("whatever the rows, parts and rest come to the amount, and no part is more than its row", arguments: 1...200)
    func sums(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let rows = (0..<Int.random(in: 0...12, using: &random)).map {
            Open(StripeBalanceTransactionID("txn_\($0)"), Int64.random(in: -500...1500, using: &random))
        }
        let amount = Int64.random(in: 1...4000, using: &random)
        let (taken, unexplained) = PayoutAllocation.oldestFirst(rows, toSumTo: amount)
        #expect(taken.reduce(0) { $0 + $1.amount } + unexplained == amount, "seed \(seed)")
        for part in taken {
            let row = rows.first { $0.transaction == part.transaction }?.amount ?? 0
            #expect(part.amount < 0 ? part.amount == row : part.amount > 0 && part.amount <= row, "seed \(seed)")
        }
        #expect(taken.dropLast().allSatisfy { part in rows.contains(part) }, "seed \(seed): only the last is divided")
        #expect(unexplained == 0 || taken.count == rows.filter { $0.amount != 0 }.count, "seed \(seed)")
    }

    @Test("what one payout took is taken off what another lists")
    func sum() {
        func part(_ name: String, _ amount: Int64) -> Open { Open(StripeBalanceTransactionID(name), amount) }
        let parts = PayoutAllocation.sum([
            part("txn_a", 9000), part("txn_b", -60), part("txn_a", -5000), part("txn_b", 60), part("txn_c", 7),
        ])
        #expect(parts == [part("txn_a", 4000), part("txn_c", 7)])
    }

    // MARK: Obstacles

    static let bank = PayoutDestination(
        id: "ba_1", type: "bank_account", currency: "usd", last4: "6789", bankName: "STRIPE TEST BANK", status: "new",
        isDefault: true)

    static func seller(
        _ destinations: [PayoutDestination]? = [bank], payoutsEnabled: Bool = true, disabledReason: String? = nil,
        hold: SellerHold? = nil, isDeauthorized: Bool = false
    ) -> SellerRecord {
        var random = SeededGenerator(seed: 1)
        let due = AccountRequirements(
            currentlyDue: [], pastDue: [], eventuallyDue: [], pendingVerification: [], currentDeadline: nil,
            disabledReason: disabledReason.map(DisabledReason.init(rawValue:)), errors: [])
        let account = AccountFacts(
            country: "US", defaultCurrency: "usd", email: nil, businessType: nil, chargesEnabled: true,
            payoutsEnabled: payoutsEnabled, detailsSubmitted: true, capabilities: [:], requirements: due,
            futureRequirements: .none, payoutDestinations: destinations)
        return SellerRecord(
            id: ID(milliseconds: 0, using: &random), externalID: "shop-1", email: nil, country: "US", businessType: nil,
            metadata: .empty, origin: .souk, stripeAccount: StripeAccountID("acct_1"), account: account,
            deauthorizedAt: isDeauthorized ? Timestamp(seconds: 1) : nil, hold: hold, livemode: false,
            created: Timestamp(seconds: 0), updated: Timestamp(seconds: 0))
    }

    static func obstacle(
        _ seller: SellerRecord, amount: Int64 = 1000, funds: Int64 = 1000, returned: [String: String?] = [:]
    ) -> PayoutObstacle? {
        PayoutObstacle.to(
            payingOut: Money(amount, .usd), from: seller, funds: Money(funds, .usd), returned: returned)
    }

    @Test("a seller is paid out down to the last cent that the books have, and no further")
    func funds() {
        #expect(Self.obstacle(Self.seller()) == nil)
        #expect(Self.obstacle(Self.seller(), amount: 1001) == .fundsTooLow(Money(1000, .usd)))
        #expect(Self.obstacle(Self.seller(), funds: -1)?.code == .payoutBlocked)
    }

    @Test("whoever left, was rejected, is held or may not be paid out is not")
    func standing() {
        let hold = SellerHold(reason: "under review", since: Timestamp(seconds: 0))
        #expect(Self.obstacle(Self.seller(isDeauthorized: true)) == .disconnected)
        #expect(Self.obstacle(Self.seller(disabledReason: "rejected.platform_other")) == .rejected)
        #expect(Self.obstacle(Self.seller(hold: hold)) == .held(reason: "under review"))
        #expect(Self.obstacle(Self.seller(payoutsEnabled: false)) == .payoutsDisabled(nil))
        #expect(Self.obstacle(Self.seller(hold: hold))?.code == .sellerNotReady)
    }

    @Test("no payout goes to a bank account that sent the last one back, until it is changed")
    func returned() {
        func destination(_ id: String, _ type: String, status: String?, isDefault: Bool = true) -> PayoutDestination {
            PayoutDestination(
                id: id, type: type, currency: "usd", last4: "1", bankName: nil, status: status, isDefault: isDefault)
        }
        let errored = destination("ba_1", "bank_account", status: "errored")
        let returned: [String: String?] = ["ba_1": "account_closed", "card_1": nil]
        #expect(
            Self.obstacle(Self.seller([errored]), returned: returned)
                == .destinationReturned(errored, failureCode: "account_closed"))
        // Changed in place, or replaced by another default.
        let changed = destination("ba_1", "bank_account", status: "new")
        #expect(Self.obstacle(Self.seller([changed]), returned: returned) == nil)
        let old = destination("ba_1", "bank_account", status: "errored", isDefault: false)
        let new = destination("ba_2", "bank_account", status: "new")
        #expect(Self.obstacle(Self.seller([old, new]), returned: returned) == nil)
        let card = destination("card_1", "card", status: nil)
        #expect(Self.obstacle(Self.seller([card]), returned: returned)?.code == .payoutBlocked)
        #expect(Self.obstacle(Self.seller([card])) == nil)
        #expect(Self.obstacle(Self.seller([])) == .noDestination(.usd))
        #expect(Self.obstacle(Self.seller(nil)) == nil, "an older build did not keep them; Stripe says it then")
    }

    // MARK: Schedules

    @Test("a schedule has exactly the anchor of its interval")
    func schedule() throws {
        for schedule in [
            PayoutSchedule(interval: "manual"), PayoutSchedule(interval: "daily", delayDays: 7),
            PayoutSchedule(interval: "weekly", weeklyAnchor: "friday"),
            PayoutSchedule(interval: "monthly", monthlyAnchor: 31),
        ] {
            #expect(try schedule.checked() == schedule)
        }
        for (schedule, parameter) in [
            (PayoutSchedule(interval: "hourly"), "interval"),
            (PayoutSchedule(interval: "weekly"), "weekly_anchor"),
            (PayoutSchedule(interval: "daily", weeklyAnchor: "friday"), "weekly_anchor"),
            (PayoutSchedule(interval: "weekly", weeklyAnchor: "sunday"), "weekly_anchor"),
            (PayoutSchedule(interval: "monthly"), "monthly_anchor"),
            (PayoutSchedule(interval: "monthly", monthlyAnchor: 0), "monthly_anchor"),
            (PayoutSchedule(interval: "manual", delayDays: -1), "delay_days"),
        ] {
            let refusal = #expect(throws: Refusal.self) { try schedule.checked() }
            #expect(refusal?.parameter == "payout_schedule.\(parameter)")
        }
    }
}

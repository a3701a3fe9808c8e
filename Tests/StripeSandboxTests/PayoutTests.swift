import StripeSandbox
import Testing
import Transport

/// From a balance at Stripe to a bank, by itself or by hand.
@Suite struct PayoutTests {
    /// A seller with 90.00 available and no schedule.
    static func seller(_ world: SandboxWorld) async throws -> String {
        let seller = try await world.seller()
        try await world.holdPayouts(of: seller)
        _ = try await world.destination(seller, method: "pm_card_bypassPending")
        return seller
    }

    @Test("Sellers are paid out by themselves, and the payout lists exactly its rows", arguments: Reading.all)
    func automatic(reading: Reading) async throws {
        try await reading.run { world, behaviour in
            let seller = try await world.seller()
            _ = try await world.destination(seller)
            try await world.advance(days: 3)
            let young = try await world.get("/v1/payouts", account: seller)["data"][0]
            #expect(young["automatic"] == .bool(true))
            #expect(young["amount"].int == 9000)
            try await world.advance(days: 3)
            let payout = try await world.get("/v1/payouts/\(young.id)", account: seller)
            #expect(payout["status"].string == "paid")
            #expect(payout["reconciliation_status"].string == "completed")
            let rows = try await world.get("/v1/balance_transactions", [("payout", payout.id)], account: seller)
            #expect(rows["data"].array.map { $0["net"].int } == (behaviour.payoutListsItself ? [-9000, 9000] : [9000]))
            #expect(try await world.total(seller) == 0)
            let events = try await world.events(seller).filter { $0.hasPrefix("payout.") }
            #expect(
                events == ["payout.created", "payout.updated", "payout.reconciliation_completed", "payout.paid"])
        }
    }

    @Test("A payout's rows are not to be listed before it was sent, nor those of one made by hand")
    func notReady() async throws {
        try await SandboxWorld.run { world in
            let seller = try await world.seller()
            _ = try await world.destination(seller, method: "pm_card_bypassPending")
            var payouts: [JSON] = []
            // The day's payouts are made once a day and sent an hour later.
            for _ in 0..<49 where payouts.isEmpty {
                try await world.advance(seconds: 1800)
                payouts = try await world.get("/v1/payouts", account: seller)["data"].array
            }
            let payout = try #require(payouts.first)
            func listed(_ id: String) async throws -> String {
                let answer = try await world.send(.get, "/v1/balance_transactions", [("payout", id)], account: seller)
                return "\(answer.status) \(answer.code ?? answer.json["error"]["param"].string ?? "")"
            }
            #expect(try await listed(payout.id) == "400 payout_reconciliation_not_ready")
            try await world.advance(hours: 2)
            #expect(try await listed(payout.id) == "200 ")
            let other = try await Self.seller(world)
            let manual = try await world.post("/v1/payouts", [("amount", "100"), ("currency", "usd")], account: other)
            let refused = try await world.send(
                .get, "/v1/balance_transactions", [("payout", manual.id)], account: other)
            #expect(refused.status == 400)
        }
    }

    @Test(
        "A payout may fail after it was paid: the money is back, the bank is out of use, and no payout follows",
        arguments: Reading.all)
    func failsAfterPaid(reading: Reading) async throws {
        try await reading.run { world, _ in
            let seller = try await world.seller()
            _ = try await world.destination(seller)
            try await world.advance(days: 5)
            let payout = try await world.get("/v1/payouts", account: seller)["data"][0]
            #expect(payout["status"].string == "paid")
            try await world.control(
                .post, "payouts/\(payout.id)/fail", #"{"failure_code":"account_closed","after_paid":true}"#)
            let failed = try await world.get("/v1/payouts/\(payout.id)", account: seller)
            #expect(failed["status"].string == "failed")
            #expect(failed["failure_code"].string == "account_closed")
            let row = try await world.get(
                "/v1/balance_transactions/\(failed["failure_balance_transaction"].string ?? "")", account: seller)
            #expect(row["type"].string == "payout_failure")
            #expect(row["reporting_category"].string == "payout_reversal")
            #expect(try await world.total(seller) == 9000)
            let account = try await world.get("/v1/accounts/\(seller)")
            #expect(account["external_accounts"]["data"][0]["status"].string == "errored")
            #expect(account["payouts_enabled"] == .bool(false))
            #expect(
                Set(try await world.events(seller, limit: 3)) == [
                    "payout.failed", "account.external_account.updated", "account.updated",
                ])
            try await world.advance(days: 7)
            #expect(try await world.get("/v1/payouts", account: seller)["data"].array.count == 1)
            #expect(
                try await world.refusal("/v1/payouts", [("amount", "1"), ("currency", "usd")], account: seller)
                    == "400 payouts_not_allowed")
        }
    }

    @Test(
        "A bank account whose number is made to fail brings the payout back with its reason",
        arguments: [
            ("000111111116", "no_account"), ("000111111113", "account_closed"), ("000222222227", "insufficient_funds"),
            ("000333333335", "debit_not_authorized"), ("000444444440", "invalid_currency"),
        ])
    func failingBanks(number: String, code: String) async throws {
        try await SandboxWorld.run { world in
            let seller = try await Self.seller(world)
            let bank = try await world.post(
                "/v1/accounts/\(seller)/external_accounts",
                [
                    ("external_account[object]", "bank_account"), ("external_account[country]", "US"),
                    ("external_account[currency]", "usd"), ("external_account[routing_number]", "110000000"),
                    ("external_account[account_number]", number), ("default_for_currency", "true"),
                ])
            let payout = try await world.post(
                "/v1/payouts", [("amount", "9000"), ("currency", "usd")], account: seller)
            #expect(payout["destination"].string == bank.id)
            #expect(try await world.total(seller) == 0)
            try await world.advance(days: 3)
            let failed = try await world.get("/v1/payouts/\(payout.id)", account: seller)
            #expect(failed["failure_code"].string == code)
            #expect(try await world.total(seller) == 9000)
            #expect(try await !world.events(seller).contains("payout.paid"))
        }
    }

    @Test("A payout by hand is refused without balance, without a bank of its currency, and when payouts are off")
    func refusals() async throws {
        try await SandboxWorld.run { world in
            let seller = try await Self.seller(world)
            func refusal(_ amount: String, _ currency: String = "usd") async throws -> String {
                try await world.refusal("/v1/payouts", [("amount", amount), ("currency", currency)], account: seller)
            }
            #expect(try await refusal("9001") == "400 balance_insufficient")
            #expect(try await refusal("100", "eur") == "400 ")
            let before = try await world.rows(seller)
            try await world.control(
                .post, "accounts/\(seller)/require", #"{"fields":["individual.id_number"],"past_due":true}"#)
            #expect(try await refusal("100") == "400 payouts_not_allowed")
            #expect(try await world.rows(seller) == before)
        }
    }

    @Test("A payout by hand can be canceled while it is pending, and reversed once it was paid", arguments: Reading.all)
    func cancelAndReverse(reading: Reading) async throws {
        try await reading.run { world, _ in
            let seller = try await Self.seller(world)
            let form = [("amount", "4000"), ("currency", "usd")]
            let canceled = try await world.post("/v1/payouts", form, account: seller)
            #expect(try await world.total(seller) == 5000)
            try await world.post("/v1/payouts/\(canceled.id)/cancel", account: seller)
            #expect(try await world.total(seller) == 9000)
            #expect(try await world.rows(seller).suffix(2) == ["payout -4000 0 -4000", "payout_cancel 4000 0 4000"])
            let kept = try await world.post("/v1/payouts", form, account: seller)
            try await world.advance(days: 3)
            #expect(try await world.send(.post, "/v1/payouts/\(kept.id)/cancel", account: seller).status == 400)
            let reverse = try await world.post("/v1/payouts/\(kept.id)/reverse", account: seller)
            #expect(reverse["amount"].int == -4000)
            #expect(reverse["original_payout"].string == kept.id)
            #expect(try await world.get("/v1/payouts/\(kept.id)", account: seller)["reversed_by"].string == reverse.id)
            #expect(try await world.total(seller) == 9000)
        }
    }

    @Test("An instant payout arrives at once and costs 1 %, at least 50, or nothing", arguments: Reading.all)
    func instant(reading: Reading) async throws {
        try await reading.run { world, behaviour in
            let seller = try await Self.seller(world)
            try await world.post(
                "/v1/payouts", [("amount", "4000"), ("currency", "usd"), ("method", "instant")], account: seller)
            let fee: Int64 = behaviour.instantPayoutsCost ? 50 : 0
            #expect(try await world.total(seller) == 5000 - fee)
            try await world.advance(hours: 1)
            #expect(try await world.get("/v1/payouts", account: seller)["data"][0]["status"].string == "paid")
        }
    }

    @Test("A negative balance is not paid out, by itself or by hand, and later sales fill it first")
    func negative() async throws {
        try await SandboxWorld.run { world in
            let seller = try await world.seller()
            let intent = try await world.destination(seller)
            try await world.advance(days: 5)
            try await world.post("/v1/refunds", [("payment_intent", intent.id)] + RefundTests.both)
            #expect(try await world.total(seller) == -9000)
            #expect(
                try await world.refusal("/v1/payouts", [("amount", "1"), ("currency", "usd")], account: seller)
                    == "400 balance_insufficient")
            _ = try await world.destination(seller, 12_000, fee: 0)
            try await world.advance(days: 5)
            let payouts = try await world.get("/v1/payouts", account: seller)["data"].array
            #expect(payouts.map { $0["amount"].int } == [3000, 9000])
        }
    }

    @Test("A top-up is money of the platform an hour later; it fails by its source, and can be canceled before")
    func topups() async throws {
        try await SandboxWorld.run { world in
            try await world.holdPayouts()
            let form = [("amount", "5000"), ("currency", "usd")]
            let good = try await world.post("/v1/topups", form)
            let bad = try await world.post("/v1/topups", form + [("source", "btok_us_verified_accountClosed")])
            let canceled = try await world.post("/v1/topups", form)
            try await world.post("/v1/topups/\(canceled.id)/cancel")
            #expect(try await world.total() == 0)
            try await world.advance(hours: 2)
            #expect(try await world.available() == 5000)
            #expect(try await world.get("/v1/topups/\(good.id)")["status"].string == "succeeded")
            #expect(try await world.get("/v1/topups/\(bad.id)")["failure_code"].string == "account_closed")
            #expect(try await world.send(.post, "/v1/topups/\(good.id)/cancel").status == 400)
        }
    }
}

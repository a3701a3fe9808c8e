import App
import Foundation
import Postgres
import TestSupport
import Testing

/// From a seller's balance at Stripe to the seller's bank: on request and by schedule, both ways, and what each is made of.
@Suite(.database, .serialized) struct PayoutTests {
    @Test("a payout on request: never over what Stripe has, once for each external_id, made of the oldest money")
    func onRequest() async throws {
        try await RunningSouk.with { souk in
            let seller = try await souk.sellerPaidByHand()
            try await souk.sale("order-1", of: seller, amount: 5000)
            try await souk.sale("order-2", of: seller, amount: 3000)
            let balance = try await souk.call("GET", "/v1/sellers/\(seller.id)/balance").expecting(200)
            #expect(balance["available"].array?.first?["amount"].int == 8000)
            #expect(balance["instant_available"].array?.first?["amount"].int == 8000)
            #expect(balance["ledger", "funds"].array?.first?["amount"].int == 8000)

            let tooMuch = try await souk.payOut(8001, to: seller, as: "much")
            #expect(tooMuch.status == 409)
            #expect(tooMuch["error", "code"].string == "balance_insufficient")
            #expect(tooMuch["error", "message"].string?.contains("80.00 usd") == true, "\(tooMuch)")

            let first = try await souk.payOut(6000, to: seller, as: "first").expecting(201)
            #expect(first["stripe_payout"].string?.hasPrefix("po_") == true)
            #expect(first["origin"].string == "souk")
            #expect(first["status"].string == "pending")
            let again = try await souk.payOut(6000, to: seller, as: "first").expecting(200)
            #expect(again["id"] == first["id"])
            let other = try await souk.payOut(1, to: seller, as: "first")
            #expect(other["error", "code"].string == "external_id_taken")
            try await souk.settle()

            let second = try await souk.payOut(2000, to: seller, as: "second").expecting(201)
            try await souk.advance(days: 5)
            for (payout, parts) in [(first, ["sale 5000", "sale 1000"]), (second, ["sale 2000"])] {
                let id = try payout.string("id")
                let now = try await souk.call("GET", "/v1/payouts/\(id)").expecting(200)
                #expect(now["status"].string == "paid")
                try await souk.expect(parts, in: id)
            }
            let list = try await souk.call("GET", "/v1/payouts?seller=\(seller.id)").expecting(200)
            #expect(list["data"].array?.count == 2)
            #expect(try await souk.announced("payout.created") == 2)
            #expect(try await souk.announced("payout.paid") == 2)
            #expect(try await souk.balances()["seller:\(seller.id):funds"] == 0)
            try await souk.expectEachRowPaidOutOnce()
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
        }
    }

    @Test("the same request a hundred times at once makes one payout")
    func atOnce() async throws {
        try await RunningSouk.with { souk in
            let seller = try await souk.sellerPaidByHand()
            try await souk.sale("order-1", of: seller, amount: 5000)
            let answers = try await withThrowingTaskGroup(of: RunningSouk.Answer.self) { group in
                for _ in 0..<100 { group.addTask { try await souk.payOut(5000, to: seller, as: "only") } }
                var answers: [RunningSouk.Answer] = []
                for try await answer in group { answers.append(answer) }
                return answers
            }
            #expect(answers.allSatisfy { [200, 201].contains($0.status) }, "\(answers.map(\.status))")
            #expect(answers.filter { $0.status == 201 }.count == 1)
            try await souk.settle()
            let made = try await souk.stripe("GET", "/v1/payouts", account: seller.account).expecting(200)
            #expect(made["data"].array?.count == 1)
            try await souk.expectSoundBooks()
        }
    }

    @Test("paid, then failed: it is all back, the next waits for another bank account, and pays the same sales again")
    func failsAfterPaid() async throws {
        try await RunningSouk.with { souk in
            let seller = try await souk.sellerPaidByHand()
            try await souk.sale("order-1", of: seller, amount: 5000)
            let first = try await souk.payOut(5000, to: seller, as: "first").expecting(201)
            try await souk.advance(days: 5)
            try await souk.fail(try first.string("stripe_payout"))
            let failed = try await souk.call("GET", "/v1/payouts/\(try first.string("id"))").expecting(200)
            #expect(failed["status"].string == "failed")
            #expect(failed["failure_code"].string == "account_closed")
            #expect(try await souk.balances()["seller:\(seller.id):funds"] == 5000)

            let blocked = try await souk.payOut(5000, to: seller, as: "second")
            #expect(blocked.status == 409)
            #expect(blocked["error", "code"].string == "payout_blocked")
            #expect(blocked["error", "message"].string?.contains("account_closed") == true, "\(blocked)")
            try await souk.changeBank(of: seller)
            let second = try await souk.payOut(5000, to: seller, as: "second").expecting(201)
            try await souk.advance(days: 5)

            let released = try await souk.call("GET", "/v1/payouts/\(try first.string("id"))/items").expecting(200)
            #expect(released["released"].bool == true)
            #expect(released["data"].array?.count == 1)
            try await souk.expect(["sale 5000"], in: try second.string("id"))
            #expect(try await souk.announced("payout.failed") == 1)
            try await souk.expectEachRowPaidOutOnce()
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
        }
    }

    @Test(
        "automatic payouts are what Stripe lists: refunds after a payout, a payout that came back, one by hand between")
    func automatic() async throws {
        try await RunningSouk.with { souk in
            _ = try await souk.call(
                "POST", "/v1/fee_policies", ["scope": "default", "currency": "usd", "percent_bps": 1000]
            ).expecting(201)
            let id = try await souk.onboardedSeller("shop-1")
            let seller = RunningSouk.PaidSeller(
                id: id, account: try await souk.call("GET", "/v1/sellers/\(id)").expecting(200).string("stripe_account")
            )
            try await souk.waitForNoon()
            let charge = try await souk.sale("order-1", of: seller, amount: 10_000)
            try await souk.advance(days: 5)
            // Refunded after it was paid out, so that the next payout begins below zero; the one after it comes back.
            _ = try await souk.stripe(
                "POST", "/v1/refunds",
                [
                    ("charge", charge), ("amount", "2500"), ("reverse_transfer", "true"),
                    ("refund_application_fee", "true"),
                ]
            ).expecting(200)
            try await souk.sale("order-2", of: seller, amount: 6000)
            let byHand = try await souk.payOut(1000, to: seller, as: "by-hand").expecting(201)
            try await souk.sale("order-3", of: seller, amount: 8000, method: "pm_card_visa")
            try await souk.advance(days: 1)
            let payouts = try await souk.payouts(of: seller)
            #expect(payouts.map { $0["amount"].int } == [9000, 1000, 2150])
            try await souk.fail(try #require(payouts.last?["stripe_payout"].string))
            try await souk.changeBank(of: seller)
            try await souk.advance(days: 7)

            let all = try await souk.payouts(of: seller)
            #expect(all.map { $0["status"].string } == ["paid", "paid", "failed", "paid"])
            #expect(all.map { $0["amount"].int } == [9000, 1000, 2150, 9350])
            let ids = all.compactMap { $0["id"].string }
            try await souk.expect(["sale 9000"], in: ids[0])
            // The oldest that is not paid out yet is what the refund took.
            try await souk.expect(["reversal -2250", "sale 3250"], in: try byHand.string("id"))
            try await souk.expect(["sale 2150"], in: ids[2])
            try await souk.expect(["sale 2150", "sale 7200"], in: ids[3])
            let page = try await souk.call("GET", "/v1/payouts/\(ids[3])/items?limit=1").expecting(200)
            let item = try #require(page["data"].array?.first)
            #expect(page["source"].string == "stripe")
            #expect(page["has_more"].bool == true)
            #expect(item["order_external_id"].string == "order-2")
            #expect(item["gross_amount"].int == 6000)
            #expect(item["application_fee_amount"].int == 600)
            #expect(item["net_amount"].int == 5400)
            try await souk.expectEachRowPaidOutOnce()
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
        }
    }

    @Test(
        "what is not Souk's is listed apart, an instant payout's fee is a part of it, the platform's own is known too")
    func others() async throws {
        try await RunningSouk.with { souk in
            let seller = try await souk.sellerPaidByHand()
            try await souk.payOutByHandOnly()
            try await souk.sale("order-1", of: seller, amount: 5000)
            _ = try await souk.stripe(
                "POST", "/v1/payment_intents",
                [
                    ("amount", "2000"), ("currency", "usd"), ("payment_method", "pm_card_bypassPending"),
                    ("confirm", "true"), ("allowed_payment_method_types[]", "card"),
                ], account: seller.account
            ).expecting(200)
            try await souk.advance(days: 1)
            // The platform bears Stripe's fees. An instant payout costs 1 %, at least 0.50.
            let payout = try await souk.payOut(6000, to: seller, as: "now", method: "instant").expecting(201)
            try await souk.advance(days: 1)
            let id = try payout.string("id")
            try await souk.expect(["sale 5000", "other 1000"], in: id)
            try await souk.sale("order-2", of: seller, amount: 3000)
            // What Stripe took for the first is a part of the second: 20.00 − 10.00 − 0.60 and 30.00 are there.
            let second = try await souk.payOut(3940, to: seller, as: "rest").expecting(201)
            try await souk.advance(days: 1)
            try await souk.expect(["other 1000", "payout_fee -60", "sale 3000"], in: try second.string("id"))
            let apart = try await souk.call("GET", "/v1/payouts/\(id)/items?matched=false").expecting(200)
            #expect(apart["data"].array?.count == 1)
            #expect(apart["unmatched_amount"].int == 1000)
            #expect(apart["unmatched_count"].int == 1)
            #expect(apart["sum_difference"].int == 0)

            _ = try await souk.stripe("POST", "/v1/topups", [("amount", "7000"), ("currency", "usd")]).expecting(200)
            try await souk.advance(days: 1)
            let before = try await souk.call("GET", "/v1/admin/platform_balance").expecting(200)
            let usd = try #require(before["currencies"].array?.first)
            // The platform paid Stripe's fees: 1.75, 0.88 and 1.17.
            #expect(usd["available"].int == 6620)
            #expect(usd["payout_limit"].int == 6620)
            _ = try await souk.stripe("POST", "/v1/payouts", [("amount", "6620"), ("currency", "usd")]).expecting(200)
            try await souk.advance(days: 5)
            let known = try await souk.call("GET", "/v1/payouts").expecting(200)
            let own = try #require(
                known["data"].array?.first { $0["stripe_account"].string == "platform" }?["id"].string)
            let items = try await souk.items(of: own)
            #expect(items.contains("topup 7000"))
            #expect(try await souk.balances()["bank:platform"] == 6620)
            try await souk.expectEachRowPaidOutOnce()
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
        }
    }

    @Test("a schedule goes to Stripe and is shown as Stripe says it; nonsense is refused by name")
    func schedule() async throws {
        try await RunningSouk.with { souk in
            let seller = try await souk.onboardedSeller("shop-1")
            func change(_ schedule: JSON) async throws -> RunningSouk.Answer {
                try await souk.call("POST", "/v1/sellers/\(seller)", ["payout_schedule": schedule])
            }
            let weekly = try await change(["interval": "weekly", "weekly_anchor": "friday", "delay_days": 9])
                .expecting(200)
            #expect(weekly["payout_schedule", "interval"].string == "weekly")
            #expect(weekly["payout_schedule", "weekly_anchor"].string == "friday")
            #expect(weekly["payout_schedule", "delay_days"].int == 9)
            let account = try weekly.string("stripe_account")
            let there = try await souk.stripe("GET", "/v1/accounts/\(account)").expecting(200)
            #expect(there["settings", "payouts", "schedule", "weekly_anchor"].string == "friday")
            let monthly = try await change(["interval": "monthly", "monthly_anchor": 31]).expecting(200)
            #expect(monthly["payout_schedule", "monthly_anchor"].int == 31)
            let refusals: [(JSON, String)] = [
                (["interval": "hourly"], "payout_schedule.interval"),
                (["interval": "weekly"], "payout_schedule.weekly_anchor"),
                (["interval": "weekly", "weekly_anchor": "sunday"], "payout_schedule.weekly_anchor"),
                (["interval": "daily", "monthly_anchor": 1], "payout_schedule.monthly_anchor"),
                (["interval": "monthly", "monthly_anchor": 32], "payout_schedule.monthly_anchor"),
                (["interval": "manual", "delay_days": 40], "payout_schedule.delay_days"),
            ]
            for (schedule, parameter) in refusals {
                let refused = try await change(schedule)
                #expect(refused.status == 400 && refused["error", "param"].string == parameter, "\(refused)")
            }
            // Stripe's own reason: a delay that the country does not allow.
            let short = try await change(["interval": "daily", "delay_days": 1])
            #expect(short["error", "code"].string == "stripe_refused", "\(short)")
            try await souk.refuse("POST /v1/accounts/*", status: 500)
            let waiting = try await change(["interval": "manual"]).expecting(200)
            #expect(waiting["operation", "kind"].string == "update_payout_schedule")
            let other = try await change(["interval": "daily"])
            #expect(other["error", "code"].string == "illegal_transition", "\(other)")
            _ = try await souk.control("DELETE", "/faults").expecting(200)
            try await souk.advance(days: 1)
            let manual = try await souk.call("GET", "/v1/sellers/\(seller)").expecting(200)
            #expect(manual["payout_schedule", "interval"].string == "manual")
            #expect(manual["operation"] == .null)
        }
    }

    @Test("a balance below zero is filled from the seller's bank, and falls again if the bank takes it back")
    func debitOfTheBank() async throws {
        try await RunningSouk.with { souk in
            let seller = try await souk.sellerPaidByHand()
            let charge = try await souk.sale("order-1", of: seller, amount: 5000)
            let payout = try await souk.payOut(5000, to: seller, as: "first").expecting(201)
            try await souk.advance(days: 5)
            let nothing = try await souk.control("POST", "/accounts/\(seller.account)/debit")
            #expect(nothing.status == 400, "\(nothing)")
            _ = try await souk.stripe(
                "POST", "/v1/refunds", [("charge", charge), ("amount", "2000"), ("reverse_transfer", "true")]
            ).expecting(200)
            try await souk.settle()
            #expect(try await souk.balances()["seller:\(seller.id):funds"] == -2000)

            _ = try await souk.control("POST", "/accounts/\(seller.account)/debit").expecting(200)
            try await souk.settle()
            // It has left the bank, as far as Stripe knows, and may come back.
            #expect(try await souk.balances()["stripe:\(seller.account)"] == 0)
            #expect(try await souk.balances()["transit:\(seller.account)"] == -2000)
            #expect(try await souk.balances()["seller:\(seller.id):funds"] == -2000)
            try await souk.expectSoundBooks()
            try await souk.advance(days: 5)
            let payouts = try await souk.payouts(of: seller)
            #expect(payouts.map { $0["amount"].int } == [5000, -2000])
            #expect(payouts.map { $0["status"].string } == ["paid", "paid"])
            let debit = try #require(payouts.last?["id"].string)
            try await souk.expect(["reversal -2000"], in: debit)
            try await souk.expect(["sale 5000"], in: try payout.string("id"))
            #expect(try await souk.balances()["seller:\(seller.id):funds"] == 0)
            try await souk.expectEachRowPaidOutOnce()
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()

            try await souk.fail(try #require(payouts.last?["stripe_payout"].string))
            #expect(try await souk.balances()["seller:\(seller.id):funds"] == -2000)
            #expect(try await souk.balances()["stripe:\(seller.account)"] == -2000)
            let blocked = try await souk.payOut(100, to: seller, as: "second")
            #expect(blocked["error", "code"].string == "payout_blocked", "\(blocked)")
            let released = try await souk.call("GET", "/v1/payouts/\(debit)/items").expecting(200)
            #expect(released["released"].bool == true)
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
        }
    }

    @Test("a held seller, a rejected one and one without a bank account for the currency are not paid out")
    func obstacles() async throws {
        try await RunningSouk.with { souk in
            let seller = try await souk.sellerPaidByHand()
            try await souk.sale("order-1", of: seller, amount: 5000)
            func code() async throws -> String? {
                let refused = try await souk.payOut(100, to: seller, as: "never")
                return refused["error", "code"].string
            }
            _ = try await souk.call(
                "POST", "/v1/sellers/\(seller.id)/hold", ["held": true, "reason": "identity under review"]
            ).expecting(200)
            #expect(try await code() == "seller_not_ready")
            _ = try await souk.call("POST", "/v1/sellers/\(seller.id)/hold", ["held": false]).expecting(200)
            // The books know of less than Stripe has: somebody must look first.
            try await TestDatabase.current.postgres.execute(
                "UPDATE ledger_accounts SET balance_minor = -99 WHERE code = 'seller:' || \(seller.id) || ':funds'")
            #expect(try await code() == "payout_blocked")
            _ = try await souk.call("POST", "/v1/sellers/\(seller.id)/reject", ["reason": "other"]).expecting(200)
            #expect(try await code() == "seller_not_ready")
            #expect(try await souk.payouts(of: seller).isEmpty)
        }
    }

    @Test("a payout that Stripe refuses is failed and never was; the same external_id may ask again")
    func refusedByStripe() async throws {
        try await RunningSouk.with { souk in
            let seller = try await souk.sellerPaidByHand()
            try await souk.sale("order-1", of: seller, amount: 5000)
            // A bank account that takes no instant payouts.
            _ = try await souk.stripe(
                "POST", "/v1/accounts/\(seller.account)/external_accounts",
                [
                    ("external_account[object]", "bank_account"), ("external_account[country]", "US"),
                    ("external_account[currency]", "usd"), ("external_account[account_number]", "000888888883"),
                    ("external_account[routing_number]", "110000000"), ("default_for_currency", "true"),
                ]
            ).expecting(200)
            try await souk.settle()
            let refused = try await souk.payOut(5000, to: seller, as: "first", method: "instant")
            #expect(refused["error", "code"].string == "stripe_refused", "\(refused)")
            let trace = try #require(try await souk.payouts(of: seller).first)
            #expect(trace["status"].string == "failed")
            #expect(trace["stripe_payout"] == .null)
            #expect(trace["failure_code"].string == "instant_payouts_unsupported")
            let made = try await souk.payOut(4000, to: seller, as: "first").expecting(201)
            #expect(made["id"] == trace["id"])
            try await souk.advance(days: 5)
            #expect(try await souk.payouts(of: seller).map { $0["status"].string } == ["paid"])
            try await souk.expectEachRowPaidOutOnce()
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
        }
    }

    @Test("a payout that is wrong on either side is found by its id, and a row that is paid out twice by the books")
    func reconciled() async throws {
        try await RunningSouk.with { souk in
            let seller = try await souk.sellerPaidByHand()
            try await souk.sale("order-1", of: seller, amount: 5000)
            let payout = try await souk.payOut(5000, to: seller, as: "first").expecting(201)
            try await souk.advance(days: 5)
            let (ours, stripes) = (try payout.string("id"), try payout.string("stripe_payout"))
            #expect(try await souk.findings(of: "payouts").isEmpty)

            let tables = ["postings", "journal_entries", "payout_items", "payouts"]
            let postgres = TestDatabase.current.postgres
            for table in tables {
                try await postgres.execute(PostgresQuery(unescaped: "CREATE TABLE kept_\(table) AS TABLE \(table)"))
            }
            func aroundTriggers(_ script: String) async throws {
                try await postgres.withConnection { connection in
                    try await connection.executeScript("SET session_replication_role = replica; \(script)")
                    try await connection.executeScript("RESET session_replication_role")
                }
            }
            let entry = "(SELECT id FROM journal_entries WHERE cause = 'payout_created:\(stripes)')"
            let wrongs: [(sql: String, finding: String)] = [
                ("DELETE FROM payouts", "missing_in_ledger \(stripes)"),
                ("UPDATE payouts SET amount_minor = 4999", "amount_mismatch \(stripes)"),
                ("UPDATE payouts SET currency = 'eur'", "currency_mismatch \(stripes)"),
                ("UPDATE payouts SET status = 'in_transit'", "state_mismatch \(stripes)"),
                (
                    "DELETE FROM postings WHERE entry_id = \(entry); DELETE FROM journal_entries WHERE id = \(entry)",
                    "missing_in_ledger \(stripes)"
                ),
                ("UPDATE payout_items SET amount_minor = 4000", "amount_mismatch \(stripes)"),
                (
                    """
                    INSERT INTO payouts (id, stripe_id, origin, stripe_account, status, currency, amount_minor, automatic,
                        method, arrives_at, created_at, updated_at)
                    SELECT 'pay_made', 'po_made', 'stripe', stripe_account, 'paid', 'usd', 5, false, 'standard', now(), now(),
                        now() FROM payouts
                    """, "missing_at_stripe po_made"
                ),
            ]
            for wrong in wrongs {
                try await aroundTriggers(wrong.sql)
                #expect(try await souk.findings(of: "payouts") == [wrong.finding], "\(wrong.sql)")
                try await aroundTriggers(
                    tables.map { "DELETE FROM \($0); INSERT INTO \($0) TABLE kept_\($0)" }.joined(separator: "; "))
            }
            try await aroundTriggers("UPDATE payout_items SET amount_minor = 5001 WHERE payout_id = '\(ours)'")
            let proof = try await souk.call("GET", "/v1/ledger/proof").expecting(200)
            #expect(proof["faults"].array?.map { $0["kind"].string } == ["row_paid_out_twice"], "\(proof)")
            try await aroundTriggers("UPDATE payout_items SET amount_minor = 5000")

            let changes: [(set: JSON, back: JSON, finding: String)] = [
                (["amount": 4999], ["amount": 5000], "amount_mismatch \(stripes)"),
                (["currency": "eur"], ["currency": "usd"], "currency_mismatch \(stripes)"),
                (["status": "failed"], ["status": "paid"], "state_mismatch \(stripes)"),
            ]
            for change in changes {
                _ = try await souk.control("POST", "/objects/\(stripes)/alter", ["set": change.set]).expecting(200)
                #expect(try await souk.findings(of: "payouts") == [change.finding], "\(change.finding)")
                _ = try await souk.control("POST", "/objects/\(stripes)/alter", ["set": change.back]).expecting(200)
            }
            _ = try await souk.control("POST", "/objects/\(stripes)/remove").expecting(200)
            #expect(try await souk.findings(of: "payouts") == ["missing_at_stripe \(stripes)"])
        }
    }

    @Test("the end of a payout whose event was lost is asked for after the day of arrival")
    func sweep() async throws {
        try await RunningSouk.withTemporaryFolder { folder in
            try await RunningSouk.withHeldWorkers(in: folder) { souk, makeWorkers in
                let workers = makeWorkers()
                func settle() async throws {
                    _ = try await souk.control("POST", "/settle").expecting(200)
                    while try await workers.workOnDue() > 0 {
                        _ = try await souk.control("POST", "/settle").expecting(200)
                    }
                }
                let seller = try await souk.call(
                    "POST", "/v1/sellers",
                    ["external_id": "shop-1", "email": "a@example.com", "country": "US", "business_type": "individual"]
                ).expecting(201)
                let account = try seller.string("stripe_account")
                _ = try await souk.control("POST", "/accounts/\(account)/onboard", ["outcome": "complete"])
                    .expecting(200)
                try await souk.waitForNoon()
                try await settle()
                let order = try await souk.placeOrder("order-1", seller: try seller.string("id"), amount: 5000)
                _ = try await souk.pay(order, with: "pm_card_bypassPending").expecting(200)
                _ = try await souk.control("POST", "/clock/advance", ["seconds": 86_400]).expecting(200)
                try await settle()
                let before = try await souk.call("GET", "/v1/payouts").expecting(200)
                #expect(before["data"].array?.first?["status"].string != "paid", "\(before)")
                #expect(before["data"].array?.count == 1)
                _ = try await souk.control("PUT", "/faults", ["webhooks": ["lose": 1]]).expecting(200)
                _ = try await souk.control("POST", "/clock/advance", ["seconds": .int(4 * 86_400)]).expecting(200)
                try await settle()
                let after = try await souk.call("GET", "/v1/payouts").expecting(200)
                #expect(after["data"].array?.first?["status"].string == "paid", "\(after)")
            }
        }
    }
}

extension RunningSouk {
    struct PaidSeller: Sendable {
        let id: String
        let account: String
    }

    /// A seller whose payouts are made on request only.
    fileprivate func sellerPaidByHand() async throws -> PaidSeller {
        let id = try await onboardedSeller("shop-1")
        let seller = try await call("POST", "/v1/sellers/\(id)", ["payout_schedule": ["interval": "manual"]])
            .expecting(200)
        #expect(seller["payout_schedule", "interval"].string == "manual")
        return PaidSeller(id: id, account: try seller.string("stripe_account"))
    }

    /// A paid order, whose money is available at once unless another method is given.
    /// - Returns: Stripe's id of the charge.
    @discardableResult
    fileprivate func sale(
        _ externalID: String, of seller: PaidSeller, amount: Int, method: String = "pm_card_bypassPending"
    ) async throws -> String {
        let order = try await placeOrder(externalID, seller: seller.id, amount: amount)
        _ = try await pay(order, with: method).expecting(200)
        try await settle()
        let paid = try await call("GET", "/v1/orders/\(try order.string("id"))").expecting(200)
        return try await stripe("GET", "/v1/payment_intents/\(try paid.string("payment_intent"))").expecting(200)
            .string("latest_charge")
    }

    func payOut(
        _ amount: Int, to seller: PaidSeller, as externalID: String, method: String = "standard"
    ) async throws -> Answer {
        try await call(
            "POST", "/v1/sellers/\(seller.id)/payouts",
            [
                "amount": .int(amount), "currency": "usd", "method": .string(method),
                "external_id": .string(externalID), "metadata": ["shop": "7"],
            ])
    }

    fileprivate func advance(days: Int) async throws {
        try await settle()
        _ = try await control("POST", "/clock/advance", ["seconds": .int(days * 86_400)]).expecting(200)
        try await settle()
    }

    fileprivate func fail(_ payout: String) async throws {
        _ = try await control(
            "POST", "/payouts/\(payout)/fail", ["failure_code": "account_closed", "after_paid": true]
        ).expecting(200)
        try await settle()
    }

    /// From now on Stripe pays nothing out of the balance by itself: the platform's, or that of a connected account.
    func payOutByHandOnly(_ account: String? = nil) async throws {
        _ = try await stripe(
            "POST", "/v1/balance_settings", [("payments[payouts][schedule][interval]", "manual")], account: account
        ).expecting(200)
    }

    /// Stripe pays out at one in the morning: a day from noon to noon has one such moment.
    func waitForNoon() async throws {
        let now = try #require(try await control("GET", "/clock").expecting(200)["now"].int)
        let toNoon = 86_400 - (now - 43_200) % 86_400
        _ = try await control("POST", "/clock/advance", ["seconds": .int(toNoon)]).expecting(200)
    }

    /// As the seller does in Stripe's dashboard.
    fileprivate func changeBank(of seller: PaidSeller) async throws {
        _ = try await stripe(
            "POST", "/v1/accounts/\(seller.account)/external_accounts",
            [("external_account", "btok_us_verified"), ("default_for_currency", "true")]
        ).expecting(200)
        try await settle()
    }

    /// Oldest first.
    fileprivate func payouts(of seller: PaidSeller) async throws -> [JSON] {
        let list = try await call("GET", "/v1/payouts?seller=\(seller.id)&limit=100").expecting(200)
        return (list["data"].array ?? []).sorted { ($0["created"].int ?? 0) < ($1["created"].int ?? 0) }
    }

    fileprivate func announced(_ type: String) async throws -> Int {
        let list = try await call("GET", "/v1/events?type=\(type)&limit=100").expecting(200)
        return list["data"].array?.count ?? 0
    }

    func expect(_ parts: [String], in payout: String) async throws {
        let items = try await items(of: payout)
        #expect(items == parts)
    }

    /// A payout's items, read page by page: they sum to it.
    fileprivate func items(of payout: String) async throws -> [String] {
        var items: [JSON] = []
        while true {
            let after = items.last?["id"].string.map { "&starting_after=\($0)" } ?? ""
            let page = try await call("GET", "/v1/payouts/\(payout)/items?limit=1\(after)").expecting(200)
            #expect(page["status"].string == "complete", "\(page)")
            #expect(page["sum_difference"].int == 0, "\(page)")
            items += page["data"].array ?? []
            guard page["has_more"].bool == true else {
                #expect(items.reduce(0) { $0 + ($1["amount"].int ?? 0) } == page["amount"].int, "\(items)")
                break
            }
        }
        return items.map { "\($0["type"].string ?? "") \($0["amount"].int ?? 0)" }
    }

    /// Each row that Stripe booked is in one payout that did not come back, or unpaid; of a divided row both parts are known.
    fileprivate func expectEachRowPaidOutOnce() async throws {
        let rows = try await TestDatabase.current.postgres.query(
            """
            SELECT b.stripe_account || ' ' || b.id AS row, b.net_minor AS net, b.category,
                count(i.payout_id) AS payouts, coalesce(sum(i.amount_minor), 0)::bigint AS taken
            FROM balance_transactions b
            LEFT JOIN (
                payout_items i JOIN payouts p ON p.id = i.payout_id AND p.status NOT IN ('failed', 'canceled')
            ) ON i.stripe_account = b.stripe_account AND i.transaction_id = b.id
            GROUP BY b.stripe_account, b.id
            """)
        for row in rows {
            let (name, net): (String, Int64) = (try row.get("row"), try row.get("net"))
            let (payouts, taken): (Int64, Int64) = (try row.get("payouts"), try row.get("taken"))
            if try row.get("category", as: String.self).hasPrefix("payout") { continue }
            #expect(taken == 0 || taken == net || (taken > 0) == (net > 0) && abs(taken) < abs(net), "\(name)")
            #expect(payouts <= 1 || taken <= net, "\(name) is in \(payouts) payouts")
            #expect(payouts > 0 || taken == 0)
        }
    }
}

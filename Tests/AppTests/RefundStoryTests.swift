import Foundation
import Postgres
import TestSupport
import Testing

/// Refunds through the API on a whole Souk and its sandbox: exact balances on both sides, as worked in
/// docs/money-flows.md.
@Suite(.database, .serialized) struct RefundStoryTests {
    @Test(
        "the whole of 100.00: the platform has lost Stripe's fee, the seller has nothing left", arguments: Form.allCases
    )
    func whole(form: Form) async throws {
        try await RunningSouk.with { souk in
            try await souk.choose(form)
            let sale = try await souk.paidSale()
            let preview = try await souk.preview(sale)
            #expect(preview["calls"].array?.count == 1)
            let refund = try await souk.refund(sale).expecting(201)
            #expect(refund["operations"].array?.count == 1)
            try await souk.settle()
            try await souk.expect(platform: -320, seller: 0, of: sale)
            #expect(
                try await souk.call("GET", "/v1/orders/\(sale.order)").expecting(200)["status"].string == "refunded")
            try await souk.expectKept(preview, by: try refund.string("id"))
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
            #expect(try await souk.madeAtStripe().isEmpty)
        }
    }

    @Test(
        "25.00 of 100.00: 4.30 stays with the platform and 67.50 with the seller; then the rest",
        arguments: Form.allCases)
    func part(form: Form) async throws {
        try await RunningSouk.with { souk in
            try await souk.choose(form)
            let sale = try await souk.paidSale()
            let preview = try await souk.preview(sale, ["amount": 2500])
            let refund = try await souk.refund(sale, ["amount": 2500]).expecting(201)
            try await souk.settle()
            try await souk.expect(platform: 430, seller: 6750, of: sale)
            try await souk.expectKept(preview, by: try refund.string("id"))
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
            let rest = try await souk.preview(sale)
            let second = try await souk.refund(sale).expecting(201)
            try await souk.settle()
            try await souk.expect(platform: -320, seller: 0, of: sale)
            try await souk.expectKept(rest, by: try second.string("id"))
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
            #expect(try await souk.madeAtStripe().isEmpty)
        }
    }

    @Test("right after the payment, before Stripe has told its transfer: the seller's part follows")
    func atOnce() async throws {
        try await RunningSouk.with { souk in
            _ = try await souk.control("PUT", "/behaviour", ["enrichment_milliseconds": 3000]).expecting(200)
            let seller = try await souk.onboardedSeller("shop-1")
            _ = try await souk.call(
                "POST", "/v1/fee_policies", ["scope": "default", "currency": "usd", "percent_bps": 1000]
            ).expecting(201)
            let order = try await souk.placeOrder("order-1", seller: seller, amount: 10_000)
            _ = try await souk.pay(order).expecting(200)
            let id = try order.string("id")
            try await eventually("the order is paid", atMost: .seconds(20)) {
                try await souk.call("GET", "/v1/orders/\(id)").expecting(200)["status"].string == "paid"
            }
            _ = try await souk.call("POST", "/v1/orders/\(id)/refunds", ["amount": 2500]).expecting(201)
            try await souk.readBalances()
            #expect(try await souk.balances()["seller:\(seller):funds"] == 6750)
            #expect(try await souk.balances()["stripe:platform"] == 430)
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
        }
    }

    @Test(
        "after the seller was paid out: the buyer has the money, and the seller's next sale brings it back"
    )
    func afterPayout() async throws {
        try await RunningSouk.with { souk in
            _ = try await souk.control("PUT", "/behaviour", ["reversal": "strict"]).expecting(200)
            let sale = try await souk.paidSale()
            _ = try await souk.control("POST", "/clock/advance", ["seconds": .int(14 * 86_400)]).expecting(200)
            try await souk.settle()
            #expect(try await souk.balances()["seller:\(sale.seller):funds"] == 0)
            // What comes to the seller from now on stays there, whatever the hour of the day.
            _ = try await souk.stripe(
                "POST", "/v1/accounts/\(sale.account)", [("settings[payouts][schedule][interval]", "manual")]
            ).expecting(200)
            let refund = try await souk.refund(sale).expecting(201)
            #expect(refund["status"].string == "succeeded")
            try await souk.settle()
            let id = try refund.string("id")
            let held = try await souk.call("GET", "/v1/refunds/\(id)").expecting(200)["operations"].array?.last
            #expect(held?["kind"].string == "reverse_transfer")
            #expect(held?["state"].string == "held")
            // The fee went back to the seller first, and is owed with the rest.
            #expect(try await souk.balances()["seller:\(sale.seller):receivable"] == 10_000)
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
            // The seller sells again, and the reversal goes by itself.
            let order = try await souk.placeOrder("order-2", seller: sale.seller, amount: 20_000)
            _ = try await souk.pay(order, with: "pm_card_bypassPending").expecting(200)
            try await souk.readBalances()
            #expect(try await souk.balances()["seller:\(sale.seller):receivable"] == 0)
            #expect(
                try await souk.call("GET", "/v1/refunds/\(id)").expecting(200)["operations"].array?.last?["state"]
                    .string
                    == "succeeded")
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
        }
    }

    @Test("sent back by the bank, given up and refunded again: the seller pays once, and the books equal Stripe")
    func failedThenAgain() async throws {
        try await RunningSouk.with { souk in
            let sale = try await souk.paidSale()
            let refund = try await souk.refund(sale, ["amount": 4000]).expecting(201)
            try await souk.settle()
            let stripe = try await souk.call("GET", "/v1/refunds/\(try refund.string("id"))").expecting(200)
                .string("stripe_refund")
            _ = try await souk.control("POST", "/refunds/\(stripe)/fail").expecting(200)
            try await souk.readBalances()
            #expect(try await souk.balances()["buyer:refunds_due"] == 4000)
            let tooMuch = try await souk.refund(sale, ["amount": 6001])
            #expect(tooMuch["error", "code"].string == "amount_too_large")
            _ = try await souk.call(
                "POST", "/v1/refunds/\(try refund.string("id"))/settle",
                ["outcome": "given_up", "reason": "the card is closed; refunded to another"]
            ).expecting(200)
            try await souk.expectSoundBooks()
            _ = try await souk.refund(sale, ["amount": 4000]).expecting(201)
            try await souk.settle()
            // 6.80 less the fee's 4.00; the seller has 54.00.
            try await souk.expect(platform: 280, seller: 5400, of: sale)
            #expect(try await souk.balances()["buyer:refunds_due"] == 0)
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
        }
    }

    @Test("paid otherwise and then refunded in Stripe's Dashboard too: what exceeds the order is the platform's loss")
    func paidTwice() async throws {
        try await RunningSouk.with { souk in
            let sale = try await souk.paidSale()
            let refund = try await souk.refund(sale, ["amount": 4000]).expecting(201)
            try await souk.settle()
            let id = try refund.string("id")
            let stripe = try await souk.call("GET", "/v1/refunds/\(id)").expecting(200).string("stripe_refund")
            _ = try await souk.control("POST", "/refunds/\(stripe)/fail").expecting(200)
            try await souk.readBalances()
            _ = try await souk.call(
                "POST", "/v1/refunds/\(id)/settle", ["outcome": "paid_otherwise", "reason": "by bank transfer"]
            ).expecting(200)
            _ = try await souk.stripe("POST", "/v1/refunds", [("charge", sale.charge), ("amount", "7500")])
                .expecting(200)
            try await souk.settle()
            try await souk.readBalances()
            let balances = try await souk.balances()
            #expect(balances["loss:refunds"] == 1500)
            #expect(balances["buyer:refunds_due"] == 0)
            #expect(balances["bank:platform"] == -4000)
            let order = try await souk.call("GET", "/v1/orders/\(sale.order)").expecting(200)
            #expect(order["amount_refunded"].int == 6000)
            let refunds =
                try await souk.call("GET", "/v1/orders/\(sale.order)/refunds").expecting(200)["data"].array ?? []
            #expect(Set(refunds.map { $0["excess"].int }) == [0, 1500])
            try await souk.expectSoundBooks()
            // Until the bank sends this one back too: then all of it is due to the buyer.
            let again = try #require(refunds.first { $0["excess"].int == 1500 }?["stripe_refund"].string)
            _ = try await souk.control("POST", "/refunds/\(again)/fail").expecting(200)
            try await souk.readBalances()
            #expect(try await souk.balances()["buyer:refunds_due"] == 7500)
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
        }
    }

    @Test("of several sellers, before anything was transferred: one call, and each seller is owed less by their part")
    func separate() async throws {
        try await RunningSouk.with { souk in
            let sale = try await souk.paidSeparateSale(release: ["on": "fulfilment"])
            let path = "/v1/orders/\(sale.order)/refunds"
            let preview = try await souk.call("POST", path + "/preview", ["amount": 5000]).expecting(200)
            #expect(preview["calls"].array?.map { $0["kind"].string } == ["refund_charge"])
            #expect(preview["sellers"].array?.map { $0["from_payable"].int } == [3150, 1350])
            _ = try await souk.call("POST", path, ["amount": 5000]).expecting(201)
            try await souk.settle()
            var balances = try await souk.balances()
            #expect(balances["seller:\(sale.sellers[0]):payable"] == 3150)
            #expect(balances["seller:\(sale.sellers[1]):payable"] == 1350)
            #expect(balances["stripe:platform"] == 4680)
            try await souk.expectSoundBooks()
            // One that the bank sends back and that is given up: everyone is owed again what it took.
            let lines = try await souk.call("GET", "/v1/orders/\(sale.order)").expecting(200)["lines"].array ?? []
            let line = try #require(lines.first?["id"].string)
            let second = try await souk.call("POST", path, ["lines": [["line": .string(line), "amount": 1000]]])
                .expecting(201)
            try await souk.settle()
            #expect(try await souk.balances()["seller:\(sale.sellers[0]):payable"] == 2250)
            _ = try await souk.control("POST", "/refunds/\(try second.string("stripe_refund"))/fail").expecting(200)
            try await souk.readBalances()
            _ = try await souk.call(
                "POST", "/v1/refunds/\(try second.string("id"))/settle", ["outcome": "given_up", "reason": "kept it"]
            ).expecting(200)
            #expect(try await souk.balances()["seller:\(sale.sellers[0]):payable"] == 3150)
            try await souk.expectSoundBooks()
            _ = try await souk.call("POST", path).expecting(201)
            try await souk.settle()
            balances = try await souk.balances()
            #expect(balances["seller:\(sale.sellers[0]):payable"] == 0)
            #expect(balances["seller:\(sale.sellers[1]):payable"] == 0)
            #expect(balances["stripe:platform"] == -320)
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
        }
    }

    @Test("a disputed charge: 409, and nothing half done")
    func disputed() async throws {
        try await RunningSouk.with { souk in
            let sale = try await souk.paidSale()
            _ = try await souk.control("POST", "/charges/\(sale.charge)/dispute", ["reason": "fraudulent"]).expecting(
                200)
            try await souk.settle()
            let refused = try await souk.refund(sale, ["amount": 1000]).expecting(409)
            #expect(refused["error", "code"].string == "charge_disputed")
            try await souk.settle()
            #expect(try await souk.balances()["revenue:application_fees"] == 1000)
            #expect(try await souk.balances()["seller:\(sale.seller):funds"] == 9000)
            let charge = try await souk.stripeCharge(sale)
            #expect(charge["amount_refunded"].int == 0)
        }
    }

    /// How the fee comes back in the seller's balance, which Stripe does not publish.
    enum Form: String, CaseIterable {
        case negativeFee = "negative_fee"
        case separateRow = "separate_row"
    }
}

extension RunningSouk {
    func choose(_ form: RefundStoryTests.Form) async throws {
        _ = try await control("PUT", "/behaviour", ["fee_refund_row": .string(form.rawValue)]).expecting(200)
    }

    func refund(_ sale: PaidSale, _ body: JSON = [:]) async throws -> Answer {
        try await call("POST", "/v1/orders/\(sale.order)/refunds", body)
    }

    func preview(_ sale: PaidSale, _ body: JSON = [:]) async throws -> Answer {
        try await call("POST", "/v1/orders/\(sale.order)/refunds/preview", body).expecting(200)
    }

    /// Both balances, as the books and as Stripe have them, and every clearing account zero.
    func expect(platform: Int, seller: Int, of sale: PaidSale) async throws {
        let balances = try await balances()
        #expect(balances["stripe:platform"] == platform)
        #expect(balances["stripe:\(sale.account)"] == seller)
        #expect(balances["seller:\(sale.seller):funds"] == seller)
        #expect(balances["seller:\(sale.seller):receivable"] ?? 0 == 0)
        for (code, balance) in balances where code.hasPrefix("clearing:") { #expect(balance == 0, "\(code)") }
        let books = try await control("GET", "/books").expecting(200)
        for account in books["accounts"].array ?? [] {
            let total = account["balances"]["usd"]["total"].int ?? 0
            if account["is_platform"].bool == true { #expect(total == platform) }
            if account["account"].string == sale.account { #expect(total == seller) }
        }
    }

    /// What was told before is what then happened.
    func expectKept(_ preview: Answer, by refund: String) async throws {
        let made = try await call("GET", "/v1/refunds/\(refund)").expecting(200)
        for field in ["amount", "platform_fee", "tax", "platform_sales", "platform_discount"] {
            #expect(made[field] == preview[field], "\(field)")
        }
        #expect(made["seller_amount"] == preview["sellers"].array?.first?["amount"])
        #expect(made["lines"] == preview["lines"])
        let kinds = made["operations"].array?.compactMap { $0["kind"].string }
        #expect(kinds == preview["calls"].array?.compactMap { $0["kind"].string })
        let rows = try await TestDatabase.current.postgres.query(
            """
            SELECT (SELECT coalesce(sum(amount_minor), 0)::bigint FROM fee_refunds WHERE refund_id = \(refund)) AS fee,
                (SELECT coalesce(sum(amount_minor), 0)::bigint FROM transfer_reversals WHERE refund_id = \(refund))
                    AS reversal
            """)
        let row = try #require(rows.first)
        let calls = preview["calls"].array ?? []
        func told(_ kind: String) -> Int? { calls.first { $0["kind"].string == kind }?["amount"].int }
        let isOneCall = calls.count == 1
        let amount = made["amount"].int ?? 0
        let (fee, reversal): (Int64, Int64) = (try row.get("fee"), try row.get("reversal"))
        #expect(Int(fee) == told("refund_application_fee") ?? (isOneCall ? made["platform_fee"].int : 0))
        #expect(Int(reversal) == told("reverse_transfer") ?? (isOneCall ? amount : 0))
    }
}

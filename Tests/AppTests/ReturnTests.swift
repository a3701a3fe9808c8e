import Foundation
import Postgres
import TestSupport
import Testing

/// Money that goes back after sellers were paid: their transfers are reversed, and what turns out to be theirs goes to them
/// again by itself.
@Suite(.database, .serialized) struct ReturnTests {
    @Test("a part after the release: each seller's share comes out of that seller's transfer, then the rest")
    func afterRelease() async throws {
        try await RunningSouk.with { souk in
            let sale = try await souk.paidSeparateSale()
            let path = "/v1/orders/\(sale.order)/refunds"
            let preview = try await souk.call("POST", path + "/preview", ["amount": 5000]).expecting(200)
            #expect(preview["sellers"].array?.map { $0["from_payable"].int } == [0, 0])
            #expect(preview["sellers"].array?.map { $0["from_transferred"].int } == [3150, 1350])
            let calls = try #require(preview["calls"].array)
            #expect(calls.map { $0["kind"].string } == ["refund_charge", "reverse_transfer", "reverse_transfer"])
            #expect(Set(calls.dropFirst().map { $0["amount"].int }) == [3150, 1350])
            let refund = try await souk.call("POST", path, ["amount": 5000]).expecting(201)
            #expect(refund["operations"].array?.map { $0["state"].string } == ["succeeded", "held", "held"])
            try await souk.settle()
            try await souk.expectShares([3150, 1350], platform: 180, of: sale)
            let group = try await souk.call("GET", "/v1/transfer_groups/\(sale.order)").expecting(200)
            #expect(Set(group["reversals"].array?.map { $0["amount"].int } ?? []) == [3150, 1350])
            #expect(group["settled"].bool == true, "\(group)")

            _ = try await souk.call("POST", path).expecting(201)
            try await souk.settle()
            try await souk.expectShares([0, 0], platform: -320, of: sale)
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
            #expect(try await souk.madeAtStripe().isEmpty)
        }
    }

    @Test("half released: what is still with the platform is taken from there, and only the rest is reversed")
    func halfReleased() async throws {
        try await RunningSouk.with { souk in
            let sale = try await souk.paidSeparateSale(release: ["on": "fulfilment"])
            _ = try await souk.release(sale.order, ["seller": .string(sale.sellers[0])]).expecting(201)
            try await souk.settle()
            let path = "/v1/orders/\(sale.order)/refunds"
            let preview = try await souk.call("POST", path + "/preview").expecting(200)
            #expect(preview["sellers"].array?.map { $0["from_payable"].int } == [0, 2700])
            #expect(preview["sellers"].array?.map { $0["from_transferred"].int } == [6300, 0])
            _ = try await souk.call("POST", path).expecting(201)
            try await souk.settle()
            try await souk.expectShares([0, 0], platform: -320, of: sale)
            #expect(try await souk.balances()["seller:\(sale.sellers[1]):payable"] == 0)
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
        }
    }

    @Test("a return and a reversal that Stripe refuses both for want of balance leave each other alone")
    func bothShort() async throws {
        try await RunningSouk.with { souk in
            _ = try await souk.control("PUT", "/behaviour", ["reversal": "strict"]).expecting(200)
            let seller = try await souk.onboardedSeller("shop-1")
            let order = try await souk.call(
                "POST", "/v1/orders",
                [
                    "external_id": "order-1", "currency": "usd", "dispute_bearer": "seller",
                    "lines": [["seller": .string(seller), "unit_amount": 10_000]],
                ]
            ).expecting(201)
            _ = try await souk.pay(order, with: "pm_card_bypassPending").expecting(200)
            try await souk.settle()
            let id = try order.string("id")
            let charge = try await souk.call("GET", "/v1/orders/\(id)").expecting(200).string("charge")
            let dispute = try await souk.control("POST", "/charges/\(charge)/dispute", ["amount": 4000])
                .expecting(200).string("id")
            try await souk.settle()
            // The rest goes to the seller's bank, and the platform's to its own.
            _ = try await souk.control("POST", "/clock/advance", ["seconds": .int(3 * 86_400)]).expecting(200)
            try await souk.settle()
            for outcome in ["lost", "won"] {
                _ = try await souk.control("POST", "/disputes/\(dispute)/resolve", ["outcome": .string(outcome)])
                    .expecting(200)
                try await souk.settle()
            }
            _ = try await souk.call("POST", "/v1/orders/\(id)/refunds", ["amount": 3000]).expecting(201)
            try await souk.settle()
            let rows = try await TestDatabase.current.postgres.query(
                """
                SELECT kind, state, attempt FROM stripe_operations
                WHERE state = 'held' AND kind IN ('create_transfer', 'reverse_transfer') ORDER BY kind
                """)
            #expect(try rows.map { try $0.get("kind", as: String.self) } == ["create_transfer", "reverse_transfer"])
            let attempts = try rows.map { try $0.get("attempt", as: Int32.self) }
            #expect(attempts.allSatisfy { $0 <= 3 }, "\(attempts)")
            // What is owed to the seller is not there: that, and nothing else, is an alarm.
            let proof = try await souk.call("GET", "/v1/ledger/proof").expecting(200)
            #expect(proof["faults"].array?.map { $0["kind"].string } == ["platform_cash_short"], "\(proof)")
        }
    }

    @Test("two transfers to one seller: each line's part comes out of the transfer that moved it")
    func twoTransfers() async throws {
        try await RunningSouk.with { souk in
            let seller = try await souk.twoSellers()[0]
            let order = try await souk.call(
                "POST", "/v1/orders",
                [
                    "external_id": "order-1", "currency": "usd", "release": ["on": "fulfilment"],
                    "lines": [
                        ["seller": .string(seller), "unit_amount": 4000],
                        ["seller": .string(seller), "unit_amount": 6000],
                    ],
                ]
            ).expecting(201)
            _ = try await souk.pay(order).expecting(200)
            try await souk.settle()
            let id = try order.string("id")
            let lines = try #require(order["lines"].array?.compactMap { $0["id"].string })
            for line in lines {
                _ = try await souk.release(id, ["lines": [.string(line)]]).expecting(201)
                try await souk.settle()
            }
            _ = try await souk.call("POST", "/v1/orders/\(id)/refunds", ["lines": [["line": .string(lines[1])]]])
                .expecting(201)
            try await souk.settle()
            let transfers = try await souk.call("GET", "/v1/transfers?order=\(id)").expecting(200)["data"].array ?? []
            let reversed = Dictionary(
                transfers.map { ($0["lines"].array?.first?.string, $0["amount_reversed"].int) },
                uniquingKeysWith: { $1 })
            #expect(reversed == [lines[0]: 0, lines[1]: 5400])
            _ = try await souk.call("POST", "/v1/orders/\(id)/refunds").expecting(201)
            try await souk.settle()
            #expect(try await souk.balances()["seller:\(seller):funds"] == 0)
            #expect(try await souk.balances()["seller:\(seller):receivable"] == 0)
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
        }
    }

    @Test(
        "the seller was paid out: the buyer has the money, the seller owes, and the next sale brings it back by itself")
    func sellerIsShort() async throws {
        try await RunningSouk.with { souk in
            let sale = try await souk.paidSeparateSale()
            _ = try await souk.control("POST", "/clock/advance", ["seconds": .int(14 * 86_400)]).expecting(200)
            try await souk.settle()
            #expect(try await souk.balances()["seller:\(sale.sellers[0]):funds"] == 0)
            try await souk.keepFunds(of: sale.sellers)
            let refund = try await souk.call("POST", "/v1/orders/\(sale.order)/refunds", ["amount": 5000]).expecting(
                201)
            #expect(refund["status"].string == "succeeded")
            try await souk.settle()
            let path = "/v1/refunds/\(try refund.string("id"))"
            let held = try await souk.call("GET", path).expecting(200)["operations"].array?.dropFirst()
            #expect(held?.map { $0["state"].string } == ["held", "held"])
            #expect(held?.allSatisfy { $0["reason"].string?.contains("too low") == true } == true)
            #expect(try await souk.balances()["seller:\(sale.sellers[0]):receivable"] == 3150)
            let group = try await souk.call("GET", "/v1/transfer_groups/\(sale.order)").expecting(200)
            #expect(group["amount_owed"].int == 4500)
            #expect(group["settled"].bool == false)
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()

            let next = try await souk.placeSeparateOrder(sale.sellers, externalID: "order-2")
            _ = try await souk.pay(next, with: "pm_card_bypassPending").expecting(200)
            try await souk.readBalances()
            for seller in sale.sellers { #expect(try await souk.balances()["seller:\(seller):receivable"] == 0) }
            #expect(
                try await souk.call("GET", path).expecting(200)["operations"].array?.allSatisfy {
                    $0["state"].string == "succeeded"
                } == true)
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
        }
    }

    @Test("a refund while the transfer is on its way waits for it, and the seller is debited once")
    func whileInFlight() async throws {
        try await RunningSouk.with { souk in
            let sale = try await souk.paidSeparateSale(release: ["on": "fulfilment"])
            _ = try await souk.control(
                "PUT", "/faults",
                ["rules": [["match": "POST /v1/transfers", "kind": "drop_answer", "rate": 1, "times": 3]]]
            ).expecting(200)
            _ = try await souk.release(sale.order, ["seller": .string(sale.sellers[0])]).expecting(201)
            try await eventually("Stripe has made the transfer, and nobody knows", atMost: .seconds(20)) {
                try await souk.control("GET", "/faults")["struck"].array?.first?.int == 1
            }
            let refund = try await souk.call("POST", "/v1/orders/\(sale.order)/refunds", ["amount": 1000]).expecting(
                201)
            let path = "/v1/refunds/\(try refund.string("id"))"
            try await eventually("the reversal waits for the transfer", atMost: .seconds(20)) {
                try await souk.call("GET", path)["operations"].array?.last?["reason"].string?.contains("on its way")
                    == true
            }
            let transfers = try await souk.stripe("GET", "/v1/transfers?transfer_group=\(sale.order)").expecting(200)
            #expect(transfers["data"].array?.allSatisfy { $0["amount_reversed"].int == 0 } == true)
            _ = try await souk.control("DELETE", "/faults").expecting(200)
            try await souk.readBalances()
            try await souk.expectShares([5670, 0], platform: 3010, of: sale)
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
        }
    }

    @Test("a refund that was given up, after its part had come back: the seller has it again by a transfer")
    func givenUp() async throws {
        try await RunningSouk.with { souk in
            let sale = try await souk.paidSeparateSale()
            try await souk.keepFunds(of: sale.sellers)
            try await souk.topUp()
            let platform = try await souk.balances()["stripe:platform", default: 0]
            let id = try await souk.failedRefund(of: sale.order, amount: 5000)
            _ = try await souk.call(
                "POST", "/v1/refunds/\(id)/settle", ["outcome": "given_up", "reason": "the buyer kept them"]
            ).expecting(200)
            try await souk.readBalances()
            try await souk.expectShares([6300, 2700], platform: platform, of: sale)
            let made = try await souk.call("GET", "/v1/transfers?order=\(sale.order)").expecting(200)["data"].array
            #expect(made?.filter { $0["purpose"].string == "return" }.map { $0["state"].string } == ["paid", "paid"])
            #expect(
                try await souk.call("GET", "/v1/transfer_groups/\(sale.order)").expecting(200)["settled"].bool == true)
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()

            // Refunded anew, the money comes out of both transfers.
            _ = try await souk.call("POST", "/v1/orders/\(sale.order)/refunds").expecting(201)
            try await souk.settle()
            try await souk.expectShares([0, 0], platform: platform - 1000, of: sale)
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
        }
    }

    @Test("of a destination charge: given up, the seller has the net again, and a later refund takes everything once")
    func givenUpDestination() async throws {
        try await RunningSouk.with { souk in
            let sale = try await souk.paidSale()
            try await souk.keepFunds(of: [sale.seller])
            try await souk.topUp()
            let id = try await souk.failedRefund(of: sale.order, amount: 4000)
            _ = try await souk.call(
                "POST", "/v1/refunds/\(id)/settle", ["outcome": "given_up", "reason": "the buyer kept it"]
            ).expecting(200)
            try await souk.readBalances()
            try await souk.expect(platform: 50_680, seller: 9000, of: sale)
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
            _ = try await souk.refund(sale).expecting(201)
            try await souk.settle()
            try await souk.expect(platform: 49_680, seller: 0, of: sale)
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
        }
    }

    @Test("a refund that Stripe cancels after the transfer went without its part: the difference follows")
    func canceled() async throws {
        try await RunningSouk.with { souk in
            let sellers = try await souk.twoSellers()
            try await souk.keepFunds(of: sellers)
            let order = try await souk.placeSeparateOrder(sellers, release: ["on": "fulfilment"])
            _ = try await souk.pay(order, with: "pm_card_pendingRefund").expecting(200)
            try await souk.settle()
            let id = try order.string("id")
            let refund = try await souk.call("POST", "/v1/orders/\(id)/refunds", ["amount": 1000]).expecting(201)
            #expect(refund["status"].string == "pending")
            _ = try await souk.release(id).expecting(201)
            try await eventually("both shares have gone, less the refund", atMost: .seconds(20)) {
                let balances = try await souk.balances()
                return sellers.map { balances["seller:\($0):funds"] } == [5670, 2430]
            }
            try await souk.topUp(isAwaited: false)
            _ = try await souk.control("POST", "/refunds/\(try refund.string("stripe_refund"))/cancel").expecting(200)
            try await souk.readBalances()
            let balances = try await souk.balances()
            #expect(balances["seller:\(sellers[0]):funds"] == 6300)
            #expect(balances["seller:\(sellers[1]):funds"] == 2700)
            for seller in sellers {
                #expect(balances["seller:\(seller):payable"] == 0)
                #expect(balances["seller:\(seller):receivable"] ?? 0 == 0)
            }
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
        }
    }

    // MARK: Asked for

    @Test("a transfer is reversed on request, in parts, never beyond what is left; a later refund takes only the rest")
    func onRequest() async throws {
        try await RunningSouk.with { souk in
            let sale = try await souk.paidSeparateSale()
            let transfers = try await souk.call("GET", "/v1/transfers?seller=\(sale.sellers[0])").expecting(200)
            let transfer = try #require(transfers["data"].array?.first?["id"].string)
            let path = "/v1/transfers/\(transfer)/reversals"
            for (body, status, code) in [
                (["amount": 6301], 400, "amount_too_large"), (["amount": 0], 400, "parameter_invalid"),
                (["amount": -1], 400, "parameter_invalid"), (["surprise": 1], 400, "parameter_unknown"),
            ] as [(JSON, Int, String)] {
                let refused = try await souk.call("POST", path, body).expecting(status)
                #expect(refused["error", "code"].string == code, "\(refused)")
            }
            let tooMuch = try await souk.call("POST", path, ["amount": 6301])
            #expect(tooMuch["error", "message"].string?.contains("63.00 usd is left") == true, "\(tooMuch)")

            let body: JSON = ["amount": 1000, "external_id": "back-1", "metadata": ["ticket": "7"]]
            let made = try await souk.call("POST", path, body, key: "once").expecting(201)
            #expect(made["amount"].int == 1000)
            #expect(made["amount_remaining"].int == 5300)
            #expect(made["operation"] == .null)
            #expect(made["metadata"]["ticket"].string == "7")
            #expect(try await souk.call("POST", path, body, key: "once").expecting(201).text == made.text)
            #expect(try await souk.call("POST", path, body).expecting(200)["id"] == made["id"])
            let other = try await souk.call("POST", path, ["amount": 1001, "external_id": "back-1"]).expecting(409)
            #expect(other["error", "code"].string == "external_id_taken")
            try await souk.settle()
            #expect(try await souk.balances()["seller:\(sale.sellers[0]):funds"] == 5300)
            #expect(try await souk.balances()["seller:\(sale.sellers[0]):receivable"] == -1000)
            let group = try await souk.call("GET", "/v1/transfer_groups/\(sale.order)").expecting(200)
            #expect(group["reversals"].array?.map { $0["id"] } == [made["id"]])
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
            #expect(try await souk.madeAtStripe().isEmpty, "what Souk asked for is no finding")

            // The whole order: of the first seller only what is not there already.
            let preview = try await souk.call("POST", "/v1/orders/\(sale.order)/refunds/preview").expecting(200)
            #expect(Set(preview["calls"].array?.map { $0["amount"].int } ?? []) == [10_000, 5300, 2700])
            _ = try await souk.call("POST", "/v1/orders/\(sale.order)/refunds").expecting(201)
            try await souk.settle()
            try await souk.expectShares([0, 0], platform: -320, of: sale)
            let nothing = try await souk.call("POST", path).expecting(409)
            #expect(nothing["error", "code"].string == "illegal_transition")
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
        }
    }

    @Test("what cannot be reversed on request says why, and nothing is taken")
    func onRequestRefused() async throws {
        try await RunningSouk.with { souk in
            let missing = try await souk.call(
                "POST", "/v1/transfers/trf_\(String(repeating: "0", count: 26))/reversals")
            #expect(missing["error", "code"].string == "transfer_not_found")
            let sale = try await souk.paidSeparateSale(release: ["on": "delay", "days": 7])
            let held = try await souk.call("GET", "/v1/transfers?state=held").expecting(200)
            let waiting = try #require(held["data"].array?.first?["id"].string)
            let early = try await souk.call("POST", "/v1/transfers/\(waiting)/reversals").expecting(409)
            #expect(early["error", "code"].string == "illegal_transition")

            // Released, and paid out in the meantime.
            for days in [7, 14] {
                _ = try await souk.control("POST", "/clock/advance", ["seconds": .int(days * 86_400)]).expecting(200)
                try await souk.settle()
            }
            for seller in sale.sellers { #expect(try await souk.balances()["seller:\(seller):funds"] == 0) }
            let before = try await souk.balances()
            let path = "/v1/transfers/\(waiting)/reversals"
            let body: JSON = ["amount": 500, "external_id": "back-1"]
            let short = try await souk.call("POST", path, body).expecting(409)
            #expect(short["error", "code"].string == "balance_insufficient", "\(short)")
            #expect(try await souk.balances() == before)
            // It never was: the same id may ask again.
            #expect(try await souk.call("POST", path, body).expecting(409)["error", "code"] == short["error", "code"])

            let order = try await souk.placeOrder("order-d", seller: sale.sellers[0], amount: 5000)
            _ = try await souk.pay(order).expecting(200)
            try await souk.settle()
            let own = try await souk.call("GET", "/v1/transfers?order=\(try order.string("id"))").expecting(200)
            let destination = try #require(own["data"].array?.first?["id"].string)
            let refused = try await souk.call("POST", "/v1/transfers/\(destination)/reversals").expecting(409)
            #expect(refused["error", "message"].string?.contains("destination charge") == true)
            try await souk.expectSoundBooks()
        }
    }
}

extension RunningSouk {
    /// Both sellers' balances, in the books and at Stripe, the platform's, and nothing owed either way.
    fileprivate func expectShares(_ shares: [Int], platform: Int, of sale: SeparateSale) async throws {
        let balances = try await balances()
        for (place, share) in shares.enumerated() {
            #expect(balances["stripe:\(sale.accounts[place])"] ?? 0 == share)
            #expect(balances["seller:\(sale.sellers[place]):funds"] ?? 0 == share)
            #expect(balances["seller:\(sale.sellers[place]):receivable"] ?? 0 == 0)
        }
        #expect(balances["stripe:platform"] == platform)
        for (code, balance) in balances where code.hasPrefix("clearing:") { #expect(balance == 0, "\(code)") }
    }

    /// What sellers are given stays in their balances, whatever the hour of the day.
    func keepFunds(of sellers: [String]) async throws {
        for seller in sellers {
            _ = try await call("POST", "/v1/sellers/\(seller)", ["payout_schedule": ["interval": "manual"]]).expecting(
                200)
        }
    }

    /// Gives the platform 500.00 of its own, since what sellers are given again is out of no charge.
    func topUp(isAwaited: Bool = true) async throws {
        // At one in the morning Stripe would pay it out again.
        try await payOutByHandOnly()
        _ = try await stripe("POST", "/v1/topups", [("amount", "50000"), ("currency", "usd")]).expecting(200)
        // A top-up arrives after an hour.
        if isAwaited { try await readBalances() }
    }

    /// A refund that was taken from everyone and that the bank has sent back.
    fileprivate func failedRefund(of order: String, amount: Int) async throws -> String {
        let refund = try await call("POST", "/v1/orders/\(order)/refunds", ["amount": .int(amount)]).expecting(201)
        try await settle()
        let id = try refund.string("id")
        let stripe = try await call("GET", "/v1/refunds/\(id)").expecting(200).string("stripe_refund")
        _ = try await control("POST", "/refunds/\(stripe)/fail").expecting(200)
        try await readBalances()
        return id
    }
}

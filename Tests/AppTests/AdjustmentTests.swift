import Foundation
import Postgres
import TestSupport
import Testing

/// What the platform gives a seller without an order, out of its own money and nobody else's.
@Suite(.database, .serialized) struct AdjustmentTests {
    @Test("goodwill is owed at once, moved by a transfer of its own, and in the statement and the payout")
    func goodwill() async throws {
        try await RunningSouk.with { souk in
            try await souk.fundPlatform()
            let seller = try await souk.onboardedSeller("shop-1")
            let made = try await souk.adjust(seller, 2500, ["external_id": "sorry-1", "description": "late pick-up"])
                .expecting(201)
            #expect(made["status"].string == "owed")
            try await souk.settle()
            let id = try made.string("id")
            let paid = try await souk.call("GET", "/v1/adjustments/\(id)").expecting(200)
            #expect(paid["status"].string == "paid", "\(paid)")
            #expect(paid["stripe_transfer"].string?.hasPrefix("tr_") == true)
            #expect(paid["operation"] == .null)
            let balances = try await souk.balances()
            #expect(balances["expense:seller_adjustments"] == 2500)
            #expect(balances["seller:\(seller):payable"] == 0)
            #expect(balances["seller:\(seller):funds"] == 2500)
            #expect(balances["stripe:platform"] == 97_500)

            let transfers = try await souk.call("GET", "/v1/transfers?seller=\(seller)").expecting(200)
            #expect(transfers["data"].array?.map { $0["adjustment"].string } == [id])
            #expect(transfers["data"].array?.first?["order"] == .null)
            let month = try await souk.thisMonth()
            let statement = try await souk.call("GET", "/v1/sellers/\(seller)/statements/\(month)").expecting(200)
            #expect(statement["currencies"].array?.first?["adjustments"].int == 2500, "\(statement)")
            #expect(statement["currencies"].array?.first?["closing_balance"].int == 2500)

            // The same facts find it again, others do not.
            let again = try await souk.adjust(seller, 2500, ["external_id": "sorry-1", "description": "late pick-up"])
                .expecting(200)
            #expect(again["id"].string == id)
            let other = try await souk.adjust(seller, 2501, ["external_id": "sorry-1", "description": "late pick-up"])
            #expect(other["error", "code"].string == "external_id_taken")
            let list = try await souk.call("GET", "/v1/adjustments?seller=\(seller)&reason=goodwill").expecting(200)
            #expect(list["data"].array?.count == 1)
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()

            _ = try await souk.call("POST", "/v1/sellers/\(seller)", ["payout_schedule": ["interval": "manual"]])
                .expecting(200)
            _ = try await souk.control("POST", "/clock/advance", ["seconds": 864_000]).expecting(200)
            try await souk.settle()
            let payout = try await souk.call(
                "POST", "/v1/sellers/\(seller)/payouts",
                ["amount": 2500, "currency": "usd", "external_id": "payout-1"]
            ).expecting(201)
            try await souk.settle()
            let items = try await souk.call("GET", "/v1/payouts/\(try payout.string("id"))/items").expecting(200)
            #expect(items["data"].array?.map { $0["type"].string } == ["adjustment"], "\(items)")
            #expect(items["sum_difference"].int == 0)
        }
    }

    @Test(
        "while the platform has too little for itself it waits with the reason, and goes by itself once there is more")
    func tooLittle() async throws {
        try await RunningSouk.with { souk in
            try await souk.fundPlatform(1000)
            let seller = try await souk.onboardedSeller("shop-1")
            let made = try await souk.adjust(seller, 2500).expecting(201)
            try await souk.settle()
            let held = try await souk.call("GET", "/v1/adjustments/\(try made.string("id"))").expecting(200)
            #expect(held["status"].string == "owed")
            #expect(held["operation", "state"].string == "held")
            #expect(
                held["operation", "reason"].string
                    == "the platform's available balance is too low: it has 10.00 usd and owes 25.00 usd of it",
                "\(held)")
            #expect(try await souk.balances()["seller:\(seller):payable"] == 2500)
            #expect(try await souk.stripe("GET", "/v1/transfers").expecting(200)["data"].array?.isEmpty == true)
            // An hour and more passes until the top-up has come.
            try await souk.fundPlatform(5000)
            try await eventually("the transfer has gone by itself", atMost: .seconds(30)) {
                try await souk.call("GET", "/v1/adjustments/\(try made.string("id"))").expecting(200)["status"].string
                    == "paid"
            }
            try await souk.settle()
            #expect(try await souk.balances()["seller:\(seller):funds"] == 2500)
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
        }
    }

    @Test("money that is owed to other sellers is not given away")
    func othersMoney() async throws {
        try await RunningSouk.with { souk in
            try await souk.fundPlatform(1)
            // 90.00 available now, all of it owed to the two sellers.
            let sale = try await souk.paidSeparateSale(release: ["on": "fulfilment"])
            _ = try await souk.control("POST", "/clock/advance", ["seconds": 864_000]).expecting(200)
            try await souk.settle()
            let made = try await souk.adjust(sale.sellers[0], 1000).expecting(201)
            try await souk.settle()
            let held = try await souk.call("GET", "/v1/adjustments/\(try made.string("id"))").expecting(200)
            #expect(held["operation", "reason"].string?.contains("owes 100.00 usd of it") == true, "\(held)")
            try await souk.expectZeroDifference()
        }
    }

    @Test("above a limit the seller is owed nothing before a second person agrees, and nothing if one refuses")
    func aboveLimit() async throws {
        try await RunningSouk.with { souk in
            try await souk.fundPlatform()
            let seller = try await souk.onboardedSeller("shop-1")
            let clerk = try await souk.key(["transfers:write"])
            _ = try await souk.limit("adjustment", of: clerk, perDay: 1000)
            _ = try await souk.adjust(seller, 1000, by: clerk).expecting(201)
            let (good, bad) = (
                try await souk.adjust(seller, 200, by: clerk).expecting(201),
                try await souk.adjust(seller, 300, by: clerk).expecting(201)
            )
            #expect(good["status"].string == "needs_approval")
            try await souk.settle()
            #expect(try await souk.balances()["expense:seller_adjustments"] == 1000)
            _ = try await souk.decide("approve", try #require(good["operation", "id"].string)).expecting(200)
            _ = try await souk.decide("refuse", try #require(bad["operation", "id"].string)).expecting(200)
            try await souk.settle()
            let states = try await souk.call("GET", "/v1/adjustments").expecting(200)
            #expect(states["data"].array?.map { $0["status"].string } == ["refused", "paid", "paid"])
            let balances = try await souk.balances()
            #expect(balances["expense:seller_adjustments"] == 1200)
            #expect(balances["seller:\(seller):funds"] == 1200)
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
        }
    }

    @Test("the answer is lost: one transfer at Stripe. The seller is on hold: it waits, and goes when the hold is off")
    func lostAndHeld() async throws {
        try await RunningSouk.with { souk in
            try await souk.fundPlatform()
            let seller = try await souk.onboardedSeller("shop-1")
            let plan: JSON = ["rules": [["match": "POST /v1/transfers", "kind": "drop_answer", "rate": 1, "times": 1]]]
            _ = try await souk.control("PUT", "/faults", plan).expecting(200)
            let first = try await souk.adjust(seller, 700).expecting(201)
            try await eventually("it is paid", atMost: .seconds(30)) {
                try await souk.call("GET", "/v1/adjustments/\(try first.string("id"))").expecting(200)["status"].string
                    == "paid"
            }
            _ = try await souk.control("DELETE", "/faults").expecting(200)
            try await souk.settle()
            #expect(try await souk.stripe("GET", "/v1/transfers").expecting(200)["data"].array?.count == 1)

            _ = try await souk.call("POST", "/v1/sellers/\(seller)/hold", ["held": true, "reason": "checks"]).expecting(
                200)
            let second = try await souk.adjust(seller, 800).expecting(201)
            try await souk.settle()
            let held = try await souk.call("GET", "/v1/adjustments/\(try second.string("id"))").expecting(200)
            #expect(held["operation", "reason"].string?.contains("checks") == true, "\(held)")
            _ = try await souk.call("POST", "/v1/sellers/\(seller)/hold", ["held": false]).expecting(200)
            try await souk.settle()
            #expect(try await souk.balances()["seller:\(seller):funds"] == 1500)
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
        }
    }

    @Test("taken back by staff in the Dashboard it is none of Souk's business, and the books stay sound")
    func takenBack() async throws {
        try await RunningSouk.with { souk in
            try await souk.fundPlatform()
            let seller = try await souk.onboardedSeller("shop-1")
            let made = try await souk.adjust(seller, 2500).expecting(201)
            try await souk.settle()
            let transfer = try await souk.call("GET", "/v1/adjustments/\(try made.string("id"))").expecting(200)
                .string("stripe_transfer")
            _ = try await souk.stripe("POST", "/v1/transfers/\(transfer)/reversals", [("amount", "500")]).expecting(200)
            try await souk.settle()
            // The seller's balance is read each hour.
            _ = try await souk.control("POST", "/clock/advance", ["seconds": 3700]).expecting(200)
            try await souk.settle()
            #expect(try await souk.balances()["seller:\(seller):funds"] == 2000)
            let shown = try await souk.call("GET", "/v1/transfers?seller=\(seller)").expecting(200)
            #expect(shown["data"].array?.first?["amount_reversed"].int == 500)
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
        }
    }

    @Test("what makes no sense is refused by name, and leaves nothing")
    func refusals() async throws {
        try await RunningSouk.with { souk in
            let seller = try await souk.onboardedSeller("shop-1")
            for (amount, more, parameter): (Int, [String: JSON], String) in [
                (0, [:], "amount"), (-5, [:], "amount"), (100_000_000, [:], "amount"),
                (100, ["reason": "mood"], "reason"), (100, ["currency": "xxx"], "currency"),
                (1001, ["currency": "kwd"], "amount"), (100, ["surprise": 1], "surprise"),
            ] {
                let refused = try await souk.adjust(seller, amount, more)
                #expect(refused.status == 400 && refused["error", "param"].string == parameter, "\(refused)")
            }
            let nobody = try await souk.adjust("sel_00000000000000000000000000", 100)
            #expect(nobody["error", "code"].string == "seller_not_found")
            let missing = try await souk.call("GET", "/v1/adjustments/adj_00000000000000000000000000")
            #expect(missing["error", "code"].string == "adjustment_not_found")
            #expect(try await souk.call("GET", "/v1/adjustments").expecting(200)["data"].array?.isEmpty == true)
        }
    }
}

extension RunningSouk {
    /// Gives the platform money of its own, and keeps all that it has.
    func fundPlatform(_ amount: Int = 100_000) async throws {
        try await payOutByHandOnly()
        _ = try await stripe("POST", "/v1/topups", [("amount", "\(amount)"), ("currency", "usd")]).expecting(200)
        _ = try await control("POST", "/clock/advance", ["seconds": 3700]).expecting(200)
        try await settle()
    }

    fileprivate func adjust(
        _ seller: String, _ amount: Int, _ more: [String: JSON] = [:], by key: Key? = nil
    ) async throws -> Answer {
        let body: [String: JSON] = ["amount": .int(amount), "currency": "usd", "reason": "goodwill"]
        return try await call(
            "POST", "/v1/sellers/\(seller)/adjustments", .object(body.merging(more) { $1 }), authorization: key?.bearer)
    }

    /// By the sandbox's clock, as statements name it.
    func thisMonth() async throws -> String {
        let now = try #require(try await control("GET", "/clock").expecting(200)["now"].int)
        let parts = Calendar(identifier: .iso8601).dateComponents(
            in: .gmt, from: Date(timeIntervalSince1970: TimeInterval(now)))
        return String(format: "%04d-%02d", parts.year ?? 0, parts.month ?? 0)
    }
}

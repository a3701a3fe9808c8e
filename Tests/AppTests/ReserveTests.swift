import Foundation
import Postgres
import TestSupport
import Testing

/// A part of what a seller gets stays with the platform until a date: 10 % for ten days, of an order of 100.00 of which the
/// seller gets 90.00.
@Suite(.database, .serialized) struct ReserveTests {
    static let days = 10 * 86_400

    @Test("held back with the payment, shown with its date, and gone by a transfer of its own when that has come")
    func heldThenReleased() async throws {
        try await RunningSouk.with { souk in
            let sale = try await souk.reservedSale()
            try await souk.expect(sale, payable: 0, reserve: 900, funds: 8100)
            #expect(try await souk.balances()["stripe:platform"] == 1580, "680 of its own, and what is held back")
            let order = try await souk.call("GET", "/v1/orders/\(sale.order)").expecting(200)
            let date = (order["paid_at"].int ?? 0) + Self.days
            let reserve = try #require(order["sellers"].array?.first?["reserve"])
            #expect(reserve["basis_points"].int == 1000)
            #expect(reserve["amount"].int == 900)
            #expect(reserve["amount_held"].int == 900)
            #expect(reserve["release_at"].int == date)
            let line = try #require(order["lines"].array?.first)
            #expect(line["hold"] == .null, "the rest has gone")
            #expect(line["reserve_amount"].int == 900)
            #expect(line["reserve_hold"]["reason"].string?.contains("held back as a reserve until") == true, "\(line)")
            #expect(line["reserve_hold"]["until"].int == date)
            let group = try await souk.call("GET", "/v1/transfer_groups/\(sale.order)").expecting(200)
            #expect(group["amount_held"].int == 900)
            #expect(group["amount_reserved"].int == 900)
            #expect(group["settled"].bool == false)
            let waiting = group["transfers"].array?.first { $0["purpose"].string == "reserve" }
            #expect(waiting?["reserve"]["release_at"].int == date, "\(group)")
            #expect(waiting?["id"].string == reserve["transfer"].string)
            let shown = try await souk.call("GET", "/v1/sellers/\(sale.seller)/reserve").expecting(200)
            #expect(shown["held"].array?.map { $0["amount"].int } == [900])
            #expect(shown["releases"].array?.map { $0["release_at"].int } == [date])
            let months = try await souk.call("GET", "/v1/sellers/\(sale.seller)/statements").expecting(200)
            let url = try #require(months["data"].array?.first?["url"].string)
            let statement = try await souk.call("GET", url).expecting(200)["currencies"].array?.first
            #expect(statement?["closing_balance"].int == 9000)
            #expect(statement?["reserves"].array?.map { $0["amount"].int } == [900])
            #expect(statement?["reserves"].array?.first?["release_at"].int == date)
            let platform = try await souk.call("GET", "/v1/admin/platform_balance").expecting(200)
            #expect(platform["currencies"].array?.first?["seller_reserve"].int == 900, "\(platform)")
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()

            try await souk.pass(Self.days - 3600)
            try await souk.expect(sale, payable: 0, reserve: 900, funds: 8100)
            try await souk.pass(3600)
            try await souk.expect(sale, payable: 0, reserve: 0, funds: 9000)
            #expect(try await souk.causes("reserve_") == ["reserve_held", "reserve_released"])
            let done = try await souk.call("GET", "/v1/transfer_groups/\(sale.order)").expecting(200)
            #expect(done["settled"].bool == true, "\(done)")
            #expect(done["transfers"].array?.compactMap { $0["amount"].int }.sorted() == [900, 8100])
            let ended = try await souk.call("GET", "/v1/sellers/\(sale.seller)/reserve").expecting(200)
            #expect(ended["held"].array?.isEmpty == true)
            #expect(ended["releases"].array?.isEmpty == true)
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
        }
    }

    @Test("a seller with a reserve is charged separately; a destination charge forced for them is a 409 that says why")
    func shape() async throws {
        try await RunningSouk.with { souk in
            let seller = try await souk.reservedSeller()
            var body: [String: JSON] = [
                "currency": "usd", "charge_shape": "destination",
                "lines": [["seller": .string(seller), "unit_amount": 10_000]],
            ]
            for path in ["/v1/orders", "/v1/orders/preview"] {
                let refused = try await souk.call("POST", path, .object(body))
                #expect(refused.status == 409)
                #expect(refused["error", "code"].string == "charge_shape_impossible")
                #expect(refused["error", "param"].string == "charge_shape")
                #expect(refused["error", "message"].string?.contains("held back as a reserve") == true, "\(refused)")
            }
            body["charge_shape"] = "auto"
            let preview = try await souk.call("POST", "/v1/orders/preview", .object(body)).expecting(200)
            #expect(preview["charge_shape"].string == "separate")
            #expect(preview["sellers"].array?.first?["reserve_amount"].int == 900)
            let path = "/v1/sellers/\(seller)/reserve"
            let ended = try await souk.call("POST", path, ["basis_points": 0]).expecting(200)
            #expect(ended["basis_points"] == .null)
            _ = try await souk.call("POST", path, ["basis_points": 0]).expecting(200)
            body["charge_shape"] = "destination"
            #expect(
                try await souk.call("POST", "/v1/orders", .object(body)).expecting(201)["charge_shape"].string
                    == "destination")

            let reader = try await souk.key(scopes: ["sellers:write", "orders:write"])
            let forbidden = try await souk.call(
                "POST", path, ["basis_points": 1, "days": 1], authorization: "Bearer \(reader)")
            #expect(forbidden["error", "code"].string == "scope_missing")
            for (body, parameter): (JSON, String) in [
                (["basis_points": -1, "days": 1], "basis_points"),
                (["basis_points": 10_001, "days": 1], "basis_points"),
                (["basis_points": 1, "days": 0], "days"), (["basis_points": 1, "days": 366], "days"),
                (["days": 1], "basis_points"), (["basis_points": 1], "days"),
            ] {
                let refused = try await souk.call("POST", path, body)
                #expect(refused["error", "param"].string == parameter, "\(refused)")
            }
            let nobody = "/v1/sellers/sel_00000000000000000000000000/reserve"
            for (method, body): (String, JSON?) in [
                ("GET", nil), ("POST", ["basis_points": 1, "days": 1]), ("POST", ["basis_points": 0]),
            ] {
                #expect(try await souk.call(method, nobody, body)["error", "code"].string == "seller_not_found")
            }
            for (action, count) in [("seller.reserve", 1), ("seller.reserve_ended", 2)] {
                let audit = try await souk.call("GET", "/v1/admin/audit_log?action=\(action)").expecting(200)
                #expect(audit["data"].array?.count == count, "\(audit)")
            }
        }
    }

    @Test("a later policy moves nothing that is held: an order keeps the terms that were in force when it was placed")
    func policyChanges() async throws {
        try await RunningSouk.with { souk in
            let seller = try await souk.reservedSeller()
            let first = try await souk.placeOrder("order-1", seller: seller, amount: 10_000)
            try await souk.reserve(5000, days: 20, of: seller)
            let second = try await souk.placeOrder("order-2", seller: seller, amount: 10_000)
            for order in [first, second] { _ = try await souk.pay(order).expecting(200) }
            try await souk.settle()
            #expect(try await souk.balances()["seller:\(seller):reserve"] == 900 + 4500)
            let held = try await souk.call("POST", "/v1/sellers/\(seller)/reserve", ["basis_points": 0]).expecting(200)
            #expect(held["releases"].array?.map { $0["amount"].int } == [900, 4500])
            #expect(held["basis_points"] == .null)
            try await souk.pass(Self.days)
            #expect(try await souk.balances()["seller:\(seller):reserve"] == 4500)
            #expect(try await souk.balances()["seller:\(seller):funds"] == 9000 + 4500)
            try await souk.pass(Self.days)
            #expect(try await souk.balances()["seller:\(seller):reserve"] == 0)
            #expect(try await souk.balances()["seller:\(seller):funds"] == 18_000)
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
        }
    }

    @Test("a refund takes what is payable first, then what is held back, and only then what was transferred")
    func refundBeforeTheDate() async throws {
        try await RunningSouk.with { souk in
            // Nothing is released yet: 81.00 are payable.
            let waiting = try await souk.reservedSale(release: ["on": "fulfilment"])
            try await souk.expect(waiting, payable: 8100, reserve: 900, funds: 0)
            _ = try await souk.refund(waiting, 4000).expecting(201)
            try await souk.settle()
            try await souk.expect(waiting, payable: 4500, reserve: 900, funds: 0)
            let told = try await souk.call(
                "POST", "/v1/orders/\(waiting.order)/refunds/preview", ["amount": 5500]
            ).expecting(200)
            #expect(told["sellers"].array?.first?["from_payable"].int == 4500)
            #expect(told["sellers"].array?.first?["from_reserve"].int == 450)
            #expect(told["sellers"].array?.first?["from_transferred"].int == 0)
            _ = try await souk.refund(waiting, 5500).expecting(201)
            try await souk.settle()
            try await souk.expect(waiting, payable: 0, reserve: 450, funds: 0)
            _ = try await souk.refund(waiting, nil).expecting(201)
            try await souk.settle()
            try await souk.expect(waiting, payable: 0, reserve: 0, funds: 0)
            let ended = try await souk.call("GET", "/v1/transfers?order=\(waiting.order)").expecting(200)
            #expect(ended["data"].array?.map { $0["state"].string } == ["canceled"], "\(ended)")

            // The rest has gone: 9.00 come out of the reserve, and 36.00 are taken back.
            let moved = try await souk.reservedSale("order-2", of: waiting.seller)
            _ = try await souk.refund(moved, 500).expecting(201)
            try await souk.settle()
            try await souk.expect(moved, payable: 0, reserve: 450, funds: 8100)
            let preview = try await souk.call(
                "POST", "/v1/orders/\(moved.order)/refunds/preview", ["amount": 4500]
            ).expecting(200)
            #expect(preview["sellers"].array?.first?["from_reserve"].int == 450)
            #expect(preview["sellers"].array?.first?["from_transferred"].int == 3600)
            _ = try await souk.refund(moved, 4500).expecting(201)
            try await souk.settle()
            try await souk.expect(moved, payable: 0, reserve: 0, funds: 4500)
            try await souk.pass(Self.days)
            try await souk.expect(moved, payable: 0, reserve: 0, funds: 4500)
            #expect(try await souk.causes("reserve_") == ["reserve_held", "reserve_held"])
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
        }
    }

    @Test("after its date a refund comes out of both transfers; one that leaves a part of it makes that part go")
    func refundAroundTheDate() async throws {
        try await RunningSouk.with { souk in
            let sale = try await souk.reservedSale()
            _ = try await souk.refund(sale, 200).expecting(201)
            try await souk.pass(Self.days)
            try await souk.expect(sale, payable: 0, reserve: 0, funds: 8820)
            _ = try await souk.refund(sale, nil).expecting(201)
            try await souk.settle()
            try await souk.expect(sale, payable: 0, reserve: 0, funds: 0)
            let transfers = try await souk.call("GET", "/v1/transfers?order=\(sale.order)").expecting(200)
            #expect(transfers["data"].array?.compactMap { $0["amount_reversed"].int }.sorted() == [720, 8100])
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
        }
    }

    @Test("a refund in Stripe's Dashboard takes from what is held back as one through the API does")
    func refundAtStripe() async throws {
        try await RunningSouk.with { souk in
            let sale = try await souk.reservedSale()
            for (amount, reserve) in [("300", 630), ("700", 0)] {
                _ = try await souk.stripe("POST", "/v1/refunds", [("charge", sale.charge), ("amount", amount)])
                    .expecting(200)
                try await souk.settle()
                try await souk.expect(sale, payable: 0, reserve: reserve, funds: 8100)
            }
            try await souk.expectSoundBooks()
        }
    }

    @Test("a refund that is turned round gives back what was held back: held again until its date, gone after it")
    func refundTurnedRound() async throws {
        try await RunningSouk.with { souk in
            let sale = try await souk.reservedSale(with: "pm_card_pendingRefund")
            try await souk.topUp()
            let first = try await souk.refund(sale, 500).expecting(201).string("stripe_refund")
            let second = try await souk.refund(sale, 300).expecting(201).string("stripe_refund")
            try await souk.settle()
            try await souk.expect(sale, payable: 0, reserve: 180, funds: 8100)
            _ = try await souk.control("POST", "/refunds/\(first)/cancel").expecting(200)
            try await souk.settle()
            try await souk.expect(sale, payable: 0, reserve: 630, funds: 8100)
            try await souk.expectSoundBooks()
            try await souk.pass(Self.days)
            try await souk.expect(sale, payable: 0, reserve: 0, funds: 8730)
            _ = try await souk.control("POST", "/refunds/\(second)/cancel")
            try await souk.settle()
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
        }
    }

    @Test("a refund that the bank sent back is given up after the date: the seller has all of it by another transfer")
    func givenUpAfterTheDate() async throws {
        try await RunningSouk.with { souk in
            let sale = try await souk.reservedSale()
            try await souk.topUp()
            let refund = try await souk.refund(sale, 600).expecting(201)
            try await souk.settle()
            try await souk.expect(sale, payable: 0, reserve: 360, funds: 8100)
            let id = try refund.string("id")
            _ = try await souk.control("POST", "/refunds/\(try refund.string("stripe_refund"))/fail").expecting(200)
            try await souk.pass(Self.days)
            try await souk.expect(sale, payable: 0, reserve: 0, funds: 8460)
            _ = try await souk.call(
                "POST", "/v1/refunds/\(id)/settle", ["outcome": "given_up", "reason": "the buyer kept it"]
            ).expecting(200)
            try await souk.readBalances()
            try await souk.expect(sale, payable: 0, reserve: 0, funds: 9000)
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
        }
    }

    @Test("a dispute that the seller bears claims what is held back before what was transferred; won, it is held again")
    func disputed() async throws {
        try await RunningSouk.with { souk in
            let sale = try await souk.reservedSale(bearer: "seller")
            try await souk.topUp()
            let dispute = try await souk.control("POST", "/charges/\(sale.charge)/dispute").expecting(200).string("id")
            try await souk.readBalances()
            try await souk.expect(sale, payable: 0, reserve: 0, funds: 0)
            let disputes = try await souk.call("GET", "/v1/disputes").expecting(200)
            let claim = try #require(disputes["data"].array?.first?["claim"])
            #expect(claim["sellers"].array?.first?["from_reserve"].int == 900, "\(claim)")
            #expect(claim["sellers"].array?.first?["from_transferred"].int == 8100)
            try await souk.expectSoundBooks()
            _ = try await souk.control("POST", "/disputes/\(dispute)/resolve", ["outcome": "won"]).expecting(200)
            try await souk.readBalances()
            try await souk.expect(sale, payable: 0, reserve: 900, funds: 8100)
            try await souk.expectSoundBooks()
            try await souk.pass(Self.days)
            try await souk.expect(sale, payable: 0, reserve: 0, funds: 9000)
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
        }
    }

    @Test("a part of a disputed order is claimed from what is held back; won before the date, it is held back again")
    func disputedInPart() async throws {
        try await RunningSouk.with { souk in
            let sale = try await souk.reservedSale(bearer: "seller")
            try await souk.topUp()
            let dispute = try await souk.control("POST", "/charges/\(sale.charge)/dispute", ["amount": 500])
                .expecting(200).string("id")
            try await souk.settle()
            try await souk.expect(sale, payable: 0, reserve: 450, funds: 8100)
            _ = try await souk.control("POST", "/disputes/\(dispute)/resolve", ["outcome": "won"]).expecting(200)
            try await souk.settle()
            try await souk.expect(sale, payable: 0, reserve: 900, funds: 8100)
            try await souk.expectSoundBooks()
            try await souk.pass(Self.days)
            try await souk.expect(sale, payable: 0, reserve: 0, funds: 9000)
            try await souk.expectSoundBooks()
        }
    }

    @Test("a dispute that is open on the date freezes it as payable; lost by the platform, it goes")
    func disputedOnTheDate() async throws {
        try await RunningSouk.with { souk in
            let sale = try await souk.reservedSale()
            try await souk.topUp()
            try await souk.pass(Self.days - 86_400)
            let dispute = try await souk.control("POST", "/charges/\(sale.charge)/dispute").expecting(200).string("id")
            try await souk.settle()
            try await souk.pass(86_400)
            try await souk.expect(sale, payable: 900, reserve: 0, funds: 8100)
            let held = try await souk.call("GET", "/v1/transfers?state=held").expecting(200)["data"].array
            #expect(held?.first?["hold"]["reason"].string?.contains("disputes the payment") == true, "\(held ?? [])")
            _ = try await souk.control("POST", "/disputes/\(dispute)/resolve", ["outcome": "lost"]).expecting(200)
            try await souk.settle()
            try await souk.expect(sale, payable: 0, reserve: 0, funds: 9000)
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
        }
    }

    @Test("a seller on hold on the date: payable from then on, refunded from there, gone as soon as the hold is off")
    func sellerOnHold() async throws {
        try await RunningSouk.with { souk in
            let sale = try await souk.reservedSale()
            let hold = "/v1/sellers/\(sale.seller)/hold"
            _ = try await souk.call("POST", hold, ["held": true, "reason": "checks"]).expecting(200)
            try await souk.pass(Self.days)
            try await souk.expect(sale, payable: 900, reserve: 0, funds: 8100)
            let held = try await souk.call("GET", "/v1/transfers?state=held").expecting(200)["data"].array
            #expect(held?.first?["hold"]["reason"].string?.contains("checks") == true)
            _ = try await souk.refund(sale, 500).expecting(201)
            try await souk.settle()
            try await souk.expect(sale, payable: 450, reserve: 0, funds: 8100)
            try await souk.expectSoundBooks()
            _ = try await souk.call("POST", hold, ["held": false]).expecting(200)
            try await souk.settle()
            try await souk.expect(sale, payable: 0, reserve: 0, funds: 8550)
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
        }
    }

    @Test("what the seller owes is netted when it goes, as of any share")
    func netted() async throws {
        try await RunningSouk.with { souk in
            let sale = try await souk.reservedSale()
            _ = try await souk.stripe(
                "POST", "/v1/transfers",
                [
                    ("amount", "500"), ("currency", "usd"), ("destination", sale.account),
                    ("source_transaction", sale.charge),
                ]
            ).expecting(200)
            try await souk.settle()
            #expect(try await souk.balances()["seller:\(sale.seller):receivable"] == 500)
            _ = try await souk.call("POST", "/v1/admin/netting_policies", ["percent_bps": 10_000]).expecting(201)
            try await souk.pass(Self.days)
            try await souk.expect(sale, payable: 0, reserve: 0, funds: 9000)
            let paid = try await souk.call("GET", "/v1/transfers?order=\(sale.order)&state=paid").expecting(200)
            let own = paid["data"].array?.first { $0["purpose"].string == "reserve" }
            #expect(own?["amount"].int == 400)
            #expect(own?["amount_netted"].int == 500)
            try await souk.expectSoundBooks()
        }
    }

    @Test(
        "where a refund leaves less of the rest than the seller's own discount takes, what was held back pays it",
        arguments: ["payment", "delay"])
    func securesItsOrder(release: String) async throws {
        try await RunningSouk.with { souk in
            let seller = try await souk.reservedSeller()
            try await souk.reserve(8000, days: 30, of: seller)
            let order = try await souk.call(
                "POST", "/v1/orders",
                [
                    "external_id": "order-1", "currency": "usd",
                    "release": release == "payment" ? ["on": "payment"] : ["on": "delay", "days": 14],
                    "lines": [
                        ["seller": .string(seller), "unit_amount": 10_000],
                        ["seller": .string(seller), "unit_amount": 5000],
                        [
                            "seller": .string(seller), "type": "discount", "unit_amount": -7000,
                            "funded_by": "seller",
                        ],
                    ],
                ]
            ).expecting(201)
            _ = try await souk.pay(order, with: "pm_card_bypassPending").expecting(200)
            try await souk.settle()
            let id = try order.string("id")
            let lines = try #require(order["lines"].array?.compactMap { $0["id"].string })
            _ = try await souk.call("POST", "/v1/orders/\(id)/refunds", ["lines": [["line": .string(lines[1])]]])
                .expecting(201)
            try await souk.settle()
            try await souk.pass(31 * 86_400)
            let paid = try await souk.call("GET", "/v1/orders/\(id)").expecting(200)
            let share = try #require(paid["sellers"].array?.first?["amount"].int)
            let refund = try #require(
                try await souk.call("GET", "/v1/orders/\(id)/refunds").expecting(200)["data"].array?.first?[
                    "seller_amount"
                ]
                .int)
            let balances = try await souk.balances()
            #expect(balances["seller:\(seller):funds"] == share - refund)
            for account in ["payable", "reserve", "receivable"] {
                #expect(balances["seller:\(seller):\(account)"] ?? 0 == 0, "\(account)")
            }
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
        }
    }

    @Test("a share that is released after the reserve's date takes it along; all of a share can be held back")
    func releasedLaterAndWhole() async throws {
        try await RunningSouk.with { souk in
            let sale = try await souk.reservedSale(release: ["on": "delay", "days": 20])
            _ = try await souk.refund(sale, 1000).expecting(201)
            try await souk.pass(Self.days)
            try await souk.expect(sale, payable: 8100, reserve: 0, funds: 0)
            _ = try await souk.refund(sale, 1000).expecting(201)
            try await souk.pass(Self.days)
            try await souk.expect(sale, payable: 0, reserve: 0, funds: 7200)
            let made = try await souk.call("GET", "/v1/transfers?order=\(sale.order)").expecting(200)["data"].array
            #expect(made?.filter { $0["state"].string == "paid" }.map { $0["amount"].int } == [7200])
            try await souk.expectSoundBooks()

            try await souk.reserve(10_000, days: 10, of: sale.seller)
            let whole = try await souk.reservedSale("order-2", of: sale.seller, keepsPolicy: true)
            try await souk.expect(whole, payable: 0, reserve: 9000, funds: 7200)
            let first = try await souk.call("GET", "/v1/transfers?order=\(whole.order)&state=canceled").expecting(200)
            #expect(first["data"].array?.count == 1, "nothing of the share was left to move: \(first)")
            try await souk.pass(Self.days)
            try await souk.expect(whole, payable: 0, reserve: 0, funds: 16_200)
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
        }
    }

    @Test("of an order that is captured in part, a part of what was captured is held back")
    func capturedInPart() async throws {
        try await RunningSouk.with { souk in
            let seller = try await souk.reservedSeller()
            let order = try await souk.placeOrder("order-1", seller: seller, amount: 10_000, capture: "manual")
            _ = try await souk.pay(order).expecting(200)
            try await souk.settle()
            _ = try await souk.call("POST", "/v1/orders/\(try order.string("id"))/capture", ["amount": 6000])
                .expecting(200)
            try await souk.settle()
            #expect(try await souk.balances()["seller:\(seller):reserve"] == 540)
            #expect(try await souk.balances()["seller:\(seller):funds"] == 4860)
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
        }
    }

    @Test("two sellers, one with a reserve: only from that one something is held back")
    func oneOfTwo() async throws {
        try await RunningSouk.with { souk in
            let sellers = try await souk.twoSellers()
            try await souk.keepFunds(of: sellers)
            try await souk.reserve(3333, days: 1, of: sellers[0])
            let order = try await souk.placeSeparateOrder(sellers)
            _ = try await souk.pay(order).expecting(200)
            try await souk.settle()
            var balances = try await souk.balances()
            // 33.33 % of 63.00, rounded half up.
            #expect(balances["seller:\(sellers[0]):reserve"] == 2100)
            #expect(balances["seller:\(sellers[0]):funds"] == 4200)
            #expect(balances["seller:\(sellers[1]):reserve"] ?? 0 == 0)
            #expect(balances["seller:\(sellers[1]):funds"] == 2700)
            try await souk.pass(86_400)
            balances = try await souk.balances()
            #expect(balances["seller:\(sellers[0]):funds"] == 6300)
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
        }
    }

    @Test(
        "while Stripe pays the platform's balance out by itself, a reserve is a risk that is said, held back yet or not"
    )
    func platformCash() async throws {
        try await RunningSouk.with { souk in
            let path = "/v1/admin/platform_payouts"
            let seller = try await souk.onboardedSeller("shop-1")
            #expect(try await souk.call("GET", path).expecting(200)["risk"] == .null)
            try await souk.reserve(1000, days: 10, of: seller)
            let risky = try await souk.call("GET", path).expecting(200)
            #expect(risky["risk"].string?.contains("hold back reserves of sellers") == true, "\(risky)")
            let set = try await souk.call("POST", path, ["interval": "manual"]).expecting(200)
            #expect(set["risk"] == .null)
        }
    }

    @Test("a reserve's row that says something else than the ledger is found")
    func damaged() async throws {
        try await RunningSouk.with { souk in
            let sale = try await souk.reservedSale()
            try await souk.expectSoundBooks()
            for (sql, kinds): (String, Set<String>) in [
                ("UPDATE reserves SET amount_minor = 901", ["entry_differs", "reserve_differs", "fee_differs"]),
                (
                    "UPDATE reserves SET amount_minor = 900, released_at = now(), released_minor = 900",
                    ["fact_not_booked", "reserve_differs", "fee_differs"]
                ),
            ] {
                try await DamagedBooks.run(sql)
                let proof = try await souk.call("GET", "/v1/ledger/proof").expecting(200)
                let found = Set((proof["faults"].array ?? []).compactMap { $0["kind"].string })
                #expect(kinds.isSubset(of: found), "\(proof)")
            }
            _ = sale
        }
    }
}

private struct ReservedSale: Sendable {
    let seller: String
    let account: String
    let order: String
    let charge: String
}

extension RunningSouk {
    fileprivate func reserve(_ basisPoints: Int, days: Int, of seller: String) async throws {
        let set = try await call(
            "POST", "/v1/sellers/\(seller)/reserve", ["basis_points": .int(basisPoints), "days": .int(days)]
        ).expecting(200)
        #expect(set["basis_points"].int == basisPoints)
        #expect(set["days"].int == days)
    }

    /// A seller of whose orders a tenth is held back for ten days, and from whom the platform takes a tenth; nothing is paid
    /// out to them.
    fileprivate func reservedSeller() async throws -> String {
        _ = try await call(
            "POST", "/v1/fee_policies", ["scope": "default", "currency": "usd", "percent_bps": 1000]
        ).expecting(201)
        let seller = try await onboardedSeller("shop-1")
        try await keepFunds(of: [seller])
        // What is held back is not to go to the platform's bank meanwhile.
        _ = try await call("POST", "/v1/admin/platform_payouts", ["interval": "manual"]).expecting(200)
        try await reserve(1000, days: 10, of: seller)
        return seller
    }

    fileprivate func reservedSale(
        _ externalID: String = "order-1", of known: String? = nil, with method: String = "pm_card_visa",
        release: JSON = ["on": "payment"], bearer: String = "platform", keepsPolicy: Bool = false
    ) async throws -> ReservedSale {
        let seller: String
        if let known {
            seller = known
            if !keepsPolicy { try await reserve(1000, days: 10, of: seller) }
        } else {
            seller = try await reservedSeller()
        }
        let order = try await call(
            "POST", "/v1/orders",
            [
                "external_id": .string(externalID), "currency": "usd", "release": release,
                "dispute_bearer": .string(bearer), "lines": [["seller": .string(seller), "unit_amount": 10_000]],
            ]
        ).expecting(201)
        #expect(order["charge_shape"].string == "separate")
        _ = try await pay(order, with: method).expecting(200)
        try await settle()
        let paid = try await call("GET", "/v1/orders/\(try order.string("id"))").expecting(200)
        return ReservedSale(
            seller: seller, account: paid["sellers"].array?.first?["stripe_account"].string ?? "",
            order: try order.string("id"), charge: try paid.string("charge"))
    }

    fileprivate func refund(_ sale: ReservedSale, _ amount: Int?) async throws -> Answer {
        try await call("POST", "/v1/orders/\(sale.order)/refunds", amount.map { ["amount": .int($0)] } ?? [:])
    }

    fileprivate func pass(_ seconds: Int) async throws {
        _ = try await control("POST", "/clock/advance", ["seconds": .int(seconds)]).expecting(200)
        try await settle()
    }

    /// The seller's accounts, and that nothing is owed.
    fileprivate func expect(
        _ sale: ReservedSale, payable: Int, reserve: Int, funds: Int, _ location: SourceLocation = #_sourceLocation
    ) async throws {
        let balances = try await balances()
        func balance(_ account: String) -> Int { balances["seller:\(sale.seller):\(account)"] ?? 0 }
        #expect(balance("payable") == payable, sourceLocation: location)
        #expect(balance("reserve") == reserve, sourceLocation: location)
        #expect(balance("funds") == funds, sourceLocation: location)
        #expect(balance("receivable") == 0, sourceLocation: location)
        #expect(balances["stripe:\(sale.account)"] ?? 0 == funds, sourceLocation: location)
    }

    fileprivate func causes(_ prefix: String) async throws -> [String] {
        try await TestDatabase.current.postgres.query(
            """
            SELECT split_part(cause, ':', 1) AS kind FROM journal_entries
            WHERE starts_with(cause, \(prefix)) ORDER BY recorded_at, id
            """
        ).map { try $0.get("kind") }
    }

    fileprivate func key(scopes: [String]) async throws -> String {
        try await call(
            "POST", "/v1/admin/api_keys", ["name": "clerk", "scopes": .array(scopes.map { .string($0) })]
        ).expecting(201).string("key")
    }
}

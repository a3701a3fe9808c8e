import Foundation
import Postgres
import TestSupport
import Testing

/// When sellers' shares go to them, and why they wait.
@Suite(.database, .serialized) struct ReleaseTests {
    @Test("D: released with the payment, each seller has a share, and the platform keeps 680")
    func onPayment() async throws {
        try await RunningSouk.with { souk in
            let sale = try await souk.paidSeparateSale()
            let balances = try await souk.balances()
            for (place, share) in [6300, 2700].enumerated() {
                #expect(balances["stripe:\(sale.accounts[place])"] == share)
                #expect(balances["seller:\(sale.sellers[place]):funds"] == share)
                #expect(balances["seller:\(sale.sellers[place]):payable"] == 0)
            }
            #expect(balances["stripe:platform"] == 680)
            let order = try await souk.call("GET", "/v1/orders/\(sale.order)").expecting(200)
            #expect(order["sellers"].array?.map { $0["amount_transferred"].int } == [6300, 2700])
            #expect(order["lines"].array?.allSatisfy { $0["hold"] == .null && $0["transfer"] != .null } == true)
            let group = try await souk.call("GET", "/v1/transfer_groups/\(sale.order)").expecting(200)
            #expect(group["settled"].bool == true, "\(group)")
            #expect(group["amount_charged"].int == 10_000)
            #expect(group["processing_fee"].int == 320)
            #expect(group["application_fee_amount"].int == 1000)
            #expect(group["amount_transferred"].int == 9000)
            let again = try await souk.release(sale.order)
            #expect(again.status == 409, "\(again)")
            #expect(again["error", "code"].string == "illegal_transition")
            let announced = try await souk.call("GET", "/v1/events?type=transfer.created").expecting(200)
            #expect(announced["data"].array?.count == 2)
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
        }
    }

    @Test("by line, by seller and whole: each share goes once, and a discount goes with the seller's first lines")
    func onFulfilment() async throws {
        try await RunningSouk.with { souk in
            let sellers = try await souk.twoSellers()
            let order = try await souk.call(
                "POST", "/v1/orders",
                [
                    "external_id": "order-1", "currency": "usd", "release": ["on": "fulfilment"],
                    "lines": [
                        ["seller": .string(sellers[0]), "unit_amount": 200],
                        ["seller": .string(sellers[0]), "unit_amount": 5000],
                        ["seller": .string(sellers[0]), "type": "discount", "unit_amount": -1000],
                        ["seller": .string(sellers[1]), "unit_amount": 3000],
                        ["type": "share", "seller": .string(sellers[1]), "unit_amount": 100, "fee_applies": false],
                    ],
                ]
            ).expecting(201)
            let id = try order.string("id")
            let early = try await souk.release(id)
            #expect(early["error", "code"].string == "illegal_transition", "\(early)")
            _ = try await souk.pay(order).expecting(200)
            try await souk.settle()
            let lines = try #require(order["lines"].array?.compactMap { $0["id"].string })
            let held = try await souk.call("GET", "/v1/orders/\(id)").expecting(200)
            #expect(held["lines"].array?.first?["hold"]["reason"].string?.contains("fulfilment") == true)

            // 180 less the discount of 1000: nothing can go yet.
            let first = try await souk.release(id, ["lines": [.string(lines[0])], "external_id": "r-1"]).expecting(201)
            #expect(first["lines"].array?.compactMap { $0["id"].string ?? $0.string } == [lines[0], lines[2]])
            try await souk.settle()
            let waiting = try await souk.call("GET", "/v1/transfers?order=\(id)&state=held").expecting(200)
            #expect(
                waiting["data"].array?.first?["hold"]["reason"].string?.contains("discounts exceed") == true,
                "\(waiting)")
            let same = try await souk.release(id, ["lines": [.string(lines[0])], "external_id": "r-1"]).expecting(200)
            #expect(same["id"] == first["id"])
            let other = try await souk.release(id, ["external_id": "r-1"])
            #expect(other["error", "code"].string == "external_id_taken")
            let twice = try await souk.release(id, ["lines": [.string(lines[0])]])
            #expect(twice["error", "code"].string == "illegal_transition")

            // The rest of the seller takes it along: 180 + 4500 − 1000.
            _ = try await souk.release(id, ["seller": .string(sellers[0])]).expecting(201)
            try await souk.settle()
            #expect(try await souk.balances()["seller:\(sellers[0]):funds"] == 3680)
            #expect(try await souk.balances()["seller:\(sellers[1]):payable"] == 2800)
            _ = try await souk.release(id).expecting(201)
            try await souk.settle()
            #expect(try await souk.balances()["seller:\(sellers[1]):funds"] == 2800)
            let group = try await souk.call("GET", "/v1/transfer_groups/\(id)").expecting(200)
            #expect(group["settled"].bool == true, "\(group)")
            for (body, code): (JSON, String) in [
                (["seller": .string(sellers[0]), "lines": [.string(lines[0])]], "parameter_invalid"),
                (["lines": []], "parameter_invalid"),
                (["lines": ["oli_00000000000000000000000000"]], "parameter_invalid"),
                (["seller": "sel_00000000000000000000000000"], "parameter_invalid"),
            ] {
                let refused = try await souk.release(id, body)
                #expect(refused["error", "code"].string == code, "\(refused)")
            }
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
        }
    }

    @Test("released twenty times at once: one effect, the others a clear answer")
    func atOnce() async throws {
        try await RunningSouk.with { souk in
            let sale = try await souk.paidSeparateSale(release: ["on": "fulfilment"])
            let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 1...20 { group.addTask { try await souk.release(sale.order).status } }
                return try await group.reduce(into: [Int: Int]()) { $0[$1, default: 0] += 1 }
            }
            #expect(statuses == [201: 1, 409: 19])
            try await souk.settle()
            let transfers = try await souk.call("GET", "/v1/transfers?order=\(sale.order)").expecting(200)
            #expect(transfers["data"].array?.map { $0["state"].string } == ["paid", "paid"])
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
        }
    }

    @Test("after seven days, and not an hour earlier; a refund in the meantime is left out of it")
    func delay() async throws {
        try await RunningSouk.with { souk in
            let sale = try await souk.paidSeparateSale(release: ["on": "delay", "days": 7])
            let held = try await souk.call("GET", "/v1/transfers?order=\(sale.order)").expecting(200)
            #expect(held["data"].array?.count == 2)
            let hold = try #require(held["data"].array?.first?["hold"])
            #expect(hold["reason"].string?.contains("7 days after the payment") == true)
            let until = try #require(hold["until"].int)
            let order = try await souk.call("GET", "/v1/orders/\(sale.order)").expecting(200)
            #expect(until == (order["paid_at"].int ?? 0) + 7 * 86_400)
            _ = try await souk.stripe("POST", "/v1/refunds", [("charge", sale.charge), ("amount", "1000")]).expecting(
                200)
            try await souk.settle()
            _ = try await souk.control("POST", "/clock/advance", ["seconds": .int(7 * 86_400 - 3600)]).expecting(200)
            try await souk.settle()
            #expect(try await souk.balances()["seller:\(sale.sellers[0]):funds"] ?? 0 == 0)
            _ = try await souk.control("POST", "/clock/advance", ["seconds": 3600]).expecting(200)
            try await souk.settle()
            let balances = try await souk.balances()
            #expect(balances["seller:\(sale.sellers[0]):payable"] == 0)
            #expect(balances["seller:\(sale.sellers[0]):receivable"] ?? 0 == 0)
            let paid = try await souk.call("GET", "/v1/transfers?order=\(sale.order)").expecting(200)
            #expect(paid["data"].array?.compactMap { $0["amount"].int }.sorted() == [2430, 5670])
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
        }
    }

    @Test("earlier than the rule only with the scope admin; what is refunded whole ends its transfers")
    func early() async throws {
        try await RunningSouk.with { souk in
            let sale = try await souk.paidSeparateSale(release: ["on": "delay", "days": 7])
            let key = try await souk.call(
                "POST", "/v1/admin/api_keys", ["name": "shop", "scopes": ["orders:write"]]
            ).expecting(201).string("key")
            let refused = try await souk.release(sale.order, authorization: "Bearer \(key)")
            #expect(refused["error", "code"].string == "scope_missing", "\(refused)")
            _ = try await souk.release(sale.order, ["seller": .string(sale.sellers[0])]).expecting(201)
            try await souk.settle()
            #expect(try await souk.balances()["seller:\(sale.sellers[0]):funds"] == 6300)
            // The seller who has it owes the part; the other's transfer has nothing left to move.
            _ = try await souk.stripe("POST", "/v1/refunds", [("charge", sale.charge)]).expecting(200)
            try await souk.settle()
            let balances = try await souk.balances()
            #expect(balances["seller:\(sale.sellers[0]):receivable"] == 6300)
            #expect(balances["seller:\(sale.sellers[1]):payable"] == 0)
            let states = try await souk.call("GET", "/v1/transfers?order=\(sale.order)").expecting(200)
            #expect(
                states["data"].array?.compactMap { $0["state"].string }.sorted() == ["canceled", "canceled", "paid"])
            let group = try await souk.call("GET", "/v1/transfer_groups/\(sale.order)").expecting(200)
            #expect(group["amount_owed"].int == 6300)
            #expect(group["settled"].bool == false)

            // Support staff take it back: the seller owes nothing any more.
            let paid = try #require(states["data"].array?.compactMap { $0["stripe_transfer"].string }.first)
            _ = try await souk.stripe("POST", "/v1/transfers/\(paid)/reversals").expecting(200)
            try await souk.settle()
            #expect(try await souk.balances()["seller:\(sale.sellers[0]):receivable"] == 0)
            let end = try await souk.call("GET", "/v1/transfer_groups/\(sale.order)").expecting(200)
            #expect(end["settled"].bool == true, "\(end)")
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
        }
    }

    @Test("a seller on hold gets the money as soon as the hold is off, and nobody calls")
    func sellerOnHold() async throws {
        try await RunningSouk.with { souk in
            let sale = try await souk.paidSeparateSale(release: ["on": "fulfilment"])
            let seller = sale.sellers[0]
            _ = try await souk.call("POST", "/v1/sellers/\(seller)/hold", ["held": true, "reason": "checks"]).expecting(
                200)
            _ = try await souk.release(sale.order).expecting(201)
            try await souk.settle()
            let held = try await souk.call("GET", "/v1/transfers?state=held").expecting(200)
            #expect(held["data"].array?.map { $0["seller"].string } == [seller])
            #expect(held["data"].array?.first?["hold"]["reason"].string?.contains("checks") == true)
            #expect(held["data"].array?.first?["hold"]["until"] == .null)
            let announced = try await souk.call("GET", "/v1/events?type=transfer.held").expecting(200)
            #expect(announced["data"].array?.count == 1)
            _ = try await souk.call("POST", "/v1/sellers/\(seller)/hold", ["held": false]).expecting(200)
            try await souk.settle()
            #expect(try await souk.balances()["seller:\(seller):funds"] == 6300)
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
        }
    }

    @Test("refused by Stripe for now: the transfer waits with Stripe's reason and goes an hour later, less a refund")
    func refusedForNow() async throws {
        try await RunningSouk.with { souk in
            let sale = try await souk.paidSeparateSale(release: ["on": "fulfilment"])
            func request(_ isWanted: Bool, _ capability: String) async throws {
                _ = try await souk.stripe(
                    "POST", "/v1/accounts/\(sale.accounts[0])/capabilities/\(capability)",
                    [("requested", isWanted ? "true" : "false")]
                ).expecting(200)
            }
            // Souk does not hear that the seller cannot be paid any more.
            _ = try await souk.control("PUT", "/faults", ["webhooks": ["lose": 1]]).expecting(200)
            try await request(false, "card_payments")
            try await request(false, "transfers")
            try await souk.settle()
            _ = try await souk.control("DELETE", "/faults").expecting(200)
            _ = try await souk.release(sale.order).expecting(201)
            try await souk.settle()
            let held = try await souk.call("GET", "/v1/transfers?state=held").expecting(200)
            #expect(held["data"].array?.map { $0["seller"].string } == [sale.sellers[0]], "\(held)")
            #expect(held["data"].array?.first?["hold"]["reason"].string?.contains("Stripe refused") == true)
            #expect(try await souk.balances()["seller:\(sale.sellers[0]):payable"] == 6300)
            try await request(true, "transfers")
            // A refund that comes now takes from what is owed: the amount was not fixed yet.
            _ = try await souk.stripe("POST", "/v1/refunds", [("charge", sale.charge), ("amount", "1000")]).expecting(
                200)
            try await souk.settle()
            _ = try await souk.control("POST", "/clock/advance", ["seconds": 3700]).expecting(200)
            try await souk.settle()
            #expect(try await souk.balances()["seller:\(sale.sellers[0]):funds"] == 5670)
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
        }
    }

    @Test("a transfer that staff make out of the charge is owed by the seller, and found")
    func madeAtStripe() async throws {
        try await RunningSouk.with { souk in
            let sale = try await souk.paidSeparateSale(release: ["on": "fulfilment"])
            let made = try await souk.stripe(
                "POST", "/v1/transfers",
                [
                    ("amount", "500"), ("currency", "usd"), ("destination", sale.accounts[0]),
                    ("source_transaction", sale.charge),
                ]
            ).expecting(200).string("id")
            try await souk.settle()
            let balances = try await souk.balances()
            #expect(balances["seller:\(sale.sellers[0]):receivable"] == 500)
            #expect(balances["seller:\(sale.sellers[0]):payable"] == 6300)
            let found = try await souk.call("GET", "/v1/admin/findings?kind=made_at_stripe").expecting(200)
            #expect(found["data"].array?.contains { $0["object_id"].string == made } == true, "\(found)")
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
        }
    }
}

extension RunningSouk {
    func release(_ order: String, _ body: JSON = [:], authorization: String? = nil) async throws -> Answer {
        try await call("POST", "/v1/orders/\(order)/release", body, authorization: authorization)
    }
}

import Foundation
import Postgres
import TestSupport
import Testing

/// What lets money out waits for a second person above the limits of the key that asks, and for the switch that holds
/// everything; it goes by itself once what it waits for has come.
@Suite(.database, .serialized) struct MoneyOutTests {
    @Test("a refund above its key's limit waits for the key of another person, and then goes by itself")
    func refundAboveLimit() async throws {
        try await RunningSouk.with { souk in
            let sale = try await souk.paidSale()
            let clerk = try await souk.key(["refunds:write", "admin"])
            _ = try await souk.limit("refund", of: clerk, perOperation: 4000)
            let small = try await souk.refund(sale.order, 4000, by: clerk).expecting(201)
            #expect(small["stripe_refund"].string?.hasPrefix("re_") == true)

            let large = try await souk.refund(sale.order, nil, by: clerk).expecting(201)
            #expect(large["status"].string == "requested")
            #expect(large["stripe_refund"] == .null)
            let operation = try #require(large["operations"].array?.first)
            #expect(operation["state"].string == "held")
            let id = try #require(operation["id"].string)
            try await souk.settle()
            let waiting = try await souk.call("GET", "/v1/admin/operations?approval=needed").expecting(200)
            #expect(waiting["data"].array?.map { $0["id"].string } == [id])
            #expect(waiting["data"].array?.first?["asked_by"].string == clerk.id)
            #expect(try await souk.refundsAtStripe(of: sale.charge) == 1)

            // Neither the clerk nor a key that the clerk has made.
            let second = try await souk.key(["admin"], by: clerk)
            for key in [clerk, second] {
                let refused = try await souk.decide("approve", id, by: key)
                #expect(refused.status == 403)
                #expect(refused["error", "code"].string == "second_person_required", "\(refused)")
            }
            _ = try await souk.call("POST", "/v1/admin/operations/\(id)/release", ["reason": "no way round"])
                .expecting(200)
            try await souk.settle()
            #expect(try await souk.refundsAtStripe(of: sale.charge) == 1)

            let approved = try await souk.decide("approve", id).expecting(200)
            #expect(approved["approval"].string == "approved")
            try await souk.settle()
            let done = try await souk.call("GET", "/v1/refunds/\(try large.string("id"))").expecting(200)
            #expect(done["status"].string == "succeeded")
            #expect(try await souk.refundsAtStripe(of: sale.charge) == 2)
            let again = try await souk.decide("approve", id)
            #expect(again.status == 409, "\(again)")
            let audit = try await souk.call("GET", "/v1/admin/audit_log?subject=\(id)").expecting(200)
            #expect(audit["data"].array?.contains { $0["action"].string == "operation.approved" } == true)
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
        }
    }

    @Test("what a person refuses was never sent, and can be asked for again")
    func refused() async throws {
        try await RunningSouk.with { souk in
            let sale = try await souk.paidSale()
            let clerk = try await souk.key(["refunds:write", "admin"])
            _ = try await souk.limit("refund", of: clerk, perOperation: 0)
            let asked = try await souk.refund(sale.order, 10_000, by: clerk).expecting(201)
            let id = try #require(asked["operations"].array?.first?["id"].string)
            // The whole order is taken by it.
            let nothingLeft = try await souk.refund(sale.order, 1, by: nil)
            #expect(nothingLeft.status >= 400, "\(nothingLeft)")
            let refused = try await souk.decide("refuse", id, by: clerk).expecting(200)
            #expect(refused["state"].string == "failed")
            #expect(refused["approval"].string == "refused")
            let refund = try await souk.call("GET", "/v1/refunds/\(try asked.string("id"))").expecting(200)
            #expect(refund["status"].string == "failed")
            #expect(refund["failure_reason"].string == "approval_refused")
            try await souk.settle()
            #expect(try await souk.refundsAtStripe(of: sale.charge) == 0)
            _ = try await souk.refund(sale.order, 10_000, by: nil).expecting(201)
            try await souk.settle()
            #expect(try await souk.refundsAtStripe(of: sale.charge) == 1)
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
        }
    }

    @Test("a refund in one call that waited while another was made at Stripe becomes three calls")
    func touchedMeanwhile() async throws {
        try await RunningSouk.with { souk in
            let sale = try await souk.paidSale()
            let clerk = try await souk.key(["refunds:write", "admin"])
            _ = try await souk.limit("refund", of: clerk, perOperation: 100)
            let asked = try await souk.refund(sale.order, nil, by: clerk).expecting(201)
            let id = try #require(asked["operations"].array?.first?["id"].string)
            let transfer = try await souk.stripe("GET", "/v1/charges/\(sale.charge)").expecting(200).string("transfer")
            _ = try await souk.stripe("POST", "/v1/transfers/\(transfer)/reversals", [("amount", "1000")]).expecting(
                200)
            try await souk.settle()
            _ = try await souk.decide("approve", id).expecting(200)
            try await souk.settle()
            let refund = try await souk.call("GET", "/v1/refunds/\(try asked.string("id"))").expecting(200)
            #expect(refund["status"].string == "succeeded", "\(refund)")
            #expect(
                refund["operations"].array?.map { $0["kind"].string } == [
                    "refund_charge", "refund_application_fee", "reverse_transfer",
                ])
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
        }
    }

    @Test("of twenty refunds at once a day's limit lets exactly ten go")
    func dayAtOnce() async throws {
        try await RunningSouk.with { souk in
            let sale = try await souk.paidSale()
            let clerk = try await souk.key(["refunds:write"])
            // Its own limit holds in the place of everybody's.
            _ = try await souk.limit("refund", of: nil, perDay: 1)
            _ = try await souk.limit("refund", of: clerk, perDay: 1000)
            let states = try await withThrowingTaskGroup(of: String?.self) { group in
                for _ in 1...20 {
                    group.addTask {
                        try await souk.refund(sale.order, 100, by: clerk).expecting(201)["status"].string
                    }
                }
                return try await group.reduce(into: [String: Int]()) { $0[$1 ?? "none", default: 0] += 1 }
            }
            #expect(states["requested"] == 10, "\(states)")
            try await souk.settle()
            #expect(try await souk.refundsAtStripe(of: sale.charge) == 10)
            // Another day is another sum.
            _ = try await souk.control("POST", "/clock/advance", ["seconds": 86_400]).expecting(200)
            try await souk.settle()
            let next = try await souk.refund(sale.order, 100, by: clerk).expecting(201)
            #expect(next["stripe_refund"].string?.hasPrefix("re_") == true)
            try await souk.expectSoundBooks()
        }
    }

    @Test(
        "a transfer is counted when it goes: what a key releases is limited, what the order's own rule releases is not")
    func transfers() async throws {
        try await RunningSouk.with { souk in
            let clerk = try await souk.key(["orders:write", "admin"])
            _ = try await souk.limit("transfer", of: nil, perOperation: 5000)
            let sale = try await souk.paidSeparateSale(release: ["on": "fulfilment"])
            _ = try await souk.release(sale.order, authorization: clerk.bearer).expecting(201)
            try await souk.settle()
            // 6300 and 2700: only the second is within the limit.
            var balances = try await souk.balances()
            #expect(balances["seller:\(sale.sellers[0]):payable"] == 6300)
            #expect(balances["seller:\(sale.sellers[1]):funds"] == 2700)
            let held = try await souk.call("GET", "/v1/transfers?state=held").expecting(200)
            let hold = try #require(held["data"].array?.first?["hold"])
            #expect(hold["reason"].string?.hasPrefix("needs approval: 63.00 usd is above 50.00 usd") == true, "\(hold)")
            let id = try #require(
                try await souk.call("GET", "/v1/admin/operations?approval=needed").expecting(200)["data"].array?.first?[
                    "id"
                ].string)

            // Refused, the share waits for its release as before.
            _ = try await souk.decide("refuse", id).expecting(200)
            try await souk.settle()
            let order = try await souk.call("GET", "/v1/orders/\(sale.order)").expecting(200)
            #expect(
                order["lines"].array?.contains { $0["hold"]["reason"].string?.contains("on fulfilment") == true }
                    == true)
            _ = try await souk.release(sale.order, authorization: clerk.bearer).expecting(201)
            try await souk.settle()
            let again = try #require(
                try await souk.call("GET", "/v1/admin/operations?approval=needed").expecting(200)["data"].array?.first?[
                    "id"
                ].string)
            #expect(again != id)
            _ = try await souk.decide("approve", again).expecting(200)
            try await souk.settle()
            balances = try await souk.balances()
            #expect(balances["seller:\(sale.sellers[0]):funds"] == 6300)
            #expect(balances["seller:\(sale.sellers[0]):payable"] == 0)
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
        }
    }

    @Test("with the payment and after days the order's own rule lets shares go, whatever limits keys have")
    func releasedByRule() async throws {
        try await RunningSouk.with { souk in
            _ = try await souk.limit("transfer", of: nil, perOperation: 0, perDay: 0)
            let sale = try await souk.paidSeparateSale()
            #expect(try await souk.balances()["seller:\(sale.sellers[0]):funds"] == 6300)
            try await souk.expectSoundBooks()
        }
    }

    @Test("a payout above the limit goes once approved; one whose seller was put on hold meanwhile ends")
    func payouts() async throws {
        try await RunningSouk.with { souk in
            let sale = try await souk.paidSale(with: "pm_card_bypassPending")
            _ = try await souk.call("POST", "/v1/sellers/\(sale.seller)", ["payout_schedule": ["interval": "manual"]])
                .expecting(200)
            let clerk = try await souk.key(["payouts:write"])
            _ = try await souk.limit("payout", of: clerk, perDay: 1000)
            func ask(_ amount: Int, _ name: String) async throws -> RunningSouk.Answer {
                try await souk.call(
                    "POST", "/v1/sellers/\(sale.seller)/payouts",
                    ["amount": .int(amount), "currency": "usd", "external_id": .string(name)],
                    authorization: clerk.bearer
                ).expecting(201)
            }
            let first = try await ask(1000, "first")
            #expect(first["stripe_payout"].string?.hasPrefix("po_") == true)
            let (second, third) = (try await ask(2000, "second"), try await ask(3000, "third"))
            #expect(second["operation", "state"].string == "held")
            #expect(
                second["operation", "reason"].string?.hasPrefix("needs approval: 20.00 usd after 10.00 usd") == true)
            // The books have promised them already.
            let more = try await souk.call(
                "POST", "/v1/sellers/\(sale.seller)/payouts",
                ["amount": 4000, "currency": "usd", "external_id": "more"])
            #expect(more["error", "code"].string == "payout_blocked", "\(more)")
            _ = try await souk.decide("approve", try #require(second["operation", "id"].string)).expecting(200)
            try await souk.settle()
            let made = try await souk.call("GET", "/v1/payouts/\(try second.string("id"))").expecting(200)
            #expect(made["stripe_payout"].string?.hasPrefix("po_") == true, "\(made)")
            _ = try await souk.call("POST", "/v1/sellers/\(sale.seller)/hold", ["held": true, "reason": "checks"])
                .expecting(200)
            _ = try await souk.decide("approve", try #require(third["operation", "id"].string)).expecting(200)
            try await souk.settle()
            let ended = try await souk.call("GET", "/v1/payouts/\(try third.string("id"))").expecting(200)
            #expect(ended["status"].string == "failed")
            #expect(ended["failure_message"].string?.contains("checks") == true, "\(ended)")
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
        }
    }

    @Test("limits are set, replaced, listed and removed; what makes no sense is refused by name")
    func limitRoutes() async throws {
        try await RunningSouk.with { souk in
            let clerk = try await souk.key(["refunds:write"])
            let one = try await souk.limit("refund", of: clerk, perOperation: 100)
            let other = try await souk.limit("refund", of: clerk, perDay: 700)
            #expect(one["id"] == other["id"])
            #expect(other["per_operation"] == .null)
            #expect(other["per_day"].int == 700)
            _ = try await souk.limit("payout", of: nil, perDay: 5)
            let list = try await souk.call("GET", "/v1/admin/limits").expecting(200)
            #expect(list["data"].array?.map { $0["kind"].string } == ["payout", "refund"])
            let id = try one.string("id")
            #expect(try await souk.call("GET", "/v1/admin/limits/\(id)").expecting(200)["api_key"].string == clerk.id)
            _ = try await souk.call("DELETE", "/v1/admin/limits/\(id)").expecting(200)
            for (method, path) in [("GET", id), ("DELETE", id), ("GET", "lim_nothing")] {
                let gone = try await souk.call(method, "/v1/admin/limits/\(path)")
                #expect(gone["error", "code"].string == "limit_not_found", "\(gone)")
            }
            for (body, parameter): (JSON, String) in [
                (["kind": "refund", "currency": "usd"], "per_day"),
                (["kind": "refund", "currency": "usd", "per_day": -1], "per_day"),
                (["kind": "gift", "currency": "usd", "per_day": 1], "kind"),
                (
                    [
                        "kind": "refund", "currency": "usd", "per_day": 1,
                        "api_key": "key_00000000000000000000000000",
                    ], "api_key"
                ),
            ] {
                let refused = try await souk.call("POST", "/v1/admin/limits", body)
                #expect(refused["error", "param"].string == parameter, "\(refused)")
            }
            let missing = "opn_00000000000000000000000000"
            #expect(try await souk.decide("approve", missing)["error", "code"].string == "operation_not_found")
        }
    }

    // MARK: The switch

    @Test("while all money out is held nothing reaches Stripe, and what waited goes by itself once it is lifted")
    func everythingHeld() async throws {
        try await RunningSouk.with { souk in
            let sale = try await souk.paidSale(with: "pm_card_bypassPending")
            _ = try await souk.call("POST", "/v1/sellers/\(sale.seller)", ["payout_schedule": ["interval": "manual"]])
                .expecting(200)
            let sellers = [try await souk.onboardedSeller("shop-2"), try await souk.onboardedSeller("shop-3")]
            let separate = try await souk.placeSeparateOrder(
                sellers, release: ["on": "fulfilment"], externalID: "order-2")
            _ = try await souk.pay(separate).expecting(200)
            try await souk.settle()
            let held = try await souk.call("POST", "/v1/admin/money_out/hold", ["reason": "a key was stolen"])
                .expecting(200)
            #expect(held["held"].bool == true)
            #expect(held["operations_in_flight"].int == 0)
            let before = try await souk.atStripe(sale)

            let refund = try await souk.refund(sale.order, 1000, by: nil).expecting(201)
            let payout = try await souk.call(
                "POST", "/v1/sellers/\(sale.seller)/payouts",
                ["amount": 500, "currency": "usd", "external_id": "payout-1"]
            ).expecting(201)
            _ = try await souk.release(try separate.string("id")).expecting(201)
            for operation in [refund["operations"].array?.first, payout["operation"]] {
                #expect(operation?["state"].string == "held")
                #expect(operation?["reason"].string == "all money out is held: a key was stolen")
            }
            try await souk.settle()
            _ = try await souk.control("POST", "/clock/advance", ["seconds": 90_000]).expecting(200)
            try await souk.settle()
            #expect(try await souk.atStripe(sale) == before)
            let waiting = try await souk.call("GET", "/v1/transfers?state=held").expecting(200)
            #expect(
                waiting["data"].array?.map { $0["hold"]["reason"].string } == [
                    "all money out is held: a key was stolen", "all money out is held: a key was stolen",
                ])
            let standing = try await souk.call("GET", "/v1/admin/money_out").expecting(200)
            // The refund, the payout and two transfers; what follows the refund waits for it.
            #expect(standing["operations_waiting"].int ?? 0 >= 4, "\(standing)")
            let twice = try await souk.call("POST", "/v1/admin/money_out/hold", ["reason": "again"]).expecting(200)
            #expect(twice["reason"].string == "a key was stolen")

            let lifted = try await souk.call("POST", "/v1/admin/money_out/release", ["reason": "revoked"]).expecting(
                200)
            #expect(lifted["held"].bool == false)
            try await souk.settle()
            let done = try await souk.call("GET", "/v1/refunds/\(try refund.string("id"))").expecting(200)
            #expect(done["status"].string == "succeeded")
            let made = try await souk.call("GET", "/v1/payouts/\(try payout.string("id"))").expecting(200)
            #expect(made["stripe_payout"].string?.hasPrefix("po_") == true)
            #expect(try await souk.balances()["seller:\(sellers[0]):funds"] == 6300)
            #expect(try await souk.call("GET", "/v1/admin/money_out").expecting(200)["operations_waiting"].int == 0)
            let audit = try await souk.call("GET", "/v1/admin/audit_log?subject=money_out").expecting(200)
            #expect(audit["data"].array?.map { $0["action"].string } == ["money_out.release", "money_out.hold"])
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
        }
    }

    @Test("one that was sent before, with an end that nobody knows, is looked up and not sent again")
    func unknownWhenHeld() async throws {
        try await RunningSouk.with { souk in
            let sale = try await souk.paidSale()
            try await souk.refuse("POST /v1/refunds", status: 503)
            let refund = try await souk.refund(sale.order, 1000, by: nil).expecting(201)
            let id = try #require(refund["operations"].array?.first?["id"].string)
            try await eventually("it was sent, and the end is not known", atMost: .seconds(30)) {
                try await souk.call("GET", "/v1/admin/operations/\(id)").expecting(200)["state"].string == "sent"
            }
            let held = try await souk.call("POST", "/v1/admin/money_out/hold", ["reason": "a look at it"]).expecting(
                200)
            #expect(held["operations_in_flight"].int == 1)
            _ = try await souk.control("PUT", "/faults", [:]).expecting(200)
            // Not found twice, ten minutes apart: a new attempt, which waits.
            try await eventually("it waits for the switch", atMost: .seconds(30)) {
                _ = try await souk.control("POST", "/clock/advance", ["seconds": 660]).expecting(200)
                let operation = try await souk.call("GET", "/v1/admin/operations/\(id)").expecting(200)
                return operation["state"].string == "pending"
                    && operation["reason"].string == "all money out is held: a look at it"
            }
            #expect(try await souk.refundsAtStripe(of: sale.charge) == 0)
            _ = try await souk.call("GET", "/readyz?idle=1").expecting(200)
            _ = try await souk.call("POST", "/v1/admin/money_out/release", ["reason": "it is well"]).expecting(200)
            try await souk.settle()
            #expect(try await souk.refundsAtStripe(of: sale.charge) == 1)
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
        }
    }
}

extension RunningSouk {
    struct Key: Sendable {
        let id: String
        let text: String
        var bearer: String { "Bearer \(text)" }
    }

    func key(_ scopes: [String], by maker: Key? = nil) async throws -> Key {
        let made = try await call(
            "POST", "/v1/admin/api_keys", ["name": "clerk", "scopes": .array(scopes.map(JSON.string))],
            authorization: maker?.bearer
        ).expecting(201)
        return Key(id: try made.string("id"), text: try made.string("key"))
    }

    func limit(
        _ kind: String, of key: Key?, perOperation: Int? = nil, perDay: Int? = nil
    ) async throws -> Answer {
        var body: [String: JSON] = ["kind": .string(kind), "currency": "usd"]
        if let key { body["api_key"] = .string(key.id) }
        if let perOperation { body["per_operation"] = .int(perOperation) }
        if let perDay { body["per_day"] = .int(perDay) }
        return try await call("POST", "/v1/admin/limits", .object(body)).expecting(200)
    }

    func decide(_ word: String, _ operation: String, by key: Key? = nil) async throws -> Answer {
        try await call(
            "POST", "/v1/admin/operations/\(operation)/\(word)", ["reason": "looked at it"],
            authorization: key?.bearer)
    }

    /// Of an amount, or all that remains; by a key or by the admin's own.
    fileprivate func refund(_ order: String, _ amount: Int?, by key: Key?) async throws -> Answer {
        try await call(
            "POST", "/v1/orders/\(order)/refunds", amount.map { ["amount": .int($0)] } ?? [:],
            authorization: key?.bearer)
    }

    fileprivate func refundsAtStripe(of charge: String) async throws -> Int? {
        try await stripe("GET", "/v1/refunds?charge=\(charge)&limit=100").expecting(200)["data"].array?.count
    }

    /// How many of what leaves there are at Stripe: refunds, transfers, payouts of the seller.
    fileprivate func atStripe(_ sale: PaidSale) async throws -> [Int?] {
        var counts = [try await stripe("GET", "/v1/refunds?limit=100").expecting(200)["data"].array?.count]
        counts.append(try await stripe("GET", "/v1/transfers?limit=100").expecting(200)["data"].array?.count)
        counts.append(
            try await stripe("GET", "/v1/payouts?limit=100", account: sale.account).expecting(200)["data"].array?.count)
        return counts
    }
}

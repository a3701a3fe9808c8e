import App
import Foundation
import Postgres
import TestSupport
import Testing

/// A bank warns that a payment may be fraudulent, before the buyer disputes it or instead: it is written down and told, and
/// the configured policy acts on it once.
@Suite(.database, .serialized) struct FraudWarningTests {
    @Test("by default it is written down and told, shown on the order, and nothing moves")
    func recorded() async throws {
        try await RunningSouk.with { souk in
            let sale = try await souk.paidSale(with: "pm_card_createIssuerFraudRecord")
            let warning = try await souk.onlyWarning()
            #expect(warning["order"].string == sale.order && warning["charge"].string == sale.charge)
            #expect(warning["fraud_type"].string == "made_with_stolen_card")
            #expect(warning["actionable"].bool == true)
            #expect(warning["policy"].string == "none" && warning["action"].string == "none")
            #expect(warning["refund"] == .null && warning["holds_release"].bool == false)
            let order = try await souk.call("GET", "/v1/orders/\(sale.order)").expecting(200)
            #expect(order["fraud_warnings"].array == [warning["id"]])
            #expect(order["status"].string == "paid")
            try await souk.expect(platform: 680, seller: 9000, of: sale)

            // Two warnings of one charge are two, and what ends them is told of each.
            _ = try await souk.warn(of: sale.charge, "misc")
            _ = try await souk.refund(sale).expecting(201)
            try await souk.settle()
            let all = try await souk.call("GET", "/v1/fraud_warnings?order=\(sale.order)").expecting(200)["data"].array
            #expect(all?.map { $0["fraud_type"].string } == ["misc", "made_with_stolen_card"])
            #expect(all?.allSatisfy { $0["actionable"].bool == false } == true)
            #expect(
                try await souk.told() == [
                    "fraud_warning.created", "fraud_warning.created", "fraud_warning.updated", "fraud_warning.updated",
                ])
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
        }
    }

    // MARK: Refund

    @Test("refund: what remains of a sale goes back as fraudulent, as a whole refund would, and once")
    func refunded() async throws {
        try await RunningSouk.with(["SOUK_FRAUD_WARNINGS": "refund"]) { souk in
            let sale = try await souk.paidSale(with: "pm_card_createIssuerFraudRecord")
            try await souk.readBalances()
            let warning = try await souk.onlyWarning()
            #expect(warning["policy"].string == "refund" && warning["action"].string == "refund")
            #expect(warning["actionable"].bool == false)
            let refund = try await souk.call("GET", "/v1/refunds/\(try warning.string("refund"))").expecting(200)
            #expect(refund["amount"].int == 10_000 && refund["reason"].string == "fraudulent")
            #expect(refund["status"].string == "succeeded" && refund["origin"].string == "souk")
            try await souk.expect(platform: -320, seller: 0, of: sale)
            let order = try await souk.call("GET", "/v1/orders/\(sale.order)").expecting(200)
            #expect(order["status"].string == "refunded")
            let audit = try await souk.call("GET", "/v1/admin/audit_log?action=order.refund").expecting(200)
            #expect(audit["data"].array?.map { $0["caller"].string } == ["souk"])

            // Heard again, and once more in the wrong order: nothing else happens.
            try await souk.repeatEvents(of: try warning.string("stripe_warning"))
            _ = try await souk.warn(of: sale.charge)
            #expect(try await souk.refundsAtStripe(of: sale.charge) == [10_000])
            #expect(
                try await souk.told() == ["fraud_warning.created", "fraud_warning.updated", "fraud_warning.created"])
            try await souk.expect(platform: -320, seller: 0, of: sale)
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
        }
    }

    @Test(
        "refund: the end of the warning, heard before its beginning and before the payment, changes nothing of what is done",
        arguments: [false, true])
    func backwards(paymentIsHeard: Bool) async throws {
        try await RunningSouk.with(["SOUK_FRAUD_WARNINGS": "refund"]) { souk in
            let sellers = try await souk.twoSellers()
            let order = try await souk.placeSeparateOrder(sellers)
            if !paymentIsHeard { try await souk.loseEvents() }
            _ = try await souk.pay(order).expecting(200)
            try await souk.settle()
            try await souk.loseEvents()
            let session = try await souk.stripe("GET", "/v1/checkout/sessions/\(try souk.session(of: order))")
            let intent = try session.string("payment_intent")
            let charge = try await souk.stripe("GET", "/v1/payment_intents/\(intent)").string("latest_charge")
            let warning = try await souk.control("POST", "/charges/\(charge)/warn_of_fraud").expecting(200)
            _ = try await souk.control("DELETE", "/faults").expecting(200)
            let id = try warning.string("id")
            for type in ["updated", "created", "updated"] {
                _ = try await souk.control(
                    "POST", "/events",
                    ["type": .string("radar.early_fraud_warning.\(type)"), "object": .string(id)]
                ).expecting(200)
            }
            try await souk.readBalances()
            #expect(try await souk.onlyWarning()["action"].string == "refund")
            #expect(try await souk.refundsAtStripe(of: charge) == [10_000])
            let seen = try await souk.call("GET", "/v1/orders/\(try order.string("id"))").expecting(200)
            #expect(seen["status"].string == "refunded")
            let balances = try await souk.balances()
            for seller in sellers {
                for part in ["funds", "payable", "receivable"] {
                    #expect(balances["seller:\(seller):\(part)"] ?? 0 == 0, "\(part)")
                }
            }
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
        }
    }

    @Test("refund: only the rest, also of what staff refunded at Stripe and nobody told; nothing after a whole refund")
    func rest() async throws {
        try await RunningSouk.with(["SOUK_FRAUD_WARNINGS": "refund"]) { souk in
            let sale = try await souk.paidSale()
            _ = try await souk.refund(sale, ["amount": 1000]).expecting(201)
            try await souk.settle()
            try await souk.loseEvents()
            _ = try await souk.stripe("POST", "/v1/refunds", [("charge", sale.charge), ("amount", "2500")])
                .expecting(200)
            _ = try await souk.control("DELETE", "/faults").expecting(200)
            let first = try await souk.warn(of: sale.charge)
            #expect(first["action"].string == "refund")
            #expect(try await souk.refundsAtStripe(of: sale.charge) == [6500, 2500, 1000])
            let second = try await souk.warn(of: sale.charge)
            #expect(second["action"].string == "none" && second["actionable"].bool == false)
            try await souk.readBalances()
            #expect(try await souk.refundsAtStripe(of: sale.charge).count == 3)
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
        }
    }

    @Test("refund: a refund that waits until money may leave is not asked for twice, and goes by itself")
    func whileHeld() async throws {
        try await RunningSouk.with(["SOUK_FRAUD_WARNINGS": "refund"]) { souk in
            let sale = try await souk.paidSale()
            _ = try await souk.call("POST", "/v1/admin/money_out/hold", ["reason": "a look"]).expecting(200)
            let first = try await souk.warn(of: sale.charge)
            let refund = try await souk.call("GET", "/v1/refunds/\(try first.string("refund"))").expecting(200)
            #expect(refund["operations"].array?.first?["reason"].string == "all money out is held: a look")
            // Whole as it is, it has left nothing for a second.
            let second = try await souk.warn(of: sale.charge)
            #expect(second["action"].string == "none" && second["actionable"].bool == true)
            #expect(try await souk.refundsAtStripe(of: sale.charge).isEmpty)
            _ = try await souk.call("POST", "/v1/admin/money_out/release", ["reason": "fine"]).expecting(200)
            try await souk.readBalances()
            #expect(try await souk.refundsAtStripe(of: sale.charge) == [10_000])
            try await souk.expect(platform: -320, seller: 0, of: sale)
            try await souk.expectSoundBooks()
        }
    }

    @Test("refund: a limit of keys does not hold what no key asks for")
    func limits() async throws {
        try await RunningSouk.with(["SOUK_FRAUD_WARNINGS": "refund"]) { souk in
            _ = try await souk.call(
                "POST", "/v1/admin/limits", ["kind": "refund", "currency": "usd", "per_operation": 0]
            ).expecting(200)
            let sale = try await souk.paidSale(with: "pm_card_createIssuerFraudRecord")
            #expect(try await souk.refundsAtStripe(of: sale.charge) == [10_000])
        }
    }

    @Test(
        "refund, warning and dispute in every order: the seller is debited once, and the buyer has the money once",
        arguments: ["dispute first", "refund first", "refund waits"], ["platform", "seller"])
    func besideDispute(story: String, bearer: String) async throws {
        try await RunningSouk.with(["SOUK_FRAUD_WARNINGS": "refund"]) { souk in
            let sale = try await souk.paidSale(bearer: bearer)
            try await souk.keepFunds(of: [sale.seller])
            try await souk.topUp()
            let before = try await souk.balances()["stripe:platform", default: 0]
            switch story {
            case "dispute first":
                _ = try await souk.control("POST", "/charges/\(sale.charge)/dispute").expecting(200)
                let warning = try await souk.warn(of: sale.charge)
                #expect(warning["action"].string == "none")
                #expect(try await souk.refundsAtStripe(of: sale.charge).isEmpty)
            case "refund first":
                _ = try await souk.warn(of: sale.charge)
                // The bank disputes what was given back already; Stripe takes it all the same.
                _ = try await souk.control("POST", "/charges/\(sale.charge)/dispute").expecting(200)
            default:
                _ = try await souk.call("POST", "/v1/admin/money_out/hold", ["reason": "a look"]).expecting(200)
                let warning = try await souk.warn(of: sale.charge)
                _ = try await souk.control("POST", "/charges/\(sale.charge)/dispute").expecting(200)
                try await souk.settle()
                _ = try await souk.call("POST", "/v1/admin/money_out/release", ["reason": "fine"]).expecting(200)
                try await souk.settle()
                let refund = try await souk.call("GET", "/v1/refunds/\(try warning.string("refund"))").expecting(200)
                #expect(refund["status"].string == "failed" && refund["stripe_refund"] == .null)
                #expect(try await souk.refundsAtStripe(of: sale.charge).isEmpty)
            }
            try await souk.readBalances()
            let isRefunded = story == "refund first"
            let bears = isRefunded || bearer == "seller"
            let balances = try await souk.balances()
            #expect(balances["seller:\(sale.seller):funds"] == (bears ? 0 : 9000))
            #expect(balances["seller:\(sale.seller):receivable"] ?? 0 == 0)
            #expect(balances["revenue:application_fees"] == (bears ? 0 : 1000))
            // The refund takes 1000 of the platform, the fee that it keeps no more; a dispute its amount and Stripe's fee.
            let taken = (isRefunded ? 1000 : 0) + 11_500 - (!isRefunded && bears ? 9000 : 0)
            #expect(balances["stripe:platform"] == before - taken)
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
        }
    }

    @Test("refund: a payment that goes back anyway is left to that, and one of nobody's order is none of ours")
    func notTheOrders() async throws {
        try await RunningSouk.with(["SOUK_FRAUD_WARNINGS": "refund"]) { souk in
            let other = try await souk.stripe(
                "POST", "/v1/payment_intents",
                [
                    ("amount", "5000"), ("currency", "usd"), ("payment_method", "pm_card_createIssuerFraudRecord"),
                    ("confirm", "true"), ("return_url", "https://shop.example/done"),
                ]
            ).expecting(200).string("latest_charge")
            try await souk.settle()
            #expect(try await souk.call("GET", "/v1/fraud_warnings").expecting(200)["data"].array == [])
            #expect(try await souk.refundsAtStripe(of: other).isEmpty)

            // Paid twice: what came second goes back once money may leave.
            let sellers = try await souk.twoSellers()
            let order = try await souk.placeSeparateOrder(sellers, payment: "payment_intent")
            let intent = try order.string("payment_intent")
            _ = try await souk.control("POST", "/payment_intents/\(intent)/pay").expecting(200)
            try await souk.settle()
            _ = try await souk.call("POST", "/v1/admin/money_out/hold", ["reason": "a look"]).expecting(200)
            let id = try order.string("id")
            let charge = try await souk.stripe(
                "POST", "/v1/payment_intents",
                [
                    ("amount", "10000"), ("currency", "usd"), ("confirm", "true"),
                    ("payment_method", "pm_card_visa"), ("return_url", "https://shop.example"),
                    ("metadata[souk_order]", id), ("transfer_group", id),
                ]
            ).expecting(200).string("latest_charge")
            try await souk.settle()
            let warning = try await souk.warn(of: charge)
            #expect(warning["action"].string == "none" && warning["actionable"].bool == true)
            _ = try await souk.call("POST", "/v1/admin/money_out/release", ["reason": "fine"]).expecting(200)
            try await souk.readBalances()
            #expect(try await souk.refundsAtStripe(of: charge) == [10_000])
            try await souk.expectSoundBooks()
        }
    }

    @Test("refund: whoever hears of it is killed at any moment, and the money goes back once", arguments: [1, 2, 3])
    func killed(round: Int) async throws {
        try await RunningSouk.withTemporaryFolder { folder in
            try await RunningSouk.withHeldWorkers(in: folder, ["SOUK_FRAUD_WARNINGS": "refund"]) { souk, makeWorkers in
                let world = World(
                    seed: UInt64(round), souk: souk, makeWorkers: makeWorkers,
                    postgres: TestDatabase.current.postgres, tally: Tally())
                for step in [Step.createSeller, .onboardComplete, .defaultPolicy] { try await world.take(step) }
                while try await world.query("SELECT 1 FROM orders").isEmpty { try await world.take(.orderByIntent) }
                while try await !world.query("SELECT 1 FROM orders WHERE charge_id IS NULL").isEmpty {
                    try await world.take(.payAccepted)
                }
                let charge: String = try #require(
                    try await world.query("SELECT charge_id FROM orders").first
                ).get("charge_id")
                try await world.take(.fundPlatform)
                try await world.settle()
                _ = try await souk.control("POST", "/charges/\(charge)/warn_of_fraud").expecting(200)
                _ = try await souk.control("POST", "/settle").expecting(200)
                for kill in 0..<12 { try await world.killWorkers(after: .milliseconds(kill * 4 + round)) }
                try await world.settle()
                #expect(world.tally.count(of: "workers killed at work", in: "faults met") > 0)
                let refunds = try await souk.refundsAtStripe(of: charge)
                let captured = try await souk.stripe("GET", "/v1/charges/\(charge)")["amount_captured"].int
                #expect(refunds == [captured ?? 0], "\(world.story)")
                // The card may have brought a warning of its own before.
                let acted = try await world.query("SELECT 1 FROM fraud_warnings WHERE action = 'refund'")
                #expect(acted.count == 1)
                try await world.check()
            }
        }
    }

    // MARK: Hold

    @Test("hold_release: what has not gone stays, says so, and goes when an admin releases it, once and for good")
    func held() async throws {
        try await RunningSouk.with(["SOUK_FRAUD_WARNINGS": "hold_release"]) { souk in
            let sale = try await souk.paidSeparateSale(release: ["on": "fulfilment"])
            _ = try await souk.release(sale.order, ["seller": .string(sale.sellers[0])]).expecting(201)
            try await souk.settle()
            let warning = try await souk.warn(of: sale.charge)
            let id = try warning.string("id")
            #expect(warning["action"].string == "hold" && warning["holds_release"].bool == true)
            let released = try await souk.release(sale.order).expecting(201)
            let reason = "the buyer's bank warns of fraud (\(id), misc)"
            #expect(released["transfers"].array?.first?["hold"]["reason"].string?.hasPrefix(reason) == true)
            try await souk.settle()
            _ = try await souk.control("POST", "/clock/advance", ["seconds": 172_800]).expecting(200)
            try await souk.settle()
            let order = try await souk.call("GET", "/v1/orders/\(sale.order)").expecting(200)
            let holds = order["lines"].array?.map { $0["hold"] }
            #expect(holds?.first == .null)
            #expect(holds?.last?["reason"].string?.hasPrefix(reason) == true)
            #expect(holds?.last?["until"] == .null)
            #expect(try await souk.balances()["seller:\(sale.sellers[1]):payable"] == 2700)
            let held = try await souk.call("GET", "/v1/fraud_warnings?holds_release=true").expecting(200)["data"].array
            #expect(held?.map { $0["id"].string } == [id])

            let path = "/v1/fraud_warnings/\(id)/release"
            let clerk = try await souk.key(["disputes:write", "transfers:write"])
            let barred = try await souk.call(
                "POST", path, ["reason": "mine"], authorization: clerk.bearer)
            #expect(barred["error", "code"].string == "scope_missing")
            let freed = try await souk.call("POST", path, ["reason": "the buyer called"]).expecting(200)
            #expect(freed["holds_release"].bool == false && freed["release_reason"].string == "the buyer called")
            #expect(try await souk.call("POST", path, ["reason": "again"]).expecting(200).text == freed.text)
            try await souk.readBalances()
            #expect(try await souk.balances()["seller:\(sale.sellers[1]):payable"] == 0)
            // Heard again, it holds nothing again.
            try await souk.repeatEvents(of: try warning.string("stripe_warning"))
            #expect(try await souk.call("GET", "/v1/fraud_warnings/\(id)").expecting(200).text == freed.text)
            let audit = try await souk.call("GET", "/v1/admin/audit_log?subject=\(id)").expecting(200)
            #expect(audit["data"].array?.map { $0["action"].string } == ["fraud_warning.release"])
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
        }
    }

    @Test(
        "hold_release: ends by itself when the payment is refunded or disputed; then that decides",
        arguments: [0, 1, 2])
    func ended(story: Int) async throws {
        try await RunningSouk.with(["SOUK_FRAUD_WARNINGS": "hold_release"]) { souk in
            let sale = try await souk.paidSeparateSale(release: ["on": "fulfilment"])
            let id = try await souk.warn(of: sale.charge).string("id")
            _ = try await souk.release(sale.order).expecting(201)
            try await souk.settle()
            switch story {
            case 0: _ = try await souk.call("POST", "/v1/orders/\(sale.order)/refunds", [:]).expecting(201)
            case 1:
                // A part of it leaves the rest in doubt.
                _ = try await souk.call("POST", "/v1/orders/\(sale.order)/refunds", ["amount": 1000]).expecting(201)
                try await souk.settle()
                let still = try await souk.call("GET", "/v1/fraud_warnings/\(id)").expecting(200)
                #expect(still["holds_release"].bool == true)
                _ = try await souk.call("POST", "/v1/orders/\(sale.order)/refunds", [:]).expecting(201)
            default:
                let dispute = try await souk.control("POST", "/charges/\(sale.charge)/dispute").expecting(200)
                try await souk.settle()
                let waiting = try await souk.call("GET", "/v1/transfers?state=held").expecting(200)["data"].array
                #expect(waiting?.count == 2)
                #expect(waiting?.allSatisfy { $0["hold"]["reason"].string?.contains("disputes") == true } == true)
                _ = try await souk.control(
                    "POST", "/disputes/\(try dispute.string("id"))/resolve", ["outcome": "won"]
                ).expecting(200)
            }
            try await souk.readBalances()
            let warning = try await souk.call("GET", "/v1/fraud_warnings/\(id)").expecting(200)
            #expect(warning["holds_release"].bool == false && warning["actionable"].bool == false)
            #expect(warning["action"].string == "hold")
            let refused = try await souk.call("POST", "/v1/fraud_warnings/\(id)/release", ["reason": "late"])
            #expect(refused["error", "code"].string == "illegal_transition")
            let states = try await souk.call("GET", "/v1/transfers?order=\(sale.order)").expecting(200)["data"].array
            #expect(states?.allSatisfy { $0["state"].string == (story == 2 ? "paid" : "canceled") } == true)
            for seller in sale.sellers {
                #expect(try await souk.balances()["seller:\(seller):payable"] == 0)
                #expect(try await souk.balances()["seller:\(seller):receivable"] ?? 0 == 0)
            }
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
        }
    }

    @Test("hold_release: a warning of an authorization holds what is captured later")
    func authorized() async throws {
        try await RunningSouk.with(["SOUK_FRAUD_WARNINGS": "hold_release"]) { souk in
            let sellers = try await souk.twoSellers()
            let order = try await souk.placeSeparateOrder(sellers, payment: "payment_intent", capture: "manual")
            let intent = try order.string("payment_intent")
            _ = try await souk.control("POST", "/payment_intents/\(intent)/pay").expecting(200)
            try await souk.settle()
            let charge = try await souk.stripe("GET", "/v1/payment_intents/\(intent)").string("latest_charge")
            let warning = try await souk.warn(of: charge)
            #expect(warning["action"].string == "hold")
            let path = "/v1/orders/\(try order.string("id"))"
            _ = try await souk.call("POST", "\(path)/capture", [:]).expecting(200)
            try await souk.settle()
            let captured = try await souk.call("GET", path).expecting(200)
            #expect(captured["status"].string == "paid")
            #expect(
                captured["lines"].array?.allSatisfy { $0["hold"]["reason"].string?.contains("fraud") == true } == true)
            _ = try await souk.call(
                "POST", "/v1/fraud_warnings/\(try warning.string("id"))/release", ["reason": "known buyer"]
            ).expecting(200)
            try await souk.settle()
            #expect(try await souk.balances()["seller:\(sellers[0]):funds"] == 6300)
            try await souk.expectSoundBooks()
        }
    }

    @Test(
        "hold_release: of a destination charge the seller has the money, so nothing is held and nothing can be released"
    )
    func destination() async throws {
        try await RunningSouk.with(["SOUK_FRAUD_WARNINGS": "hold_release"]) { souk in
            let sale = try await souk.paidSale(with: "pm_card_createIssuerFraudRecord")
            let warning = try await souk.onlyWarning()
            #expect(warning["policy"].string == "hold_release" && warning["action"].string == "none")
            let path = "/v1/fraud_warnings/\(try warning.string("id"))/release"
            let refused = try await souk.call("POST", path, ["reason": "why not"]).expecting(409)
            #expect(refused["error", "code"].string == "illegal_transition")
            let missing = try await souk.call(
                "POST", "/v1/fraud_warnings/frw_01jd7m3c0e8w2v9k4x5y6z7abc/release", ["reason": "x"]
            ).expecting(404)
            #expect(missing["error", "code"].string == "fraud_warning_not_found")
            try await souk.expect(platform: 680, seller: 9000, of: sale)
        }
    }
}

extension RunningSouk {
    fileprivate func onlyWarning() async throws -> Answer {
        let list = try await call("GET", "/v1/fraud_warnings").expecting(200)["data"].array ?? []
        #expect(list.count == 1)
        return try await call("GET", "/v1/fraud_warnings/\(list.first?["id"].string ?? "none")").expecting(200)
    }

    /// Has the bank warn, and answers what Souk made of it.
    fileprivate func warn(of charge: String, _ type: String = "misc") async throws -> Answer {
        let made = try await control("POST", "/charges/\(charge)/warn_of_fraud", ["fraud_type": .string(type)])
            .expecting(200).string("id")
        try await settle()
        let list = try await call("GET", "/v1/fraud_warnings").expecting(200)["data"].array ?? []
        let id = try #require(list.first { $0["stripe_warning"].string == made }?["id"].string)
        return try await call("GET", "/v1/fraud_warnings/\(id)").expecting(200)
    }

    /// Everything that Stripe has told of a warning comes again, the end first.
    fileprivate func repeatEvents(of warning: String) async throws {
        for type in ["updated", "created", "created"] {
            _ = try await control(
                "POST", "/events",
                ["type": .string("radar.early_fraud_warning.\(type)"), "object": .string(warning)]
            ).expecting(200)
        }
        try await settle()
    }

    /// Amounts, the newest first.
    fileprivate func refundsAtStripe(of charge: String) async throws -> [Int] {
        try await stripe("GET", "/v1/refunds?charge=\(charge)").expecting(200)["data"].array?
            .compactMap { $0["amount"].int } ?? []
    }

    /// What the marketplace was told of warnings, oldest first.
    fileprivate func told() async throws -> [String] {
        let list = try await call("GET", "/v1/events?limit=100").expecting(200)["data"].array ?? []
        return list.compactMap { $0["type"].string }.filter { $0.hasPrefix("fraud_warning.") }.reversed()
    }
}

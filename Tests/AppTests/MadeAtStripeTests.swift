import Foundation
import Postgres
import TestSupport
import Testing

/// Support staff work in Stripe's Dashboard every day. Whatever they do on our charges, transfers and accounts ends in
/// the books as if Souk had done it, with a finding that says so; what is not ours stays out of the way.
@Suite(.database, .serialized) struct MadeAtStripeTests {
    @Test("reversals and fee refunds made alone are booked, once each, and found", arguments: [false, true])
    func madeAlone(eventsAreLost: Bool) async throws {
        try await RunningSouk.with { souk in
            let sale = try await souk.paidSale()
            if eventsAreLost { try await souk.loseEvents() }
            let transfer = try #require(try await souk.stripeCharge(sale)["transfer"].string)
            let fee = try #require(try await souk.stripeCharge(sale)["application_fee"].string)
            let reversal = try await souk.stripe(
                "POST", "/v1/transfers/\(transfer)/reversals", [("amount", "2000")]
            ).expecting(200).string("id")
            _ = try await souk.stripe("POST", "/v1/transfers/\(transfer)/reversals", [("amount", "500")]).expecting(200)
            let feeRefund = try await souk.stripe(
                "POST", "/v1/application_fees/\(fee)/refunds", [("amount", "300")]
            ).expecting(200).string("id")
            try await souk.readBalances()

            // 9000 less 2500 that were taken back, and 300 of the fee.
            let balances = try await souk.balances()
            #expect(balances["seller:\(sale.seller):funds"] == 6800)
            #expect(balances["stripe:\(sale.account)"] == 6800)
            // The seller is owed 2200: what was taken back and not given.
            #expect(balances["seller:\(sale.seller):receivable"] == -2200)
            #expect(balances["clearing:transfer"] == 0)
            #expect(balances["clearing:application_fee"] == 0)
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
            let found = try await souk.madeAtStripe()
            #expect(found.count == 3)
            #expect(found.contains(reversal))
            #expect(found.contains(feeRefund))

            // Told again, in any order: nothing changes.
            if !eventsAreLost {
                _ = try await souk.stripe(
                    "POST", "/v1/transfers/\(transfer)/reversals", [("amount", "100")]
                ).expecting(200)
                try await souk.settle()
                #expect(try await souk.balances()["seller:\(sale.seller):funds"] == 6700)
                try await souk.expectSoundBooks()
            }
        }
    }

    @Test(
        "a reversal that takes the fee along, then the rest of both, in whatever form the fee comes back",
        arguments: ["negative_fee", "separate_row"])
    func reversalWithFee(form: String) async throws {
        try await RunningSouk.with { souk in
            _ = try await souk.control("PUT", "/behaviour", ["fee_refund_row": .string(form)]).expecting(200)
            let sale = try await souk.paidSale()
            let transfer = try #require(try await souk.stripeCharge(sale)["transfer"].string)
            _ = try await souk.stripe(
                "POST", "/v1/transfers/\(transfer)/reversals", [("amount", "5000"), ("refund_application_fee", "true")]
            ).expecting(200)
            _ = try await souk.stripe(
                "POST", "/v1/transfers/\(transfer)/reversals", [("refund_application_fee", "true")]
            ).expecting(200)
            try await souk.settle()
            let balances = try await souk.balances()
            #expect(balances["seller:\(sale.seller):funds"] == 0)
            #expect(balances["stripe:\(sale.account)"] == 0)
            #expect(balances["seller:\(sale.seller):receivable"] == -9000)
            #expect(balances["clearing:application_fee"] == 0)
            #expect(balances["suspense"] ?? 0 == 0)
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
        }
    }

    @Test("refunds with and without flags, in parts, with their events lost", arguments: [false, true])
    func partialRefunds(eventsAreLost: Bool) async throws {
        try await RunningSouk.with { souk in
            let sale = try await souk.paidSale()
            if eventsAreLost { try await souk.loseEvents() }
            let parts: [[(String, String)]] = [
                [("amount", "1000")], [("amount", "1500"), ("reverse_transfer", "true")],
                [("amount", "2500"), ("reverse_transfer", "true"), ("refund_application_fee", "true")],
            ]
            for part in parts {
                _ = try await souk.stripe("POST", "/v1/refunds", [("charge", sale.charge)] + part).expecting(200)
            }
            try await souk.readBalances()
            let order = try await souk.call("GET", "/v1/orders/\(sale.order)").expecting(200)
            #expect(order["status"].string == "partially_refunded")
            #expect(order["amount_refunded"].int == 5000)
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
            _ = try await souk.stripe("POST", "/v1/refunds", [("charge", sale.charge)]).expecting(200)
            try await souk.readBalances()
            let whole = try await souk.call("GET", "/v1/orders/\(sale.order)").expecting(200)
            #expect(whole["status"].string == "refunded")
            #expect(try await souk.balances()["revenue:application_fees"] == 0)
            #expect(try await souk.balances()["clearing:refund"] == 0)
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
            // Four refunds, and a fee refund that went along with one: Stripe does not say with which.
            #expect(try await souk.madeAtStripe().count == 5)
        }
    }

    @Test("a refund that fails at the bank later leaves the buyer due", arguments: [false, true])
    func failedRefund(eventsAreLost: Bool) async throws {
        try await RunningSouk.with { souk in
            let sale = try await souk.paidSale()
            let refund = try await souk.stripe(
                "POST", "/v1/refunds", [("charge", sale.charge), ("amount", "4000")]
            ).expecting(200).string("id")
            try await souk.settle()
            if eventsAreLost { try await souk.loseEvents() }
            _ = try await souk.control("POST", "/refunds/\(refund)/fail").expecting(200)
            try await souk.readBalances()
            #expect(try await souk.balances()["buyer:refunds_due"] == 4000)
            #expect(try await souk.balances()["clearing:refund"] == 0)
            #expect(try await souk.call("GET", "/v1/orders/\(sale.order)").expecting(200)["status"].string == "paid")
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
        }
    }

    @Test("a payment whose every event is lost is found by its row")
    func lostPayment() async throws {
        try await RunningSouk.with { souk in
            let seller = try await souk.onboardedSeller("shop-1")
            let order = try await souk.placeOrder("order-1", seller: seller, amount: 10_000)
            try await souk.loseEvents()
            _ = try await souk.pay(order).expecting(200)
            // A balance in which nothing moved for a week is read once a day.
            _ = try await souk.control("POST", "/clock/advance", ["seconds": 90_000]).expecting(200)
            try await souk.settle()
            let paid = try await souk.call("GET", "/v1/orders/\(try order.string("id"))").expecting(200)
            #expect(paid["status"].string == "paid")
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
        }
    }

    @Test("a second payment for a paid order, of which only its row tells, goes back whole")
    func lostSurplus() async throws {
        try await RunningSouk.with { souk in
            let sale = try await souk.paidSale()
            try await souk.loseEvents()
            _ = try await souk.payAgain(sale)
            try await souk.readBalances()
            let order = try await souk.call("GET", "/v1/orders/\(sale.order)").expecting(200)
            #expect(order["status"].string == "paid")
            #expect(try await souk.balances()["revenue:application_fees"] == 1000)
            #expect(try await souk.balances()["seller:\(sale.seller):funds"] == 9000)
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
        }
    }

    @Test("a payment intent canceled, a session expired and an authorization captured at Stripe")
    func endsOfPayment() async throws {
        try await RunningSouk.with { souk in
            let seller = try await souk.onboardedSeller("shop-1")
            let canceled = try await souk.placeOrder(
                "order-1", seller: seller, amount: 1000, payment: "payment_intent")
            let intent = try canceled.string("payment_intent")
            _ = try await souk.stripe("POST", "/v1/payment_intents/\(intent)/cancel", []).expecting(200)
            let expired = try await souk.placeOrder("order-2", seller: seller, amount: 1000)
            let session = try souk.session(of: expired)
            _ = try await souk.stripe("POST", "/v1/checkout/sessions/\(session)/expire", []).expecting(200)
            let held = try await souk.placeOrder(
                "order-3", seller: seller, amount: 10_000, payment: "payment_intent", capture: "manual")
            let authorized = try held.string("payment_intent")
            _ = try await souk.control("POST", "/payment_intents/\(authorized)/pay").expecting(200)
            try await souk.settle()
            #expect(try await souk.status(of: held) == "authorized")
            _ = try await souk.stripe("POST", "/v1/payment_intents/\(authorized)/capture", []).expecting(200)
            try await souk.settle()
            #expect(try await souk.status(of: canceled) == "expired")
            #expect(try await souk.status(of: expired) == "expired")
            #expect(try await souk.status(of: held) == "paid")
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
        }
    }

    @Test(
        "a charge and a transfer that are not ours go to equity, at once, and a seller's share of them to their funds")
    func notOurs() async throws {
        try await RunningSouk.with { souk in
            let sale = try await souk.paidSale()
            let before = try await souk.balances()
            // What comes to the seller stays there, whatever the hour of the day.
            _ = try await souk.stripe(
                "POST", "/v1/accounts/\(sale.account)", [("settings[payouts][schedule][interval]", "manual")]
            ).expecting(200)
            // The platform's other business: a sale of its own, and one that another program makes for our seller.
            _ = try await souk.stripe(
                "POST", "/v1/payment_intents",
                [
                    ("amount", "50000"), ("currency", "usd"), ("payment_method", "pm_card_bypassPending"),
                    ("confirm", "true"), ("allowed_payment_method_types[]", "card"),
                ]
            ).expecting(200)
            let other = try await souk.stripe(
                "POST", "/v1/payment_intents",
                [
                    ("amount", "3000"), ("currency", "usd"), ("payment_method", "pm_card_visa"), ("confirm", "true"),
                    ("allowed_payment_method_types[]", "card"), ("transfer_data[destination]", sale.account),
                    ("application_fee_amount", "300"),
                ]
            ).expecting(200)
            try await souk.settle()
            // By hand, to a seller, and under an order's group.
            let transfer = try await souk.stripe(
                "POST", "/v1/transfers",
                [
                    ("amount", "700"), ("currency", "usd"), ("destination", sale.account),
                    ("transfer_group", sale.order),
                ]
            ).expecting(200).string("id")
            try await souk.readBalances()
            _ = try await souk.stripe("POST", "/v1/transfers/\(transfer)/reversals", [("amount", "200")]).expecting(200)
            let charge = try #require(other["latest_charge"].string)
            let fee = try #require(
                try await souk.stripe("GET", "/v1/charges/\(charge)").expecting(200)["application_fee"].string)
            _ = try await souk.stripe("POST", "/v1/application_fees/\(fee)/refunds", [("amount", "100")]).expecting(200)
            try await souk.readBalances()

            let balances = try await souk.balances()
            for account in balances.keys where account.hasPrefix("clearing:") || account == "suspense" {
                #expect(balances[account] == 0, "\(account)")
            }
            // 2700 of the other sale and 100 of its fee, and 500 of the transfer.
            #expect(
                balances["seller:\(sale.seller):funds"] == (before["seller:\(sale.seller):funds"] ?? 0) + 3300)
            #expect(balances["revenue:application_fees"] == before["revenue:application_fees"])
            #expect((balances["equity:external"] ?? 0) > 40_000)
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
            #expect(try await souk.madeAtStripe().isEmpty)
        }
    }

    @Test("a payout by hand, a seller rejected at Stripe and edited metadata change what they must and nothing else")
    func theRest() async throws {
        try await RunningSouk.with { souk in
            let sale = try await souk.paidSale()
            _ = try await souk.stripe(
                "POST", "/v1/accounts/\(sale.account)", [("settings[payouts][schedule][interval]", "manual")]
            ).expecting(200)
            _ = try await souk.control("POST", "/clock/advance", ["seconds": 345_600]).expecting(200)
            _ = try await souk.stripe(
                "POST", "/v1/payouts", [("amount", "9000"), ("currency", "usd")], account: sale.account
            ).expecting(200)
            let metadata = [("metadata[souk_order]", ""), ("metadata[note]", "called the buyer")]
            _ = try await souk.stripe("POST", "/v1/charges/\(sale.charge)", metadata).expecting(200)
            _ = try await souk.stripe("POST", "/v1/payment_intents/\(sale.intent)", metadata).expecting(200)
            let refund = try await souk.stripe(
                "POST", "/v1/refunds", [("charge", sale.charge), ("amount", "100")]
            ).expecting(200).string("id")
            _ = try await souk.stripe("POST", "/v1/refunds/\(refund)", [("metadata[note]", "a")]).expecting(200)
            try await souk.settle()
            let payouts = try await souk.call("GET", "/v1/payouts?seller=\(sale.seller)").expecting(200)
            #expect((payouts["data"].array ?? []).reduce(0) { $0 + ($1["amount"].int ?? 0) } == 9000)
            #expect(
                try await souk.call("GET", "/v1/orders/\(sale.order)").expecting(200)["amount_refunded"].int == 100)
            _ = try await souk.control("POST", "/accounts/\(sale.account)/reject").expecting(200)
            try await souk.settle()
            let rejected = try await souk.call("GET", "/v1/sellers/\(sale.seller)").expecting(200)
            #expect(rejected["status"].string == "rejected")
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
        }
    }

    @Test("a finding is reviewed with a reason, once, and leaves an audit row")
    func review() async throws {
        try await RunningSouk.with { souk in
            let sale = try await souk.paidSale()
            _ = try await souk.stripe("POST", "/v1/refunds", [("charge", sale.charge), ("amount", "100")]).expecting(
                200)
            try await souk.settle()
            let list = try await souk.call("GET", "/v1/admin/findings?status=open&kind=made_at_stripe").expecting(200)
            let finding = try #require(list["data"].array?.first)
            let id = try #require(finding["id"].string)
            #expect(finding["detail"].string?.contains(sale.order) == true)
            #expect(finding["actual"].int == 100)
            for _ in 1...2 {
                let reviewed = try await souk.call(
                    "POST", "/v1/admin/findings/\(id)/repair",
                    ["repair": "mark_reviewed", "reason": "goodwill agreed with the seller"]
                ).expecting(200)
                #expect(reviewed["status"].string == "closed")
            }
            #expect(try await souk.madeAtStripe().isEmpty)
            let rows = try await TestDatabase.current.postgres.query(
                "SELECT count(*) AS n FROM audit_log WHERE action = 'finding.reviewed' AND subject = \(id)")
            #expect(try rows.first?.get("n", as: Int64.self) == 1)
            let missing = try await souk.call(
                "POST", "/v1/admin/findings/fnd_00000000000000000000000000/repair",
                ["repair": "mark_reviewed", "reason": "x"])
            #expect(missing.status == 404)
        }
    }
}

/// An order of 100.00 with a fee of 10.00, paid, its rows read.
struct PaidSale: Sendable {
    let seller: String
    let account: String
    let order: String
    let intent: String
    let charge: String
}

extension RunningSouk {
    /// `bearer` is who bears a dispute of it.
    func paidSale(with method: String = "pm_card_visa", bearer: String = "platform") async throws -> PaidSale {
        let seller = try await onboardedSeller("shop-1")
        _ = try await call(
            "POST", "/v1/fee_policies", ["scope": "default", "currency": "usd", "percent_bps": 1000]
        ).expecting(201)
        let order = try await placeOrder("order-1", seller: seller, amount: 10_000, bearer: bearer)
        _ = try await pay(order, with: method).expecting(200)
        try await settle()
        let paid = try await call("GET", "/v1/orders/\(try order.string("id"))").expecting(200)
        let intent = try paid.string("payment_intent")
        let charge = try await stripe("GET", "/v1/payment_intents/\(intent)").expecting(200).string("latest_charge")
        return PaidSale(
            seller: seller,
            account: try await call("GET", "/v1/sellers/\(seller)").expecting(200).string("stripe_account"),
            order: try order.string("id"), intent: intent, charge: charge)
    }

    func stripeCharge(_ sale: PaidSale) async throws -> Answer {
        try await stripe("GET", "/v1/charges/\(sale.charge)").expecting(200)
    }

    func status(of order: Answer) async throws -> String? {
        try await call("GET", "/v1/orders/\(try order.string("id"))").expecting(200)["status"].string
    }

    /// From now on the sandbox delivers no event: only rows and sweeps tell of anything.
    func loseEvents() async throws {
        _ = try await control("PUT", "/faults", ["webhooks": ["lose": 1]]).expecting(200)
    }

    /// Has every balance read now, as its slow round does in time.
    func readBalances() async throws {
        try await settle()
        _ = try await control("POST", "/clock/advance", ["seconds": 3700]).expecting(200)
        try await settle()
    }

    /// Stripe's ids of what was made without Souk and nobody has reviewed.
    func madeAtStripe() async throws -> Set<String> {
        let list = try await call("GET", "/v1/admin/findings?status=open&kind=made_at_stripe&limit=100").expecting(200)
        return Set((list["data"].array ?? []).compactMap { $0["object_id"].string })
    }
}

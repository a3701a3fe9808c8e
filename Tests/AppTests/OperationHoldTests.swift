import Foundation
import Postgres
import TestSupport
import Testing

/// What waits goes by itself once its cause is gone; what needs a person is listed, with Stripe's own sentence, and goes
/// on from the person's word.
@Suite(.database, .serialized) struct OperationHoldTests {
    @Test("held while the seller's balance is too low, the payment goes back once money has come, and nobody calls")
    func balanceTooLow() async throws {
        try await RunningSouk.with { souk in
            _ = try await souk.control("PUT", "/behaviour", ["reversal": "strict"]).expecting(200)
            let sale = try await souk.paidSale()
            try await souk.loseEvents()
            _ = try await souk.payAgain(sale)
            // By the time Souk hears of it, both payments are at the seller's bank.
            _ = try await souk.control("POST", "/clock/advance", ["seconds": 432_000]).expecting(200)
            try await souk.readBalances()
            let held = try await souk.operation(state: "held")
            #expect(held["kind"].string == "refund_charge")
            #expect(held["reason"].string?.contains("balance at Stripe is too low") == true)
            #expect(held["reason"].string?.contains("The recipient's balance is insufficient") == true)
            #expect(held["subject"].string == sale.order)

            _ = try await souk.control("PUT", "/faults", [:]).expecting(200)
            _ = try await souk.stripe(
                "POST", "/v1/accounts/\(sale.account)", [("settings[payouts][schedule][interval]", "manual")]
            ).expecting(200)
            _ = try await souk.pay(try await souk.placeOrder("order-2", seller: sale.seller, amount: 20_000))
                .expecting(200)
            try await souk.settle()
            _ = try await souk.control("POST", "/clock/advance", ["seconds": 345_600]).expecting(200)
            let id = try #require(held["id"].string)
            try await eventually("the operation has ended by itself", atMost: .seconds(30)) {
                try await souk.call("GET", "/v1/admin/operations/\(id)").expecting(200)["state"].string == "succeeded"
            }
            try await souk.settle()
            let order = try await souk.call("GET", "/v1/orders/\(sale.order)").expecting(200)
            #expect(order["status"].string == "paid", "the sale itself stands")
            #expect(try await souk.balances()["seller:\(sale.seller):receivable"] == 0)
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
        }
    }

    @Test("needs_review says what Stripe said, and retry looks the effect up before it goes on")
    func review() async throws {
        try await RunningSouk.with { souk in
            let sale = try await souk.paidSale()
            try await souk.refuse("POST /v1/refunds", status: 503)
            let charge = try await souk.payAgain(sale)
            try await eventually("the refund was sent and answered", atMost: .seconds(30)) {
                try await souk.operations(state: "sent").contains { $0["reason"].string != nil }
            }
            let sent = try await souk.operation(state: "sent")
            #expect(sent["reason"].string?.contains("An unknown error occurred (injected by the sandbox)") == true)
            let id = try #require(sent["id"].string)
            let released = try await souk.call(
                "POST", "/v1/admin/operations/\(id)/release", ["reason": "is not held"])
            #expect(released.status == 409)

            _ = try await souk.control("POST", "/objects/\(charge)/alter", ["set": ["status": "pending"]]).expecting(
                200)
            _ = try await souk.control("PUT", "/faults", [:]).expecting(200)
            _ = try await souk.call(
                "POST", "/v1/admin/operations/\(id)/retry", ["reason": "Stripe is back"]
            ).expecting(200)
            try await eventually("a person is asked for", atMost: .seconds(30)) {
                try await souk.call("GET", "/v1/admin/operations/\(id)").expecting(200)["state"].string
                    == "needs_review"
            }
            let reviewed = try await souk.call("GET", "/v1/admin/operations/\(id)").expecting(200)
            #expect(reviewed["reason"].string?.contains("did not succeed, so it cannot be refunded") == true)

            _ = try await souk.control("POST", "/objects/\(charge)/alter", ["set": ["status": "succeeded"]])
                .expecting(200)
            _ = try await souk.call(
                "POST", "/v1/admin/operations/\(id)/retry", ["reason": "the charge has succeeded"]
            ).expecting(200)
            // Not found twice, ten minutes apart: then a new attempt.
            try await eventually("the operation has ended", atMost: .seconds(30)) {
                _ = try await souk.control("POST", "/clock/advance", ["seconds": 660]).expecting(200)
                return try await souk.call("GET", "/v1/admin/operations/\(id)").expecting(200)["state"].string
                    == "succeeded"
            }
            let again = try await souk.call("POST", "/v1/admin/operations/\(id)/retry", ["reason": "once more"])
            #expect(again.status == 409)
            let audit = try await TestDatabase.current.postgres.query(
                "SELECT count(*) AS n FROM audit_log WHERE action = 'operation.retried' AND subject = \(id)")
            #expect(try audit.first?.get("n", as: Int64.self) == 2)
            try await souk.settle()
            try await souk.expectSoundBooks()
        }
    }

    @Test("a held operation is released to go now; lists filter and refuse unknown words")
    func releaseAndLists() async throws {
        try await RunningSouk.with { souk in
            _ = try await souk.control("PUT", "/behaviour", ["reversal": "strict"]).expecting(200)
            let sale = try await souk.paidSale()
            try await souk.loseEvents()
            _ = try await souk.payAgain(sale)
            _ = try await souk.control("POST", "/clock/advance", ["seconds": 432_000]).expecting(200)
            try await souk.readBalances()
            let held = try await souk.operation(state: "held")
            let id = try #require(held["id"].string)
            try await souk.postpone(id)
            _ = try await souk.control("PUT", "/behaviour", ["reversal": "negative"]).expecting(200)
            _ = try await souk.call(
                "POST", "/v1/admin/operations/\(id)/release", ["reason": "the seller has paid us"]
            ).expecting(200)
            try await eventually("the operation has ended", atMost: .seconds(30)) {
                try await souk.call("GET", "/v1/admin/operations/\(id)").expecting(200)["state"].string == "succeeded"
            }
            let list = try await souk.call(
                "GET", "/v1/admin/operations?state=succeeded&kind=refund_charge&subject=\(sale.order)"
            ).expecting(200)
            #expect(list["data"].array?.compactMap { $0["id"].string } == [id])
            #expect(try await souk.operations(state: "held").isEmpty)
            #expect(try await souk.call("GET", "/v1/admin/operations?state=lost").status == 400)
            #expect(try await souk.call("GET", "/v1/admin/operations?colour=red").status == 400)
            #expect(try await souk.call("GET", "/v1/admin/operations/opn_00000000000000000000000000").status == 404)
            #expect(try await souk.call("POST", "/v1/admin/operations/\(id)/retry", [:]).status == 400)
        }
    }

    @Test("an operation of a kind that this build does not know waits, and holds up no other")
    func unknownKind() async throws {
        try await RunningSouk.with { souk in
            let sale = try await souk.paidSale()
            let id = "opn_00000000000000000000000001"
            try await TestDatabase.current.postgres.execute(
                """
                INSERT INTO stripe_operations (id, kind, subject_id, state, reason, due_at, created_at)
                VALUES (\(id), 'made_by_a_newer_souk', \(sale.order), 'held', 'it waits', '2020-01-01', '2020-01-01')
                """)
            try await eventually("it was looked at", atMost: .seconds(30)) {
                try await souk.call("GET", "/v1/admin/operations/\(id)").expecting(200)["reason"].string?
                    .contains("no part of this build knows") == true
            }
            _ = try await souk.payAgain(sale)
            try await eventually("the second payment has gone back", atMost: .seconds(30)) {
                try await souk.operations(state: "succeeded").contains { $0["kind"].string == "refund_charge" }
            }
            #expect(try await souk.operation(state: "held")["id"].string == id)
        }
    }

    @Test("an event that cannot be handled keeps Stripe's own sentence")
    func parkedEvent() async throws {
        try await RunningSouk.with { souk in
            let seller = try await souk.onboardedSeller("shop-1")
            let order = try await souk.placeOrder("order-1", seller: seller, amount: 1000)
            try await souk.refuse("GET /v1/payment_intents/*", status: 500)
            _ = try await souk.pay(order).expecting(200)
            try await eventually("an event has failed", atMost: .seconds(30)) {
                let events = try await souk.call("GET", "/v1/admin/webhook_events?state=waiting").expecting(200)
                return (events["data"].array ?? []).contains { event in
                    event["last_error"].string?.contains("Stripe answered 500") == true
                        && event["last_error"].string?.contains("injected by the sandbox") == true
                }
            }
            _ = try await souk.control("PUT", "/faults", [:]).expecting(200)
        }
    }
}

extension RunningSouk {
    func operations(state: String) async throws -> [JSON] {
        try await call("GET", "/v1/admin/operations?state=\(state)").expecting(200)["data"].array ?? []
    }

    /// The only operation of that state.
    func operation(state: String) async throws -> JSON {
        let found = try await operations(state: state)
        try #require(found.count == 1, "\(found)")
        return found[0]
    }

    /// Leaves a held operation to a person: by itself it would go only in a year.
    func postpone(_ id: String) async throws {
        try await eventually("it is held, and nobody works on it", atMost: .seconds(30)) {
            try await !TestDatabase.current.postgres.query(
                """
                UPDATE stripe_operations SET due_at = due_at + interval '1 year'
                WHERE id = \(id) AND state = 'held' AND (lease_until IS NULL OR lease_until < clock_timestamp())
                RETURNING id
                """
            ).isEmpty
        }
    }

    func refuse(_ call: String, status: Int) async throws {
        _ = try await control(
            "PUT", "/faults",
            ["rules": [["match": .string(call), "kind": "status", "status": .int(status), "rate": 1]]]
        ).expecting(200)
    }

    /// A second payment for an order that is paid, as another program could make it.
    /// - Returns: its charge.
    func payAgain(_ sale: PaidSale) async throws -> String {
        try await stripe(
            "POST", "/v1/payment_intents",
            [
                ("amount", "10000"), ("currency", "usd"), ("payment_method", "pm_card_visa"), ("confirm", "true"),
                ("allowed_payment_method_types[]", "card"),
                ("transfer_data[destination]", sale.account),
                ("application_fee_amount", "1000"), ("transfer_group", sale.order),
                ("metadata[souk_order]", sale.order),
            ]
        ).expecting(200).string("latest_charge")
    }
}

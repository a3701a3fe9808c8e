import Domain
import Postgres
import Store
import TestSupport
import Testing

@Suite(.database, .serialized) struct CancelOrderTests {
    @Test("canceling closes the page first and is done by Stripe's word")
    func checkout() async throws {
        try await OrdersWorld.run { world in
            let (order, id) = try await world.placeOrder()
            let session = try #require(order.json["checkout_session"].string)
            let canceled = try await world.post("/v1/orders/\(id)/cancel")
            #expect(canceled.status == 200, "\(canceled.text)")
            #expect(canceled.json["status"].string == "canceled")
            #expect(canceled.json["checkout_url"] == .null)
            #expect(world.stripe.change { $0.sessions[session]?.status } == "expired")
            #expect(try await world.post("/v1/orders/\(id)/cancel").status == 200)
            #expect(try await world.post("/v1/orders/\(id)/payment").code == "illegal_transition")
            #expect(try await world.announced(id) == ["order.created", "order.canceled"])
        }
    }

    @Test("an authorized order: the bank's hold is released")
    func authorized() async throws {
        try await OrdersWorld.run { world in
            let (order, id) = try await world.placeOrder(#","payment":"payment_intent","capture":"manual""#)
            let intent = try #require(order.json["payment_intent"].string)
            world.stripe.change { $0.intents[intent]?.status = "requires_capture" }
            try await world.tell("payment_intent.amount_capturable_updated", about: intent)
            #expect(try await world.post("/v1/orders/\(id)/cancel").json["status"].string == "canceled")
            #expect(world.stripe.change { $0.intents[intent]?.status } == "canceled")
        }
    }

    @Test("paid while it is being canceled: 409, and the order is paid")
    func race() async throws {
        try await OrdersWorld.run { world in
            let (order, id) = try await world.placeOrder()
            let session = try #require(order.json["checkout_session"].string)
            world.stripe.change { stripe in
                stripe.interventions["POST /v1/checkout/sessions/\(session)/expire"] = { stripe in
                    let intent = stripe.begin(in: session, amount: 10_000)
                    stripe.intents[intent]?.pay(7)
                    stripe.sessions[session]?.status = "complete"
                }
            }
            let answer = try await world.post("/v1/orders/\(id)/cancel")
            #expect(answer.status == 409, "\(answer.text)")
            #expect(answer.code == "order_already_paid")
            #expect(try await world.status(id) == "paid")
            #expect(try await world.entries("charge_paid:") == 1)
            #expect(try await world.post("/v1/orders/\(id)/cancel").code == "order_already_paid")
        }
    }

    @Test("a payment that still arrives for a canceled order is booked and goes back whole")
    func latePayment() async throws {
        try await OrdersWorld.run { world in
            let (order, id) = try await world.placeOrder()
            let seller = try #require(order.json["seller"].string)
            _ = try await world.post("/v1/orders/\(id)/cancel")
            let intent = try await world.pay(order)
            world.complete(intent)
            try await world.tell("payment_intent.succeeded", about: intent)
            try await world.tell("charge.succeeded", about: intent)
            #expect(try await world.status(id) == "canceled")
            #expect(try await world.entries("charge_paid:") == 1)
            _ = try await world.worker.workOnDue()
            let refund = try #require(world.stripe.asked("POST /v1/refunds").first)
            #expect(refund.form["reverse_transfer"] == "true")
            #expect(refund.form["refund_application_fee"] == "true")
            #expect(refund.form["amount"] == nil)
            try await world.tell("charge.refunded", about: intent)
            try await world.tell("refund.created", about: intent)
            #expect(world.stripe.asked("POST /v1/refunds").count == 1)
            #expect(try await world.balance("seller:\(seller):funds") == 0)
            #expect(try await world.balance("seller:\(seller):receivable") == 0)
            #expect(try await world.balance("revenue:application_fees") == 0)
            let rows = try await world.store.query("SELECT origin, amount_minor FROM refunds")
            #expect(try rows.first?.get("origin", as: String.self) == "souk")
            #expect(try rows.first?.get("amount_minor", as: Int64.self) == 10_000)
            #expect(try await world.announced(id).contains("order.payment_returned"))
        }
    }

    @Test("canceled before Stripe made the page: the page is closed as soon as it is there")
    func beforeThePage() async throws {
        try await OrdersWorld.run { world in
            _ = try await world.placeOrder()
            world.stripe.change { $0.isAway = true }
            let (_, id) = try await world.placeOrder()
            #expect(try await world.post("/v1/orders/\(id)/cancel").json["status"].string == "canceled")
            world.stripe.change { $0.isAway = false }
            for _ in 1...3 {
                world.clock.advance(by: .seconds(10))
                _ = try await world.worker.workOnDue()
            }
            let open = world.stripe.change { stripe in
                stripe.sessions.values.filter { $0.order == id && $0.status == "open" }.count
            }
            #expect(open == 0)
            #expect(world.stripe.change { $0.sessions.values.contains { $0.order == id } })
            #expect(try await world.get("/v1/orders/\(id)").json["checkout_url"] == .null)
        }
    }

    @Test("Stripe away while canceling: the order waits with its operation and is canceled later")
    func stripeAway() async throws {
        try await OrdersWorld.run { world in
            let (_, id) = try await world.placeOrder()
            world.stripe.change { $0.isAway = true }
            let waiting = try await world.post("/v1/orders/\(id)/cancel")
            #expect(waiting.status == 200, "\(waiting.text)")
            #expect(waiting.json["status"].string == "awaiting_payment")
            #expect(waiting.json["operation"]["kind"].string == "expire_checkout_session")
            #expect(try await world.post("/v1/orders/\(id)/payment").code == "illegal_transition")
            world.stripe.change { $0.isAway = false }
            world.clock.advance(by: .seconds(10))
            _ = try await world.worker.workOnDue()
            #expect(try await world.status(id) == "canceled")
        }
    }
}

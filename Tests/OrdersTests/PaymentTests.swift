import Domain
import Postgres
import Store
import TestSupport
import Testing

@Suite(.database, .serialized) struct PaymentTests {
    @Test("paid by Stripe's word: the order, the charge and one entry, however often and in whatever order it is told")
    func paid() async throws {
        try await OrdersWorld.run { world in
            let (order, id) = try await world.placeOrder()
            let seller = try #require(order.json["seller"].string)
            let intent = try await world.pay(order)
            #expect(try await world.status(id) == "awaiting_payment", "a redirect proves nothing")
            for type in ["charge.succeeded", "payment_intent.succeeded", "payment_intent.succeeded"] {
                try await world.tell(type, about: intent)
            }
            try await world.tellOfSession(
                "checkout.session.completed", try #require(order.json["checkout_session"].string))
            #expect(world.stripe.asked("GET /v1/payment_intents/\(intent)").count == 1, "one read tells it all")
            world.complete(intent)
            try await world.tell("charge.updated", about: intent)
            try await world.tell("charge.updated", about: intent)
            // One to make the page, two reads: the balances' feeds have three left of six.
            #expect(world.stripe.asked.count == 3)

            let paid = try await world.get("/v1/orders/\(id)")
            #expect(paid.json["status"].string == "paid")
            #expect(paid.json["amount_captured"].int == 10_000)
            #expect(paid.json["checkout_url"] == .null)
            #expect(paid.json["payment_intent"].string == intent)
            #expect(try await world.announced(id) == ["order.created", "order.paid"])
            #expect(try await world.entries("charge_paid:") == 1)
            #expect(try await world.balance("clearing:charge") == 10_000)
            #expect(try await world.balance("seller:\(seller):funds") == 9000)
            #expect(try await world.balance("revenue:application_fees") == 1000)
            let charge = try #require(
                try await world.store.query("SELECT transfer_id, application_fee_id, destination_payment FROM charges")
                    .first)
            #expect(try charge.get("transfer_id", as: String.self).hasPrefix("tr_"))
            #expect(try charge.get("application_fee_id", as: String.self).hasPrefix("fee_"))
            #expect(try charge.get("destination_payment", as: String.self).hasPrefix("py_"))
            let feeds = try await world.store.query("SELECT stripe_account FROM balance_feeds ORDER BY 1")
            #expect(try feeds.map { try $0.get("stripe_account", as: String.self) } == ["acct_A", "platform"])
        }
    }

    @Test("events of one payment that arrive together share one read")
    func together() async throws {
        try await OrdersWorld.run { world in
            let (order, id) = try await world.placeOrder()
            let intent = try await world.pay(order)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for type in ["charge.succeeded", "payment_intent.succeeded", "charge.succeeded"] {
                    group.addTask { try await world.tell(type, about: intent) }
                }
                try await group.waitForAll()
            }
            #expect(try await world.status(id) == "paid")
            #expect(world.stripe.asked("GET /v1/payment_intents/\(intent)").count == 1)
        }
    }

    @Test("a decline, 3-D Secure, then a new try on the same page")
    func decline() async throws {
        try await OrdersWorld.run { world in
            let (order, id) = try await world.placeOrder()
            let session = try #require(order.json["checkout_session"].string)
            let intent = world.stripe.change { stripe in
                let intent = stripe.begin(in: session, amount: 10_000)
                stripe.intents[intent]?.declined = true
                return intent
            }
            try await world.tell("payment_intent.payment_failed", about: intent)
            let failed = try await world.get("/v1/orders/\(id)")
            #expect(failed.json["status"].string == "payment_failed")
            #expect(failed.json["last_payment_error"]["decline_code"].string == "generic_decline")
            #expect(failed.json["checkout_url"].string != nil, "the page is still open")
            let resumed = try await world.post("/v1/orders/\(id)/payment")
            #expect(resumed.json["checkout_session"].string == session)
            #expect(world.stripe.asked("POST /v1/checkout/sessions").count == 1)

            world.stripe.change { $0.intents[intent]?.status = "requires_action" }
            try await world.tell("payment_intent.requires_action", about: intent)
            #expect(try await world.status(id) == "requires_action")
            world.stripe.change { $0.intents[intent]?.pay(99) }
            try await world.tell("payment_intent.succeeded", about: intent)
            #expect(try await world.status(id) == "paid")
            // Late news of the decline changes nothing.
            try await world.tell("payment_intent.payment_failed", about: intent)
            #expect(try await world.status(id) == "paid")
            #expect(
                try await world.announced(id) == [
                    "order.created", "order.payment_failed", "order.requires_action", "order.paid",
                ])
        }
    }

    @Test("an expired page: a new one after it, and only then")
    func expiry() async throws {
        try await OrdersWorld.run { world in
            let (order, id) = try await world.placeOrder()
            let session = try #require(order.json["checkout_session"].string)
            world.stripe.change { $0.sessions[session]?.status = "expired" }
            try await world.tellOfSession("checkout.session.expired", session)
            #expect(try await world.status(id) == "expired")
            let resumed = try await world.post("/v1/orders/\(id)/payment")
            #expect(resumed.status == 200, "\(resumed.text)")
            #expect(resumed.json["status"].string == "awaiting_payment")
            let second = try #require(resumed.json["checkout_session"].string)
            #expect(second != session)
            // The first page's news is about the past.
            try await world.tellOfSession("checkout.session.expired", session)
            #expect(try await world.status(id) == "awaiting_payment")
            _ = try await world.pay(resumed)
        }
    }

    @Test("manual capture: authorized, captured whole, once; more than that is refused")
    func manualCapture() async throws {
        try await OrdersWorld.run { world in
            let (order, id) = try await world.placeOrder(#","payment":"payment_intent","capture":"manual""#)
            let intent = try #require(order.json["payment_intent"].string)
            #expect(try await world.post("/v1/orders/\(id)/capture").code == "illegal_transition")
            world.stripe.change { $0.intents[intent]?.status = "requires_capture" }
            try await world.tell("payment_intent.amount_capturable_updated", about: intent)
            #expect(try await world.status(id) == "authorized")
            #expect(try await world.post("/v1/orders/\(id)/capture", #"{"amount":10001}"#).code == "amount_too_large")
            #expect(try await world.post("/v1/orders/\(id)/capture", #"{"amount":0}"#).code == "parameter_invalid")
            let captured = try await world.post("/v1/orders/\(id)/capture")
            #expect(captured.json["status"].string == "paid", "\(captured.text)")
            #expect(captured.json["client_secret"] == .null)
            #expect(try await world.post("/v1/orders/\(id)/capture").status == 200)
            #expect(try await world.post("/v1/orders/\(id)/capture", #"{"amount":10000}"#).status == 200)
            #expect(try await world.post("/v1/orders/\(id)/capture", #"{"amount":9999}"#).code == "illegal_transition")
            #expect(try await world.entries("charge_paid:") == 1)
            #expect(try await world.announced(id) == ["order.created", "order.authorized", "order.paid"])
        }
    }

    @Test("capture of less: Stripe is asked for the part and its fee, and the order is what was captured of it")
    func captureLess() async throws {
        try await OrdersWorld.run { world in
            let (order, id) = try await world.placeOrder(#","payment":"payment_intent","capture":"manual""#)
            let intent = try #require(order.json["payment_intent"].string)
            world.stripe.change { $0.intents[intent]?.status = "requires_capture" }
            try await world.tell("payment_intent.amount_capturable_updated", about: intent)
            let captured = try await world.post("/v1/orders/\(id)/capture", #"{"amount":2505}"#)
            #expect(captured.json["status"].string == "paid", "\(captured.text)")
            #expect(captured.json["amount"].int == 10_000)
            #expect(captured.json["amount_captured"].int == 2505)
            // 10 % of it, rounded half up.
            #expect(captured.json["application_fee_amount"].int == 251)
            #expect(captured.json["lines"].array?.first?["amount"].int == 2505)
            #expect(captured.json["lines"].array?.first?["seller_amount"].int == 2254)
            #expect(captured.json["sellers"].array?.first?["amount"].int == 2254)
            let form = try #require(world.stripe.asked("POST /v1/payment_intents/\(intent)/capture").first).form
            #expect(form["amount_to_capture"] == "2505")
            #expect(form["application_fee_amount"] == "251")
            #expect(try await world.post("/v1/orders/\(id)/capture", #"{"amount":2505}"#).status == 200)
            #expect(try await world.post("/v1/orders/\(id)/capture", #"{"amount":2506}"#).code == "illegal_transition")
            let seller = try #require(order.json["seller"].string)
            #expect(try await world.balance("seller:\(seller):funds") == 2254)
            #expect(try await world.entries("charge_paid:") == 1)
        }
    }

    @Test("a part captured at Stripe with another fee than the policies': a contradiction, and nothing is booked")
    func capturedAtStripeWithAnotherFee() async throws {
        try await OrdersWorld.run { world in
            let (order, id) = try await world.placeOrder(#","payment":"payment_intent","capture":"manual""#)
            let intent = try #require(order.json["payment_intent"].string)
            world.stripe.change { stripe in
                stripe.intents[intent]?.captured = 4000
                stripe.intents[intent]?.pay(1)
            }
            await #expect(throws: (any Error).self) {
                try await world.tell("payment_intent.succeeded", about: intent)
            }
            #expect(try await world.status(id) == "awaiting_payment")
            #expect(try await world.entries("") == 0)
            // With the fee that they ask of the part it is taken as it is.
            world.stripe.change { $0.intents[intent]?.fee = 400 }
            try await world.tell("payment_intent.succeeded", about: intent)
            #expect(try await world.status(id) == "paid")
            #expect(try await world.entries("charge_paid:") == 1)
        }
    }

    @Test("what the bank takes back later leaves the seller owing it")
    func lateFailure() async throws {
        try await OrdersWorld.run { world in
            let (order, id) = try await world.placeOrder()
            let seller = try #require(order.json["seller"].string)
            let intent = try await world.pay(order)
            try await world.tell("payment_intent.succeeded", about: intent)
            world.stripe.change { $0.intents[intent]?.charge?.status = "failed" }
            try await world.tell("charge.failed", about: intent)
            try await world.tell("charge.failed", about: intent)
            #expect(try await world.status(id) == "failed_after_payment")
            #expect(try await world.balance("clearing:charge") == 0)
            #expect(try await world.balance("seller:\(seller):receivable") == 9000)
            #expect(try await world.entries("charge_failed_late:") == 1)
        }
    }

    @Test(
        "a payment that the bank took back after a part was refunded: the seller's rest comes out of the transfer, once"
    )
    func lateFailureIsTakenBack() async throws {
        try await OrdersWorld.run { world in
            let sale = try await world.paidOrder()
            _ = try await world.refund(sale, #"{"amount":2500}"#)
            try await world.settle()
            let before = world.stripe.returns.count
            world.stripe.change { $0.intents[sale.intent]?.charge?.status = "failed" }
            try await world.tell("charge.failed", about: sale.intent)
            #expect(try await world.balance("seller:\(sale.seller):receivable") == 6750)
            try await world.settle()
            try await world.tell("charge.failed", about: sale.intent)
            try await world.settle()
            #expect(
                world.stripe.returns.dropFirst(before) == ["POST /v1/transfers/tr_\(sale.charge)/reversals 6750"])
            #expect(try await world.balance("seller:\(sale.seller):receivable") == 0)
            #expect(try await world.balance("seller:\(sale.seller):funds") == 0)
            #expect(try await world.balance("revenue:application_fees") == 0)
            #expect(try await world.entries("reversal_made:") == 2)
        }
    }

    @Test(
        "what the bank takes back of a share takes what is held back along, before its date and after it",
        arguments: [false, true])
    func lateFailureOfReserve(isAfterTheDate: Bool) async throws {
        try await OrdersWorld.run { world in
            let seller = try await world.makeSeller()
            _ = try await world.post(
                "/v1/fee_policies", #"{"scope":"default","currency":"usd","percent_bps":1000}"#)
            let reserve = try await world.post(
                "/v1/sellers/\(seller)/reserve", #"{"basis_points":1000,"days":10}"#)
            #expect(reserve.status == 200, "\(reserve.text)")
            let (order, id) = try await world.placeOrder(#","release":{"on":"fulfilment"}"#)
            let intent = try await world.pay(order)
            try await world.tell("payment_intent.succeeded", about: intent)
            #expect(try await world.balance("seller:\(seller):payable") == 8100)
            #expect(try await world.balance("seller:\(seller):reserve") == 900)
            if isAfterTheDate {
                // The charge is of 1970.
                try await world.settle()
                #expect(try await world.balance("seller:\(seller):payable") == 9000)
                #expect(try await world.balance("seller:\(seller):reserve") == 0)
            }
            world.stripe.change { $0.intents[intent]?.charge?.status = "failed" }
            try await world.tell("charge.failed", about: intent)
            try await world.settle()
            #expect(try await world.status(id) == "failed_after_payment")
            for account in ["payable", "reserve", "receivable", "funds"] {
                #expect(try await world.balance("seller:\(seller):\(account)") == 0, "\(account)")
            }
            let shown = try await world.get("/v1/orders/\(id)")
            #expect(shown.json["sellers"].array?.first?["reserve"]["amount_held"].int == 0, "\(shown.text)")
            #expect(try await world.entries("reserve_released:") == (isAfterTheDate ? 1 : 0))
            #expect(try await world.entries("charge_failed_late:") == 1)
        }
    }

    @Test("a charge over another amount than the order's is a contradiction, and nothing is booked")
    func contradiction() async throws {
        try await OrdersWorld.run { world in
            let (order, id) = try await world.placeOrder()
            let session = try #require(order.json["checkout_session"].string)
            let intent = world.stripe.change { stripe in
                let intent = stripe.begin(in: session, amount: 9999)
                stripe.intents[intent]?.pay(1)
                return intent
            }
            await #expect(throws: (any Error).self) {
                try await world.tell("payment_intent.succeeded", about: intent)
            }
            #expect(try await world.status(id) == "awaiting_payment")
            #expect(try await world.entries("") == 0)
        }
    }

    @Test("events of the platform's other business are not read")
    func notOurs() async throws {
        try await OrdersWorld.run { world in
            world.stripe.change {
                $0.intents["pi_x"] = ScriptedStripe.Intent(
                    id: "pi_x", operation: "", order: "", amount: 1, fee: 0, destination: "")
            }
            try await world.tell("payment_intent.succeeded", about: "pi_x")
            #expect(world.stripe.asked.isEmpty)
        }
    }
}

import Domain
import Postgres
import Store
import StripeAPI
import TestSupport
import Testing

@Suite(.database, .serialized) struct PlaceOrderTests {
    @Test("an order of one seller becomes a Checkout page with the platform's fee")
    func checkout() async throws {
        try await OrdersWorld.run { world in
            let (answer, id) = try await world.placeOrder(
                #","external_id":"order-1","buyer":{"external_id":"u-1","email":"b@example.com"},"metadata":{"k":"v"}"#)
            #expect(answer.status == 201, "\(answer.text)")
            #expect(answer.json["status"].string == "awaiting_payment")
            #expect(answer.json["charge_shape"].string == "destination")
            #expect(answer.json["amount"].int == 10_000)
            #expect(answer.json["application_fee_amount"].int == 1000)
            #expect(answer.json["transfer_group"].string == id)
            #expect(answer.json["checkout_url"].string?.hasPrefix("https://checkout.example/cs_") == true)
            #expect(answer.json["payment_intent"] == .null)
            #expect(answer.json["operation"] == .null)
            let line = try #require(answer.json["lines"].array?.first)
            #expect(line["seller_amount"].int == 9000)
            #expect(line["application_fee_amount"].int == 1000)
            #expect(line["amount_refunded"].int == 0)

            let asked = try #require(world.stripe.asked("POST /v1/checkout/sessions").first)
            let operation = try #require(asked.form["metadata[souk_operation]"])
            #expect(asked.idempotencyKey == "souk_\(operation)_1")
            #expect(
                asked.form == [
                    "mode": "payment", "line_items[0][price_data][currency]": "usd",
                    "line_items[0][price_data][unit_amount]": "10000",
                    "line_items[0][price_data][product_data][name]": "Oak table", "line_items[0][quantity]": "1",
                    "success_url": "https://souk.example/checkout/success",
                    "cancel_url": "https://souk.example/checkout/canceled", "customer_email": "b@example.com",
                    "client_reference_id": id, "payment_intent_data[application_fee_amount]": "1000",
                    "payment_intent_data[transfer_data][destination]": "acct_A",
                    "payment_intent_data[transfer_group]": id, "payment_intent_data[description]": "Order order-1",
                    "payment_intent_data[metadata][souk_order]": id,
                    "payment_intent_data[metadata][souk_operation]": operation, "metadata[souk_order]": id,
                    "metadata[souk_operation]": operation,
                ])
            #expect(try await world.announced(id) == ["order.created"])
            #expect(try await world.get("/v1/orders/\(id)").json == answer.json)
        }
    }

    @Test("a payment intent instead, without a fee where no policy is in force, and captured by hand")
    func paymentIntent() async throws {
        try await OrdersWorld.run { world in
            let seller = try await world.makeSeller()
            let answer = try await world.post(
                "/v1/orders",
                OrdersWorld.order(of: seller, #","payment":"payment_intent","capture":"manual""#))
            #expect(answer.status == 201, "\(answer.text)")
            #expect(answer.json["client_secret"].string?.contains("_secret_") == true)
            #expect(answer.json["payment_intent"].string?.hasPrefix("pi_") == true)
            let form = try #require(world.stripe.asked("POST /v1/payment_intents").first).form
            #expect(form["application_fee_amount"] == nil)
            #expect(form["capture_method"] == "manual")
            #expect(form["automatic_payment_methods[enabled]"] == "true")
            #expect(form["transfer_data[destination]"] == "acct_A")
            let events = try await world.store.query("SELECT object::text AS object FROM outbox_events")
            for event in events { #expect(try !event.get("object", as: String.self).contains("_secret_")) }
        }
    }

    @Test("the same external_id: same facts find the order, other facts are refused")
    func repetition() async throws {
        try await OrdersWorld.run { world in
            let (first, id) = try await world.placeOrder(#","external_id":"order-1""#)
            #expect(first.status == 201)
            let (again, sameID) = try await world.placeOrder(#","external_id":"order-1""#)
            #expect(again.status == 200)
            #expect(sameID == id)
            let (other, _) = try await world.placeOrder(#","external_id":"order-1""#, amount: 9999)
            #expect(other.status == 409)
            #expect(other.code == "external_id_taken")
            #expect(world.stripe.asked("POST /v1/checkout/sessions").count == 1)
        }
    }

    @Test("twenty calls at once with one external_id make one order and one page")
    func concurrency() async throws {
        try await OrdersWorld.run { world in
            _ = try await world.placeOrder()
            let before = world.stripe.asked("POST /v1/checkout/sessions").count
            let ids = try await withThrowingTaskGroup(of: String.self) { group in
                for _ in 1...20 {
                    group.addTask { try await world.placeOrder(#","external_id":"order-1""#).id }
                }
                return try await group.reduce(into: Set<String>()) { $0.insert($1) }
            }
            #expect(ids.count == 1)
            #expect(world.stripe.asked("POST /v1/checkout/sessions").count == before + 1)
        }
    }

    @Test("a seller who cannot be charged for, impossible shapes and amounts out of bounds: refused, nothing written")
    func refusals() async throws {
        try await OrdersWorld.run { world in
            let ready = try await world.makeSeller()
            let unready = try await world.makeSeller("B", ready: false)
            func code(_ body: String) async throws -> String? {
                let answer = try await world.post("/v1/orders", body)
                #expect(answer.json["error"]["message"].string?.isEmpty == false, "\(answer.text)")
                return answer.code
            }
            #expect(try await code(OrdersWorld.order(of: unready)) == "seller_not_ready")
            #expect(try await code(OrdersWorld.order(of: "sel_00000000000000000000000000")) == "seller_not_found")
            #expect(try await code(OrdersWorld.order(of: ready, amount: 49)) == "amount_too_small")
            #expect(try await code(OrdersWorld.order(of: ready, amount: 100_000_000)) == "amount_too_large")
            #expect(
                try await code(OrdersWorld.order(of: ready, #","charge_shape":"direct""#)) == "charge_shape_impossible")
            #expect(
                try await code(
                    OrdersWorld.order(
                        of: ready, #","charge_shape":"destination","release":{"on":"delay","days":7}"#))
                    == "charge_shape_impossible")
            #expect(try await code(OrdersWorld.order(of: ready, #","colour":"red""#)) == "parameter_unknown")
            #expect(try await code(#"{"currency":"xxx","lines":[]}"#) == "currency_unknown")
            #expect(try await code(#"{"currency":"usd","lines":[]}"#) == "parameter_missing")
            let written = try await world.store.query("SELECT count(*) AS n FROM orders")
            #expect(try written.first?.get("n", as: Int64.self) == 0)
            #expect(world.stripe.asked.isEmpty)
        }
    }

    @Test("an order of two sellers is charged on the platform alone, and each seller's share is frozen")
    func separate() async throws {
        try await OrdersWorld.run { world in
            let sellers = [try await world.makeSeller("A"), try await world.makeSeller("B")]
            _ = try await world.post("/v1/fee_policies", #"{"scope":"default","currency":"usd","percent_bps":1000}"#)
            let lines = zip(sellers, [7000, 3000]).map { #"{"seller":"\#($0)","unit_amount":\#($1)}"# }
            let answer = try await world.post(
                "/v1/orders",
                #"{"currency":"usd","release":{"on":"delay","days":7},"lines":[\#(lines.joined(separator: ","))]}"#)
            #expect(answer.status == 201, "\(answer.text)")
            #expect(answer.json["charge_shape"].string == "separate")
            #expect(answer.json["seller"] == .null)
            #expect(answer.json["application_fee_amount"].int == 1000)
            #expect(answer.json["release"]["days"].int == 7)
            #expect(answer.json["sellers"].array?.map { $0["amount"].int } == [6300, 2700])
            #expect(answer.json["sellers"].array?.map { $0["stripe_account"].string } == ["acct_A", "acct_B"])
            let form = try #require(world.stripe.asked("POST /v1/checkout/sessions").first).form
            #expect(form["payment_intent_data[transfer_group]"] == answer.json["id"].string)
            #expect(form["payment_intent_data[application_fee_amount]"] == nil)
            #expect(form["payment_intent_data[transfer_data][destination]"] == nil)
            for seller in sellers {
                let found = try await world.get("/v1/orders?seller=\(seller)")
                #expect(found.json["data"].array?.map { $0["id"].string } == [answer.json["id"].string])
            }
            // The sellers would get more than the buyer pays.
            let refused = try await world.post(
                "/v1/orders",
                """
                {"currency":"usd","lines":[\(lines.joined(separator: ",")),{"type":"discount","unit_amount":-1001}]}
                """)
            #expect(refused.code == "charge_shape_impossible")
        }
    }

    @Test("more than a hundred lines go to Checkout as one item for the seller and one for each part of the platform")
    func manyLines() async throws {
        try await OrdersWorld.run { world in
            let seller = try await world.makeSeller()
            let line = #"{"seller":"\#(seller)","description":"Nail","unit_amount":10}"#
            let lines = Array(repeating: line, count: 499) + [#"{"type":"tax","unit_amount":77}"#]
            let answer = try await world.post(
                "/v1/orders", #"{"currency":"usd","lines":[\#(lines.joined(separator: ","))]}"#)
            #expect(answer.status == 201, "\(answer.text)")
            #expect(answer.json["lines"].array?.count == 500)
            let form = try #require(world.stripe.asked("POST /v1/checkout/sessions").first).form
            #expect(form["line_items[0][price_data][unit_amount]"] == "4990")
            #expect(form["line_items[1][price_data][unit_amount]"] == "77")
            #expect(form["line_items[2][quantity]"] == nil)
        }
    }

    @Test("while Stripe is away the order stands with its operation, and the worker finishes it")
    func stripeAway() async throws {
        try await OrdersWorld.run { world in
            _ = try await world.placeOrder()
            world.stripe.change { $0.isAway = true }
            let (answer, id) = try await world.placeOrder()
            #expect(answer.status == 201, "\(answer.text)")
            #expect(answer.json["checkout_url"] == .null)
            #expect(answer.json["operation"]["state"].string == "sent")
            world.stripe.change { $0.isAway = false }
            world.clock.advance(by: .seconds(10))
            _ = try await world.worker.workOnDue()
            let later = try await world.get("/v1/orders/\(id)")
            #expect(later.json["checkout_url"].string != nil)
            #expect(later.json["operation"] == .null)
            let keys = Set(world.stripe.asked("POST /v1/checkout/sessions").suffix(2).map(\.idempotencyKey))
            #expect(keys.count == 1)
        }
    }

    @Test("what Stripe refuses is told in Stripe's words, and the payment can be begun again")
    func stripeRefuses() async throws {
        try await OrdersWorld.run { world in
            _ = try await world.placeOrder()
            world.stripe.change { $0.refusals["POST /v1/checkout/sessions"] = "url_invalid" }
            let (refused, _) = try await world.placeOrder(#","external_id":"order-1""#)
            #expect(refused.status == 422)
            #expect(refused.code == "stripe_refused")
            let (again, id) = try await world.placeOrder(#","external_id":"order-1""#)
            #expect(again.status == 200)
            let resumed = try await world.post("/v1/orders/\(id)/payment")
            #expect(resumed.json["checkout_url"].string != nil, "\(resumed.text)")
        }
    }

    @Test("lists by status, external_id, seller and time, page by page")
    func lists() async throws {
        try await OrdersWorld.run { world in
            var ids: [String] = []
            for number in 1...5 { ids.append(try await world.placeOrder(#","external_id":"order-\#(number)""#).id) }
            let first = try await world.get("/v1/orders?limit=2")
            #expect(first.json["data"].array?.map { $0["id"].string } == [ids[4], ids[3]])
            #expect(first.json["has_more"].bool == true)
            let next = try await world.get("/v1/orders?limit=3&starting_after=\(ids[3])&status=awaiting_payment")
            #expect(next.json["data"].array?.map { $0["id"].string } == [ids[2], ids[1], ids[0]])
            #expect(next.json["has_more"].bool == false)
            let one = try await world.get("/v1/orders?external_id=order-2")
            #expect(one.json["data"].array?.map { $0["id"].string } == [ids[1]])
            let later = try await world.get("/v1/orders?created[gt]=99999999999")
            #expect(later.json["data"].array?.isEmpty == true)
            #expect(try await world.get("/v1/orders?status=eaten").code == "parameter_invalid")
            #expect(try await world.get("/v1/orders/ord_00000000000000000000000000").code == "order_not_found")
        }
    }

    @Test("the preview shows the division and writes nothing")
    func preview() async throws {
        try await OrdersWorld.run { world in
            _ = try await world.placeOrder()
            let seller = try await world.makeSeller("B", ready: false)
            let answer = try await world.post(
                "/v1/orders/preview",
                """
                {"currency":"usd","lines":[{"seller":"\(seller)","unit_amount":2500,"quantity":2},
                 {"type":"tax","unit_amount":400},{"type":"discount","unit_amount":-100}]}
                """)
            #expect(answer.status == 200, "\(answer.text)")
            #expect(answer.json["amount"].int == 5300)
            #expect(answer.json["application_fee_amount"].int == 800)
            #expect(answer.json["seller_amount"].int == 4500)
            #expect(try await world.get("/v1/orders").json["data"].array?.count == 1)
            let fees = try await world.post(
                "/v1/fee_policies/preview",
                #"{"currency":"usd","lines":[{"seller":"\#(seller)","unit_amount":999}]}"#)
            #expect(fees.json["application_fee_amount"].int == 100, "\(fees.text)")
        }
    }
}

import StripeSandbox
import Testing
import Transport

/// What a client sees besides money: keys, parameters, lists, declines, time.
@Suite struct BehaviourTests {
    @Test("A decline is kept under its key, with the intent inside the error")
    func decline() async throws {
        try await SandboxWorld.run { world in
            let form = [
                ("amount", "2000"), ("currency", "usd"), ("confirm", "true"), ("return_url", "https://shop.example"),
                ("payment_method", "pm_card_chargeDeclinedInsufficientFunds"),
            ]
            let declined = try await world.send(.post, "/v1/payment_intents", form, key: "pay")
            #expect(declined.status == 402)
            #expect(declined.json["error"]["decline_code"].string == "insufficient_funds")
            let intent = declined.json["error"]["payment_intent"]
            #expect(intent["status"].string == "requires_payment_method")
            let replay = try await world.send(.post, "/v1/payment_intents", form, key: "pay")
            #expect(replay.bytes == declined.bytes)
            let charges = try await world.get("/v1/charges", [("payment_intent", intent.id)])
            #expect(charges["data"].array.map { $0["status"].string } == ["failed"])
            let paid = try await world.post(
                "/v1/payment_intents/\(intent.id)/confirm",
                [("payment_method", "pm_card_visa"), ("return_url", "https://shop.example")])
            #expect(paid["status"].string == "succeeded")
        }
    }

    @Test(
        "Unknown parameters are refused at every depth, known but not simulated ones by name",
        arguments: [
            ("/v1/accounts", "controller[fees][payor]", "parameter_unknown"),
            ("/v1/accounts", "payment_method_types[]", "parameter_unknown"),
            ("/v1/accounts", "groups[payments_pricing]", "sandbox_not_simulated"),
            ("/v1/payment_intents", "payment_method_types[]", "parameter_unknown"),
            ("/v1/checkout/sessions", "line_items[0][price_data][product_data][nmae]", "parameter_unknown"),
            ("/v1/checkout/sessions", "subscription_data[trial_period_days]", "sandbox_not_simulated"),
        ])
    func strictness(path: String, parameter: String, code: String) async throws {
        try await SandboxWorld.run { world in
            let answer = try await world.send(.post, path, [(parameter, "x")])
            #expect(answer.status == 400)
            #expect(answer.code == code)
        }
    }

    @Test("No key, a wrong key and a live key are 401; a foreign account is 403")
    func authentication() async throws {
        try await SandboxWorld.run { world in
            for wrong in [nil, "Bearer nonsense", "Bearer sk_live_abcdefghijklmnop", "Bearer pk_test_abc"] {
                #expect(try await world.send(.get, "/v1/balance", authorization: wrong).status == 401)
            }
            #expect(try await world.send(.get, "/v1/balance", authorization: "Basic c2tfdGVzdF9hYmM6").status == 200)
            let foreign = try await world.send(.get, "/v1/balance", account: "acct_1nobody")
            #expect(foreign.status == 403)
            #expect(foreign.code == "account_invalid")
        }
    }

    @Test("Lists page newest first in both directions")
    func lists() async throws {
        try await SandboxWorld.run { world in
            var ids: [String] = []
            for number in 0..<7 { ids.append(try await world.post("/v1/customers", [("name", "\(number)")]).id) }
            let newest = try await world.get("/v1/customers", [("limit", "3")])
            #expect(newest["data"].array.map(\.id) == Array(ids.reversed().prefix(3)))
            #expect(newest["has_more"] == .bool(true))
            let next = try await world.get("/v1/customers", [("limit", "3"), ("starting_after", ids[4])])
            #expect(next["data"].array.map(\.id) == [ids[3], ids[2], ids[1]])
            let back = try await world.get("/v1/customers", [("limit", "2"), ("ending_before", ids[1])])
            #expect(back["data"].array.map(\.id) == [ids[3], ids[2]])
        }
    }

    @Test("The sandbox counts the calls of each route, replays and refusals too")
    func countsRequests() async throws {
        try await SandboxWorld.run { world in
            let customer = try await world.send(.post, "/v1/customers", [("name", "A")], key: "k")
            _ = try await world.send(.post, "/v1/customers", [("name", "A")], key: "k")
            _ = try await world.send(.get, "/v1/customers/cus_missing")
            _ = try await world.get("/v1/customers/\(customer.json.id)")
            _ = try await world.send(.get, "/v1/nonsense")
            let counts = try await world.control(.get, "requests").json
            #expect(counts["POST /v1/customers"].int == 2)
            #expect(counts["GET /v1/customers/:customer"].int == 2)
            #expect(counts["unknown"].int == 1)
        }
    }

    @Test("Checkout asks for 3-D Secure, is declined and paid, and expires")
    func checkout() async throws {
        try await SandboxWorld.run { world in
            let form = [
                ("mode", "payment"), ("success_url", "https://shop.example/ok"), ("line_items[0][quantity]", "2"),
                ("line_items[0][price_data][currency]", "usd"), ("line_items[0][price_data][unit_amount]", "2500"),
                ("line_items[0][price_data][product_data][name]", "Oak table"),
                ("payment_intent_data[metadata][order]", "1"),
            ]
            let session = try await world.post("/v1/checkout/sessions", form)
            #expect(session["amount_total"].int == 5000)
            #expect(session["payment_intent"] == .null)
            let declined = try await world.control(
                .post, "checkout/sessions/\(session.id)/pay", #"{"payment_method":"4000000000000002"}"#)
            #expect(declined.status == 402)
            let waiting = try await world.control(
                .post, "checkout/sessions/\(session.id)/pay", #"{"payment_method":"pm_card_authenticationRequired"}"#)
            #expect(waiting.json["status"].string == "open")
            let intent = declined.json["error"]["payment_intent"].id
            // The declined charge has no transfer, and may be asked for it.
            let unpaid = try await world.get("/v1/payment_intents/\(intent)", [("expand[]", "latest_charge.transfer")])
            #expect(unpaid["latest_charge"]["status"].string == "failed")
            #expect(unpaid["latest_charge"]["transfer"] == .null)
            try await world.control(.post, "payment_intents/\(intent)/authenticate", #"{"outcome":"succeed"}"#)
            let paid = try await world.get("/v1/checkout/sessions/\(session.id)", [("expand[]", "payment_intent")])
            #expect(paid["payment_status"].string == "paid")
            #expect(paid["payment_intent"]["metadata"]["order"].string == "1")

            let late = try await world.post("/v1/checkout/sessions", form)
            try await world.control(.post, "clock/advance", #"{"seconds":90000}"#)
            #expect(try await world.get("/v1/checkout/sessions/\(late.id)")["status"].string == "expired")
        }
    }
}

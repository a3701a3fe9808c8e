import TestSupport
import Testing

/// Captures of less than was authorized, on a whole Souk and its sandbox: exact balances on both sides.
@Suite(.database, .serialized) struct CaptureLessTests {
    @Test(
        "60.00 of 100.00: the fee is that of 60.00, Stripe books the whole and what was released, refunds end at nothing"
    )
    func destination() async throws {
        try await RunningSouk.with { souk in
            let seller = try await souk.onboardedSeller("shop-1")
            try await souk.takeTenPercent()
            let order = try await souk.placeOrder(
                "order-1", seller: seller, amount: 10_000, payment: "payment_intent", capture: "manual")
            try await souk.authorize(order)
            let path = "/v1/orders/\(try order.string("id"))"
            #expect(
                try await souk.call("POST", "\(path)/capture", ["amount": 10_001])["error", "code"].string
                    == "amount_too_large")
            let captured = try await souk.call("POST", "\(path)/capture", ["amount": 6000]).expecting(200)
            #expect(captured["status"].string == "paid")
            #expect(captured["amount"].int == 10_000)
            #expect(captured["amount_captured"].int == 6000)
            #expect(captured["application_fee_amount"].int == 600)
            try await souk.settle()
            let sale = PaidSale(
                seller: seller, account: try captured.string("stripe_account"), order: try order.string("id"),
                intent: try captured.string("payment_intent"), charge: try captured.string("charge"))
            // 600 less Stripe's 204.
            try await souk.expect(platform: 396, seller: 5400, of: sale)
            let rows = try await souk.stripe("GET", "/v1/balance_transactions?source=\(sale.charge)").expecting(200)
            let booked = rows["data"].array?.map { "\($0["reporting_category"].string ?? "") \($0["amount"].int ?? 0)" }
            #expect(Set(booked ?? []) == ["charge 10000", "partial_capture_reversal -4000"])
            let group = try await souk.call("GET", "/v1/transfer_groups/\(sale.order)").expecting(200)
            #expect(group["amount_charged"].int == 6000)
            #expect(group["application_fee_amount"].int == 600)
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()

            #expect(try await souk.call("POST", "\(path)/capture", ["amount": 6000]).status == 200)
            #expect(
                try await souk.call("POST", "\(path)/capture", ["amount": 7000])["error", "code"].string
                    == "illegal_transition")
            #expect(try await souk.refund(sale, ["amount": 6001])["error", "code"].string == "amount_too_large")
            _ = try await souk.refund(sale, ["amount": 1500]).expecting(201)
            try await souk.settle()
            try await souk.expect(platform: 246, seller: 4050, of: sale)
            _ = try await souk.refund(sale).expecting(201)
            try await souk.settle()
            try await souk.expect(platform: -204, seller: 0, of: sale)
            #expect(try await souk.call("GET", path)["status"].string == "refunded")
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
        }
    }

    @Test(
        "half of an order of two sellers, by Souk and in Stripe's Dashboard: each is owed the share of what was captured",
        arguments: [true, false])
    func separate(bySouk: Bool) async throws {
        try await RunningSouk.with { souk in
            let sellers = try await souk.twoSellers()
            let order = try await souk.placeSeparateOrder(
                sellers, payment: "payment_intent", release: ["on": "fulfilment"], capture: "manual")
            try await souk.authorize(order)
            let id = try order.string("id")
            if bySouk {
                _ = try await souk.call("POST", "/v1/orders/\(id)/capture", ["amount": 5000]).expecting(200)
            } else {
                let intent = try order.string("payment_intent")
                _ = try await souk.stripe(
                    "POST", "/v1/payment_intents/\(intent)/capture", [("amount_to_capture", "5000")]
                ).expecting(200)
            }
            try await souk.settle()
            let paid = try await souk.call("GET", "/v1/orders/\(id)").expecting(200)
            #expect(paid["status"].string == "paid")
            #expect(paid["amount_captured"].int == 5000)
            #expect(paid["lines"].array?.map { $0["amount"].int } == [3500, 1500])
            var balances = try await souk.balances()
            #expect(balances["seller:\(sellers[0]):payable"] == 3150)
            #expect(balances["seller:\(sellers[1]):payable"] == 1350)
            #expect(balances["revenue:application_fees"] == 500)
            // 5000 less Stripe's 175.
            #expect(balances["stripe:platform"] == 4825)
            #expect(balances["clearing:charge"] == 0)
            try await souk.expectSoundBooks()

            _ = try await souk.call("POST", "/v1/orders/\(id)/release", [:]).expecting(201)
            try await souk.settle()
            balances = try await souk.balances()
            #expect(balances["seller:\(sellers[0]):funds"] == 3150)
            #expect(balances["seller:\(sellers[1]):funds"] == 1350)
            #expect(balances["stripe:platform"] == 325)
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
        }
    }
}

extension RunningSouk {
    fileprivate func takeTenPercent() async throws {
        _ = try await call(
            "POST", "/v1/fee_policies", ["scope": "default", "currency": "usd", "percent_bps": 1000]
        ).expecting(201)
    }

    /// The buyer agrees, and the bank holds the amount.
    fileprivate func authorize(_ order: Answer) async throws {
        _ = try await control("POST", "/payment_intents/\(try order.string("payment_intent"))/pay").expecting(200)
        try await settle()
        #expect(try await call("GET", "/v1/orders/\(try order.string("id"))")["status"].string == "authorized")
    }
}

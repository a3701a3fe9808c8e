import StripeSandbox
import Testing
import Transport

/// Charges that a connected account makes itself, with `Stripe-Account`: $100.00 with a fee of $10.00 for the platform, and
/// Stripe's $3.20 out of the seller's balance.
@Suite struct DirectChargeTests {
    private static func charge(_ world: SandboxWorld, _ seller: String, _ more: [(String, String)] = []) async throws
        -> JSON
    {
        try await world.pay(10_000, [("application_fee_amount", "1000")] + more, account: seller)["latest_charge"]
    }

    // MARK: Payment

    @Test("What is captured later, and less of it, is the seller's; the platform's fee is that of the capture")
    func capturedInPart() async throws {
        try await SandboxWorld.run { world in
            let seller = try await world.seller(feesPayer: "account")
            let held = try await world.pay(
                10_000, [("application_fee_amount", "1000"), ("capture_method", "manual")], account: seller)
            #expect(held["status"].string == "requires_capture")
            #expect(try await world.rows(seller).isEmpty)
            #expect(try await world.refusal("/v1/payment_intents/\(held.id)/capture") == "404 resource_missing")
            try await world.post(
                "/v1/payment_intents/\(held.id)/capture",
                [("amount_to_capture", "6000"), ("application_fee_amount", "600")], account: seller)
            // 2.9 % of 6000 and 30.
            #expect(
                try await world.rows(seller) == ["charge 10000 804 9196", "adjustment -4000 0 -4000"])
            #expect(try await world.rows() == ["application_fee 600 0 600"])
            // A fee above what is captured is capped at it.
            let other = try await world.pay(
                10_000, [("application_fee_amount", "1000"), ("capture_method", "manual")], account: seller)
            try await world.post(
                "/v1/payment_intents/\(other.id)/capture", [("amount_to_capture", "500")], account: seller)
            #expect(try await world.total() == 600 + 500)
            let released = try await world.pay(
                10_000, [("application_fee_amount", "1000"), ("capture_method", "manual")], account: seller)
            try await world.post("/v1/payment_intents/\(released.id)/cancel", account: seller)
            #expect(try await world.total() == 1100)
        }
    }

    @Test("A Checkout page of a seller's declines, asks the bank, and is paid; the platform does not see it")
    func checkout() async throws {
        try await SandboxWorld.run { world in
            let seller = try await world.seller(feesPayer: "account")
            let form = [
                ("mode", "payment"), ("success_url", "https://shop.example/ok"),
                ("line_items[0][quantity]", "1"), ("line_items[0][price_data][currency]", "usd"),
                ("line_items[0][price_data][unit_amount]", "10000"),
                ("line_items[0][price_data][product_data][name]", "Table"),
                ("payment_intent_data[application_fee_amount]", "1000"),
                ("payment_intent_data[metadata][order]", "1"),
            ]
            #expect(
                try await world.refusal("/v1/checkout/sessions", form) == "400 application_fees_not_allowed")
            let session = try await world.post("/v1/checkout/sessions", form, account: seller)
            #expect(try await world.send(.get, "/v1/checkout/sessions/\(session.id)").status == 404)
            func pay(_ card: String) async throws -> SandboxWorld.Answer {
                try await world.send(
                    .post, "/c/pay/\(session.id)",
                    [("email", "b@example.com"), ("card", card), ("expiry", "12 / 34"), ("cvc", "123")])
            }
            #expect(try await pay("4000 0000 0000 0002").status == 402)
            #expect(try await world.rows(seller).isEmpty)
            let asked = try await pay("4000 0025 0000 3155")
            let page = try #require(asked.headers["Location"])
            #expect(page.hasPrefix("/authenticate/pi_"))
            let answered = try await world.send(.post, page, [("outcome", "succeed")])
            #expect(answered.headers["Location"] == "https://shop.example/ok")
            let paid = try await world.get(
                "/v1/checkout/sessions/\(session.id)", [("expand[]", "payment_intent")], account: seller)
            #expect(paid["status"].string == "complete")
            #expect(paid["payment_status"].string == "paid")
            #expect(paid["payment_intent"]["metadata"]["order"].string == "1")
            #expect(paid["payment_intent"]["application"].string?.hasPrefix("ca_") == true)
            try await world.advance(seconds: 2)
            #expect(try await world.rows(seller) == ["charge 10000 1320 8680"])
            #expect(try await world.rows() == ["application_fee 1000 0 1000"])
            #expect(try await world.events(seller).contains("checkout.session.completed"))
            #expect(try await world.events() == ["application_fee.created"])
            let unpaid = try await world.post("/v1/checkout/sessions", form, account: seller)
            #expect(try await world.refusal("/v1/checkout/sessions/\(unpaid.id)/expire") == "404 resource_missing")
            try await world.post("/v1/checkout/sessions/\(unpaid.id)/expire", account: seller)
            #expect(try await world.events(seller, limit: 1) == ["checkout.session.expired"])
        }
    }

    @Test("A charge completes a moment later: its row, then its fee, and the seller's account is told")
    func completesLater() async throws {
        try await SandboxWorld.run { world in
            let seller = try await world.seller(feesPayer: "account")
            let charge = try await Self.charge(world, seller, [("capture_method", "automatic_async")])
            #expect(charge["balance_transaction"] == .null)
            #expect(charge["application_fee"] == .null)
            try await world.advance(seconds: 2)
            let complete = try await world.get(
                "/v1/charges/\(charge.id)", [("expand[]", "application_fee")], account: seller)
            #expect(complete["application_fee"]["amount"].int == 1000)
            #expect(complete["application_fee"]["originating_transaction"] == .null)
            #expect(complete["transfer"] == .null)
            #expect(try await world.events(seller, limit: 1) == ["charge.updated"])
        }
    }

    @Test("An account whose card_payments is not active makes no charge")
    func needsCapability() async throws {
        try await SandboxWorld.run { world in
            let account = try await world.post(
                "/v1/accounts",
                [("country", "US"), ("type", "express"), ("capabilities[transfers][requested]", "true")])
            try await world.control(.post, "accounts/\(account.id)/onboard", #"{"outcome":"complete"}"#)
            #expect(
                try await world.refusal(
                    "/v1/payment_intents",
                    [
                        ("amount", "10000"), ("currency", "usd"), ("payment_method", "pm_card_visa"),
                        ("confirm", "true"), ("return_url", "https://shop.example"),
                    ], account: account.id) == "400 capability_not_active")
        }
    }

    // MARK: Money back

    @Test(
        "Part refunds give back their part of the fee, and the last one exactly its rest; what was given back alone counts",
        arguments: Reading.all)
    func partRefunds(reading: Reading) async throws {
        try await reading.run { world, behaviour in
            let seller = try await world.seller(feesPayer: "account")
            // Enough for every refund, so that none waits.
            _ = try await world.pay(20_000, account: seller)
            let before = try await world.total(seller)
            let charge = try await Self.charge(world, seller)
            let fee = charge["application_fee"].string ?? ""
            func refund(_ amount: Int64?) async throws {
                try await world.post(
                    "/v1/refunds",
                    [("charge", charge.id), ("refund_application_fee", "true")]
                        + (amount.map { [("amount", String($0))] } ?? []), account: seller)
            }
            try await refund(3333)
            // 333.3 of the fee, in either rounding.
            #expect(try await world.total() == 1000 - 333)
            #expect(try await world.total(seller) - before == 8680 - 3333 + 333)
            try await world.post("/v1/application_fees/\(fee)/refunds", [("amount", "400")])
            #expect(try await world.total() == 267)
            #expect(try await world.total(seller) - before == 8680 - 3333 + 733)
            // 5000 of 10000: 500 of the fee are due and 733 are back, so nothing more comes.
            try await refund(1667)
            #expect(try await world.total() == 267)
            try await refund(nil)
            #expect(try await world.total() == 0)
            #expect(try await world.total(seller) - before == -320)
            let whole = try await world.get("/v1/application_fees/\(fee)")
            #expect(whole["refunded"] == .bool(true))
            #expect(
                try await world.refusal("/v1/application_fees/\(fee)/refunds") == "400 charge_already_refunded")
            #expect(
                try await world.rows(seller).contains { $0.hasPrefix("application_fee_refund") }
                    == (behaviour.feeRefundRow == .separateRow))
        }
    }

    @Test(
        "A fee that is given back alone stands on the seller's account in the form of the reading",
        arguments: Reading.all)
    func feeAlone(reading: Reading) async throws {
        try await reading.run { world, behaviour in
            let seller = try await world.seller(feesPayer: "account")
            let fee = try await Self.charge(world, seller)["application_fee"].string ?? ""
            let back = try await world.post("/v1/application_fees/\(fee)/refunds", [("amount", "250")])
            #expect(try await world.rows().last == "application_fee_refund -250 0 -250")
            #expect(
                try await world.rows(seller).last
                    == (behaviour.feeRefundRow == .separateRow
                        ? "application_fee_refund 250 0 250" : "adjustment 0 -250 250"))
            let row = try await world.get("/v1/balance_transactions", [("limit", "1")], account: seller)["data"][0]
            #expect(row["source"].string == back.id)
            #expect(try await world.events(limit: 2) == ["application_fee.refunded", "application_fee.refund.updated"])
            #expect(
                try await world.refusal("/v1/application_fees/\(fee)/refunds", [("amount", "1")], account: seller)
                    == "400 platform_account_required")
        }
    }

    @Test(
        "A refund that the bank sends back returns to the seller's balance; the fee that went with it stays with the seller"
    )
    func refundFails() async throws {
        try await SandboxWorld.run { world in
            let seller = try await world.seller(feesPayer: "account")
            let charge = try await Self.charge(world, seller)
            let refund = try await world.post(
                "/v1/refunds", [("charge", charge.id), ("refund_application_fee", "true")], account: seller)
            #expect(try await world.total(seller) == -320)
            try await world.control(.post, "refunds/\(refund.id)/fail", "{}")
            #expect(try await world.total(seller) == 10_000 - 320)
            #expect(try await world.total() == 0)
            let failed = try await world.get("/v1/refunds/\(refund.id)", account: seller)
            #expect(failed["status"].string == "failed")
            #expect(try await world.events(seller, limit: 2) == ["refund.updated", "refund.failed"])
        }
    }

    @Test("Without Stripe-Account the platform has none of it but the fee, and no transfer can be reversed")
    func belongsToSeller() async throws {
        try await SandboxWorld.run { world in
            let seller = try await world.seller(feesPayer: "account")
            let charge = try await Self.charge(world, seller)
            #expect(try await world.send(.get, "/v1/charges/\(charge.id)").status == 404)
            #expect(try await world.refusal("/v1/refunds", [("charge", charge.id)]) == "404 resource_missing")
            #expect(
                try await world.refusal(
                    "/v1/refunds", [("charge", charge.id), ("reverse_transfer", "true")], account: seller)
                    == "400 reverse_transfer")
            #expect(
                try await world.refusal(
                    "/v1/payment_intents",
                    [("amount", "10000"), ("currency", "usd"), ("transfer_data[destination]", seller)], account: seller)
                    == "400 platform_account_required")
            let fees = try await world.get("/v1/application_fees", [("charge", charge.id)])["data"].array
            #expect(fees.map { $0["account"].string } == [seller])
            let buyer = try await world.post("/v1/customers", [("email", "b@example.com")], account: seller)
            #expect(try await world.send(.get, "/v1/customers/\(buyer.id)").status == 404)
            let plain = try await world.pay(10_000, account: seller)["latest_charge"]
            #expect(
                try await world.refusal(
                    "/v1/refunds", [("charge", plain.id), ("refund_application_fee", "true")], account: seller)
                    == "400 refund_application_fee")
        }
    }

    // MARK: Disputes

    @Test(
        "A dispute takes the amount and Stripe's fees from the seller, and evidence needs the seller's account",
        arguments: [("winning_evidence", 8680 - 1500), ("losing_evidence", 8680 - 10_000 - 2 * 1500)]
            as [(String, Int64)])
    func dispute(evidence: String, left: Int64) async throws {
        try await SandboxWorld.run { world in
            let seller = try await world.seller(feesPayer: "account")
            let charge = try await Self.charge(world, seller)
            let dispute = try await DisputeTests.open(world, charge.id)
            #expect(try await world.send(.get, "/v1/disputes/\(dispute.id)").status == 404)
            #expect(
                try await world.refusal("/v1/refunds", [("charge", charge.id)], account: seller)
                    == "400 charge_disputed")
            let path = "/v1/disputes/\(dispute.id)"
            #expect(
                try await world.refusal(path, [("evidence[uncategorized_text]", evidence)]) == "404 resource_missing")
            try await world.post(path, [("evidence[uncategorized_text]", evidence)], account: seller)
            #expect(try await world.total(seller) == left)
            // The fee is the platform's until it gives it back.
            #expect(try await world.total() == 1000)
            #expect(try await world.events(seller).contains("charge.dispute.closed"))
            #expect(try await world.events() == ["application_fee.created"])
        }
    }

    @Test("What a seller is below zero after a dispute is held back from the platform that is liable")
    func shortfall() async throws {
        try await SandboxWorld.run { world in
            let seller = try await world.seller()
            let charge = try await Self.charge(world, seller)
            _ = try await DisputeTests.open(world, charge.id)
            #expect(try await world.total(seller) == 9000 - 11_500)
            let balance = try await world.get("/v1/balance")
            #expect(balance["connect_reserved"][0]["amount"].int == 2500)
        }
    }
}

import StripeSandbox
import Testing
import Transport

/// The worked numbers of a $100.00 charge with a $10.00 platform fee: Stripe's fee is $3.20.
@Suite struct MoneyTests {
    @Test("A direct charge takes Stripe's fee and the platform's fee from the seller", arguments: Reading.all)
    func direct(reading: Reading) async throws {
        try await reading.run { world, _ in
            let seller = try await world.seller(feesPayer: "account")
            let intent = try await world.pay(10000, [("application_fee_amount", "1000")], account: seller)
            #expect(try await world.rows(seller) == ["charge 10000 1320 8680"])
            #expect(try await world.rows() == ["application_fee 1000 0 1000"])
            let row = try await world.get("/v1/balance_transactions", account: seller)["data"][0]
            #expect(row["fee_details"].array.map { $0["type"].string } == ["stripe_fee", "application_fee"])
            #expect(row["fee_details"].array.map { $0["amount"].int } == [320, 1000])
            let earning = try await world.get("/v1/balance_transactions")["data"][0]
            #expect(earning["reporting_category"].string == "platform_earning")
            let fee = try await world.get("/v1/application_fees/\(earning["source"].string ?? "")")
            #expect(fee["charge"].string == intent["latest_charge"].id)
            #expect(fee["account"].string == seller)
        }
    }

    @Test("A direct charge whose fees the platform pays leaves the seller 90.00", arguments: Reading.all)
    func directPaidByPlatform(reading: Reading) async throws {
        try await reading.run { world, behaviour in
            let seller = try await world.seller()
            _ = try await world.pay(10000, [("application_fee_amount", "1000")], account: seller)
            #expect(try await world.rows(seller) == ["charge 10000 1000 9000"])
            #expect(
                try await world.rows()
                    == (behaviour.platformFeeRow == .ownRow
                        ? ["stripe_fee -320 0 -320", "application_fee 1000 0 1000"]
                        : ["application_fee 1000 320 680"]))
            #expect(try await world.total() == 680)
            // Without a fee of the platform there is only the row of its own.
            _ = try await world.pay(10000, account: seller)
            #expect(try await world.total() == 360)
        }
    }

    @Test(
        "A destination charge moves the whole amount and takes the fee from the seller's payment",
        arguments: Reading.all)
    func destinationCharge(reading: Reading) async throws {
        try await reading.run { world, behaviour in
            let seller = try await world.seller()
            let intent = try await world.destination(seller)
            #expect(
                try await world.rows() == [
                    "charge 10000 320 9680", "transfer -10000 0 -10000", "application_fee 1000 0 1000",
                ])
            #expect(try await world.rows(seller) == ["payment 10000 1000 9000"])
            let charge = intent["latest_charge"]
            #expect(charge["application_fee_amount"].int == 1000)
            #expect(charge["transfer_data"]["destination"].string == seller)
            let transfer = try await world.get("/v1/transfers/\(charge["transfer"].string ?? "")")
            #expect(transfer["source_transaction"].string == charge.id)
            #expect(transfer["transfer_group"].string == "group_\(intent.id)")
            let payment = transfer["destination_payment"].string ?? ""
            #expect(payment.hasPrefix("py_"))
            let fee = try await world.get("/v1/application_fees/\(charge["application_fee"].string ?? "")")
            #expect(fee["charge"].string == payment)
            #expect(fee["originating_transaction"].string == charge.id)
            #expect(try await world.total() == 680)
            let told = try await world.events(seller).filter { $0 == "payment.created" }
            #expect(told.count == (behaviour.paymentCreatedEvent ? 1 : 0))
        }
    }

    @Test("A sale of 10.00 with a fee of 1.23 leaves the platform 0.64 and the seller 8.77")
    func publicExample() async throws {
        try await SandboxWorld.run { world in
            let seller = try await world.seller()
            _ = try await world.destination(seller, 1000, fee: 123)
            #expect(try await world.total() == 64)
            #expect(try await world.total(seller) == 877)
        }
    }

    @Test("transfer_data[amount] moves that much and makes no application fee", arguments: Reading.all)
    func transferAmount(reading: Reading) async throws {
        try await reading.run { world, _ in
            let seller = try await world.seller()
            let intent = try await world.pay(
                10000, [("transfer_data[destination]", seller), ("transfer_data[amount]", "9000")])
            #expect(try await world.rows() == ["charge 10000 320 9680", "transfer -9000 0 -9000"])
            #expect(try await world.rows(seller) == ["payment 9000 0 9000"])
            #expect(intent["latest_charge"]["application_fee"] == .null)
            #expect(try await world.get("/v1/application_fees")["data"].array.isEmpty)
            #expect(try await world.total() == 680)
        }
    }

    @Test("A fee and an amount to transfer exclude each other, and neither exceeds the charge")
    func splitBounds() async throws {
        try await SandboxWorld.run { world in
            let seller = try await world.seller()
            func refusal(_ form: [(String, String)]) async throws -> String {
                try await world.refusal(
                    "/v1/payment_intents",
                    [("amount", "10000"), ("currency", "usd"), ("transfer_data[destination]", seller)] + form)
            }
            #expect(
                try await refusal([("application_fee_amount", "1000"), ("transfer_data[amount]", "9000")])
                    == "400 parameters_exclusive")
            #expect(try await refusal([("application_fee_amount", "10001")]) == "400 application_fee_amount")
            #expect(try await refusal([("transfer_data[amount]", "10001")]) == "400 transfer_data[amount]")
            #expect(
                try await world.refusal(
                    "/v1/payment_intents",
                    [("amount", "10000"), ("currency", "usd"), ("application_fee_amount", "1")])
                    == "400 application_fees_not_allowed")
        }
    }

    @Test(
        "A partial capture makes two rows and caps the fee at what was captured; a new fee may be given",
        arguments: [(500, nil, 500, 45), (4000, nil, 1000, 146), (4000, "800", 800, 146)]
            as [(Int64, String?, Int64, Int64)])
    func partialCapture(captured: Int64, newFee: String?, fee: Int64, processing: Int64) async throws {
        try await SandboxWorld.run { world in
            let seller = try await world.seller()
            let held = try await world.pay(
                10000,
                [
                    ("capture_method", "manual"), ("application_fee_amount", "1000"),
                    ("transfer_data[destination]", seller),
                ])
            #expect(held["amount_capturable"].int == 10000)
            #expect(try await world.rows().isEmpty)
            var form = [("amount_to_capture", String(captured))]
            if let newFee { form.append(("application_fee_amount", newFee)) }
            let paid = try await world.post("/v1/payment_intents/\(held.id)/capture", form)
            #expect(paid["amount_received"].int == captured)
            // The test card is enriched a moment after its capture.
            try await world.advance(seconds: 2)
            #expect(
                try await world.rows() == [
                    "charge 10000 \(processing) \(10000 - processing)",
                    "adjustment \(captured - 10000) 0 \(captured - 10000)",
                    "transfer \(-captured) 0 \(-captured)", "application_fee \(fee) 0 \(fee)",
                ])
            let categories = try await world.get("/v1/balance_transactions")["data"].array.map {
                $0["reporting_category"].string
            }
            #expect(categories.contains("partial_capture_reversal"))
            #expect(try await world.rows(seller) == ["payment \(captured) \(fee) \(captured - fee)"])
            let more = try await world.refusal("/v1/payment_intents/\(held.id)/capture")
            #expect(more == "400 payment_intent_unexpected_state")
        }
    }

    @Test("Separate transfers out of one charge leave the platform the rest", arguments: Reading.all)
    func separate(reading: Reading) async throws {
        try await reading.run { world, _ in
            let first = try await world.seller()
            let second = try await world.seller()
            let charge = try await world.pay(10000)["latest_charge"].id
            for (seller, amount) in [(first, "7000"), (second, "2000")] {
                try await world.post(
                    "/v1/transfers",
                    [("amount", amount), ("currency", "usd"), ("destination", seller), ("source_transaction", charge)])
            }
            #expect(
                try await world.rows() == [
                    "charge 10000 320 9680", "transfer -7000 0 -7000", "transfer -2000 0 -2000",
                ])
            #expect(try await world.total() == 680)
            #expect(try await world.rows(first) == ["payment 7000 0 7000"])
            #expect(try await world.rows(second) == ["payment 2000 0 2000"])
        }
    }

    @Test(
        "Stripe's fee is 2.9 % rounded half up, and 30",
        arguments: [
            (950, 58), (1000, 59), (1900, 85), (2250, 95), (2500, 103), (2900, 114), (22500, 683), (25000, 755),
        ] as [(Int64, Int64)])
    func processingFee(amount: Int64, fee: Int64) async throws {
        try await SandboxWorld.run { world in
            _ = try await world.pay(amount)
            #expect(try await world.rows() == ["charge \(amount) \(fee) \(amount - fee)"])
        }
    }

    @Test("A charge's row, fee and transfer are null at first, come a moment later, and charge.updated says so")
    func enrichment() async throws {
        var behaviour = SandboxBehaviour()
        behaviour.enrichmentMilliseconds = 600_000
        try await SandboxWorld.run(behaviour: behaviour) { world in
            let seller = try await world.seller()
            func pay(_ method: String) async throws -> JSON {
                try await world.post(
                    "/v1/payment_intents",
                    [
                        ("amount", "10000"), ("currency", "usd"), ("payment_method", "pm_card_visa"),
                        ("confirm", "true"), ("return_url", "https://shop.example"), ("capture_method", method),
                        ("transfer_data[destination]", seller), ("application_fee_amount", "1000"),
                        ("expand[]", "latest_charge"),
                    ])["latest_charge"]
            }
            let later = try await pay("automatic_async")
            #expect(later["status"].string == "succeeded")
            for key in ["balance_transaction", "application_fee", "transfer"] { #expect(later[key] == .null) }
            #expect(try await world.rows().isEmpty)
            try await world.advance(seconds: 600)
            let charge = try await world.get("/v1/charges/\(later.id)")
            #expect(charge["balance_transaction"].string?.hasPrefix("txn_") == true)
            #expect(charge["application_fee"].string?.hasPrefix("fee_") == true)
            #expect(charge["transfer"].string?.hasPrefix("tr_") == true)
            #expect(
                try await world.events(limit: 4) == [
                    "payment_intent.succeeded", "application_fee.created", "transfer.created", "charge.updated",
                ])
            let updated = try await world.get("/v1/events", [("type", "charge.updated")])["data"][0]
            #expect(updated["data"]["previous_attributes"]["balance_transaction"] == .null)
            #expect(updated["data"]["previous_attributes"].keys.contains("balance_transaction"))
            // Asked for at once, everything is there in the answer.
            #expect(try await pay("automatic")["balance_transaction"].string?.hasPrefix("txn_") == true)
        }
    }
}

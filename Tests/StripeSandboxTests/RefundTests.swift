import StripeSandbox
import Testing
import Transport

/// Money back to the buyer: who bears it, by the kind of charge and by the flags.
@Suite struct RefundTests {
    static let both = [("reverse_transfer", "true"), ("refund_application_fee", "true")]

    @Test(
        "A whole refund without flags is the platform's alone: it waits for balance, or takes it below zero",
        arguments: Reading.all)
    func withoutFlags(reading: Reading) async throws {
        try await reading.run { world, behaviour in
            let seller = try await world.seller()
            let intent = try await world.destination(seller)
            let refund = try await world.post("/v1/refunds", [("payment_intent", intent.id)])
            let waits = behaviour.shortRefund == .pending
            #expect(refund["status"].string == (waits ? "pending" : "succeeded"))
            #expect(refund["pending_reason"].string == (waits ? "insufficient_funds" : nil))
            #expect(try await world.total() == (waits ? 680 : -9320))
            #expect(try await world.total(seller) == 9000)
            // It completes by itself as soon as there is money: 10000 − 320 more.
            _ = try await world.pay(10000)
            #expect(try await world.total() == 360)
            let after = try await world.get("/v1/refunds/\(refund.id)")
            #expect(after["status"].string == "succeeded")
            #expect(after["balance_transaction"].string?.hasPrefix("txn_") == true)
        }
    }

    @Test(
        "A whole refund that reverses the transfer takes the fee from the seller too, or is refused wholly",
        arguments: Reading.all)
    func withReversal(reading: Reading) async throws {
        try await reading.run { world, behaviour in
            let seller = try await world.seller()
            let intent = try await world.destination(seller)
            let books = try await world.control(.get, "books").json
            let events = try await world.events()
            let answer = try await world.send(
                .post, "/v1/refunds", [("payment_intent", intent.id), ("reverse_transfer", "true")])
            if behaviour.reversal == .negative {
                #expect(answer.status == 200)
                #expect(try await world.total() == 680)
                #expect(try await world.total(seller) == -1000)
            } else {
                #expect(answer.code == "balance_insufficient")
                #expect(try await world.control(.get, "books").json == books)
                #expect(try await world.events() == events)
                let charge = try await world.get("/v1/charges/\(intent["latest_charge"].id)")
                #expect(charge["amount_refunded"].int == 0)
                #expect(try await world.get("/v1/refunds")["data"].array.isEmpty)
            }
        }
    }

    @Test("A whole refund with both flags leaves the platform −320 and the seller nothing", arguments: Reading.all)
    func whole(reading: Reading) async throws {
        try await reading.run { world, behaviour in
            let seller = try await world.seller()
            let intent = try await world.destination(seller)
            let refund = try await world.post("/v1/refunds", [("payment_intent", intent.id)] + Self.both)
            #expect(try await world.total() == -320)
            #expect(try await world.total(seller) == 0)
            #expect(
                try await world.rows().dropFirst(3) == [
                    "refund -10000 0 -10000", "transfer_refund 10000 0 10000", "application_fee_refund -1000 0 -1000",
                ])
            #expect(
                try await world.rows(seller).dropFirst()
                    == (behaviour.feeRefundRow == .negativeFee
                        ? ["payment_refund -10000 -1000 -9000"]
                        : ["payment_refund -10000 0 -10000", "application_fee_refund 1000 0 1000"]))
            let charge = try await world.get("/v1/charges/\(intent["latest_charge"].id)")
            #expect(charge["refunded"] == .bool(true))
            let transfer = try await world.get("/v1/transfers/\(charge["transfer"].string ?? "")")
            #expect(transfer["reversed"] == .bool(true))
            #expect(transfer["reversals"]["data"][0].id == refund["transfer_reversal"].string)
            let fee = try await world.get("/v1/application_fees/\(charge["application_fee"].string ?? "")")
            #expect(fee["refunded"] == .bool(true))
            let events = try await world.events()
            for type in ["refund.created", "charge.refunded", "transfer.reversed", "application_fee.refunded"] {
                #expect(events.contains(type))
            }
        }
    }

    @Test(
        "Parts of a refund return cumulative shares, so that the last takes the rest, however they are rounded",
        arguments: Reading.all)
    func partial(reading: Reading) async throws {
        try await reading.run { world, behaviour in
            let seller = try await world.seller()
            let intent = try await world.destination(seller)
            try await world.post("/v1/refunds", [("payment_intent", intent.id), ("amount", "2500")] + Self.both)
            #expect(
                try await world.rows().suffix(3) == [
                    "refund -2500 0 -2500", "transfer_refund 2500 0 2500", "application_fee_refund -250 0 -250",
                ])
            #expect(try await world.total() == 430)
            #expect(try await world.total(seller) == 6750)
            let halfUp = behaviour.shareRounding == .halfUp
            // Of the fee of 1000: 583.3 after 5833, 916.6 after 9166, 1000 after all.
            for (amount, returned) in [("3333", 583), ("3333", halfUp ? 917 : 916), ("834", 1000)] as [(String, Int64)]
            {
                try await world.post("/v1/refunds", [("payment_intent", intent.id), ("amount", amount)] + Self.both)
                let fee = try await world.get("/v1/application_fees")["data"][0]
                #expect(fee["amount_refunded"].int == returned)
                let charge = try await world.get("/v1/charges/\(intent["latest_charge"].id)")
                #expect(charge["refunded"] == .bool(amount == "834"))
            }
            #expect(try await world.total() == -320)
            #expect(try await world.total(seller) == 0)
            #expect(try await world.events().filter { $0 == "charge.refunded" }.count == 4)
            #expect(
                try await world.refusal("/v1/refunds", [("payment_intent", intent.id)])
                    == "400 charge_already_refunded")
        }
    }

    @Test("A whole refund of a direct charge leaves the seller −320 and the platform nothing", arguments: Reading.all)
    func direct(reading: Reading) async throws {
        try await reading.run { world, behaviour in
            let seller = try await world.seller(feesPayer: "account")
            let intent = try await world.pay(10000, [("application_fee_amount", "1000")], account: seller)
            try await world.post(
                "/v1/refunds", [("payment_intent", intent.id), ("refund_application_fee", "true")], account: seller)
            if behaviour.shortRefund == .pending {
                #expect(try await world.total(seller) == 8680)
                // A second sale of 10000, whose fee of 320 stays lost too, is what the refund waited for.
                _ = try await world.pay(10000, account: seller)
                #expect(try await world.total(seller) == -320 + 9680)
            } else {
                #expect(try await world.total(seller) == -320)
            }
            #expect(try await world.total() == 0)
        }
    }

    @Test("A direct charge is refunded by the seller; the platform keeps its fee unless it is asked back")
    func directKeepsFee() async throws {
        try await SandboxWorld.run { world in
            let seller = try await world.seller(feesPayer: "account")
            let intent = try await world.pay(10000, [("application_fee_amount", "1000")], account: seller)
            try await world.post("/v1/refunds", [("payment_intent", intent.id)], account: seller)
            #expect(try await world.total(seller) == 8680 - 10000)
            #expect(try await world.total() == 1000)
        }
    }

    @Test(
        "A refund of a charge with separate transfers debits the platform; each transfer is reversed by itself",
        arguments: Reading.all)
    func separate(reading: Reading) async throws {
        try await reading.run { world, _ in
            let seller = try await world.seller()
            _ = try await world.pay(20000)
            let charge = try await world.pay(10000)["latest_charge"].id
            let transfer = try await world.post(
                "/v1/transfers",
                [("amount", "7000"), ("currency", "usd"), ("destination", seller), ("source_transaction", charge)])
            let before = try await world.total()
            #expect(
                try await world.refusal("/v1/refunds", [("charge", charge), ("reverse_transfer", "true")])
                    == "400 reverse_transfer")
            try await world.post("/v1/refunds", [("charge", charge), ("amount", "5000")])
            #expect(try await world.total() == before - 5000)
            #expect(try await world.total(seller) == 7000)
            try await world.post("/v1/transfers/\(transfer.id)/reversals", [("amount", "3500")])
            #expect(try await world.total() == before - 1500)
            #expect(try await world.total(seller) == 3500)
        }
    }

    @Test("Own amounts of a refund, a reversal and a returned fee go as three calls", arguments: Reading.all)
    func ownAmounts(reading: Reading) async throws {
        try await reading.run { world, _ in
            let seller = try await world.seller()
            _ = try await world.pay(10000)
            let charge = try await world.destination(seller)["latest_charge"]
            let fee = charge["application_fee"].string ?? ""
            let transfer = charge["transfer"].string ?? ""
            let before = try await world.total()
            try await world.post("/v1/refunds", [("charge", charge.id), ("amount", "2500")])
            try await world.post("/v1/application_fees/\(fee)/refunds", [("amount", "100")])
            try await world.post("/v1/transfers/\(transfer)/reversals", [("amount", "2000")])
            #expect(try await world.total() == before - 2500 - 100 + 2000)
            #expect(try await world.total(seller) == 9000 + 100 - 2000)
            #expect(
                try await world.refusal("/v1/application_fees/\(fee)/refunds", [("amount", "901")]) == "400 amount")
            try await world.post("/v1/application_fees/\(fee)/refunds")
            #expect(
                try await world.refusal("/v1/application_fees/\(fee)/refunds") == "400 charge_already_refunded")
        }
    }

    @Test("A fee comes back only with the transfer, nothing more than is left, and nothing that was not paid")
    func refusals() async throws {
        try await SandboxWorld.run { world in
            let seller = try await world.seller()
            let charge = try await world.destination(seller)["latest_charge"].id
            #expect(
                try await world.refusal("/v1/refunds", [("charge", charge), ("refund_application_fee", "true")])
                    == "400 refund_application_fee")
            #expect(try await world.refusal("/v1/refunds", [("charge", charge), ("amount", "10001")]) == "400 amount")
            #expect(
                try await world.refusal("/v1/refunds", [("charge", charge), ("amount", "0")])
                    == "400 parameter_invalid_integer")
            #expect(try await world.refusal("/v1/refunds") == "400 parameter_missing")
            #expect(try await world.refusal("/v1/refunds", [("charge", "ch_none")]) == "404 resource_missing")
            let declined = try await world.send(
                .post, "/v1/payment_intents",
                [
                    ("amount", "1000"), ("currency", "usd"), ("payment_method", "pm_card_chargeDeclined"),
                    ("confirm", "true"), ("return_url", "https://shop.example"),
                ])
            #expect(
                try await world.refusal(
                    "/v1/refunds", [("charge", declined.json["error"]["charge"].string ?? "")])
                    == "400 charge_not_refundable")
        }
    }

    @Test("A refund of an authorization releases it: nothing was booked, nothing is")
    func authorization() async throws {
        try await SandboxWorld.run { world in
            let held = try await world.pay(10000, [("capture_method", "manual")])
            let refund = try await world.post("/v1/refunds", [("payment_intent", held.id)])
            #expect(refund["destination_details"]["card"]["type"].string == "reversal")
            #expect(try await world.get("/v1/payment_intents/\(held.id)")["status"].string == "canceled")
            #expect(try await world.rows().isEmpty)
        }
    }

    @Test(
        "A refund that the bank sends back returns to the balance, and the charge counts as paid again",
        arguments: Reading.all)
    func failure(reading: Reading) async throws {
        try await reading.run { world, _ in
            try await world.holdPayouts()
            _ = try await world.pay(20000)
            let charge = try await world.pay(10000, method: "pm_card_refundFail")["latest_charge"].id
            let before = try await world.total()
            let refund = try await world.post("/v1/refunds", [("charge", charge)])
            #expect(refund["status"].string == "succeeded")
            #expect(try await world.total() == before - 10000)
            try await world.advance(seconds: 120)
            let failed = try await world.get("/v1/refunds/\(refund.id)")
            #expect(failed["status"].string == "failed")
            #expect(failed["failure_reason"].string == "expired_or_canceled_card")
            let row = try await world.get(
                "/v1/balance_transactions/\(failed["failure_balance_transaction"].string ?? "")")
            #expect(row["type"].string == "refund_failure")
            #expect(row["amount"].int == 10000)
            #expect(try await world.total() == before)
            #expect(try await world.get("/v1/charges/\(charge)")["amount_refunded"].int == 0)
            #expect(try await world.events(limit: 2) == ["refund.updated", "refund.failed"])
        }
    }

    @Test("A card's refund cannot be canceled; one that is being processed succeeds by itself")
    func pending() async throws {
        try await SandboxWorld.run { world in
            let charge = try await world.pay(10000, method: "pm_card_pendingRefund")["latest_charge"].id
            let refund = try await world.post("/v1/refunds", [("charge", charge)])
            #expect(refund["status"].string == "pending")
            #expect(try await world.send(.post, "/v1/refunds/\(refund.id)/cancel").status == 400)
            try await world.advance(seconds: 120)
            #expect(try await world.get("/v1/refunds/\(refund.id)")["status"].string == "succeeded")
        }
    }
}

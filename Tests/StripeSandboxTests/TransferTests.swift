import StripeSandbox
import Testing
import Transport

/// From the platform's balance to a seller's, and back.
@Suite struct TransferTests {
    static func form(_ amount: Int64?, to seller: String, of charge: String? = nil) -> [(String, String)] {
        var form = [("currency", "usd"), ("destination", seller)]
        if let amount { form.append(("amount", String(amount))) }
        if let charge { form.append(("source_transaction", charge)) }
        return form
    }

    @Test("A plain transfer needs available balance now, and is never queued", arguments: Reading.all)
    func plain(reading: Reading) async throws {
        try await reading.run { world, _ in
            let seller = try await world.seller()
            _ = try await world.pay(10000)
            #expect(try await world.total() == 9680)
            #expect(try await world.available() == 0)
            #expect(
                try await world.refusal("/v1/transfers", Self.form(1000, to: seller)) == "400 balance_insufficient")
            #expect(try await world.rows(seller).isEmpty)
            _ = try await world.pay(10000, method: "pm_card_bypassPending")
            #expect(try await world.available() == 9680)
            try await world.post("/v1/transfers", Self.form(9680, to: seller))
            #expect(try await world.available(seller) == 9680)
            #expect(try await world.refusal("/v1/transfers", Self.form(1, to: seller)) == "400 balance_insufficient")
            #expect(try await world.refusal("/v1/transfers", Self.form(nil, to: seller)) == "400 parameter_missing")
        }
    }

    @Test(
        "A transfer out of a charge becomes available when the charge does, and takes all by default",
        arguments: Reading.all)
    func follows(reading: Reading) async throws {
        try await reading.run { world, _ in
            let seller = try await world.seller()
            try await world.holdPayouts(of: seller)
            let intent = try await world.pay(10000)
            let charge = intent["latest_charge"]
            let transfer = try await world.post("/v1/transfers", Self.form(nil, to: seller, of: charge.id))
            #expect(transfer["amount"].int == 10000)
            #expect(try await world.total(seller) == 10000)
            #expect(try await world.available(seller) == 0)
            let rows = try await world.get("/v1/balance_transactions", account: seller)["data"].array
            let own = try await world.get("/v1/balance_transactions/\(charge["balance_transaction"].string ?? "")")
            #expect(rows[0]["available_on"] == own["available_on"])
            #expect(rows[0]["status"].string == "pending")
            // Left out, the group is made up for both.
            #expect(transfer["transfer_group"].string == "group_\(intent.id)")
            let grouped = try await world.get("/v1/charges", [("transfer_group", "group_\(intent.id)")])
            #expect(grouped["data"].array.map(\.id) == [charge.id])
            try await world.advance(days: 3)
            #expect(try await world.available(seller) == 10000)
        }
    }

    @Test("Transfers out of one charge never exceed it, share its currency, and follow no charge that is not paid")
    func bounds() async throws {
        try await SandboxWorld.run { world in
            let seller = try await world.seller()
            let charge = try await world.pay(10000)["latest_charge"].id
            try await world.post("/v1/transfers", Self.form(9000, to: seller, of: charge))
            #expect(
                try await world.refusal("/v1/transfers", Self.form(1001, to: seller, of: charge))
                    == "400 charge_exceeds_source_limit")
            #expect(
                try await world.refusal(
                    "/v1/transfers",
                    [
                        ("amount", "10"), ("currency", "eur"), ("destination", seller), ("source_transaction", charge),
                    ]) == "400 transfer_source_balance_parameters_mismatch")
            let held = try await world.pay(10000, [("capture_method", "manual")])["latest_charge"].id
            #expect(
                try await world.refusal("/v1/transfers", Self.form(10, to: seller, of: held))
                    == "400 source_transaction")
            let refunded = try await world.pay(10000)["latest_charge"].id
            try await world.post("/v1/refunds", [("charge", refunded)])
            #expect(
                try await world.refusal("/v1/transfers", Self.form(10, to: seller, of: refunded))
                    == "400 source_transaction")
            #expect(
                try await world.refusal("/v1/transfers", Self.form(10, to: "acct_1nobody")) == "400 resource_missing")
        }
    }

    @Test(
        "A reversal takes the rest by default, is told each time, and never exceeds its transfer",
        arguments: Reading.all)
    func reversal(reading: Reading) async throws {
        try await reading.run { world, _ in
            let seller = try await world.seller()
            let charge = try await world.pay(10000)["latest_charge"].id
            let transfer = try await world.post("/v1/transfers", Self.form(7000, to: seller, of: charge))
            try await world.post("/v1/transfers/\(transfer.id)/reversals", [("amount", "3000")])
            #expect(try await world.get("/v1/transfers/\(transfer.id)")["reversed"] == .bool(false))
            #expect(
                try await world.refusal("/v1/transfers/\(transfer.id)/reversals", [("amount", "4001")]) == "400 amount")
            let rest = try await world.post("/v1/transfers/\(transfer.id)/reversals")
            #expect(rest["amount"].int == 4000)
            let after = try await world.get("/v1/transfers/\(transfer.id)")
            #expect(after["reversed"] == .bool(true))
            #expect(after["amount_reversed"].int == 7000)
            #expect(after["reversals"]["total_count"].int == 2)
            #expect(
                try await world.rows().suffix(2) == ["transfer_refund 3000 0 3000", "transfer_refund 4000 0 4000"])
            #expect(
                try await world.rows(seller).suffix(2) == [
                    "payment_refund -3000 0 -3000", "payment_refund -4000 0 -4000",
                ])
            let row = try await world.get("/v1/balance_transactions", [("limit", "1")])["data"][0]
            #expect(row["reporting_category"].string == "transfer_reversal")
            #expect(try await world.events().filter { $0 == "transfer.reversed" }.count == 2)
            #expect(try await world.send(.post, "/v1/transfers/\(transfer.id)/reversals").status == 400)
        }
    }

    @Test("A reversal of a separate transfer needs the seller's money under every reading", arguments: Reading.all)
    func reversalNeedsMoney(reading: Reading) async throws {
        try await reading.run { world, _ in
            let seller = try await world.seller()
            let charge = try await world.pay(10000, method: "pm_card_bypassPending")["latest_charge"].id
            let transfer = try await world.post("/v1/transfers", Self.form(7000, to: seller, of: charge))
            try await world.advance(days: 1)
            // The seller was paid out.
            #expect(try await world.total(seller) == 0)
            let books = try await world.control(.get, "books").json
            #expect(
                try await world.refusal("/v1/transfers/\(transfer.id)/reversals", [("amount", "1")])
                    == "400 balance_insufficient")
            #expect(try await world.control(.get, "books").json == books)
        }
    }

    @Test("A reversal can bring the fee's share back with it")
    func reversalWithFee() async throws {
        try await SandboxWorld.run { world in
            let seller = try await world.seller()
            let charge = try await world.destination(seller)["latest_charge"]
            try await world.post(
                "/v1/transfers/\(charge["transfer"].string ?? "")/reversals",
                [("amount", "2500"), ("refund_application_fee", "true")])
            #expect(try await world.total() == 680 + 2500 - 250)
            #expect(try await world.total(seller) == 9000 - 2500 + 250)
        }
    }
}

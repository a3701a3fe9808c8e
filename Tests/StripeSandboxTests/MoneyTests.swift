import StripeSandbox
import Testing
import Transport

/// The worked numbers of a $100.00 charge with a $10.00 platform fee: Stripe's fee is $3.20.
@Suite struct MoneyTests {
    @Test("A direct charge takes Stripe's fee and the platform's fee from the seller")
    func direct() async throws {
        try await SandboxWorld.run { world in
            let seller = try await world.seller(feesPayer: "account")
            _ = try await world.pay(10000, [("application_fee_amount", "1000")], account: seller)
            #expect(try await world.rows(seller) == ["charge 10000 1320 8680"])
            #expect(try await world.rows() == ["application_fee 1000 0 1000"])
        }
    }

    @Test("A direct charge whose fees the platform pays leaves the seller 90.00")
    func directPaidByPlatform() async throws {
        try await SandboxWorld.run { world in
            let seller = try await world.seller()
            _ = try await world.pay(10000, [("application_fee_amount", "1000")], account: seller)
            #expect(try await world.rows(seller) == ["charge 10000 1000 9000"])
            #expect(try await world.total() == 680)
        }
    }

    private static func destination(_ world: SandboxWorld, _ amount: Int64 = 10000) async throws -> (
        seller: String, intent: JSON
    ) {
        let seller = try await world.seller()
        let intent = try await world.pay(
            amount, [("application_fee_amount", "1000"), ("transfer_data[destination]", seller)])
        return (seller, intent)
    }

    @Test("A destination charge moves the whole amount and takes the fee from the seller's payment")
    func destinationCharge() async throws {
        try await SandboxWorld.run { world in
            let (seller, intent) = try await Self.destination(world)
            #expect(
                try await world.rows() == [
                    "charge 10000 320 9680", "transfer -10000 0 -10000", "application_fee 1000 0 1000",
                ])
            #expect(try await world.rows(seller) == ["payment 10000 1000 9000"])
            let charge = intent["latest_charge"]
            let transfer = try await world.get("/v1/transfers/\(charge["transfer"].string ?? "")")
            #expect(transfer["source_transaction"].string == charge.id)
            #expect(transfer["transfer_group"].string == "group_\(intent.id)")
            let fee = try await world.get("/v1/application_fees/\(charge["application_fee"].string ?? "")")
            #expect(fee["charge"] == transfer["destination_payment"])
            #expect(fee["originating_transaction"].string == charge.id)
            #expect(try await world.total() == 680)
        }
    }

    @Test("transfer_data[amount] makes no application fee")
    func transferAmount() async throws {
        try await SandboxWorld.run { world in
            let seller = try await world.seller()
            _ = try await world.pay(
                10000, [("transfer_data[destination]", seller), ("transfer_data[amount]", "9000")])
            #expect(try await world.rows() == ["charge 10000 320 9680", "transfer -9000 0 -9000"])
            #expect(try await world.rows(seller) == ["payment 9000 0 9000"])
        }
    }

    @Test("Separate transfers out of one charge follow it and never exceed it")
    func separate() async throws {
        try await SandboxWorld.run { world in
            let first = try await world.seller()
            let second = try await world.seller()
            let charge = try await world.pay(10000)["latest_charge"].id
            for (seller, amount) in [(first, "7000"), (second, "2000")] {
                let transfer = [
                    ("amount", amount), ("currency", "usd"), ("destination", seller), ("source_transaction", charge),
                ]
                try await world.post("/v1/transfers", transfer)
            }
            #expect(try await world.total() == 680)
            #expect(try await world.rows(first) == ["payment 7000 0 7000"])
            #expect(try await world.rows(second) == ["payment 2000 0 2000"])
            let more = try await world.send(
                .post, "/v1/transfers",
                [("amount", "1001"), ("currency", "usd"), ("destination", first), ("source_transaction", charge)])
            #expect(more.status == 400)
            #expect(more.code == "charge_exceeds_source_limit")
        }
    }

    @Test(
        "A full refund of a destination charge, by its flags, under each form of the fee's return",
        arguments: [
            ([], -9320, 9000), (["reverse_transfer"], 680, -1000),
            (["reverse_transfer", "refund_application_fee"], -320, 0),
        ] as [([String], Int64, Int64)], SandboxBehaviour.FeeRefundRow.allCases)
    func refund(expected: ([String], Int64, Int64), form: SandboxBehaviour.FeeRefundRow) async throws {
        var behaviour = SandboxBehaviour()
        behaviour.feeRefundRow = form
        try await SandboxWorld.run(behaviour: behaviour) { world in
            let (seller, intent) = try await Self.destination(world)
            try await world.post(
                "/v1/refunds", [("payment_intent", intent.id)] + expected.0.map { ($0, "true") })
            #expect(try await world.total() == expected.1)
            #expect(try await world.total(seller) == expected.2)
        }
    }

    @Test("Partial refunds return cumulative shares; the last one takes the rest")
    func partial() async throws {
        try await SandboxWorld.run { world in
            let (seller, intent) = try await Self.destination(world)
            let both = [("reverse_transfer", "true"), ("refund_application_fee", "true")]
            try await world.post("/v1/refunds", [("payment_intent", intent.id), ("amount", "2500")] + both)
            #expect(try await world.total() == 430)
            #expect(try await world.total(seller) == 6750)
            for amount in ["3333", "3333", "834"] {
                try await world.post("/v1/refunds", [("payment_intent", intent.id), ("amount", amount)] + both)
            }
            #expect(try await world.total() == -320)
            #expect(try await world.total(seller) == 0)
            let again = try await world.send(.post, "/v1/refunds", [("payment_intent", intent.id)])
            #expect(again.code == "charge_already_refunded")
        }
    }

    @Test("Under strict reversals a refund that needs a paid-out seller's money does nothing at all")
    func strictReversal() async throws {
        var behaviour = SandboxBehaviour()
        behaviour.reversal = .strict
        try await SandboxWorld.run(behaviour: behaviour) { world in
            let (seller, intent) = try await Self.destination(world)
            try await world.control(.post, "clock/advance", #"{"seconds":432000}"#)
            #expect(try await world.total(seller) == 0)
            let before = try await world.control(.get, "books").bytes
            let refused = try await world.send(
                .post, "/v1/refunds", [("payment_intent", intent.id), ("reverse_transfer", "true")])
            #expect(refused.status == 400)
            #expect(refused.code == "balance_insufficient")
            #expect(try await world.control(.get, "books").bytes == before)
            let charge = try await world.get("/v1/charges/\(intent["latest_charge"].id)")
            #expect(charge["amount_refunded"].int == 0)
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

    @Test("A lost dispute costs its amount and a fee; a won one gives the amount back")
    func dispute() async throws {
        try await SandboxWorld.run { world in
            let charge = try await world.pay(10000)["latest_charge"].id
            let dispute = try await world.control(.post, "charges/\(charge)/dispute", #"{"reason":"fraudulent"}"#)
            #expect(try await world.total() == 9680 - 11500)
            let refused = try await world.send(.post, "/v1/refunds", [("charge", charge)])
            #expect(refused.code == "charge_disputed")
            try await world.control(.post, "disputes/\(dispute.json.id)/resolve", #"{"outcome":"won"}"#)
            #expect(try await world.total() == 9680 - 1500)
        }
    }
}

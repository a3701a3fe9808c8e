import StripeSandbox
import Testing
import Transport

/// Early fraud warnings: who gets one, and when it asks for nothing any more.
@Suite struct FraudWarningTests {
    private static let list = "/v1/radar/early_fraud_warnings"

    private static func warn(_ world: SandboxWorld, _ charge: String, _ body: String = "{}") async throws -> JSON {
        let answer = try await world.control(.post, "charges/\(charge)/warn_of_fraud", body)
        try #require(answer.status == 200, "\(answer.json)")
        return answer.json
    }

    @Test("The test card brings one a moment after the charge is booked; no money moves")
    func card() async throws {
        try await SandboxWorld.run { world in
            let intent = try await world.pay(10000, method: "pm_card_createIssuerFraudRecord")
            let charge = intent["latest_charge"].id
            try await world.advance(seconds: 2)
            let warnings = try await world.get(Self.list, [("charge", charge)])
            let warning = try await world.get("\(Self.list)/\(warnings["data"][0].id)")
            #expect(warning.id.hasPrefix("issfr_"))
            #expect(warning["object"].string == "radar.early_fraud_warning")
            #expect(warning["actionable"] == .bool(true))
            #expect(warning["charge"].string == charge && warning["payment_intent"].string == intent.id)
            #expect(warning["fraud_type"].string == "made_with_stolen_card")
            #expect(try await world.events(limit: 1) == ["radar.early_fraud_warning.created"])
            #expect(try await world.total() == 9680)
            #expect(try await world.get("/v1/charges/\(charge)")["disputed"] == .bool(false))
        }
    }

    @Test("A whole refund ends it, a part does not; each end is told once")
    func refunded() async throws {
        try await SandboxWorld.run { world in
            let charge = try await world.pay(10000)["latest_charge"].id
            let path = "\(Self.list)/\(try await Self.warn(world, charge).id)"
            try await world.post("/v1/refunds", [("charge", charge), ("amount", "4000")])
            #expect(try await world.get(path)["actionable"] == .bool(true))
            try await world.post("/v1/refunds", [("charge", charge)])
            #expect(try await world.get(path)["actionable"] == .bool(false))
            #expect(
                try await world.events(limit: 3)
                    == ["refund.created", "charge.refunded", "radar.early_fraud_warning.updated"])
            let told = try await world.get("/v1/events", [("type", "radar.early_fraud_warning.updated")])
            #expect(told["data"][0]["data"]["previous_attributes"]["actionable"] == .bool(true))
        }
    }

    @Test("A dispute of any part ends it, an inquiry too; it stays ended when the dispute is won")
    func disputed() async throws {
        try await SandboxWorld.run { world in
            for terms in [#"{"amount":100}"#, #"{"inquiry":true}"#] {
                let charge = try await world.pay(10000)["latest_charge"].id
                let path = "\(Self.list)/\(try await Self.warn(world, charge).id)"
                let dispute = try await DisputeTests.open(world, charge, terms)
                #expect(try await world.get(path)["actionable"] == .bool(false))
                try await DisputeTests.resolve(world, dispute, "won")
                #expect(try await world.get(path)["actionable"] == .bool(false))
            }
            let updates = try await world.events().filter { $0 == "radar.early_fraud_warning.updated" }
            #expect(updates.count == 2)
        }
    }

    @Test("A warning that comes after the end is not actionable; a charge may have several")
    func late() async throws {
        try await SandboxWorld.run { world in
            let charge = try await world.pay(10000)["latest_charge"].id
            let first = try await Self.warn(world, charge)
            try await world.post("/v1/refunds", [("charge", charge)])
            let second = try await Self.warn(world, charge, #"{"fraud_type":"misc"}"#)
            #expect(second["actionable"] == .bool(false))
            #expect(first.id != second.id)
            let both = try await world.get(Self.list, [("charge", charge)])["data"]
            #expect(both[0].id == second.id && both[1].id == first.id)
            let wrong = try await world.control(.post, "charges/\(charge)/warn_of_fraud", #"{"fraud_type":"bad"}"#)
            #expect(wrong.status == 400)
            #expect(try await world.send(.get, "\(Self.list)/issfr_none").code == "resource_missing")
        }
    }

    @Test("An authorization that is let go ends it")
    func released() async throws {
        try await SandboxWorld.run { world in
            let intent = try await world.pay(10000, [("capture_method", "manual")])
            let path = "\(Self.list)/\(try await Self.warn(world, intent["latest_charge"].id).id)"
            #expect(try await world.get(path)["actionable"] == .bool(true))
            try await world.post("/v1/payment_intents/\(intent.id)/cancel")
            #expect(try await world.get(path)["actionable"] == .bool(false))
        }
    }

    @Test("The warning of a direct charge is the seller's")
    func direct() async throws {
        try await SandboxWorld.run { world in
            let seller = try await world.seller(feesPayer: "account")
            _ = try await world.pay(10000, method: "pm_card_createIssuerFraudRecord", account: seller)
            try await world.advance(seconds: 2)
            #expect(try await world.get(Self.list, account: seller)["data"][0]["actionable"] == .bool(true))
            #expect(try await world.events(seller).contains("radar.early_fraud_warning.created"))
            #expect(try await world.events().contains("radar.early_fraud_warning.created") == false)
        }
    }
}

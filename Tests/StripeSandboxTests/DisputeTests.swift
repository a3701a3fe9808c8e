import StripeSandbox
import Testing
import Transport

/// Contested charges: what is taken when, and what comes back.
@Suite struct DisputeTests {
    static func open(_ world: SandboxWorld, _ charge: String, _ body: String = "{}") async throws -> JSON {
        let answer = try await world.control(.post, "charges/\(charge)/dispute", body)
        try #require(answer.status == 200, "\(answer.json)")
        return answer.json
    }

    static func resolve(_ world: SandboxWorld, _ dispute: JSON, _ outcome: String) async throws {
        let answer = try await world.control(.post, "disputes/\(dispute.id)/resolve", #"{"outcome":"\#(outcome)"}"#)
        try #require(answer.status == 200, "\(answer.json)")
    }

    @Test("A chargeback takes its amount and a fee at once, and blocks refunds until it is won", arguments: Reading.all)
    func chargeback(reading: Reading) async throws {
        try await reading.run { world, _ in
            let charge = try await world.pay(10000)["latest_charge"].id
            let dispute = try await Self.open(world, charge, #"{"reason":"fraudulent"}"#)
            #expect(dispute["status"].string == "needs_response")
            #expect(dispute["is_charge_refundable"] == .bool(false))
            #expect(try await world.rows().last == "adjustment -10000 1500 -11500")
            let row = try await world.get("/v1/balance_transactions", [("limit", "1")])["data"][0]
            #expect(row["reporting_category"].string == "dispute")
            #expect(row["source"].string == dispute.id)
            #expect(try await world.get("/v1/charges/\(charge)")["disputed"] == .bool(true))
            #expect(try await world.refusal("/v1/refunds", [("charge", charge)]) == "400 charge_disputed")
            #expect(
                try await world.events(limit: 2) == ["charge.dispute.created", "charge.dispute.funds_withdrawn"])
            try await Self.resolve(world, dispute, "won")
            #expect(try await world.total() == 9680 - 1500)
            #expect(
                try await world.events(limit: 2) == ["charge.dispute.funds_reinstated", "charge.dispute.closed"])
            let back = try await world.get("/v1/balance_transactions", [("limit", "1")])["data"][0]
            #expect(back["reporting_category"].string == "dispute_reversal")
            try await world.post("/v1/refunds", [("charge", charge), ("amount", "100")])
        }
    }

    @Test("An inquiry moves no money and lets refunds through; it closes, or becomes a chargeback of the same id")
    func inquiry() async throws {
        try await SandboxWorld.run { world in
            let charge = try await world.pay(10000)["latest_charge"].id
            let inquiry = try await Self.open(world, charge, #"{"inquiry":true}"#)
            #expect(inquiry["status"].string == "warning_needs_response")
            #expect(inquiry["is_charge_refundable"] == .bool(true))
            #expect(try await world.total() == 9680)
            try await world.post("/v1/refunds", [("charge", charge), ("amount", "1000")])
            let answered = try await world.post("/v1/disputes/\(inquiry.id)", [("evidence[customer_name]", "J")])
            #expect(answered["status"].string == "warning_under_review")
            try await Self.resolve(world, inquiry, "closed")
            #expect(try await world.get("/v1/disputes/\(inquiry.id)")["status"].string == "warning_closed")
            #expect(try await world.total() == 8680)

            let second = try await world.pay(10000)["latest_charge"].id
            let before = try await world.total()
            let other = try await Self.open(world, second, #"{"inquiry":true}"#)
            let escalated = try await world.post(
                "/v1/disputes/\(other.id)", [("evidence[uncategorized_text]", "escalate_inquiry_evidence")])
            #expect(escalated.id == other.id)
            #expect(escalated["status"].string == "needs_response")
            #expect(try await world.total() == before - 11500)
            #expect(try await world.refusal("/v1/refunds", [("charge", second)]) == "400 charge_disputed")
        }
    }

    @Test(
        "Countering costs a second fee, which only winning brings back; the first stays lost",
        arguments: ["winning_evidence", "losing_evidence"])
    func counterFee(evidence: String) async throws {
        try await SandboxWorld.run { world in
            let charge = try await world.pay(10000)["latest_charge"].id
            let dispute = try await Self.open(world, charge)
            let staged = try await world.post(
                "/v1/disputes/\(dispute.id)", [("evidence[product_description]", "a table"), ("submit", "false")])
            #expect(staged["status"].string == "needs_response")
            #expect(staged["evidence_details"]["has_evidence"] == .bool(true))
            #expect(staged["evidence_details"]["submission_count"].int == 0)
            #expect(try await world.total() == 9680 - 11500)
            let done = try await world.post("/v1/disputes/\(dispute.id)", [("evidence[uncategorized_text]", evidence)])
            let isWon = evidence == "winning_evidence"
            #expect(done["status"].string == (isWon ? "won" : "lost"))
            #expect(done["evidence"]["product_description"].string == "a table")
            #expect(try await world.total() == (isWon ? 9680 - 1500 : 9680 - 13000))
            let rows = try await world.rows()
            #expect(rows.contains("adjustment -1500 0 -1500"))
            #expect(rows.last == (isWon ? "adjustment 1500 0 1500" : "adjustment -1500 0 -1500"))
        }
    }

    @Test("Evidence is submitted once; then the dispute is under review until the bank decides")
    func submitOnce() async throws {
        try await SandboxWorld.run { world in
            let charge = try await world.pay(10000)["latest_charge"].id
            let dispute = try await Self.open(world, charge)
            let path = "/v1/disputes/\(dispute.id)"
            let submitted = try await world.post(path, [("evidence[customer_name]", "J")])
            #expect(submitted["status"].string == "under_review")
            #expect(submitted["evidence_details"]["submission_count"].int == 1)
            #expect(try await world.send(.post, path, [("evidence[customer_name]", "K")]).status == 400)
            try await world.post(path, [("metadata[note]", "still possible")])
            try await world.advance(days: 30)
            #expect(try await world.get(path)["status"].string == "under_review")
        }
    }

    @Test("Accepting loses at once, for good; so does missing the date")
    func losing() async throws {
        try await SandboxWorld.run { world in
            let first = try await Self.open(world, try await world.pay(10000)["latest_charge"].id)
            let closed = try await world.post("/v1/disputes/\(first.id)/close")
            #expect(closed["status"].string == "lost")
            #expect(try await world.send(.post, "/v1/disputes/\(first.id)/close").status == 400)
            let second = try await Self.open(world, try await world.pay(10000)["latest_charge"].id)
            try await world.advance(days: 10)
            let late = try await world.get("/v1/disputes/\(second.id)")
            #expect(late["status"].string == "lost")
            #expect(late["evidence_details"]["past_due"] == .bool(true))
            // Losing moves nothing more.
            #expect(try await world.rows().count { $0.hasPrefix("adjustment") } == 2)
            #expect(try await world.events().filter { $0 == "charge.dispute.closed" }.count == 2)
        }
    }

    @Test("A part of a charge may be disputed")
    func partial() async throws {
        try await SandboxWorld.run { world in
            let charge = try await world.pay(10000)["latest_charge"].id
            _ = try await Self.open(world, charge, #"{"amount":4000}"#)
            #expect(try await world.total() == 9680 - 5500)
        }
    }

    @Test(
        "A lost dispute is recovered from the seller; won after all, the seller is paid again", arguments: Reading.all)
    func recovery(reading: Reading) async throws {
        try await reading.run { world, behaviour in
            let seller = try await world.seller()
            try await world.holdPayouts()
            try await world.holdPayouts(of: seller)
            let charge = try await world.destination(seller, method: "pm_card_bypassPending")["latest_charge"]
            #expect(try await world.total() == 680)
            let dispute = try await Self.open(world, charge.id)
            #expect(try await world.total() == -10820)
            let reversals = "/v1/transfers/\(charge["transfer"].string ?? "")/reversals"
            if behaviour.reversal == .strict {
                // The seller has 9000 and not the 10000 that were moved: without the fee's return it cannot go back.
                #expect(try await world.refusal(reversals, [("amount", "10000")]) == "400 balance_insufficient")
            }
            try await world.post(reversals, [("refund_application_fee", "true")])
            try await Self.resolve(world, dispute, "lost")
            #expect(try await world.total() == -1820)
            #expect(try await world.total(seller) == 0)
            // By appeal.
            try await Self.resolve(world, dispute, "won")
            #expect(try await world.total() == 8180)
            try await world.post("/v1/topups", [("amount", "1000"), ("currency", "usd")])
            try await world.advance(hours: 2)
            try await world.post(
                "/v1/transfers", TransferTests.form(9000, to: seller) + [("transfer_group", "again")])
            #expect(try await world.total() == -820 + 1000)
            #expect(try await world.total(seller) == 9000)
        }
    }

    @Test("Recovered without the fee's return, the seller owes the fee")
    func recoveryKeepingFee() async throws {
        try await SandboxWorld.run { world in
            let seller = try await world.seller()
            let charge = try await world.destination(seller)["latest_charge"]
            _ = try await Self.open(world, charge.id)
            try await world.post("/v1/transfers/\(charge["transfer"].string ?? "")/reversals")
            #expect(try await world.total() == -820)
            #expect(try await world.total(seller) == -1000)
            let balance = try await world.get("/v1/balance")
            #expect(balance["connect_reserved"][0]["amount"].int == 1000)
        }
    }

    @Test("The dispute of a direct charge is the seller's")
    func direct() async throws {
        try await SandboxWorld.run { world in
            let seller = try await world.seller(feesPayer: "account")
            let charge = try await world.pay(10000, [("application_fee_amount", "1000")], account: seller)[
                "latest_charge"]
            _ = try await Self.open(world, charge.id)
            #expect(try await world.total(seller) == 8680 - 11500)
            #expect(try await world.total() == 1000)
            #expect(try await world.events(seller).contains("charge.dispute.created"))
        }
    }
}

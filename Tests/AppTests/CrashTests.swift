import Foundation
import Postgres
import TestSupport
import Testing
import Transport

/// The process is killed with SIGKILL while an operation is on its way. Whoever comes next finishes it, and Stripe has
/// exactly one object for it.
@Suite(.database, .serialized) struct CrashTests {
    /// Where the process is when it dies. What holds it there is outside of it.
    enum Boundary: String, CaseIterable, Sendable {
        /// The request has left, and Stripe has not begun with it.
        case beforeEffect = "before_effect"
        /// Stripe has done it, and no answer arrives.
        case afterEffectBeforeAnswer = "after_effect_before_answer"
        /// The answer is there, and its transaction waits for a lock that this test holds.
        case afterAnswerBeforeCommit = "after_answer_before_commit"
    }

    @Test("killed while a seller's account is made: one account, and the seller has it", arguments: Boundary.allCases)
    func creatingASeller(_ boundary: Boundary) async throws {
        let world = try await SoukBesideSandbox()
        defer { world.stop() }
        try await crash(world, at: boundary, "POST /v1/accounts", kind: "create_account", "/v1/sellers", Self.shop)
        let again = try await world.call(.post, world.address + "/v1/sellers", Self.shop)
        #expect(again.status == 200)
        #expect(again.json["stripe_account"].string?.hasPrefix("acct_") == true)
    }

    @Test("killed while an order's page is made: one page, and the order has it", arguments: Boundary.allCases)
    func placingAnOrder(_ boundary: Boundary) async throws {
        let world = try await SoukBesideSandbox()
        defer { world.stop() }
        let seller = try await world.call(.post, world.address + "/v1/sellers", Self.shop).json
        let id = try #require(seller["id"].string)
        let account = try #require(seller["stripe_account"].string)
        _ = try await world.call(
            .post, world.sandbox + "/_sandbox/accounts/\(account)/onboard", ["outcome": "complete"])
        try await eventually("the seller is active") {
            try await world.call(.get, world.address + "/v1/sellers/\(id)").json["status"].string == "active"
        }
        let order: JSON = [
            "external_id": "order-1", "currency": "usd",
            "buyer": ["external_id": "buyer-1", "email": "buyer@example.com"],
            "lines": [["seller": .string(id), "description": "Oak table", "unit_amount": 10_000, "quantity": 1]],
        ]
        try await crash(
            world, at: boundary, "POST /v1/checkout/sessions", kind: "create_checkout_session", "/v1/orders", order)
        let again = try await world.call(.post, world.address + "/v1/orders", order)
        #expect(again.status == 200)
        #expect(again.json["checkout_url"].string?.contains("cs_test_") == true)
    }

    private static let shop: JSON = [
        "external_id": "shop-1", "email": "a@example.com", "country": "US", "business_type": "individual",
    ]

    /// Asks Souk for something, kills it where `boundary` says, and starts it again: the operation is finished, and its
    /// object is at Stripe once.
    private func crash(
        _ world: SoukBesideSandbox, at boundary: Boundary, _ match: String, kind: String, _ path: String, _ body: JSON
    ) async throws {
        let postgres = TestDatabase.current.postgres
        let fault: JSON =
            switch boundary {
            case .beforeEffect: ["match": .string(match), "kind": "delay", "milliseconds": 3000]
            case .afterEffectBeforeAnswer: ["match": .string(match), "kind": "drop_answer"]
            case .afterAnswerBeforeCommit: ["match": .string(match), "kind": "delay", "milliseconds": 1500]
            }
        try await world.faults([fault])
        let address = world.address
        let request = Task { try? await world.call(.post, address + path, body) }
        defer { request.cancel() }

        try await eventually("the operation is sent", atMost: .seconds(30)) {
            try await postgres.query("SELECT 1 FROM stripe_operations WHERE kind = \(kind) AND state = 'sent'").count
                == 1
        }
        let operation: String = try #require(
            try await postgres.query("SELECT id FROM stripe_operations WHERE kind = \(kind)").first
        ).get("id")
        switch boundary {
        case .beforeEffect:
            #expect(try await world.objects(of: operation) == 0)
            try await world.kill()
        case .afterEffectBeforeAnswer:
            try await eventually("Stripe has made the object", atMost: .seconds(30)) {
                try await world.objects(of: operation) == 1
            }
            try await world.kill()
        case .afterAnswerBeforeCommit:
            try await postgres.withConnection { lock in
                try await lock.executeScript("BEGIN; SELECT 1 FROM stripe_operations FOR UPDATE")
                try await eventually("Souk waits for the lock with Stripe's answer in hand", atMost: .seconds(30)) {
                    try await postgres.query(
                        "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
                    ).count > 0
                }
                #expect(try await world.objects(of: operation) == 1)
                try await world.kill()
                try await lock.executeScript("ROLLBACK")
            }
        }
        let left: String = try #require(
            try await postgres.query("SELECT state FROM stripe_operations WHERE id = \(operation)").first
        ).get("state")
        #expect(left == "sent", "what the killed process left")

        try await world.faults([])
        // Time passes: the lease that the dead process held runs out.
        try await postgres.execute("UPDATE stripe_operations SET lease_until = clock_timestamp() - interval '1 second'")
        try await world.startSouk()
        try await eventually("the operation is finished by the next process", atMost: .seconds(60)) {
            try await postgres.query(
                "SELECT 1 FROM stripe_operations WHERE id = \(operation) AND state = 'succeeded'"
            ).count == 1
        }
        #expect(try await world.objects(of: operation) == 1)
        #expect(try await postgres.query("SELECT 1 FROM stripe_operations WHERE kind = \(kind)").count == 1)
    }
}

extension SoukBesideSandbox {
    func faults(_ rules: [JSON]) async throws {
        _ = try await call(.put, sandbox + "/_sandbox/faults", ["seed": 7, "rules": .array(rules)])
    }

    /// How many objects at Stripe were made by an operation.
    func objects(of operation: String) async throws -> Int {
        let found = try await call(.get, sandbox + "/_sandbox/objects?souk_operation=\(operation)")
        return found.json["data"].array?.filter { $0["object"].string != "payment_intent" }.count ?? -1
    }
}

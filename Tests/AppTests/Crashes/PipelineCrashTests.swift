import Domain
import LocalHTTP
import Postgres
import Store
import StripeAPI
import TestSupport
import Testing
import Transport

extension CrashTests {
    /// SIGKILL at every boundary that is not of a call to Stripe: events on their way in, rows on their way into the
    /// books, and our own events on their way out.
    @Suite(.database) struct PipelineBoundaries {
        @Test("killed at every boundary of events, rows and deliveries: nothing is lost, nothing counts twice")
        func pipeline() async throws {
            try await SoukBesideSandbox.with { world in
                let destination = try LocalServer { _ in .answer(status: 200) }
                defer { destination.stop() }
                let seller = try await world.souk.onboardedSeller("shop-0")
                var kills: [PhaseBoundary: Int] = [:]
                let boundaries = PhaseBoundary.allCases.filter { !OperationBoundaries.boundaries.contains($0) }
                for boundary in boundaries {
                    switch boundary {
                    case .beforeEventCommit, .afterEventCommit: try await world.crashInIntake(at: boundary)
                    case .beforeApplyCommit, .afterApplyCommit:
                        try await world.crashInWorker(at: boundary, seller: seller)
                    case .beforeRowsCommit, .afterRowsCommit:
                        try await world.crashInFeed(at: boundary, seller: seller)
                    case .beforeDelivery, .afterDelivery:
                        try await world.crashInDelivery(at: boundary, to: destination)
                    case .beforeCommit, .afterCommit, .beforeSend, .afterSendBeforeEffect, .afterEffectBeforeAnswer,
                        .afterAnswerBeforeCommit, .afterOutcomeCommit:
                        continue  // OperationBoundaries
                    }
                    kills[boundary, default: 0] += 1
                }
                print("kills in the pipelines: \(kills.text(of: boundaries))")
                #expect(Set(kills.keys) == Set(boundaries))
                try await world.souk.settle()
                try await world.souk.expectSoundBooks()
                try await world.souk.expectZeroDifference()
            }
        }
    }
}

extension SoukBesideSandbox {
    /// Shuts the gate, has `action` send Souk to it, and kills it there; `left` must then hold of the database.
    private func crash(
        _ gate: Gate, _ what: String, by action: @escaping @Sendable () async throws -> Void,
        left: () async throws -> Bool
    ) async throws {
        try await gate.hold(postgres) { pass in
            let acting = Task { try? await action() }
            defer { acting.cancel() }
            try await eventually("Souk waits at \(what)") { try await Gate.somebodyWaits(postgres) }
            if gate.moment == .commit {
                try await process().pause()
                try await pass()
            }
            try await eventually("all stands as it must at \(what)", left)
            try await kill()
        }
        #expect(try await left(), "\(what), after the kill")
        try await endLeases()
    }

    fileprivate func crashInIntake(at boundary: PhaseBoundary) async throws {
        let id = "evt_\(boundary.rawValue)"
        let body: [UInt8] = .event(id, "charge.updated", "ch_none", "charge")
        let isCommitted = boundary == .afterEventCommit
        func rows() async throws -> Int {
            try await count("SELECT FROM inbox_event_ids WHERE event_id = \(id) AND state = 'waiting'")
        }
        try await crash(
            Gate(isCommitted ? .commit : .change, "INSERT", "inbox_event_ids", when: "NEW.event_id = '\(id)'"),
            boundary.rawValue
        ) {
            _ = try await self.deliver(body)
        } left: {
            try await rows() == (isCommitted ? 1 : 0)
        }
        try await start()
        // Stripe had no answer, and delivers it again.
        #expect(try await deliver(body) == 200)
        #expect(try await count("SELECT FROM inbox_event_ids WHERE event_id = \(id)") == 1)
        #expect(try await count("SELECT FROM inbox_events WHERE event_id = \(id)") == 1)
        try await eventually("it is handled") {
            try await count("SELECT FROM inbox_event_ids WHERE event_id = \(id) AND state = 'done'") == 1
        }
    }

    fileprivate func crashInWorker(at boundary: PhaseBoundary, seller: String) async throws {
        let placed = try await souk.placeOrder(boundary.rawValue, seller: seller, amount: 5000)
        let order = try placed.string("id")
        let isApplied = boundary == .afterApplyCommit
        let gate =
            isApplied
            ? Gate(.change, "UPDATE", "inbox_event_ids", when: "NEW.state = 'done'")
            : Gate(.change, "INSERT", "journal_entries", when: "NEW.cause LIKE 'charge_paid:%'")
        try await crash(gate, boundary.rawValue) { [souk] in
            _ = try await souk.pay(placed)
        } left: {
            let paid = try await count("SELECT FROM orders WHERE id = \(order) AND status = 'paid'")
            let waiting = try await count(
                """
                SELECT FROM inbox_event_ids JOIN inbox_leases USING (object_key)
                WHERE state = 'waiting' AND leased_until > now()
                """)
            return paid == (isApplied ? 1 : 0) && waiting > 0
        }
        try await start()
        try await souk.settle()
        #expect(try await count("SELECT FROM orders WHERE id = \(order) AND status = 'paid'") == 1)
        #expect(try await count("SELECT FROM inbox_event_ids WHERE state = 'waiting'") == 0)
    }

    fileprivate func crashInFeed(at boundary: PhaseBoundary, seller: String) async throws {
        let placed = try await souk.placeOrder(boundary.rawValue, seller: seller, amount: 5000)
        let order = try placed.string("id")
        let isBooked = boundary == .afterRowsCommit
        let gate =
            isBooked
            ? Gate(
                .change, "UPDATE", "balance_feeds",
                when: "NEW.stripe_account = 'platform' AND OLD.lease_until IS NOT NULL AND NEW.lease_until IS NULL "
                    + "AND NEW.last_row_created_at > coalesce(OLD.last_row_created_at, '-infinity')")
            : Gate(.change, "INSERT", "journal_entries", when: "NEW.cause LIKE 'balance_transaction:platform:%'")
        try await crash(gate, boundary.rawValue) { [souk] in
            _ = try await souk.pay(placed)
            _ = try await souk.control("POST", "/settle")
        } left: {
            let rows = try await count(
                "SELECT FROM balance_transactions WHERE stripe_account = 'platform' AND order_id = \(order)")
            let leased = try await count(
                "SELECT FROM balance_feeds WHERE stripe_account = 'platform' AND lease_until > clock_timestamp()")
            return (isBooked ? rows > 0 : rows == 0) && leased == 1
        }
        try await start()
        try await souk.settle()
        #expect(
            try await count(
                """
                SELECT FROM balance_transactions b WHERE b.order_id = \(order) AND NOT EXISTS (
                    SELECT FROM journal_entries e WHERE e.cause = 'balance_transaction:' || b.stripe_account || ':' || b.id)
                """) == 0)
        #expect(try await count("SELECT FROM balance_transactions WHERE order_id = \(order)") > 0)
    }

    fileprivate func crashInDelivery(at boundary: PhaseBoundary, to destination: LocalServer) async throws {
        let made = try await souk.call(
            "POST", "/v1/event_destinations",
            ["url": .string(destination.url + "/\(boundary.rawValue)"), "enabled_events": ["seller.created"]]
        ).expecting(201)
        let id = try made.string("id")
        func received() -> [String] {
            destination.received.filter { $0.target == "/\(boundary.rawValue)" }.compactMap {
                JSON(String(decoding: $0.body, as: UTF8.self))?["id"].string
            }
        }
        let isDelivered = boundary == .afterDelivery
        let gate =
            isDelivered
            ? Gate(.change, "UPDATE", "outbox_deliveries", when: "NEW.state = 'delivered'")
            : Gate(
                .commit, "UPDATE", "outbox_deliveries", when: "NEW.leased_until IS NOT NULL AND OLD.fence < NEW.fence")
        try await crash(gate, boundary.rawValue) { [souk] in
            _ = try await souk.call(
                "POST", "/v1/sellers",
                [
                    "external_id": .string(boundary.rawValue), "email": "a@example.com", "country": "US",
                    "business_type": "individual",
                ])
        } left: {
            let leased = try await count(
                """
                SELECT FROM outbox_deliveries WHERE destination_id = \(id) AND state = 'waiting'
                    AND leased_until > now() AND fence = 1
                """)
            return leased == 1 && received().count == (isDelivered ? 1 : 0)
        }
        try await start()
        try await eventually("it is delivered") {
            try await count("SELECT FROM outbox_deliveries WHERE destination_id = \(id) AND state = 'delivered'") == 1
        }
        // Once more under the same id, where Souk cannot know that it has come.
        #expect(received().count == (isDelivered ? 2 : 1))
        #expect(Set(received()).count == 1)
    }

    /// Delivers an event to the platform's endpoint as Stripe would. Gives the answer's status.
    func deliver(_ body: [UInt8], to number: Int = 0, connect: Bool = false) async throws -> Int {
        let secret = secrets[connect ? "STRIPE_CONNECT_WEBHOOK_SECRETS" : "STRIPE_WEBHOOK_SECRETS"] ?? ""
        let signature = WebhookSignature.sign(body: body, secret: secret, at: WallClock.now())
        return try await souk.http.execute(
            HTTPRequest(
                method: .post, url: souks[number].address + "/webhooks/stripe" + (connect ? "/connect" : ""),
                headers: [("Content-Type", "application/json"), (WebhookSignature.headerName, signature)], body: body,
                timeout: .seconds(30))
        ).status
    }
}

import Postgres
import Store
import Testing
import TestSupport
import Transport

/// The real program is killed, stopped and left alone by what it depends on. A test run of its own: `scripts/test crashes`.
@Suite(.serialized) struct CrashTests {}

extension CrashTests {
    /// SIGKILL at every boundary of a call to Stripe. Whoever comes next finishes what was begun, and Stripe has exactly
    /// one object for it.
    @Suite(.database) struct OperationBoundaries {
        static let boundaries: [PhaseBoundary] = [
            .beforeCommit, .afterCommit, .beforeSend, .afterSendBeforeEffect, .afterEffectBeforeAnswer,
            .afterAnswerBeforeCommit, .afterOutcomeCommit,
        ]

        @Test(
            "killed at every boundary: one object at Stripe, and sound books",
            arguments: [Subject.seller, .checkout, .paymentIntent, .transfer, .payout], Restart.allCases)
        func creating(_ subject: Subject, _ restart: Restart) async throws {
            try await SoukBesideSandbox.with { world in
                let seller = subject == .seller ? "" : try await world.souk.onboardedSeller("shop-0")
                if subject == .payout { try await world.fund(seller, orders: Self.boundaries.count) }
                var kills: [PhaseBoundary: Int] = [:]
                for boundary in Self.boundaries {
                    let name = "\(subject)-\(boundary.rawValue)"
                    let call =
                        subject == .transfer
                        ? try await world.release(ofOrder: name, seller: seller)
                        : subject.creation(externalID: name, seller: seller)
                    try await world.crash(in: call, at: boundary, restart)
                    kills[boundary, default: 0] += 1
                }
                print("kills, \(subject), restarted \(restart): \(kills.text(of: Self.boundaries))")
                #expect(Set(kills.keys) == Set(Self.boundaries))
                try await world.payWhatCanBePaid()
                try await world.souk.settle()
                try await world.souk.expectSoundBooks()
                try await world.souk.expectZeroDifference()
                #expect(try await world.count("SELECT FROM stripe_operations WHERE state <> 'succeeded'") == 0)
                if restart == .after25Hours { try await world.showThatSendingBlindlyDoubles(subject) }
            }
        }

        @Test(
            "a refund, its fee refund and its reversal, killed at every boundary: each made once, and sound books",
            arguments: [Subject.refund, .feeRefund, .reversal], Restart.allCases)
        func refunding(_ subject: Subject, _ restart: Restart) async throws {
            // What follows a refund is written down with it, and is never pending before a worker sends it.
            let boundaries =
                subject == .refund
                ? Self.boundaries : Self.boundaries.filter { $0 != .beforeCommit && $0 != .afterCommit }
            try await SoukBesideSandbox.with { world in
                let seller = try await world.souk.onboardedSeller("shop-0")
                // Paid out, the money could not be taken back.
                _ = try await world.souk.call(
                    "POST", "/v1/sellers/\(seller)", ["payout_schedule": ["interval": "manual"]]
                ).expecting(200)
                _ = try await world.souk.call(
                    "POST", "/v1/fee_policies", ["scope": "default", "currency": "usd", "percent_bps": 1000]
                ).expecting(201)
                let order = try await world.souk.call(
                    "POST", "/v1/orders", .order("order-1", seller: seller, payment: "payment_intent")
                ).expecting(201)
                let intent = try order.string("payment_intent")
                _ = try await world.souk.control("POST", "/payment_intents/\(intent)/pay").expecting(200)
                try await world.souk.settle()
                var kills: [PhaseBoundary: Int] = [:]
                for boundary in boundaries {
                    let call = Call(
                        path: "/v1/orders/\(try order.string("id"))/refunds",
                        body: ["external_id": .string(boundary.rawValue), "amount": 1000], subject: subject)
                    try await world.crash(in: call, at: boundary, restart)
                    kills[boundary, default: 0] += 1
                }
                print("kills, \(subject), restarted \(restart): \(kills.text(of: boundaries))")
                #expect(Set(kills.keys) == Set(boundaries))
                try await world.souk.settle()
                try await world.souk.expectSoundBooks()
                try await world.souk.expectZeroDifference()
                #expect(try await world.count("SELECT FROM stripe_operations WHERE state <> 'succeeded'") == 0)
                let whole = 1000 * boundaries.count
                let refunded = try await world.souk.call("GET", "/v1/orders/\(try order.string("id"))").expecting(200)
                #expect(refunded["amount_refunded"].int == whole)
                let charge = try await world.souk.stripe("GET", "/v1/payment_intents/\(intent)").string("latest_charge")
                let seen = try await world.souk.stripe("GET", "/v1/charges/\(charge)").expecting(200)
                #expect(seen["amount_refunded"].int == whole)
                let transfer = try await world.souk.stripe("GET", "/v1/transfers/\(try seen.string("transfer"))")
                #expect(transfer["amount_reversed"].int == whole)
                let fee = try await world.souk.stripe(
                    "GET", "/v1/application_fees/\(try seen.string("application_fee"))")
                #expect(fee["amount_refunded"].int == whole / 10)
            }
        }

        @Test(
            "what a dispute takes back of its seller, killed at every boundary: taken once, and sound books",
            arguments: Restart.allCases)
        func recovering(_ restart: Restart) async throws {
            // The dispute's event writes the reversal down, and a worker sends it.
            let boundaries = Self.boundaries.filter { $0 != .beforeCommit && $0 != .afterCommit }
            try await SoukBesideSandbox.with { world in
                let seller = try await world.souk.onboardedSeller("shop-0")
                _ = try await world.souk.call(
                    "POST", "/v1/sellers/\(seller)", ["payout_schedule": ["interval": "manual"]]
                ).expecting(200)
                var kills: [PhaseBoundary: Int] = [:]
                for boundary in boundaries {
                    let order = try await world.souk.call(
                        "POST", "/v1/orders",
                        [
                            "external_id": .string(boundary.rawValue), "currency": "usd", "payment": "payment_intent",
                            "dispute_bearer": "seller",
                            "lines": [["seller": .string(seller), "unit_amount": 10_000]],
                        ]
                    ).expecting(201)
                    let intent = try order.string("payment_intent")
                    _ = try await world.souk.control("POST", "/payment_intents/\(intent)/pay").expecting(200)
                    try await world.souk.settle()
                    let charge = try await world.souk.stripe("GET", "/v1/payment_intents/\(intent)")
                        .string("latest_charge")
                    let call = Call(
                        path: "/charges/\(charge)/dispute", body: ["reason": "fraudulent"], subject: .recovery)
                    try await world.crash(in: call, at: boundary, restart)
                    kills[boundary, default: 0] += 1
                }
                print("kills, recovery, restarted \(restart): \(kills.text(of: boundaries))")
                #expect(Set(kills.keys) == Set(boundaries))
                try await world.souk.settle()
                try await world.souk.expectSoundBooks()
                try await world.souk.expectZeroDifference()
                #expect(try await world.count("SELECT FROM stripe_operations WHERE state <> 'succeeded'") == 0)
                #expect(try await world.souk.balances()["seller:\(seller):funds"] == 0)
            }
        }

        @Test(
            "capture, cancel and expire, killed and looked up after 25 h: done once",
            arguments: [Subject.capture, .cancel, .expire],
            [PhaseBoundary.beforeSend, .afterEffectBeforeAnswer])
        func changing(_ subject: Subject, _ boundary: PhaseBoundary) async throws {
            try await SoukBesideSandbox.with { world in
                let seller = try await world.souk.onboardedSeller("shop-0")
                let order = try await world.orderToChange(by: subject, seller: seller)
                let call = Call(
                    path: "/v1/orders/\(order)/\(subject == .capture ? "capture" : "cancel")", body: [:],
                    subject: subject)
                try await world.crash(in: call, at: boundary, .after25Hours)
                try await world.souk.settle()
                let status = try await world.souk.call("GET", "/v1/orders/\(order)").expecting(200).string("status")
                #expect(status == (subject == .capture ? "paid" : "canceled"))
                let row = try #require(
                    try await world.postgres.query(
                        "SELECT attempt, sends FROM stripe_operations WHERE kind = \(subject.kind)"
                    ).first)
                // What Stripe did is found there and not sent again. A page runs out by itself within the 25 hours.
                let isSentAgain = boundary == .beforeSend && subject != .expire
                #expect(try row.get("attempt", as: Int32.self) == (isSentAgain ? 2 : 1))
                #expect(try row.get("sends", as: Int32.self) == 1)
                try await world.souk.expectSoundBooks()
                try await world.souk.expectZeroDifference()
            }
        }
    }

    enum Restart: String, CaseIterable, CustomStringConvertible {
        case atOnce = "at once"
        case after25Hours = "after 25 h"
        var description: String { rawValue }
    }

    /// What Souk is asked for when it dies.
    enum Subject: String, CustomStringConvertible {
        case seller, checkout, paymentIntent, payout, capture, cancel, expire, transfer, refund, feeRefund, reversal
        case recovery
        var description: String { rawValue }

        var kind: String {
            switch self {
            case .seller: "create_account"
            case .checkout: "create_checkout_session"
            case .paymentIntent: "create_payment_intent"
            case .payout: "create_payout"
            case .capture: "capture_payment_intent"
            case .cancel: "cancel_payment_intent"
            case .expire: "expire_checkout_session"
            case .transfer: "create_transfer"
            case .refund: "refund_charge"
            case .feeRefund: "refund_application_fee"
            case .reversal, .recovery: "reverse_transfer"
            }
        }

        /// The call to Stripe, as a fault names it.
        var request: String {
            switch self {
            case .seller: "POST /v1/accounts"
            case .checkout: "POST /v1/checkout/sessions"
            case .paymentIntent: "POST /v1/payment_intents"
            case .payout: "POST /v1/payouts"
            case .capture: "POST /v1/payment_intents/*/capture"
            case .cancel: "POST /v1/payment_intents/*/cancel"
            case .expire: "POST /v1/checkout/sessions/*/expire"
            case .transfer: "POST /v1/transfers"
            case .refund: "POST /v1/refunds"
            case .feeRefund: "POST /v1/application_fees/*/refunds"
            case .reversal, .recovery: "POST /v1/transfers/*/reversals"
            }
        }

        /// What it makes at Stripe; nil where it only changes something.
        var object: String? {
            switch self {
            case .seller: "account"
            case .checkout: "checkout.session"
            case .paymentIntent: "payment_intent"
            case .payout: "payout"
            case .transfer: "transfer"
            case .refund: "refund"
            case .feeRefund: "fee_refund"
            case .reversal, .recovery: "transfer_reversal"
            case .capture, .cancel, .expire: nil
            }
        }

        /// Whether it begins at Stripe, as a bank's dispute does, and not with a call to Souk.
        var isStripes: Bool { self == .recovery }

        fileprivate func creation(externalID: String, seller: String) -> Call {
            guard self != .seller else {
                return Call(
                    path: "/v1/sellers",
                    body: [
                        "external_id": .string(externalID), "email": "a@example.com", "country": "US",
                        "business_type": "individual",
                    ], subject: self)
            }
            if self == .payout {
                return Call(
                    path: "/v1/sellers/\(seller)/payouts",
                    body: ["amount": 1000, "currency": "usd", "external_id": .string(externalID)], subject: self)
            }
            return Call(
                path: "/v1/orders",
                body: .order(externalID, seller: seller, payment: self == .checkout ? "checkout" : "payment_intent"),
                subject: self)
        }
    }

    fileprivate struct Call: Sendable {
        let path: String
        let body: JSON
        let subject: Subject
    }
}

extension JSON {
    static func order(_ externalID: String, seller: String, payment: String, capture: String = "automatic") -> JSON {
        [
            "external_id": .string(externalID), "currency": "usd", "payment": .string(payment),
            "capture": .string(capture), "buyer": ["external_id": "buyer-1", "email": "buyer@example.com"],
            "lines": [["seller": .string(seller), "description": "Oak table", "unit_amount": 10_000, "quantity": 1]],
        ]
    }
}

extension [PhaseBoundary: Int] {
    func text(of boundaries: [PhaseBoundary]) -> String {
        boundaries.map { "\($0.rawValue) \(self[$0] ?? 0)" }.joined(separator: ", ")
    }
}

/// An operation's row at the moment of the kill.
private struct Row: Equatable {
    let state: String
    let sends: Int32
}

extension SoukBesideSandbox {
    /// Makes the call, kills Souk at the boundary, checks what it left, starts it again, and checks that the call's effect
    /// is there exactly once.
    fileprivate func crash(
        in call: CrashTests.Call, at boundary: PhaseBoundary, _ restart: CrashTests.Restart
    ) async throws {
        let subject = call.subject
        let key = "crash-\(call.path)-\(boundary.rawValue)"
        let known = try await operations(subject)
        func newOperation() async throws -> String? { try await operations(subject).subtracting(known).first }
        /// Souk's answer, which never comes.
        func ask() -> Task<Void, Never> {
            Task { _ = try? await self.make(call, key: key) }
        }

        if let gate = boundary.gate(of: subject) {
            try await gate.hold(postgres) { pass in
                let asked = ask()
                defer { asked.cancel() }
                try await eventually("Souk waits at \(boundary)") { try await Gate.somebodyWaits(postgres) }
                if gate.moment == .commit {
                    try await process().pause()
                    try await pass()
                    try await eventually("the commit is through") {
                        try await self.row(try await newOperation()) == boundary.leaves(of: subject)
                    }
                }
                try await kill()
            }
        } else {
            let isAfter = boundary == .afterEffectBeforeAnswer
            let before = try await effects(of: subject)
            try await faults([
                ["match": .string(subject.request), "kind": "hold", "after_effect": .bool(isAfter), "times": 1]
            ])
            let asked = ask()
            defer { asked.cancel() }
            try await eventually("the sandbox has the request") { [souk] in
                try await souk.control("GET", "/faults")["struck"].array?.first?.int == 1
            }
            if isAfter {
                try await eventually("the effect is there") { try await self.effects(of: subject) == before + 1 }
            }
            try await kill()
        }

        let operation = try await newOperation()
        #expect(try await row(operation) == boundary.leaves(of: subject), "\(subject) at \(boundary)")
        if let object = subject.object, let operation {
            let isThere: [PhaseBoundary] = [.afterEffectBeforeAnswer, .afterAnswerBeforeCommit, .afterOutcomeCommit]
            #expect(try await objects(object, of: operation) == (isThere.contains(boundary) ? 1 : 0), "\(boundary)")
        }
        try await endLeases()
        switch restart {
        case .atOnce:
            try await start()
            // The caller comes back before Stripe has let go of the first request.
            if !subject.isStripes { _ = try await make(call, key: key) }
            try await faults([])
        case .after25Hours:
            try await faults([])
            if boundary == .afterSendBeforeEffect, let operation, let object = subject.object {
                try await eventually("Stripe does what it was asked for") {
                    try await self.objects(object, of: operation) == 1
                }
            }
            try await advance(hours: 25)
            try await endLeases()
            try await start()
        }
        if let operation { try await finishes(operation) }
        // The caller asks again under the same key.
        try await endLeases()
        if !subject.isStripes {
            let answer = try await make(call, key: key)
            #expect((200...201).contains(answer.status), "\(subject) at \(boundary): \(answer)")
        }
        let finished = try #require(try await newOperation(), "\(subject) at \(boundary)")
        try await finishes(finished)
        #expect(try await operations(subject).count == known.count + 1)
        if let object = subject.object {
            #expect(try await objects(object, of: finished) == 1, "\(subject) at \(boundary)")
            let ours: String = try await value(
                "SELECT stripe_id AS value FROM stripe_operations WHERE id = \(finished)")
            let found = try await souk.control("GET", "/objects?souk_operation=\(finished)")
            #expect(found["data"].array?.contains { $0["id"].string == ours } == true)
        }
    }

    private func make(_ call: CrashTests.Call, key: String) async throws -> RunningSouk.Answer {
        call.subject.isStripes
            ? try await souk.control("POST", call.path, call.body)
            : try await souk.call("POST", call.path, call.body, key: key)
    }

    /// Waits until the running Souk has finished it. An effect that is not found is looked for once more ten minutes
    /// later: that time passes at once.
    private func finishes(_ operation: String) async throws {
        var hasPassed = false
        try await eventually("\(operation) is finished by the next process", atMost: .seconds(40)) {
            let looksAgain = try await count(
                """
                SELECT FROM stripe_operations WHERE id = \(operation) AND state = 'sent' AND look_up_since IS NOT NULL
                    AND lease_until IS NULL
                """)
            if looksAgain == 1, !hasPassed {
                hasPassed = true
                try await advance(seconds: 601)
            }
            return try await row(operation)?.state == "succeeded"
        }
    }

    private func operations(_ subject: CrashTests.Subject) async throws -> Set<String> {
        Set(
            try await postgres.query("SELECT id FROM stripe_operations WHERE kind = \(subject.kind)").map {
                try $0.get("id")
            })
    }

    private func row(_ operation: String?) async throws -> Row? {
        guard let operation else { return nil }
        return try await postgres.query("SELECT state, sends FROM stripe_operations WHERE id = \(operation)").first.map
        {
            Row(state: try $0.get("state"), sends: try $0.get("sends"))
        }
    }

    /// How often Stripe has done such a thing.
    private func effects(of subject: CrashTests.Subject) async throws -> Int {
        if let object = subject.object {
            var sum = 0
            for operation in try await operations(subject) { sum += try await objects(object, of: operation) }
            return sum
        }
        let type =
            switch subject {
            case .capture: "charge.captured"
            case .cancel: "payment_intent.canceled"
            default: "checkout.session.expired"
            }
        return try await souk.stripe("GET", "/v1/events?type=\(type)")["data"].array?.count ?? 0
    }

    /// Money that the seller can be paid out, and that does not go by itself.
    fileprivate func fund(_ seller: String, orders: Int) async throws {
        _ = try await souk.call("POST", "/v1/sellers/\(seller)", ["payout_schedule": ["interval": "manual"]])
            .expecting(200)
        for number in 1...orders {
            let order = try await souk.placeOrder("fund-\(number)", seller: seller, amount: 10_000)
            _ = try await souk.pay(order, with: "pm_card_bypassPending").expecting(200)
        }
        try await souk.settle()
    }

    fileprivate func orderToChange(by subject: CrashTests.Subject, seller: String) async throws -> String {
        let placed = try await souk.call(
            "POST", "/v1/orders",
            .order(
                "order-1", seller: seller, payment: subject == .expire ? "checkout" : "payment_intent",
                capture: subject == .capture ? "manual" : "automatic")
        ).expecting(201)
        if subject == .capture {
            let intent = try placed.string("payment_intent")
            _ = try await souk.control("POST", "/payment_intents/\(intent)/pay").expecting(200)
        }
        try await souk.settle()
        return try placed.string("id")
    }

    /// The release of a paid order whose seller has less than half of it: a second transfer would find money enough.
    fileprivate func release(ofOrder externalID: String, seller: String) async throws -> CrashTests.Call {
        let placed = try await souk.call(
            "POST", "/v1/orders",
            [
                "external_id": .string(externalID), "currency": "usd", "payment": "payment_intent",
                "release": ["on": "fulfilment"],
                "lines": [["seller": .string(seller), "unit_amount": 3000], ["unit_amount": 7000]],
            ]
        ).expecting(201)
        let intent = try placed.string("payment_intent")
        _ = try await souk.control("POST", "/payment_intents/\(intent)/pay").expecting(200)
        try await souk.settle()
        return CrashTests.Call(path: "/v1/orders/\(try placed.string("id"))/release", body: [:], subject: .transfer)
    }

    /// Pays every order through whatever of it is open at Stripe.
    fileprivate func payWhatCanBePaid() async throws {
        let rows = try await postgres.query(
            """
            SELECT payment_intent, checkout_session FROM orders WHERE status = 'awaiting_payment' ORDER BY id
            """)
        for row in rows {
            let path: String
            if let session: String = try row.get("checkout_session") {
                path = "/checkout/sessions/\(session)/pay"
            } else {
                path = "/payment_intents/\(try row.get("payment_intent", as: String.self))/pay"
            }
            _ = try await souk.control("POST", path).expecting(200)
        }
    }

    /// The control of the test itself: Stripe has forgotten the keys, so that a Souk which repeated the request instead of
    /// looking its effect up would have made a second object.
    fileprivate func showThatSendingBlindlyDoubles(_ subject: CrashTests.Subject) async throws {
        let object = try #require(subject.object)
        let row = try #require(
            try await postgres.query(
                """
                SELECT id, path, body, stripe_version, stripe_account, 'souk_' || id || '_' || attempt AS key FROM stripe_operations
                WHERE kind = \(subject.kind) ORDER BY id LIMIT 1
                """
            ).first)
        let id: String = try row.get("id")
        let account: String? = try row.get("stripe_account")
        #expect(try await objects(object, of: id) == 1)
        _ = try await souk.http.execute(
            HTTPRequest(
                method: .post, url: souk.sandbox + (try row.get("path", as: String.self)),
                headers: [
                    ("Authorization", "Bearer sk_test_crash"), ("Content-Type", "application/x-www-form-urlencoded"),
                    ("Idempotency-Key", try row.get("key")), ("Stripe-Version", try row.get("stripe_version")),
                ] + (account.map { [("Stripe-Account", $0)] } ?? []), body: try row.get("body")))
        #expect(try await objects(object, of: id) == 2, "sent blindly after 25 h")
    }
}

extension PhaseBoundary {
    /// Where in the database Souk is kept; nil where the sandbox keeps it.
    fileprivate func gate(of subject: CrashTests.Subject) -> Gate? {
        // A refund's calls follow each other: each is stopped at its own.
        let ofKind = " AND NEW.kind = '\(subject.kind)'"
        return switch self {
        case .beforeCommit:
            Gate(.change, "UPDATE", "idempotency_keys", when: "OLD.subject IS NULL AND NEW.subject IS NOT NULL")
        case .afterCommit:
            Gate(
                .change, "UPDATE", "stripe_operations", when: "NEW.state = 'pending' AND NEW.lease_number = 1" + ofKind)
        case .beforeSend:
            Gate(.commit, "UPDATE", "stripe_operations", when: "OLD.state <> 'sent' AND NEW.state = 'sent'" + ofKind)
        case .afterAnswerBeforeCommit:
            Gate(.change, "UPDATE", "stripe_operations", when: "NEW.state = 'succeeded'" + ofKind)
        case .afterOutcomeCommit:
            Gate(.commit, "UPDATE", "stripe_operations", when: "NEW.state = 'succeeded'" + ofKind)
        case .afterSendBeforeEffect, .afterEffectBeforeAnswer: nil
        case .beforeEventCommit, .afterEventCommit, .beforeApplyCommit, .afterApplyCommit, .beforeRowsCommit,
            .afterRowsCommit, .beforeDelivery, .afterDelivery:
            nil  // PipelineBoundaries
        }
    }

    /// The operation's row that a process killed here leaves; nil for none.
    fileprivate func leaves(of subject: CrashTests.Subject) -> Row? {
        switch self {
        case .beforeCommit: nil
        // A transfer's request is computed by whoever sends it.
        case .afterCommit: Row(state: subject == .transfer ? "held" : "pending", sends: 0)
        case .beforeSend, .afterSendBeforeEffect, .afterEffectBeforeAnswer, .afterAnswerBeforeCommit:
            Row(state: "sent", sends: 1)
        case .afterOutcomeCommit: Row(state: "succeeded", sends: 1)
        case .beforeEventCommit, .afterEventCommit, .beforeApplyCommit, .afterApplyCommit, .beforeRowsCommit,
            .afterRowsCommit, .beforeDelivery, .afterDelivery:
            nil
        }
    }
}

import App
import Foundation
import Postgres
import TestSupport
import Testing

/// Every operation that made something at Stripe against what Stripe has. For each kind of them our side is made wrong in
/// turn, by a superuser's SQL, and Stripe's, by a control call of the sandbox; a run finds exactly that.
@Suite(.database, .serialized) struct OperationReconciliationTests {
    @Test("an operation that is gone, or says that it failed, is found by each object that names it")
    func ours() async throws {
        try await RunningSouk.with { souk in
            let made = try await souk.madeByOperations()
            #expect(try await souk.findings(of: "operations").isEmpty, "an untouched world")
            try await DamagedBooks.keep()
            for (kind, object) in made.sorted(by: { $0.value.id < $1.value.id }) {
                // A payment page hands its metadata to the payment, which then names the same operation.
                let also = kind == "create_checkout_session" ? [object.payment] : []
                try await DamagedBooks.run("DELETE FROM stripe_operations WHERE id = '\(object.operation)'")
                let gone = try await souk.findings(of: "operations")
                #expect(Set(gone) == Set(([object.id] + also).map { "missing_in_ledger \($0)" }), "\(kind) is gone")
                try await DamagedBooks.restore()

                // Nobody has a row of it either, or it was booked another way and all is well.
                try await DamagedBooks.run(
                    """
                    UPDATE stripe_operations SET state = 'failed', stripe_id = NULL WHERE id = '\(object.operation)';
                    """)
                let booked = [
                    "refund_charge", "refund_application_fee", "reverse_transfer", "create_transfer", "create_payout",
                ]
                let failed = try await souk.findings(of: "operations")
                #expect(
                    failed == (booked.contains(kind) ? [] : ["state_mismatch \(object.id)"]),
                    "\(kind) says that it failed")
                try await DamagedBooks.restore()

                try await DamagedBooks.run(
                    "UPDATE stripe_operations SET stripe_id = 'other_1' WHERE id = '\(object.operation)'")
                let other = try await souk.findings(of: "operations")
                #expect(other.contains("duplicate \(object.id)"), "\(kind) made another: \(other)")
                try await DamagedBooks.restore()
            }
            try await DamagedBooks.run(
                """
                UPDATE stripe_operations SET state = 'failed', stripe_id = NULL
                WHERE id = '\(try #require(made["create_payout"]).operation)';
                DELETE FROM payout_items; DELETE FROM payouts;
                """)
            let unbooked = try await souk.findings(of: "operations")
            #expect(unbooked == ["state_mismatch \(try #require(made["create_payout"]).id)"])
            try await DamagedBooks.restore()
            #expect(try await souk.findings(of: "operations").isEmpty)
        }
    }

    @Test("an object that names another operation, one that is gone, and a second one for the same operation")
    func stripes() async throws {
        try await RunningSouk.with { souk in
            let made = try await souk.madeByOperations()
            let nowhere = "opn_00000000000000000000000000"
            for (kind, object) in made.sorted(by: { $0.value.id < $1.value.id }) {
                let back = try await souk.rename(object, to: nowhere)
                #expect(try await souk.findings(of: "operations") == ["missing_in_ledger \(object.id)"], "\(kind)")
                let run = try await souk.newestFinding()
                #expect(run["operation"].string == nowhere)
                #expect(run["part"].string == "operations")
                try await back()
            }
            #expect(try await souk.findings(of: "operations").isEmpty, "all put right")

            let transfer = try #require(made["create_transfer"])
            let second = try await souk.stripe(
                "POST", "/v1/transfers",
                [
                    ("amount", "1"), ("currency", "usd"), ("destination", transfer.account),
                    ("metadata[souk_operation]", transfer.operation),
                ]
            ).expecting(200).string("id")
            #expect(try await souk.findings(of: "operations") == ["duplicate \(second)"])
            _ = try await souk.control("POST", "/objects/\(second)/alter", ["set": ["metadata": [:]]]).expecting(200)

            var gone: Set<String> = []
            // Stripe's balance must stay readable: parts first, then what they are part of.
            for kind in [
                "reverse_transfer", "refund_application_fee", "refund_charge", "create_payout", "create_transfer",
            ] {
                let object = try #require(made[kind])
                try await souk.takeAway(object)
                gone.insert("missing_at_stripe \(object.id)")
                #expect(Set(try await souk.findings(of: "operations")) == gone, "\(kind)")
            }
            for kind in ["create_checkout_session", "create_payment_intent"] {
                let object = try #require(made[kind])
                try await souk.takeAway(object)
                gone.insert("missing_at_stripe \(object.id)")
                #expect(Set(try await souk.findings(of: "operations")) == gone, "\(kind)")
            }
        }
    }

    @Test(
        "operations that wait for a person, that nobody works on, whose end is not known, or that cannot be worked on")
    func stuck() async throws {
        try await RunningSouk.with { souk in
            let sale = try await souk.paidSale()
            let now = try await souk.businessNow()
            func id(_ number: Int) -> String { "opn_0000000000000000000000000\(number)" }
            func insert(_ number: Int, _ state: String, _ more: String, age: Int = 0) -> String {
                """
                INSERT INTO stripe_operations (id, kind, subject_id, state, reason, method, path, stripe_version, body,
                    created_at, due_at, first_sent_at, last_sent_at, sends, lease_until)
                VALUES ('\(id(number))', 'create_payout', '\(sale.seller)', '\(state)', \(more));
                """
            }
            let (old, soon) = ("to_timestamp(\(now - 3700))", "to_timestamp(\(now + 3600))")
            let request = "'POST', '/v1/payouts', '2026-01-01', ''"
            // A lease keeps workers away from them.
            let leased = "clock_timestamp() + interval '1 hour'"
            try await DamagedBooks.run(
                insert(1, "needs_review", "'it is odd', \(request), \(soon), \(soon), NULL, NULL, 0, NULL")
                    + insert(2, "pending", "NULL, \(request), \(old), \(old), NULL, NULL, 0, \(leased)")
                    + insert(3, "sent", "NULL, \(request), \(old), \(soon), \(old), \(old), 1, \(leased)")
                    + insert(4, "held", "'it waits', NULL, NULL, NULL, NULL, \(old), \(old), NULL, NULL, 0, \(leased)")
                    // These get on: one is young, one waits for its day, one was sent a moment ago.
                    + insert(5, "pending", "NULL, \(request), \(soon), \(soon), NULL, NULL, 0, \(leased)")
                    + insert(6, "held", "'it waits', NULL, NULL, NULL, NULL, \(old), \(soon), NULL, NULL, 0, \(leased)")
                    + insert(7, "sent", "NULL, \(request), \(old), \(soon), \(soon), \(soon), 1, \(leased)"))
            #expect(
                Set(try await souk.findings(of: "operations")) == Set([1, 2, 3, 4].map { "stuck_operation \(id($0))" }))
            try await DamagedBooks.run(
                """
                DELETE FROM stripe_operations WHERE id LIKE 'opn_000%';
                INSERT INTO stripe_operations (id, kind, subject_id, state, reason, due_at, created_at)
                VALUES ('\(id(8))', 'made_by_a_newer_souk', '\(sale.seller)', 'held', 'it waits', \(old), \(old));
                """)
            try await eventually("it was looked at", atMost: .seconds(30)) {
                try await souk.call("GET", "/v1/admin/operations/\(id(8))").expecting(200)["reason"].string?
                    .contains("no part of this build knows") == true
            }
            #expect(try await souk.findings(of: "operations") == ["stuck_operation \(id(8))"])
        }
    }
}

/// An object that an operation made.
struct OperationObject: Sendable {
    let kind: String
    let operation: String
    let id: String
    /// Whose it is: the connected account of a payout; where a transfer goes.
    let account: String
    /// The object in whose list Stripe shows it.
    let parent: String?
    /// The payment that a payment page began.
    let payment: String
}

extension RunningSouk {
    /// A world in which Souk has made one object of each kind, with an hour gone by.
    /// - Returns: them, by the kind of the operation.
    func madeByOperations() async throws -> [String: OperationObject] {
        let sale = try await paidSale()
        _ = try await call("POST", "/v1/sellers/\(sale.seller)", ["payout_schedule": ["interval": "manual"]]).expecting(
            200)
        let byIntent = try await placeOrder(
            "order-by-intent", seller: sale.seller, amount: 4000, payment: "payment_intent")
        _ = try await control(
            "POST", "/payment_intents/\(try byIntent.string("payment_intent"))/pay",
            ["payment_method": "pm_card_bypassPending"]
        ).expecting(200)
        try await settle()
        _ = try await call("POST", "/v1/orders/\(sale.order)/refunds", ["amount": 2500]).expecting(201)
        let separate = try await call(
            "POST", "/v1/orders",
            [
                "external_id": "order-separate", "currency": "usd", "charge_shape": "separate",
                "lines": [["seller": .string(sale.seller), "unit_amount": 3000]],
            ]
        ).expecting(201)
        _ = try await pay(separate).expecting(200)
        try await settle()
        _ = try await call(
            "POST", "/v1/sellers/\(sale.seller)/payouts",
            ["amount": 1000, "currency": "usd", "external_id": "payout-1"]
        ).expecting(201)
        _ = try await control("POST", "/clock/advance", ["seconds": 10_800]).expecting(200)
        try await settle()
        let rows = try await TestDatabase.current.postgres.query(
            """
            SELECT DISTINCT ON (kind) kind, id, stripe_id, path, (
                SELECT payment_intent FROM orders WHERE id = \(sale.order)) AS payment
            FROM stripe_operations WHERE state = 'succeeded' AND stripe_id IS NOT NULL
                AND kind IN ('create_account', 'create_checkout_session', 'create_payment_intent', 'refund_charge',
                    'refund_application_fee', 'reverse_transfer', 'create_transfer', 'create_payout')
            ORDER BY kind, id
            """)
        var made: [String: OperationObject] = [:]
        for row in rows {
            let kind: String = try row.get("kind")
            let parts = try row.get("path", as: String.self).split(separator: "/").map(String.init)
            made[kind] = OperationObject(
                kind: kind, operation: try row.get("id"), id: try row.get("stripe_id"), account: sale.account,
                parent: parts.count == 4 ? parts[2] : nil, payment: try row.get("payment"))
        }
        try #require(made.count == 8, "\(made.keys)")
        return made
    }

    /// Makes an object say that another operation made it.
    /// - Returns: puts it back.
    func rename(_ object: OperationObject, to operation: String) async throws -> @Sendable () async throws -> Void {
        // Stripe shows the newest parts of an object with it.
        if let parent = object.parent {
            let (path, field) =
                object.kind == "reverse_transfer"
                ? ("/v1/transfers/\(parent)", "reversals") : ("/v1/application_fees/\(parent)", "refunds")
            let list = try await stripe("GET", path).expecting(200)[field]
            guard case .object(var changed) = list else { throw Unexpected(answer: try await stripe("GET", path)) }
            changed["data"] = .array(
                (list["data"].array ?? []).map { part in
                    guard case .object(var members) = part, part["id"].string == object.id else { return part }
                    members["metadata"] = ["souk_operation": .string(operation)]
                    return .object(members)
                })
            let new = JSON.object(changed)
            _ = try await control("POST", "/objects/\(parent)/alter", ["set": [field: new]]).expecting(200)
            return {
                _ = try await self.control("POST", "/objects/\(parent)/alter", ["set": [field: list]]).expecting(200)
            }
        }
        _ = try await control(
            "POST", "/objects/\(object.id)/alter", ["set": ["metadata": ["souk_operation": .string(operation)]]]
        ).expecting(200)
        return {
            _ = try await self.control(
                "POST", "/objects/\(object.id)/alter",
                ["set": ["metadata": ["souk_operation": .string(object.operation)]]]
            ).expecting(200)
        }
    }

    /// Makes an object disappear at Stripe.
    func takeAway(_ object: OperationObject) async throws {
        if let parent = object.parent {
            let field = object.kind == "reverse_transfer" ? "reversals" : "refunds"
            let empty: JSON = ["object": "list", "data": [], "has_more": false, "url": "", "total_count": 0]
            _ = try await control("POST", "/objects/\(parent)/alter", ["set": [field: empty]]).expecting(200)
        }
        _ = try await control("POST", "/objects/\(object.id)/remove").expecting(200)
    }

    /// Seconds of the sandbox's time, which is business time here.
    func businessNow() async throws -> Int {
        try #require(try await control("GET", "/clock").expecting(200)["now"].int)
    }

    func newestFinding() async throws -> JSON {
        let list = try await call("GET", "/v1/admin/findings?limit=1").expecting(200)
        return try #require(list["data"].array?.first)
    }
}

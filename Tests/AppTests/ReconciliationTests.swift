import App
import Foundation
import Postgres
import TestSupport
import Testing

/// A run reads Stripe through its API. Each side is made wrong in turn, ours by a superuser's SQL and Stripe's by a control
/// call of the sandbox, and the run finds exactly that, by the object's id.
@Suite(.database, .serialized) struct ReconciliationTests {
    struct Wrong: Sendable, CustomStringConvertible {
        let name: String
        let scope: String
        /// With `{name}` for the ids of `Ids`.
        let ours: String?
        /// The object, and what it is made to say; nil makes it disappear.
        let stripes: (object: String, set: JSON?, back: JSON)?
        let finds: [(kind: String, object: String)]

        init(_ name: String, in scope: String, sql: String, finds: [(String, String)]) {
            self.name = name
            self.scope = scope
            ours = sql
            stripes = nil
            self.finds = finds
        }

        init(
            _ name: String, in scope: String, alter object: String, _ set: JSON, back: JSON,
            finds: [(String, String)]
        ) {
            self.name = name
            self.scope = scope
            ours = nil
            stripes = (object, set, back)
            self.finds = finds
        }

        init(_ name: String, in scope: String, remove object: String, finds: [(String, String)]) {
            self.name = name
            self.scope = scope
            ours = nil
            stripes = (object, nil, .null)
            self.finds = finds
        }

        var description: String { name }
    }

    static let oursWrong: [Wrong] = [
        Wrong(
            "our transfer is deleted", in: "transfers", sql: "DELETE FROM transfers WHERE stripe_id = {transfer}",
            finds: [("missing_in_ledger", "{transfer}")]),
        Wrong(
            "the journal loses a transfer's entry", in: "transfers",
            sql: """
                DELETE FROM postings WHERE entry_id = {transfer_entry};
                DELETE FROM journal_entries WHERE id = {transfer_entry}
                """, finds: [("missing_in_ledger", "{transfer}")]),
        Wrong(
            "a transfer that Stripe does not have", in: "transfers",
            sql: """
                INSERT INTO transfers (id, stripe_id, state, stripe_account, currency, amount_minor, made_at, created_at,
                    updated_at)
                VALUES ('trf_made', 'tr_made', 'paid', {account}, 'usd', 5, now(), now(), now())
                """, finds: [("missing_at_stripe", "tr_made")]),
        Wrong(
            "our transfer has another amount", in: "transfers",
            sql: "UPDATE transfers SET amount_minor = amount_minor + 1 WHERE stripe_id = {transfer}",
            finds: [("amount_mismatch", "{transfer}")]),
        Wrong(
            "our transfer has another currency", in: "transfers",
            sql: "UPDATE transfers SET currency = 'eur' WHERE stripe_id = {transfer}",
            finds: [("currency_mismatch", "{transfer}")]),
        Wrong(
            "the platform's balance in the books is wrong", in: "balances",
            sql: "UPDATE ledger_accounts SET balance_minor = balance_minor + 1 WHERE code = 'stripe:platform'",
            finds: [("balance_differs", "stripe:platform")]),
        Wrong(
            "a row is deleted", in: "clearing",
            sql: "DELETE FROM balance_transactions WHERE id = {row}", finds: [("missing_in_ledger", "{row}")]),
        Wrong(
            "a row's entry is deleted", in: "clearing",
            sql:
                "DELETE FROM postings WHERE entry_id = {row_entry}; DELETE FROM journal_entries WHERE id = {row_entry}",
            finds: [("missing_in_ledger", "{row}")]),
        Wrong(
            "a row that Stripe does not have", in: "clearing",
            sql: """
                INSERT INTO balance_transactions
                SELECT stripe_account, 'txn_made', type, category, balance_type, currency, amount_minor, fee_minor,
                    net_minor, fees, subject_kind, subject_id, application_fee_id, source_id, seller_id, order_id,
                    created_at, available_at
                FROM balance_transactions WHERE id = {row}
                """, finds: [("missing_at_stripe", "txn_made")]),
        Wrong(
            "a row has another amount", in: "clearing",
            sql: "UPDATE balance_transactions SET amount_minor = 1, net_minor = 1 WHERE id = {row}",
            finds: [("amount_mismatch", "{row}")]),
        Wrong(
            "a row has another currency", in: "clearing",
            sql: "UPDATE balance_transactions SET currency = 'eur' WHERE id = {row}",
            finds: [("currency_mismatch", "{row}")]),
        Wrong(
            "a charge waits in clearing", in: "clearing",
            sql: "UPDATE ledger_subjects SET balance_minor = 7 WHERE subject = {charge}",
            finds: [("clearing_not_zero", "{charge}")]),
    ]

    /// What is removed cannot be put back in its place: those come last.
    static let stripesWrong: [Wrong] = [
        Wrong(
            "Stripe's transfer has another amount", in: "transfers", alter: "{transfer}", ["amount": 9999],
            back: ["amount": 10_000], finds: [("amount_mismatch", "{transfer}")]),
        Wrong(
            "Stripe's transfer has another currency", in: "transfers", alter: "{transfer}", ["currency": "eur"],
            back: ["currency": "usd"], finds: [("currency_mismatch", "{transfer}")]),
        Wrong(
            "the seller's balance at Stripe is another", in: "balances", alter: "{seller_row}", ["net": 8999],
            back: ["net": 9000], finds: [("balance_differs", "stripe:{account}")]),
        Wrong(
            "Stripe's row has another amount", in: "clearing", alter: "{row}", ["amount": 1, "net": 1],
            back: ["amount": 10_000, "net": 9680], finds: [("amount_mismatch", "{row}")]),
        Wrong(
            "Stripe's row has another currency", in: "clearing", alter: "{row}", ["currency": "eur"],
            back: ["currency": "usd"], finds: [("currency_mismatch", "{row}")]),
        Wrong(
            "Stripe's transfer is gone", in: "transfers", remove: "{transfer}",
            finds: [("missing_at_stripe", "{transfer}")]),
        Wrong("Stripe's row is gone", in: "clearing", remove: "{row}", finds: [("missing_at_stripe", "{row}")]),
    ]

    @Test("our side is made wrong, one way at a time, and found by the object's id")
    func ours() async throws {
        try await RunningSouk.with { souk in
            let sale = try await souk.paidSale()
            let ids = try await ids(of: sale)
            _ = try await souk.control("POST", "/clock/advance", ["seconds": 10_800]).expecting(200)
            try await souk.settle()
            for scope in ["transfers", "payouts", "balances", "clearing", "operations", "all"] {
                #expect(try await souk.findings(of: scope).isEmpty, "an untouched world, \(scope)")
            }
            try await DamagedBooks.keep()
            for wrong in Self.oursWrong {
                let sql = Self.filled(try #require(wrong.ours), ids, quoted: true)
                try await DamagedBooks.run(sql)
                let found = try await souk.findings(of: wrong.scope)
                #expect(found == wrong.finds.map { "\($0.kind) \(Self.filled($0.object, ids))" }, "\(wrong)")
                try await DamagedBooks.restore()
            }
            #expect(try await souk.findings(of: "all").isEmpty)
            let open = try await souk.call("GET", "/v1/admin/findings?status=open").expecting(200)
            #expect(open["data"].array?.isEmpty == true, "a run that agrees closes what earlier ones found")
        }
    }

    @Test("Stripe's side is made wrong, one way at a time, and found by the object's id")
    func stripes() async throws {
        try await RunningSouk.with { souk in
            let sale = try await souk.paidSale()
            let ids = try await ids(of: sale)
            _ = try await souk.control("POST", "/clock/advance", ["seconds": 10_800]).expecting(200)
            try await souk.settle()
            for wrong in Self.stripesWrong {
                let (name, set, back) = try #require(wrong.stripes)
                let object = Self.filled(name, ids)
                if let set {
                    _ = try await souk.control("POST", "/objects/\(object)/alter", ["set": set]).expecting(200)
                } else {
                    _ = try await souk.control("POST", "/objects/\(object)/remove").expecting(200)
                }
                let found = try await souk.findings(of: wrong.scope)
                #expect(found == wrong.finds.map { "\($0.kind) \(Self.filled($0.object, ids))" }, "\(wrong)")
                guard set != nil else { continue }
                _ = try await souk.control("POST", "/objects/\(object)/alter", ["set": back]).expecting(200)
                #expect(try await souk.findings(of: wrong.scope).isEmpty, "\(wrong), put right")
            }
        }
    }

    @Test("a row of a kind that Souk does not know, and rows that Souk could not read for an hour")
    func unread() async throws {
        try await RunningSouk.with { souk in
            _ = try await souk.paidSale()
            try await souk.refuse("GET /v1/balance_transactions", status: 503)
            let external = try await souk.stripe(
                "POST", "/v1/payment_intents",
                [
                    ("amount", "2000"), ("currency", "usd"), ("payment_method", "pm_card_visa"), ("confirm", "true"),
                    ("allowed_payment_method_types[]", "card"),
                ]
            ).expecting(200)
            _ = try await souk.control("POST", "/clock/advance", ["seconds": 10_800]).expecting(200)
            _ = try await souk.control("POST", "/settle").expecting(200)
            let charge = try external.string("latest_charge")
            let row = try await souk.stripe("GET", "/v1/charges/\(charge)").expecting(200).string("balance_transaction")
            // Of no object, and of a kind that no version of Souk has heard of.
            _ = try await souk.control(
                "POST", "/objects/\(row)/alter", ["set": ["reporting_category": "martian", "source": .null]]
            ).expecting(200)
            let run = try await souk.call("POST", "/v1/admin/reconciliations", ["scope": "clearing"]).expecting(201)
            try await eventually("Stripe away: the run ends as failed") {
                let status = try await souk.call("GET", "/v1/admin/reconciliations/\(try run.string("id"))")
                    .expecting(200)["status"].string
                return status == "failed"
            }
            try await souk.keepBalancesUnread()
            _ = try await souk.control("PUT", "/faults", [:]).expecting(200)
            #expect(try await souk.findings(of: "clearing") == ["missing_in_ledger \(row)"])
            try await TestDatabase.current.postgres.execute("UPDATE balance_feeds SET lease_until = NULL")
            try await souk.readBalances()
            #expect(try await souk.findings(of: "clearing") == ["unknown_balance_transaction \(row)"])
        }
    }

    @Test("souk reconcile prints a table and ends well only without findings; what is no scope is refused")
    func command() async throws {
        try await RunningSouk.with { souk in
            _ = try await souk.paidSale()
            let sound = try await reconcile(souk.shellConfiguration(), scope: "all", logger: TestDatabase.logger)
            #expect(sound.isSound)
            #expect(sound.text.contains("0 findings"))
            try await TestDatabase.current.postgres.execute(
                "UPDATE ledger_accounts SET balance_minor = balance_minor + 1 WHERE code = 'stripe:platform'")
            let wrong = try await reconcile(souk.shellConfiguration(), scope: "balances", logger: TestDatabase.logger)
            #expect(!wrong.isSound)
            let lines = wrong.text.split(separator: "\n").map(String.init)
            #expect(lines.contains { $0.hasPrefix("KIND") && $0.contains("EXPECTED") && $0.contains("ACTUAL") })
            #expect(lines.contains { $0.hasPrefix("balance_differs") && $0.contains("stripe:platform") })
            #expect(try await souk.call("POST", "/v1/admin/reconciliations", ["scope": "moon"]).status == 400)
        }
    }

    private static func filled(_ text: String, _ ids: [String: String], quoted: Bool = false) -> String {
        ids.reduce(text) { $0.replacingOccurrences(of: "{\($1.key)}", with: quoted ? "'\($1.value)'" : $1.value) }
    }

    /// The objects of one sale, by the names that the cases use.
    private func ids(of sale: PaidSale) async throws -> [String: String] {
        let rows = try await TestDatabase.current.postgres.query(
            """
            SELECT t.stripe_id AS transfer, c.id AS charge, c.balance_transaction_id AS row, c.stripe_account AS account,
                (SELECT id FROM journal_entries
                    WHERE cause = 'balance_transaction:platform:' || c.balance_transaction_id) AS row_entry,
                (SELECT e.id FROM journal_entries e JOIN balance_transactions b
                    ON e.cause = 'balance_transaction:platform:' || b.id
                    WHERE b.source_id = t.stripe_id AND b.stripe_account = 'platform') AS transfer_entry,
                (SELECT b.id FROM balance_transactions b WHERE b.stripe_account = c.stripe_account LIMIT 1) AS seller_row
            FROM charges c JOIN transfers t ON t.charge_id = c.id
            """)
        let row = try #require(rows.first)
        var ids: [String: String] = [:]
        for name in ["transfer", "charge", "row", "account", "row_entry", "transfer_entry", "seller_row"] {
            ids[name] = try row.get(name, as: String.self)
        }
        return ids
    }
}

extension RunningSouk {
    /// Leases every balance, so that Souk reads none until the lease is taken away.
    fileprivate func keepBalancesUnread() async throws {
        try await eventually("no balance is being read", atMost: .seconds(30)) {
            try await TestDatabase.current.postgres.execute(
                """
                UPDATE balance_feeds SET lease_until = clock_timestamp() + interval '1 hour'
                WHERE lease_until IS NULL OR lease_until < clock_timestamp()
                """)
            return try await TestDatabase.current.postgres.query(
                "SELECT 1 FROM balance_feeds WHERE lease_until < clock_timestamp() + interval '30 minutes'"
            ).isEmpty
        }
    }

    /// What a run of this scope finds: kind and object.
    func findings(of scope: String) async throws -> [String] {
        let run = try await call("POST", "/v1/admin/reconciliations", ["scope": .string(scope)]).expecting(201)
            .string("id")
        try await eventually("the run has ended") {
            let status = try await call("GET", "/v1/admin/reconciliations/\(run)").expecting(200)["status"].string
            return status == "completed"
        }
        return try await findings(ofRun: run)
    }

    /// What a run that has ended found: kind and object.
    func findings(ofRun run: String) async throws -> [String] {
        let list = try await call("GET", "/v1/admin/reconciliations/\(run)/findings?limit=100").expecting(200)
        return (list["data"].array ?? []).map { "\($0["kind"].string ?? "") \($0["object_id"].string ?? "")" }
    }

    /// What a command of the shell is given.
    func shellConfiguration() throws -> SoukConfiguration {
        try SoukConfiguration(
            environment: [
                "DATABASE_URL": TestDatabase.current.connectionString, "STRIPE_API_BASE": sandbox,
                "STRIPE_SECRET_KEY": "sk_test_shell",
            ])
    }
}

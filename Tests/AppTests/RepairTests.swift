import App
import Foundation
import Postgres
import TestSupport
import Testing
import Transport

/// What a run finds is repaired by an admin: looked at first, then through the ordinary paths, and closed when both sides
/// agree. Each repair runs twice, and a second run finds nothing.
@Suite(.database, .serialized) struct RepairTests {
    struct Damage: Sendable, CustomStringConvertible {
        let description: String
        let scope: String
        /// With `{name}` for the ids of `Ids`.
        let sql: String
        let finds: (kind: String, object: String)
        let repair: String
        /// What the run finds because of it besides, and what the repair puts right too.
        let also: [String]

        init(
            _ description: String, in scope: String, _ sql: String, finds kind: String, _ object: String,
            _ repair: String,
            also: [String] = []
        ) {
            self.also = also
            self.description = description
            self.scope = scope
            self.sql = sql
            finds = (kind, object)
            self.repair = repair
        }
    }

    /// An entry is deleted with what it moved, as if it had never been written.
    private static func unposted(_ cause: String) -> String {
        """
        UPDATE ledger_accounts a SET balance_minor = balance_minor - p.amount FROM (
            SELECT account_id, sum(amount_minor) AS amount FROM postings
            WHERE entry_id = (SELECT id FROM journal_entries WHERE cause = \(cause)) GROUP BY account_id
        ) p WHERE p.account_id = a.id;
        UPDATE ledger_subjects s SET balance_minor = balance_minor - p.amount FROM (
            SELECT account_id, subject, sum(amount_minor) AS amount FROM postings
            WHERE entry_id = (SELECT id FROM journal_entries WHERE cause = \(cause)) AND subject IS NOT NULL
            GROUP BY account_id, subject
        ) p WHERE p.account_id = s.account_id AND p.subject = s.subject;
        DELETE FROM postings WHERE entry_id = (SELECT id FROM journal_entries WHERE cause = \(cause));
        DELETE FROM journal_entries WHERE cause = \(cause);
        """
    }

    private static func lost(_ cause: String) -> String {
        """
        DELETE FROM postings WHERE entry_id = (SELECT id FROM journal_entries WHERE cause = \(cause));
        DELETE FROM journal_entries WHERE cause = \(cause);
        """
    }

    static let damages: [Damage] = [
        Damage(
            "our transfer is deleted", in: "transfers", "DELETE FROM transfers WHERE stripe_id = {transfer}",
            finds: "missing_in_ledger", "{transfer}", "post_missing_entry"),
        Damage(
            "a transfer's row and its entry are as if never read", in: "transfers",
            unposted("'balance_transaction:platform:' || {transfer_row}")
                + "DELETE FROM balance_transactions WHERE id = {transfer_row}",
            // What came back of it is still booked.
            finds: "amount_mismatch", "{transfer}", "refetch"),
        Damage(
            "the journal loses a transfer's entry, and its sums stay", in: "transfers",
            lost("'balance_transaction:platform:' || {transfer_row}"), finds: "amount_mismatch", "{transfer}", "refetch"
        ),
        Damage(
            "our transfer has another amount", in: "transfers",
            "UPDATE transfers SET amount_minor = amount_minor + 1 WHERE stripe_id = {transfer}",
            finds: "amount_mismatch",
            "{transfer}", "refetch"),
        Damage(
            "our transfer has another currency", in: "transfers",
            "UPDATE transfers SET currency = 'eur' WHERE stripe_id = {transfer}", finds: "currency_mismatch",
            "{transfer}",
            "refetch"),
        Damage(
            "what came back of our transfer is forgotten", in: "transfers",
            "UPDATE transfers SET amount_reversed_minor = 0 WHERE stripe_id = {transfer}", finds: "amount_mismatch",
            "{transfer}", "refetch"),
        Damage(
            "a balance in the books is wrong", in: "balances",
            "UPDATE ledger_accounts SET balance_minor = balance_minor + 1 WHERE code = 'stripe:platform'",
            finds: "balance_differs", "stripe:platform", "refetch"),
        Damage(
            "a row is deleted", in: "clearing", "DELETE FROM balance_transactions WHERE id = {row}",
            finds: "missing_in_ledger", "{row}", "post_missing_entry"),
        Damage(
            "a row's entry is as if never written", in: "clearing",
            unposted("'balance_transaction:platform:' || {row}"),
            finds: "missing_in_ledger", "{row}", "post_missing_entry", also: ["clearing_not_zero {charge}"]),
        Damage(
            "a row has another amount", in: "clearing",
            "UPDATE balance_transactions SET amount_minor = 1, net_minor = 1 WHERE id = {row}",
            finds: "amount_mismatch",
            "{row}", "refetch"),
        Damage(
            "a row has another currency", in: "clearing",
            "UPDATE balance_transactions SET currency = 'eur' WHERE id = {row}",
            finds: "currency_mismatch", "{row}", "refetch"),
        Damage(
            "a charge waits in clearing", in: "clearing",
            "UPDATE ledger_subjects SET balance_minor = 7 WHERE subject = {charge}", finds: "clearing_not_zero",
            "{charge}",
            "refetch"),
        Damage(
            "a sale is not booked", in: "clearing", unposted("'charge_paid:' || {charge}"), finds: "clearing_not_zero",
            "{charge}", "refetch"),
        Damage(
            "our payout is deleted", in: "payouts",
            """
            DELETE FROM payout_items WHERE payout_id = (SELECT id FROM payouts WHERE stripe_id = {payout});
            DELETE FROM payouts WHERE stripe_id = {payout};
            """, finds: "missing_in_ledger", "{payout}", "post_missing_entry"),
        Damage(
            "a payout is not booked", in: "payouts", unposted("'payout_created:' || {payout}"),
            finds: "missing_in_ledger",
            "{payout}", "post_missing_entry"),
        Damage(
            "our payout has another amount", in: "payouts",
            "UPDATE payouts SET amount_minor = amount_minor + 1 WHERE stripe_id = {payout}", finds: "amount_mismatch",
            "{payout}", "refetch"),
        Damage(
            "our payout has another currency", in: "payouts",
            "UPDATE payouts SET currency = 'eur' WHERE stripe_id = {payout}",
            finds: "currency_mismatch", "{payout}", "refetch"),
        Damage(
            "our payout stands otherwise", in: "payouts",
            """
            UPDATE payouts SET status = CASE status WHEN 'pending' THEN 'in_transit' ELSE 'pending' END
            WHERE stripe_id = {payout}
            """, finds: "state_mismatch", "{payout}",
            "refetch"),
        Damage(
            "a payout's items do not sum to it", in: "payouts",
            """
            UPDATE payout_items SET amount_minor = amount_minor + 1
            WHERE payout_id = (SELECT id FROM payouts WHERE stripe_id = {payout}) AND position = 1
            """, finds: "amount_mismatch", "{payout}", "refetch"),
        Damage(
            "the end of an operation is not known", in: "operations",
            """
            UPDATE stripe_operations SET state = 'needs_review', reason = 'it is odd', stripe_id = NULL, finished_at = NULL
            WHERE id = {operation}
            """, finds: "stuck_operation", "{operation}", "resend_operation"),
    ]

    @Test("what is wrong on our side is previewed, repaired twice, and found no more")
    func ours() async throws {
        try await RunningSouk.with { souk in
            let made = try await souk.madeByOperations()
            let ids = try await ids(of: made)
            try await DamagedBooks.keep()
            for damage in Self.damages {
                func filled(_ text: String, quoted: Bool) -> String {
                    ids.reduce(text) {
                        $0.replacingOccurrences(of: "{\($1.key)}", with: quoted ? "'\($1.value)'" : $1.value)
                    }
                }
                try await DamagedBooks.run(filled(damage.sql, quoted: true))
                let object = filled(damage.finds.object, quoted: false)
                let found = try await souk.findings(of: damage.scope)
                let also = damage.also.map { filled($0, quoted: false) }
                #expect(Set(found) == Set(["\(damage.finds.kind) \(object)"] + also), "\(damage)")
                let finding = try await souk.openFinding(damage.finds.kind, object)
                #expect(finding["repair_plan"]["repair"].string == damage.repair, "\(damage)")
                try await souk.repair(finding, damage.repair, "\(damage)")
                #expect(try await souk.findings(of: damage.scope).isEmpty, "\(damage), a second run")
                try await souk.expectSoundBooks()
                try await DamagedBooks.restore()
            }
            #expect(try await souk.findings(of: "all").isEmpty)
        }
    }

    @Test(
        "a transfer that another Souk made, and a second one for one operation, are taken into the books and left alone"
    )
    func adopted() async throws {
        try await RunningSouk.with { souk in
            let made = try await souk.madeByOperations()
            let transfer = try #require(made["create_transfer"])
            let charge = try await souk.stripe("GET", "/v1/transfers/\(transfer.id)").expecting(200)
                .string("source_transaction")
            let nowhere = "opn_00000000000000000000000000"
            for (operation, kind) in [(nowhere, "missing_in_ledger"), (transfer.operation, "duplicate")] {
                // What is left of the charge after the seller's share.
                let second = try await souk.stripe(
                    "POST", "/v1/transfers",
                    [
                        ("amount", "7"), ("currency", "usd"), ("destination", transfer.account),
                        ("source_transaction", charge), ("metadata[souk_operation]", operation),
                    ]
                ).expecting(200).string("id")
                try await souk.settle()
                #expect(try await souk.findings(of: "operations") == ["\(kind) \(second)"])
                let finding = try await souk.newestFinding()
                #expect(finding["repair_plan"]["repair"].string == "adopt_object")
                #expect(finding["repair_plan"]["person"].string != nil)
                try await souk.repair(finding, "adopt_object", kind)
                _ = try await souk.control("POST", "/clock/advance", ["seconds": 3700]).expecting(200)
                try await souk.settle()
                #expect(try await souk.findings(of: "operations").isEmpty, "\(kind): a second run")
                try await souk.expectSoundBooks()
                try await souk.expectZeroDifference()
            }
        }
    }

    @Test("a payout that Stripe made although its operation failed becomes the one that was asked for")
    func failedButMade() async throws {
        try await RunningSouk.with { souk in
            let payout = try #require(try await souk.madeByOperations()["create_payout"])
            try await DamagedBooks.run(
                """
                \(Self.unposted("'payout_created:\(payout.id)'"))
                UPDATE stripe_operations SET state = 'failed', reason = 'Stripe refused it', stripe_id = NULL
                WHERE id = '\(payout.operation)';
                DELETE FROM payout_items; UPDATE payouts SET stripe_id = NULL, status = 'failed', items_source = NULL,
                    itemized_at = NULL, paid_at = NULL WHERE stripe_id = '\(payout.id)';
                """)
            #expect(try await souk.findings(of: "operations") == ["state_mismatch \(payout.id)"])
            try await souk.repair(try await souk.newestFinding(), "adopt_object", "failed, but made")
            #expect(try await souk.findings(of: "operations").isEmpty)
            let rows = try await TestDatabase.current.postgres.query(
                "SELECT stripe_id, status FROM payouts WHERE operation_id = \(payout.operation)")
            #expect(try rows.first?.get("stripe_id") == payout.id)
            #expect(try rows.first?.get("status", as: String.self) != "failed")
            try await souk.expectSoundBooks()
        }
    }

    @Test("an operation whose end is looked up twice closes its finding by itself, later")
    func closesLater() async throws {
        try await RunningSouk.with { souk in
            let made = try await souk.madeByOperations()
            let session = try #require(made["create_checkout_session"])
            // Stripe's object names nobody, so that the look-up does not find it; the request is repeated then.
            let back = try await souk.rename(session, to: "opn_00000000000000000000000000")
            try await DamagedBooks.run(
                """
                UPDATE stripe_operations SET state = 'needs_review', reason = 'it is odd', stripe_id = NULL, finished_at = NULL
                WHERE id = '\(session.operation)'
                """)
            let found = try await souk.findings(of: "operations")
            #expect(
                Set(found) == ["stuck_operation \(session.operation)", "missing_in_ledger \(session.id)"])
            let list = try await souk.call("GET", "/v1/admin/findings?kind=stuck_operation&status=open").expecting(200)
            let finding = try #require(list["data"].array?.first)
            let id = try #require(finding["id"].string)
            let answer = try await souk.call(
                "POST", "/v1/admin/findings/\(id)/repair", ["repair": "resend_operation", "reason": "tried"]
            ).expecting(200)
            #expect(answer["status"].string == "open")
            #expect(answer["now"].array?.first?["kind"].string == "stuck_operation", "\(answer)")
            try await back()
            for _ in 0..<2 {
                _ = try await souk.control("POST", "/clock/advance", ["seconds": 700]).expecting(200)
                try await souk.settle()
            }
            try await eventually("the finding is closed", atMost: .seconds(30)) {
                let now = try await souk.call("GET", "/v1/admin/findings?kind=stuck_operation").expecting(200)
                return now["data"].array?.allSatisfy { $0["status"].string == "closed" } == true
            }
            let operation = try await souk.call("GET", "/v1/admin/operations/\(session.operation)").expecting(200)
            #expect(operation["state"].string == "succeeded")
            #expect(operation["stripe_id"].string == session.id)
        }
    }

    @Test(
        "no repair is offered where Stripe lost something, and a repair that does not fit is refused and changes nothing"
    )
    func refused() async throws {
        try await RunningSouk.with { souk in
            let transfer = try #require(try await souk.madeByOperations()["create_transfer"])
            _ = try await souk.control("POST", "/objects/\(transfer.id)/remove").expecting(200)
            #expect(try await souk.findings(of: "transfers") == ["missing_at_stripe \(transfer.id)"])
            let finding = try await souk.newestFinding()
            #expect(finding["repair_plan"]["repair"] == .null)
            #expect(finding["repair_plan"]["person"].string?.contains("Stripe's support") == true)
            let path = "/v1/admin/findings/\(try #require(finding["id"].string))/repair"
            let wrong = try await souk.call("POST", path, ["repair": "refetch", "reason": "x"])
            #expect(wrong.status == 400)
            #expect(wrong["error", "message"].string?.contains("mark_reviewed") == true)
            #expect(try await souk.call("POST", path, ["repair": "refetch"]).status == 400)
            #expect(try await souk.call("POST", path, ["reason": "x"]).status == 400)
            #expect(try await souk.call("POST", path, ["repair": "conjure", "reason": "x"]).status == 400)
            let preview = try await souk.call("POST", path, ["preview": true]).expecting(200)
            #expect(preview["now"].array?.map { $0["kind"].string } == ["missing_at_stripe"])
            #expect(preview["status"].string == "open")
            _ = try await souk.call("POST", path, ["repair": "mark_reviewed", "reason": "Stripe says so"]).expecting(
                200)
            let closed = try await souk.newestFinding()
            #expect(closed["status"].string == "closed")
            #expect(closed["repair"].string == "mark_reviewed")
        }
    }

    @Test("findings as CSV: all of a run, whatever the page")
    func findingsAsCSV() async throws {
        try await RunningSouk.with { souk in
            let transfer = try #require(try await souk.madeByOperations()["create_transfer"])
            try await DamagedBooks.run(
                "UPDATE transfers SET amount_minor = amount_minor + 1; DELETE FROM stripe_operations")
            let found = try await souk.findings(of: "all")
            try #require(found.count > 5)
            let run = try #require(try await souk.newestFinding()["reconciliation"].string)
            let path = "/v1/admin/reconciliations/\(run)/findings"
            for (url, count) in [
                (path, found.count), (path + "?limit=1", found.count), ("/v1/admin/findings?status=closed", 0),
                (path + "?kind=amount_mismatch", found.count { $0.hasPrefix("amount_mismatch") }),
            ] {
                let table = try await souk.call("GET", url, accept: "text/csv").expecting(200)
                #expect(table.headers["Content-Type"] == "text/csv; charset=utf-8")
                #expect(table.headers["Vary"] == "Accept")
                let lines = table.text.split(separator: "\n").map(String.init)
                #expect(lines.count == count + 1, "\(url): \(table)")
                #expect(
                    lines[0].hasPrefix(
                        "id,reconciliation,part,kind,stripe_account,object_id,operation,currency,expected,"))
            }
            let all = try await souk.call("GET", path, accept: "text/csv").expecting(200)
            let own = all.text.split(separator: "\n").filter { $0.contains(",transfers,") && $0.contains(transfer.id) }
            #expect(own.count == 1, "\(all)")
            #expect(own.first?.contains(",amount_mismatch,") == true)
            #expect(own.first?.contains(",refetch,") == true)
        }
    }

    @Test("a payout's items as CSV sum to it, however many there are")
    func itemsAsCSV() async throws {
        try await RunningSouk.with { souk in
            let payout = try #require(try await souk.madeByOperations()["create_payout"])
            let rows = try await TestDatabase.current.postgres.query(
                "SELECT id FROM payouts WHERE stripe_id = \(payout.id)")
            let id: String = try #require(rows.first).get("id")
            let table = try await souk.call("GET", "/v1/payouts/\(id)/items?limit=1", accept: "text/csv").expecting(200)
            let lines = table.text.split(separator: "\n").map {
                $0.split(separator: ",", omittingEmptySubsequences: false)
            }
            #expect(lines[0].prefix(5) == ["payout", "item", "type", "matched", "amount"])
            let cents = lines.dropFirst().compactMap { Int($0[4].filter { $0 != "." }) }
            #expect(cents.reduce(0, +) == 1000, "\(table)")
            #expect(lines.dropFirst().allSatisfy { $0[0] == id })
        }
    }

    @Test("a run begins in its window every day, once, whichever process is first")
    func scheduled() async throws {
        try await RunningSouk.withTemporaryFolder { folder in
            try await RunningSouk.withHeldWorkers(in: folder, ["SOUK_RECONCILE_WINDOW": "03:00-05:00"]) { souk, make in
                let processes = (0..<4).map { _ in make() }
                /// Runs that there are, after every process has looked at the same moment.
                func runs() async throws -> [JSON] {
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        for process in processes { group.addTask { while try await process.workOnDue() > 0 {} } }
                        try await group.waitForAll()
                    }
                    return try await souk.call("GET", "/v1/admin/reconciliations").expecting(200)["data"].array ?? []
                }
                let midnight = (try await souk.businessNow() / 86_400 + 1) * 86_400
                func goes(to second: Int) async throws {
                    let pause = midnight + second - (try await souk.businessNow())
                    _ = try await souk.control("POST", "/clock/advance", ["seconds": .int(pause)]).expecting(200)
                }
                try await goes(to: 2 * 3600)
                #expect(try await runs().isEmpty)
                try await goes(to: 3 * 3600 + 60)
                let first = try await runs()
                #expect(first.map { $0["scheduled_for"].int } == [midnight + 3 * 3600])
                #expect(first.first?["scope"].string == "all")
                #expect(first.first?["status"].string == "completed")
                try await goes(to: 4 * 3600)
                #expect(try await runs().count == 1)
                try await goes(to: 6 * 3600)
                #expect(try await runs().count == 1)
                try await goes(to: 27 * 3600)
                #expect(try await runs().map { $0["scheduled_for"].int } == [27, 3].map { midnight + $0 * 3600 })
            }
        }
    }

    /// The objects that the cases speak of.
    private func ids(of made: [String: OperationObject]) async throws -> [String: String] {
        let refunded = try #require(made["reverse_transfer"]?.parent)
        let rows = try await TestDatabase.current.postgres.query(
            """
            SELECT c.id AS charge, c.balance_transaction_id AS row, (
                    SELECT b.id FROM balance_transactions b
                    WHERE b.stripe_account = 'platform' AND b.source_id = \(refunded)) AS transfer_row
            FROM charges c WHERE c.transfer_id = \(refunded)
            """)
        let row = try #require(rows.first)
        return [
            "transfer": refunded, "charge": try row.get("charge"), "row": try row.get("row"),
            "transfer_row": try row.get("transfer_row"), "payout": try #require(made["create_payout"]).id,
            "operation": try #require(made["create_checkout_session"]).operation,
        ]
    }
}

extension RunningSouk {
    /// Previews and repairs a finding, twice: after the first time it is closed, and the second changes nothing.
    func repair(_ finding: JSON, _ repair: String, _ what: String) async throws {
        let path = "/v1/admin/findings/\(try #require(finding["id"].string))/repair"
        let preview = try await call("POST", path, ["repair": .string(repair), "preview": true]).expecting(200)
        #expect(preview["status"].string == "open", "\(what)")
        #expect(preview["now"].array?.contains { $0["kind"] == finding["kind"] } == true, "\(what): \(preview)")
        let first = try await call("POST", path, ["repair": .string(repair), "reason": "seen"]).expecting(200)
        #expect(first["now"].array?.isEmpty == true, "\(what): \(first)")
        #expect(first["status"].string == "closed", "\(what): \(first)")
        let books = try await ledgerPrint()
        let second = try await call("POST", path, ["repair": .string(repair), "reason": "seen again"]).expecting(200)
        #expect(second["status"].string == "closed", "\(what)")
        #expect(try await ledgerPrint() == books, "\(what): the second repair changed something")
        let audit = try await TestDatabase.current.postgres.query(
            """
            SELECT action FROM audit_log WHERE subject = \(finding["id"].string) ORDER BY id
            """
        ).map { try $0.get("action", as: String.self) }
        #expect(Set(audit) == ["finding.repair_approved", "finding.repaired"], "\(what): \(audit)")
    }

    /// The newest open finding of this kind about this object.
    func openFinding(_ kind: String, _ object: String) async throws -> JSON {
        let list = try await call("GET", "/v1/admin/findings?status=open&kind=\(kind)&limit=100").expecting(200)
        return try #require(list["data"].array?.first { $0["object_id"].string == object }, "\(kind) \(object)")
    }

    /// Everything that a repair may change in the books, as one text.
    private func ledgerPrint() async throws -> String {
        let tables = ["journal_entries", "postings", "ledger_accounts", "ledger_subjects", "balance_transactions"]
        let parts = tables.map { "(SELECT coalesce(md5(string_agg(t::text, ',' ORDER BY t::text)), '') FROM \($0) t)" }
        return try await TestDatabase.current.postgres.query(
            PostgresQuery(unescaped: "SELECT concat_ws(' ', \(parts.joined(separator: ", "))) AS print")
        ).first?.get("print") ?? ""
    }
}

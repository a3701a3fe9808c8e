import Domain
import Foundation
import Postgres
import TestSupport

/// Somebody with the rights of a superuser makes our side wrong, a run finds it, an admin has it repaired. All invariants
/// hold again afterwards.
extension World {
    /// Makes one thing wrong that a run can find.
    /// - Returns: nil if there is nothing that could be made wrong so.
    private func damage() async throws -> String? {
        let old = try await now().advanced(by: .seconds(-3700))
        let choices: [(name: String, rows: PostgresQuery, script: (String) -> String)] = [
            (
                "our transfer has another amount",
                "SELECT stripe_id AS id FROM transfers WHERE stripe_id IS NOT NULL AND state = 'paid' ORDER BY stripe_id",
                { "UPDATE transfers SET amount_minor = amount_minor + 3 WHERE stripe_id = '\($0)'" }
            ),
            (
                Self.goneRow,
                """
                SELECT id FROM balance_transactions b WHERE created_at < \(old)
                    AND NOT EXISTS (SELECT FROM payout_items i WHERE i.transaction_id = b.id) ORDER BY id
                """, { "DELETE FROM balance_transactions WHERE id = '\($0)'" }
            ),
            (
                "a row has another amount", "SELECT id FROM balance_transactions WHERE created_at < \(old) ORDER BY id",
                {
                    "UPDATE balance_transactions SET amount_minor = amount_minor + 1, net_minor = net_minor + 1 WHERE id = '\($0)'"
                }
            ),
            (
                "a row's entry is gone, and what it moved",
                """
                SELECT e.id FROM journal_entries e JOIN balance_transactions b
                    ON e.cause = 'balance_transaction:' || b.stripe_account || ':' || b.id
                WHERE b.created_at < \(old) ORDER BY e.id
                """, Self.unposting
            ),
            (
                "the sum of a balance is wrong",
                "SELECT code AS id FROM ledger_accounts WHERE code LIKE 'stripe:%' ORDER BY code",
                { "UPDATE ledger_accounts SET balance_minor = balance_minor - 5 WHERE code = '\($0)'" }
            ),
            (
                "our payout has another amount",
                "SELECT stripe_id AS id FROM payouts WHERE stripe_id IS NOT NULL ORDER BY stripe_id",
                { "UPDATE payouts SET amount_minor = amount_minor + 2 WHERE stripe_id = '\($0)'" }
            ),
        ]
        guard let choice = pick(choices), let row = pick(try await query(choice.rows)) else { return nil }
        let script = choice.script(try row.get("id"))
        try await DamagedBooks.run(script)
        note("damage: \(choice.name): \(script)")
        tally.count(choice.name, in: "damages repaired")
        return choice.name
    }

    private static let goneRow = "a row of Stripe's books is gone"

    private static func unposting(_ entry: String) -> String {
        """
        UPDATE ledger_accounts a SET balance_minor = balance_minor - p.amount FROM (
            SELECT account_id, sum(amount_minor) AS amount FROM postings WHERE entry_id = '\(entry)' GROUP BY account_id
        ) p WHERE p.account_id = a.id;
        UPDATE ledger_subjects s SET balance_minor = balance_minor - p.amount FROM (
            SELECT account_id, subject, sum(amount_minor) AS amount FROM postings
            WHERE entry_id = '\(entry)' AND subject IS NOT NULL GROUP BY account_id, subject
        ) p WHERE p.account_id = s.account_id AND p.subject = s.subject;
        DELETE FROM postings WHERE entry_id = '\(entry)'; DELETE FROM journal_entries WHERE id = '\(entry)';
        """
    }

    func repairDifference() async throws -> Bool {
        guard let damage = try await damage() else { return false }
        let found = try await findings()
        if found.isEmpty {
            // The feed of a balance reads its newest rows again, also on behalf of a run.
            guard damage == Self.goneRow else { throw Failure("no run found that \(damage)") }
            tally.count("healed by the feed before a run saw it", in: "damages repaired")
        }
        for finding in found {
            guard let id = finding["id"].string, let repair = finding["repair_plan"]["repair"].string else {
                throw Failure("nothing repairs \(finding.text), which came of: \(damage)")
            }
            for _ in 0..<2 {
                let answer = try await call(
                    "POST", "/v1/admin/findings/\(id)/repair", ["repair": .string(repair), "reason": "a world"])
                guard answer.status == 200 else { throw Failure("the repair of \(finding.text) failed: \(answer)") }
            }
        }
        let left = try await findings()
        guard left.isEmpty else { throw Failure("after the repair of '\(damage)': \(left.map(\.text))") }
        return true
    }

    private func findings() async throws -> [JSON] {
        let run = try await call("POST", "/v1/admin/reconciliations", ["scope": "all"])
        guard run.status == 201 else { throw Failure("no run began: \(run)") }
        try await settle()
        let id = try run.string("id")
        let ended = try await souk.call("GET", "/v1/admin/reconciliations/\(id)").expecting(200)
        guard ended["status"].string == "completed" else { throw Failure("the run did not end well: \(ended)") }
        let list = try await souk.call("GET", "/v1/admin/reconciliations/\(id)/findings?limit=100").expecting(200)
        return list["data"].array ?? []
    }
}

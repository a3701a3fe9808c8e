import Domain
import Ledger
import Postgres
import Store
import StripeAPI

extension RunReconciliation {
    /// Every payout at Stripe, of the platform and of sellers, against ours, against what the journal has for it and
    /// against what it is made of, and the other way round.
    func comparePayouts(_ run: ReconciliationRecord, _ tally: inout Tally) async throws {
        let youngest = try await store.clock.now().advanced(by: .zero - BooksCheck.clearingAge)
        for owner in try await owners(of: run) {
            let call = ListPayouts(account: owner.stripeAccount)
            let fetching = try await eachWindow(of: call, owner: owner, created: \.created, run) { remote, window in
                let ours = try await localPayouts(of: owner, where: window.holds("p.created_at"))
                var findings: [FindingFacts] = []
                for payout in remote {
                    if let finding = Self.difference(payout, of: owner, ours: ours[payout.cursor]) {
                        // One that is younger may still be on its way here.
                        if finding.kind != .missingInLedger || payout.created < youngest { findings.append(finding) }
                    } else {
                        tally.matched += 1
                    }
                }
                let seen = Set(remote.map(\.cursor))
                for (id, payout) in ours.filter({ !seen.contains($0.key) }).sorted(by: { $0.key < $1.key }) {
                    findings.append(Self.missingAtStripe(id, payout, of: owner))
                }
                try await report(findings, of: run, &tally)
            }
            tally.fetching += fetching
        }
    }

    static func missingAtStripe(_ id: String, _ payout: LocalPayout, of owner: BalanceOwner) -> FindingFacts {
        FindingFacts(
            kind: .missingAtStripe, part: .payouts, stripeAccount: owner.code, object: id, currency: payout.currency,
            expected: nil, actual: payout.amount, detail: "Souk has the payout \(id), Stripe does not list it.")
    }

    /// What is wrong with one payout; nil if Stripe, our list, the journal and the payout's items agree.
    static func difference(_ remote: PayoutResource, of owner: BalanceOwner, ours: LocalPayout?) -> FindingFacts? {
        func finding(_ kind: FindingFacts.Kind, _ expected: Int64?, _ actual: Int64?, _ detail: String) -> FindingFacts
        {
            FindingFacts(
                kind: kind, part: .payouts, stripeAccount: owner.code, object: remote.cursor,
                currency: remote.currency.code, expected: expected, actual: actual, detail: detail)
        }
        guard let ours else {
            return finding(
                .missingInLedger, remote.amount, nil, "Stripe has the payout \(remote.cursor), Souk does not.")
        }
        guard ours.currency == remote.currency.code else {
            return finding(
                .currencyMismatch, remote.amount, ours.amount,
                "Stripe pays out \(remote.currency), Souk has \(ours.currency).")
        }
        guard ours.amount == remote.amount else {
            return finding(
                .amountMismatch, remote.amount, ours.amount,
                "Stripe pays out \(remote.amount), Souk has \(ours.amount).")
        }
        guard ours.status == remote.status.rawValue else {
            // Stripe's word is on its way here while its event is.
            guard !ours.hasWaitingEvent else { return nil }
            return finding(
                .stateMismatch, nil, nil, "Stripe says \(remote.status.rawValue), Souk has \(ours.status).")
        }
        let isBack = [.failed, .canceled].contains(remote.status)
        let expected = isBack ? 0 : remote.amount
        guard ours.booked == expected else {
            return finding(
                ours.booked == nil ? .missingInLedger : .amountMismatch, expected, ours.booked,
                "The journal has \(ours.booked.map { String($0) } ?? "nothing") as gone for it.")
        }
        if let items = ours.items, items != remote.amount {
            return finding(.amountMismatch, remote.amount, items, "What it is made of comes to \(items).")
        }
        return nil
    }

    struct LocalPayout: Hashable, Sendable {
        let currency: String
        let amount: Int64
        let status: String
        /// What the journal has as gone, less what came back; nil without an entry.
        let booked: Int64?
        /// The sum of its items; nil until they are known.
        let items: Int64?
        let hasWaitingEvent: Bool
    }

    /// Of the payouts `p` for which the condition holds, by Stripe's id.
    func localPayouts(
        of owner: BalanceOwner, where condition: PostgresQuery
    ) async throws -> [String: LocalPayout] {
        let rows = try await store.query(
            """
            SELECT p.stripe_id, p.currency, p.amount_minor, p.status, (
                    SELECT -sum(l.amount_minor)::bigint FROM journal_entries e
                    JOIN postings l ON l.entry_id = e.id
                    JOIN ledger_accounts a ON a.id = l.account_id AND a.code = \(LedgerAccount.clearing(.payout).code)
                    WHERE e.cause IN ('payout_created:' || p.stripe_id, 'payout_failed:' || p.stripe_id,
                        'payout_canceled:' || p.stripe_id)) AS booked,
                CASE WHEN p.itemized_at IS NOT NULL THEN coalesce((
                    SELECT sum(i.amount_minor) FROM payout_items i WHERE i.payout_id = p.id), 0)::bigint END AS items,
                EXISTS (
                    SELECT 1 FROM inbox_event_ids w WHERE w.state = 'waiting'
                        AND w.object_key = \(owner.stripeAccount?.rawValue ?? "") || '/' || p.stripe_id
                ) AS has_waiting_event
            FROM payouts p
            WHERE p.stripe_account = \(owner.code) AND p.stripe_id IS NOT NULL AND
            """ + " " + condition)
        return Dictionary(
            uniqueKeysWithValues: try rows.map { row in
                (
                    try row.get("stripe_id") as String,
                    LocalPayout(
                        currency: try row.get("currency"), amount: try row.get("amount_minor"),
                        status: try row.get("status"), booked: try row.get("booked"), items: try row.get("items"),
                        hasWaitingEvent: try row.get("has_waiting_event"))
                )
            })
    }
}

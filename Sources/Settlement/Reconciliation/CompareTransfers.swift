import Domain
import Ledger
import Postgres
import Store
import StripeAPI

extension RunReconciliation {
    /// Every transfer at Stripe against ours and against what the journal has for it, and the other way round.
    func compareTransfers(_ run: ReconciliationRecord, _ tally: inout Tally) async throws {
        let accounts = try await accounts(of: run)
        let youngest = try await store.clock.now().advanced(by: .zero - BooksCheck.clearingAge)
        let fetching = try await eachWindow(of: ListTransfers(), created: \.created, run) {
            remote, window in
            try await compare(remote, in: window, of: accounts, youngest: youngest, run, &tally)
        }
        tally.fetching += fetching
    }

    /// Stripe's transfers of a window of time against ours of the same. One that is younger than `youngest` may still be
    /// on its way here.
    private func compare(
        _ remote: [TransferResource], in window: Window, of accounts: Set<StripeAccountID>?, youngest: Timestamp,
        _ run: ReconciliationRecord, _ tally: inout Tally
    ) async throws {
        var condition = window.holds("made_at")
        if let seller = run.seller { condition += " AND seller_id = \(seller)" }
        let ours = try await localTransfers(where: condition)
        let booked = try await bookedTransfers(Set(remote.map(\.cursor)).union(ours.keys))
        var findings: [FindingFacts] = []
        var seen: Set<String> = []
        for transfer in remote
        where accounts.map({ accounts in transfer.destination.map { accounts.contains($0.id) } ?? false }) ?? true {
            seen.insert(transfer.cursor)
            if let finding = Self.difference(transfer, ours: ours[transfer.cursor], booked: booked[transfer.cursor]) {
                if finding.kind != .missingInLedger || transfer.created < youngest { findings.append(finding) }
            } else {
                tally.matched += 1
            }
        }
        for (id, transfer) in ours.filter({ !seen.contains($0.key) }).sorted(by: { $0.key < $1.key }) {
            findings.append(Self.missingAtStripe(id, transfer))
        }
        try await report(findings, of: run, &tally)
    }

    static func missingAtStripe(_ id: String, _ transfer: LocalTransfer) -> FindingFacts {
        FindingFacts(
            kind: .missingAtStripe, part: .transfers, stripeAccount: transfer.account, object: id,
            currency: transfer.currency, expected: nil, actual: transfer.amount,
            detail: "Souk has the transfer \(id), Stripe does not list it.")
    }

    /// The connected accounts that the run is limited to; nil for all.
    func accounts(of run: ReconciliationRecord) async throws -> Set<StripeAccountID>? {
        guard let seller = run.seller else { return nil }
        return Set(
            try await store.query("SELECT stripe_account FROM seller_accounts WHERE seller_id = \(seller)")
                .map { try $0.get("stripe_account") })
    }

    /// What is wrong with one transfer; nil if Stripe, our list and the journal agree.
    static func difference(
        _ remote: TransferResource, ours: LocalTransfer?, booked: BookedTransfer?
    ) -> FindingFacts? {
        func finding(_ kind: FindingFacts.Kind, _ expected: Int64?, _ actual: Int64?, _ detail: String) -> FindingFacts
        {
            FindingFacts(
                kind: kind, part: .transfers, stripeAccount: remote.destination?.id.rawValue ?? "platform",
                object: remote.cursor,
                currency: remote.currency.code, expected: expected, actual: actual, detail: detail)
        }
        guard let ours else {
            return finding(
                .missingInLedger, remote.amount, nil, "Stripe has the transfer \(remote.cursor), Souk does not.")
        }
        guard ours.currency == remote.currency.code else {
            return finding(
                .currencyMismatch, remote.amount, ours.amount,
                "Stripe moved \(remote.currency), Souk has \(ours.currency).")
        }
        guard ours.amount == remote.amount, ours.reversed == remote.amountReversed else {
            return finding(
                .amountMismatch, remote.amount - remote.amountReversed, ours.amount - ours.reversed,
                "Stripe moved \(remote.amount) and reversed \(remote.amountReversed); "
                    + "Souk has \(ours.amount) and \(ours.reversed).")
        }
        guard ours.isOfAnOrder || ours.isAdjustment else { return nil }
        guard let booked else {
            return finding(.missingInLedger, remote.amount, nil, "The journal has no entry for the transfer.")
        }
        // What staff take back of an adjustment is none of its business, and booked apart.
        let left = ours.isAdjustment ? remote.amount : remote.amount - remote.amountReversed
        guard booked.currency == remote.currency.code, booked.left == left else {
            return finding(
                .amountMismatch, left, booked.left, "Stripe moved \(left) on balance, the journal has \(booked.left).")
        }
        return nil
    }

    struct LocalTransfer: Hashable, Sendable {
        let account: String
        let currency: String
        let amount: Int64
        let reversed: Int64
        let isOfAnOrder: Bool
        let isAdjustment: Bool
    }

    /// What the journal has as gone from the platform's balance for a transfer, less what came back.
    struct BookedTransfer: Hashable, Sendable {
        let currency: String
        let left: Int64
    }

    /// Of the transfers for which the condition holds, by Stripe's id.
    func localTransfers(where condition: PostgresQuery) async throws -> [String: LocalTransfer] {
        let rows = try await store.query(
            """
            SELECT stripe_id, stripe_account, currency, amount_minor, amount_reversed_minor,
                order_id IS NOT NULL AS is_of_an_order,
                EXISTS (SELECT 1 FROM adjustments a WHERE a.transfer_id = transfers.id) AS is_adjustment
            FROM transfers WHERE stripe_id IS NOT NULL AND
            """ + " " + condition)
        return Dictionary(
            uniqueKeysWithValues: try rows.map { row in
                (
                    try row.get("stripe_id") as String,
                    LocalTransfer(
                        account: try row.get("stripe_account"), currency: try row.get("currency"),
                        amount: try row.get("amount_minor"), reversed: try row.get("amount_reversed_minor"),
                        isOfAnOrder: try row.get("is_of_an_order"), isAdjustment: try row.get("is_adjustment"))
                )
            })
    }

    func bookedTransfers(_ ids: Set<String>) async throws -> [String: BookedTransfer] {
        let rows = try await store.query(
            """
            SELECT p.subject, a.currency, sum(p.amount_minor)::bigint AS total
            FROM postings p JOIN ledger_accounts a ON a.id = p.account_id JOIN journal_entries e ON e.id = p.entry_id
            WHERE a.code = 'clearing:transfer' AND e.stripe_account = 'platform' AND p.subject = ANY (\(ids.sorted()))
            GROUP BY p.subject, a.currency
            """)
        return Dictionary(
            try rows.map { row in
                (
                    try row.get("subject") as String,
                    BookedTransfer(currency: try row.get("currency"), left: try row.get("total"))
                )
            }, uniquingKeysWith: { first, _ in first })
    }
}

import Domain
import Ledger
import Orders
import Postgres
import Store

/// The legs of a booked entry, in an order that does not depend on how they were written.
struct BookedLegs: Hashable, Sendable {
    struct Leg: Hashable, Sendable {
        let code: String
        let currency: String
        let amount: Int64
        let subject: String?
    }

    let legs: [Leg: Int]

    init(_ entry: JournalEntry) {
        self.init(
            entry.postings.map {
                Leg(
                    code: $0.account.code, currency: $0.amount.currency.code, amount: $0.signedMinorUnits,
                    subject: $0.subject)
            })
    }

    init(_ legs: [Leg]) {
        self.legs = Dictionary(legs.map { ($0, 1) }, uniquingKeysWith: +)
    }
}

extension BooksCheck {
    private static let pageSize = 1000

    /// The kinds of causes that this build writes; an entry with any other was not written by Souk.
    static let knownCauses = [
        "balance_transaction", "charge_paid", "charge_converted", "charge_failed_late", "refund", "refund_converted",
        "refund_failed", "refund_canceled",
        "refund_paid_otherwise", "refund_given_up",
        "transfer_made", "netted", "reserve_held", "reserve_released", "reversal_made", "fee_refund_made",
        "payout_created", "payout_paid", "payout_failed", "payout_canceled", "adjusted", "collected", "written_off",
        "write_off_recovered", "dispute_withdrawn", "dispute_claimed", "dispute_won",
        "dispute_lost",
    ]

    /// Each row's entry, computed anew from the stored row, against the one in the journal.
    func rowsAgainstEntries() async throws -> [BooksFault] {
        var faults: [BooksFault] = []
        var last = (account: "", id: "")
        while true {
            let page = try await store.query(
                """
                SELECT \(unescaped: StoredRow.columns) FROM balance_transactions
                WHERE (stripe_account, id) > (\(last.account), \(last.id))
                ORDER BY stripe_account, id LIMIT \(Self.pageSize)
                """
            ).map { try StoredRow($0).row }
            guard let end = page.last else { return faults }
            last = (end.owner.code, end.id.rawValue)
            faults += try await compare(
                try page.flatMap { row in
                    try BalanceTransactionRules.entries(for: row).map { (row.id.rawValue, $0) }
                }, missing: .rowNotBooked)
        }
    }

    /// Entries that should be in the journal, each with the object it is about, against those that are.
    func compare(
        _ expected: [(object: String, entry: JournalEntry)], missing: BooksFault.Kind
    ) async throws -> [BooksFault] {
        let rows = try await store.query(
            """
            SELECT e.cause, a.code, a.currency, p.amount_minor, p.subject
            FROM journal_entries e
            LEFT JOIN postings p ON p.entry_id = e.id LEFT JOIN ledger_accounts a ON a.id = p.account_id
            WHERE e.cause = ANY (\(expected.map(\.entry.cause.rawValue)))
            """)
        var booked: [String: [BookedLegs.Leg]] = [:]
        for row in rows {
            let cause: String = try row.get("cause")
            guard let code: String = try row.get("code") else {
                booked[cause, default: []] += []
                continue
            }
            booked[cause, default: []].append(
                BookedLegs.Leg(
                    code: code, currency: try row.get("currency"), amount: try row.get("amount_minor"),
                    subject: try row.get("subject")))
        }
        return expected.compactMap { object, entry in
            guard let legs = booked[entry.cause.rawValue] else {
                return BooksFault(kind: missing, object: object, detail: "the journal has no entry '\(entry.cause)'")
            }
            guard BookedLegs(legs) != BookedLegs(entry) else { return nil }
            return BooksFault(
                kind: .entryDiffers, object: object,
                detail: "the entry '\(entry.cause)' is not what its object asks for")
        }
    }

    /// What happened, each with the entries that it must have caused, against the journal: a page at a time, in the order of
    /// `id`, which `source` gives each fact.
    func factsAgainstEntries(
        _ source: PostgresQuery, _ entries: (PostgresRow) throws -> [(object: String, entry: JournalEntry)]
    ) async throws -> [BooksFault] {
        var faults: [BooksFault] = []
        var last = ""
        while true {
            let rows = try await store.query(
                "SELECT * FROM (\(source)) AS facts WHERE id > \(last) ORDER BY id LIMIT \(Self.pageSize)")
            guard let end = rows.last else { return faults }
            last = try end.get("id")
            faults += try await compare(try rows.flatMap(entries), missing: .factNotBooked)
        }
    }

    func entriesWithoutRow() async throws -> [BooksFault] {
        try await store.query(
            """
            SELECT e.cause FROM journal_entries e
            WHERE (e.cause LIKE 'balance\\_transaction:%' OR e.cause LIKE 'collected:%')
                AND NOT EXISTS (
                    SELECT 1 FROM balance_transactions b
                    WHERE b.stripe_account = split_part(e.cause, ':', 2) AND b.id = split_part(e.cause, ':', 3))
                OR (e.cause LIKE 'payout\\_%'
                    AND NOT EXISTS (SELECT 1 FROM payouts p WHERE p.stripe_id = split_part(e.cause, ':', 2)))
                OR (e.cause LIKE 'charge\\_%'
                    AND NOT EXISTS (SELECT 1 FROM charges c WHERE c.id = split_part(e.cause, ':', 2)))
                OR (e.cause LIKE 'dispute\\_%'
                    AND NOT EXISTS (SELECT 1 FROM disputes d WHERE d.stripe_id = split_part(e.cause, ':', 2)))
                OR (e.cause LIKE 'refund%'
                    AND NOT EXISTS (SELECT 1 FROM refunds r WHERE r.stripe_id = split_part(e.cause, ':', 2)))
                OR (e.cause LIKE 'transfer\\_%'
                    AND NOT EXISTS (SELECT 1 FROM transfers t WHERE t.stripe_id = split_part(e.cause, ':', 2)))
                OR (e.cause LIKE 'netted:%'
                    AND NOT EXISTS (SELECT 1 FROM transfers t WHERE t.id = split_part(e.cause, ':', 2)))
                OR (e.cause LIKE 'reserve\\_%'
                    AND NOT EXISTS (SELECT 1 FROM reserves r WHERE r.transfer_id = split_part(e.cause, ':', 2)))
                OR (e.cause LIKE 'written\\_off:%'
                    AND NOT EXISTS (SELECT 1 FROM write_offs w WHERE w.id = split_part(e.cause, ':', 2)))
                OR (e.cause LIKE 'write\\_off\\_recovered:%'
                    AND NOT EXISTS (SELECT 1 FROM write_off_recoveries w WHERE w.id = split_part(e.cause, ':', 2)))
                OR (e.cause LIKE 'adjusted:%'
                    AND NOT EXISTS (SELECT 1 FROM adjustments a WHERE a.id = split_part(e.cause, ':', 2)))
                OR (e.cause LIKE 'reversal\\_%'
                    AND NOT EXISTS (
                        SELECT 1 FROM transfer_reversals r WHERE r.stripe_id = split_part(e.cause, ':', 2)))
                OR (e.cause LIKE 'fee\\_refund\\_%'
                    AND NOT EXISTS (SELECT 1 FROM fee_refunds r WHERE r.stripe_id = split_part(e.cause, ':', 2)))
                OR split_part(e.cause, ':', 1) <> ALL (\(Self.knownCauses))
            ORDER BY e.cause
            """
        ).map { row in
            let cause: String = try row.get("cause")
            return BooksFault(
                kind: .entryWithoutCause, object: cause.split(separator: ":").last.map(String.init) ?? cause,
                detail: "the entry '\(cause)' has no object that asks for it")
        }
    }
}

extension BooksCheck {
    /// Each dispute's entries, computed anew from its row, against those in the journal.
    func disputesAgainstEntries() async throws -> [BooksFault] {
        try await factsAgainstEntries("SELECT \(unescaped: DisputeRecord.columns) FROM disputes") { row in
            let dispute = try DisputeRecord(row: row)
            let dimensions = Dimensions(owner: .platform, order: dispute.order)
            return try dispute.entries(dimensions).map { (dispute.stripeID.rawValue, $0) }
        }
    }

    /// Each adjustment's entries, and those of its transfer, computed anew from its row, against those in the journal.
    func adjustmentsAgainstEntries() async throws -> [BooksFault] {
        try await factsAgainstEntries(AdjustmentRecord.query(where: "true")) { row in
            let adjustment = try AdjustmentRecord(row: row)
            return try adjustment.entries().map { (adjustment.id.rawValue, $0) }
        }
    }

    /// Each debt that was given up, against the journal.
    func writeOffsAgainstEntries() async throws -> [BooksFault] {
        try await debtsAgainstEntries("write_offs", ReceivableRules.writtenOff)
    }

    /// What came back of debts that were given up, against the journal.
    func writeOffRecoveriesAgainstEntries() async throws -> [BooksFault] {
        try await debtsAgainstEntries("write_off_recoveries", ReceivableRules.writeOffRecovered)
    }

    private func debtsAgainstEntries<Entity>(
        _ table: String,
        _ entry: (ID<Entity>, ID<Seller>, Money, Timestamp) throws(UnbalancedEntry) -> JournalEntry
    ) async throws -> [BooksFault] {
        try await factsAgainstEntries(
            "SELECT id, seller_id, currency, amount_minor, created_at FROM \(unescaped: table)"
        ) { row in
            let id: ID<Entity> = try row.get("id")
            let amount = Money(try row.get("amount_minor"), try row.get("currency"))
            return [(id.rawValue, try entry(id, try row.get("seller_id"), amount, try row.get("created_at")))]
        }
    }

    /// Each payout's entries, computed anew from its row, against those in the journal.
    func payoutsAgainstEntries() async throws -> [BooksFault] {
        try await factsAgainstEntries("SELECT \(unescaped: PayoutRecord.columns) FROM payouts") { row in
            let payout = try PayoutRecord(row: row)
            return try payout.entries().map { (payout.stripeID?.rawValue ?? payout.id.rawValue, $0) }
        }
    }

    /// Each row against its parts in payouts that did not come back: between nothing and all of it. What the books were
    /// opened with is a sum of rows of both signs, of which a payout may take those of one.
    func rowsPaidOutTwice() async throws -> [BooksFault] {
        try await faults(
            .rowPaidOutTwice,
            """
            SELECT b.id AS object, 'of ' || \(unescaped: PayoutRow.value) || ' ' || b.currency || ' payouts take '
                || taken.amount AS detail
            FROM (
                SELECT i.stripe_account, i.transaction_id, sum(i.amount_minor) AS amount
                FROM payout_items i JOIN payouts p ON p.id = i.payout_id AND p.returned_at IS NULL
                GROUP BY i.stripe_account, i.transaction_id
            ) taken
            JOIN balance_transactions b ON b.stripe_account = taken.stripe_account AND b.id = taken.transaction_id
            WHERE b.category <> \(OpeningRow.category) AND taken.amount NOT BETWEEN least(0, \(unescaped: PayoutRow.value))
                AND greatest(0, \(unescaped: PayoutRow.value))
            ORDER BY 1
            """)
    }
}

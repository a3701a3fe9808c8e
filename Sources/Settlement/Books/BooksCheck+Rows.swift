import Domain
import Ledger
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
        "balance_transaction", "charge_paid", "charge_failed_late", "refund", "refund_failed", "refund_canceled",
        "reversal_made",
        "fee_refund_made", "payout_created", "payout_paid", "payout_failed", "payout_canceled",
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
                try page.compactMap { row in
                    try BalanceTransactionRules.entry(for: row).map { (row.id.rawValue, $0) }
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

    func entriesWithoutRow() async throws -> [BooksFault] {
        try await store.query(
            """
            SELECT e.cause FROM journal_entries e
            WHERE e.cause LIKE 'balance_transaction:%'
                AND NOT EXISTS (
                    SELECT 1 FROM balance_transactions b
                    WHERE b.stripe_account = split_part(e.cause, ':', 2) AND b.id = split_part(e.cause, ':', 3))
                OR (e.cause LIKE 'payout\\_%'
                    AND NOT EXISTS (SELECT 1 FROM payouts p WHERE p.stripe_id = split_part(e.cause, ':', 2)))
                OR (e.cause LIKE 'charge\\_%'
                    AND NOT EXISTS (SELECT 1 FROM charges c WHERE c.id = split_part(e.cause, ':', 2)))
                OR (e.cause LIKE 'refund%'
                    AND NOT EXISTS (SELECT 1 FROM refunds r WHERE r.stripe_id = split_part(e.cause, ':', 2)))
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
    /// Each payout's entries, computed anew from its row, against those in the journal.
    func payoutsAgainstEntries() async throws -> [BooksFault] {
        var faults: [BooksFault] = []
        var last = ""
        while true {
            let page = try await store.query(
                """
                SELECT \(unescaped: PayoutRecord.columns) FROM payouts WHERE id > \(last) ORDER BY id LIMIT 1000
                """
            ).map(PayoutRecord.init)
            guard let end = page.last else { return faults }
            last = end.id.rawValue
            faults += try await compare(
                try page.flatMap { payout in try payout.entries().map { (payout.stripeID.rawValue, $0) } },
                missing: .factNotBooked)
        }
    }
}

import Domain
import Ledger
import Postgres
import Store

/// An entry of the journal with its postings, as every reader of many entries gets it.
struct JournalRow: Sendable {
    let id: ID<JournalEntryRow>
    let entry: RecordedEntry
    let effectiveAt: Timestamp
    /// When it happened, if that month was closed already.
    let happenedAt: Timestamp?
    let recordedAt: Timestamp
    let stripeAccount: String
    let order: ID<Order>?
}

/// Which entries are read: those that took effect from the first moment on and before the second; nil leaves that end open.
struct JournalSpan: Sendable {
    enum Concern: Sendable {
        case everybody
        case seller(ID<Seller>)
        /// Entries in which the platform's fee moves.
        case applicationFees
    }

    var from: Timestamp?
    var to: Timestamp?
    var concern = Concern.everybody

    /// Of an entry `e`.
    var condition: PostgresQuery {
        """
        (\(from) IS NULL OR e.effective_at >= \(from)) AND (\(to) IS NULL OR e.effective_at < \(to))
        AND \(concern.condition)
        """
    }
}

extension JournalSpan.Concern {
    fileprivate var condition: PostgresQuery {
        switch self {
        case .everybody: "true"
        case .seller(let seller):
            """
            e.id IN (
                SELECT p.entry_id FROM postings p
                WHERE p.account_id IN (SELECT id FROM ledger_accounts WHERE code = ANY (\(seller.accountCodes)))
                UNION ALL SELECT id FROM journal_entries WHERE seller_id = \(seller)
                -- Of a sale that is all fee, the seller's part of an order of several is no leg.
                UNION ALL SELECT own.id FROM order_sellers s JOIN journal_entries own ON own.order_id = s.order_id
                WHERE s.seller_id = \(seller) AND own.seller_id IS NULL AND EXISTS (
                    SELECT FROM postings p JOIN ledger_accounts a ON a.id = p.account_id
                    WHERE p.entry_id = own.id AND a.code = \(LedgerAccount.applicationFeeRevenue.code)))
            """
        case .applicationFees:
            """
            EXISTS (
                SELECT 1 FROM postings p JOIN ledger_accounts a ON a.id = p.account_id
                WHERE p.entry_id = e.id AND a.code = \(LedgerAccount.applicationFeeRevenue.code))
            """
        }
    }
}

extension ID<Seller> {
    /// The accounts that together say what the seller has: credits are to the seller's good.
    var accountCodes: [String] {
        [
            LedgerAccount.sellerPayable(self), .sellerReserve(self), .sellerFunds(self), .sellerReceivable(self),
        ].map(\.code)
    }
}

extension PostgresConnection {
    /// Reads entries in the order of their effective time, and of their ids where that is the same. Flat memory.
    func eachEntry(_ span: JournalSpan, _ body: (JournalRow) async throws -> Void) async throws {
        let inOrder: PostgresQuery = " ORDER BY e.effective_at, e.id"
        var query = JournalRow.reading("SELECT * FROM journal_entries e WHERE " + span.condition + inOrder)
        query += inOrder
        try await each(query, cursor: "souk_journal") { try await body(try JournalRow($0)) }
    }
}

extension JournalRow {
    /// The query that adds to whole rows of the journal all that belongs to them, by look-ups for each and without sorting.
    static func reading(_ entries: PostgresQuery) -> PostgresQuery {
        """
        SELECT e.id, e.cause, e.effective_at, e.happened_at, e.recorded_at, e.stripe_account, e.seller_id, e.order_id,
            legs.codes, legs.currencies, legs.amounts, legs.subjects, fees.sellers AS fee_sellers, fees.weights AS fee_weights,
            coalesce((
                SELECT b.subject_kind = 'external' FROM balance_transactions b
                WHERE e.cause LIKE 'balance\\_transaction:%' AND b.stripe_account = split_part(e.cause, ':', 2)
                    AND b.id = split_part(e.cause, ':', 3)
            ), false) AS is_external
        FROM (\(entries)) AS e
        CROSS JOIN LATERAL (
            SELECT array_agg(a.code ORDER BY p.position) AS codes,
                array_agg(a.currency ORDER BY p.position) AS currencies,
                array_agg(p.amount_minor ORDER BY p.position) AS amounts,
                array_agg(p.subject ORDER BY p.position) AS subjects
            FROM postings p JOIN ledger_accounts a ON a.id = p.account_id WHERE p.entry_id = e.id
        ) AS legs
        CROSS JOIN LATERAL (
            -- Of an order of several sellers: the fees of each one's lines, or of what a refund or a dispute took of them.
            SELECT array_agg(seller_id ORDER BY seller_id) AS sellers, array_agg(weight ORDER BY seller_id) AS weights
            FROM (
                SELECT l.seller_id,
                    sum(CASE split_part(e.cause, ':', 1)
                        WHEN 'charge_paid' THEN l.platform_fee_minor
                        WHEN 'charge_failed_late' THEN l.platform_fee_minor - r.of_all
                        ELSE r.of_this END)::bigint AS weight
                FROM order_lines l
                CROSS JOIN LATERAL (
                    SELECT coalesce(sum(fee) FILTER (WHERE counts), 0) AS of_all,
                        coalesce(sum(fee) FILTER (WHERE stripe_id = split_part(e.cause, ':', 2)), 0) AS of_this
                    FROM (
                        SELECT part.platform_fee_minor AS fee, refund.stripe_id, refund.claims AS counts
                        FROM refund_lines part JOIN refunds refund ON refund.id = part.refund_id WHERE part.line_id = l.id
                        UNION ALL
                        SELECT part.platform_fee_minor, dispute.stripe_id, dispute.reinstated_at IS NULL
                        FROM dispute_lines part JOIN disputes dispute ON dispute.id = part.dispute_id
                        WHERE part.line_id = l.id
                    ) AS parts
                ) AS r
                WHERE e.seller_id IS NULL AND l.order_id = e.order_id AND l.seller_id IS NOT NULL
                GROUP BY l.seller_id
            ) AS of_seller
        ) AS fees
        """
    }

    init(_ row: PostgresRow) throws {
        id = try row.get("id")
        effectiveAt = try row.get("effective_at")
        happenedAt = try row.get("happened_at")
        recordedAt = try row.get("recorded_at")
        stripeAccount = try row.get("stripe_account")
        order = try row.get("order_id")
        let codes: [String] = try row.get("codes")
        let currencies: [Currency] = try row.get("currencies")
        let amounts: [Int64] = try row.get("amounts")
        let subjects: [String?] = try row.get("subjects")
        let sellers: [ID<Seller>] = try row.get("fee_sellers") ?? []
        let weights: [Int64] = try row.get("fee_weights") ?? []
        entry = RecordedEntry(
            cause: Cause(rawValue: try row.get("cause")),
            legs: try codes.indices.map { place in
                RecordedEntry.Leg(
                    account: try LedgerAccount(recorded: codes[place]),
                    amount: Money(amounts[place], currencies[place]),
                    subject: subjects[place])
            },
            seller: try row.get("seller_id"), isExternal: try row.get("is_external"),
            feeWeights: Dictionary(uniqueKeysWithValues: zip(sellers, weights)))
    }
}

extension LedgerAccount {
    /// - Throws: for a code that this version of Souk does not know.
    init(recorded code: String) throws {
        guard let account = LedgerAccount(code: code) else { throw UnknownLedgerAccount(code: code) }
        self = account
    }
}

/// The books have an account that this version of Souk does not know: they were written by a newer one.
struct UnknownLedgerAccount: Error, CustomStringConvertible {
    let code: String

    var description: String {
        "The books have an account '\(code)', which this version of Souk does not know. Use the version that wrote it."
    }
}

import Domain
import Ledger
import Postgres
package import Store

/// Something in the books that cannot be right, named by the object it is about.
package struct BooksFault: Hashable, Sendable, CustomStringConvertible {
    package enum Kind: String, Hashable, Sendable, CaseIterable {
        /// The legs of an entry do not sum to zero.
        case entryUnbalanced = "entry_unbalanced"
        /// An account's stored balance is not the sum of its postings.
        case balanceWrong = "balance_wrong"
        /// What an object has waiting is not the sum of its postings.
        case subjectWrong = "subject_wrong"
        /// More is paid of a debt, or given up or come back of it, than there was.
        case debtPaidTwice = "debt_paid_twice"
        /// A row of Stripe's books has no entry.
        case rowNotBooked = "row_not_booked"
        /// An entry is not what its row or its object asks for.
        case entryDiffers = "entry_differs"
        /// An entry's row or object is not there, or asks for no such entry.
        case entryWithoutCause = "entry_without_cause"
        /// A fact that moved money has no entry.
        case factNotBooked = "fact_not_booked"
        /// A clearing account waits for an object longer than Stripe takes.
        case clearingOpen = "clearing_open"
        /// A row that must follow from another has not come.
        case rowMissing = "row_missing"
        /// A row of a kind that Souk does not know.
        case suspense
        /// A seller's funds are not what the seller's balance at Stripe holds.
        case sellerFundsDiffer = "seller_funds_differ"
        /// More of a row of Stripe's books is in payouts than it came to.
        case rowPaidOutTwice = "row_paid_out_twice"
        /// The platform's balance does not cover what it owes to sellers and tax offices.
        case platformCashShort = "platform_cash_short"
        /// A balance in the books is not the sum of Stripe's rows.
        case stripeBalanceWrong = "stripe_balance_wrong"
        /// An order's lines, or what was refunded of them, do not sum to what they divide.
        case orderDividesWrong = "order_divides_wrong"
        /// What is held back from a seller is not what the rows of its reserves say.
        case reserveDiffers = "reserve_differs"
        /// What an order left with the platform, as its fee or of a separate charge, is not what Stripe's rows say.
        case feeDiffers = "fee_differs"
        /// Something that Stripe refused left a trace.
        case refusedButBooked = "refused_but_booked"
        /// A month that was closed is no longer what was sealed.
        case closedMonthChanged = "closed_month_changed"

        /// The number under which docs/money-flows.md states what must hold.
        package var invariant: Int {
            switch self {
            case .entryUnbalanced, .balanceWrong, .subjectWrong: 1
            case .stripeBalanceWrong: 2
            case .rowNotBooked, .entryDiffers, .entryWithoutCause, .factNotBooked, .rowPaidOutTwice: 3
            case .clearingOpen, .rowMissing, .suspense: 4
            case .orderDividesWrong: 5
            case .feeDiffers, .debtPaidTwice, .reserveDiffers: 6
            case .refusedButBooked: 7
            case .sellerFundsDiffer: 8
            case .platformCashShort: 9
            case .closedMonthChanged: 10
            }
        }
    }

    package let kind: Kind
    /// The id of the object, or the code of the account.
    package let object: String
    package let detail: String

    package var description: String { "\(kind.rawValue) \(object): \(detail)" }
}

/// Recomputes the books from what they were made of, and lists everything that does not agree.
package struct BooksCheck: Sendable {
    /// How long an object may wait in a clearing account before it is a fault.
    package static let clearingAge: Duration = .seconds(3600)

    let store: Store

    package init(store: Store) { self.store = store }

    package func callAsFunction() async throws -> [BooksFault] {
        var faults = try await unbalancedEntries()
        faults += try await wrongBalances()
        faults += try await wrongSubjects()
        faults += try await rowsAgainstEntries()
        faults += try await entriesWithoutRow()
        faults += try await chargesAgainstEntries()
        faults += try await refundsAgainstEntries()
        faults += try await conversionsAgainstEntries()
        faults += try await separateChargesAgainstEntries()
        faults += try await separateRefundsAgainstEntries()
        faults += try await transfersAgainstEntries()
        faults += try await reservesAgainstEntries()
        faults += try await adjustmentsAgainstEntries()
        faults += try await writeOffsAgainstEntries()
        faults += try await writeOffRecoveriesAgainstEntries()
        faults += try await debtsPaidTwice()
        faults += try await reversalsAgainstEntries()
        faults += try await feeRefundsAgainstEntries()
        faults += try await payoutsAgainstEntries()
        faults += try await rowsPaidOutTwice()
        faults += try await disputesAgainstEntries()
        let now = try await store.clock.now()
        faults += try await openClearing(by: now)
        faults += try await missingRows(by: now)
        faults += try await missingEntries(by: now)
        faults += try await sellerFunds()
        faults += try await platformCash(by: now)
        faults += try await stripeBalances()
        faults += try await divisions()
        faults += try await applicationFees()
        faults += try await sellersOwed()
        faults += try await reservesHeld()
        faults += try await separateRemains()
        faults += try await refusals()
        faults += try await sealedMonths()
        return faults
    }

    func faults(
        _ kind: BooksFault.Kind, _ query: PostgresQuery
    ) async throws -> [BooksFault] {
        try await store.query(query).map { row in
            BooksFault(kind: kind, object: try row.get("object"), detail: try row.get("detail"))
        }
    }

    private func unbalancedEntries() async throws -> [BooksFault] {
        try await faults(
            .entryUnbalanced,
            """
            SELECT e.cause AS object, 'debits exceed credits by ' || sum(p.amount_minor) || ' ' || a.currency AS detail
            FROM postings p JOIN ledger_accounts a ON a.id = p.account_id JOIN journal_entries e ON e.id = p.entry_id
            GROUP BY e.id, a.currency HAVING sum(p.amount_minor) <> 0 ORDER BY e.id
            """)
    }

    private func wrongBalances() async throws -> [BooksFault] {
        try await faults(
            .balanceWrong,
            """
            SELECT a.code || ' ' || a.currency AS object,
                'stored ' || a.balance_minor || ', postings sum to ' || coalesce(sum(p.amount_minor), 0) AS detail
            FROM ledger_accounts a LEFT JOIN postings p ON p.account_id = a.id
            GROUP BY a.id HAVING a.balance_minor <> coalesce(sum(p.amount_minor), 0) ORDER BY a.code
            """)
    }

    private func wrongSubjects() async throws -> [BooksFault] {
        try await faults(
            .subjectWrong,
            """
            SELECT coalesce(s.subject, p.subject) AS object,
                a.code || ': stored ' || coalesce(s.balance_minor, 0) || ', postings sum to ' || coalesce(p.total, 0)
                    AS detail
            FROM ledger_subjects s
            FULL JOIN (
                SELECT account_id, subject, sum(amount_minor) AS total FROM postings
                WHERE subject IS NOT NULL GROUP BY account_id, subject
            ) p ON p.account_id = s.account_id AND p.subject = s.subject
            JOIN ledger_accounts a ON a.id = coalesce(s.account_id, p.account_id)
            WHERE coalesce(s.balance_minor, 0) <> coalesce(p.total, 0) ORDER BY 1
            """)
    }

    /// A refund that Stripe has taken on and not booked, for want of balance: it waits for as long as Stripe lets it.
    static let isHeldByStripe =
        "EXISTS (SELECT 1 FROM refunds held WHERE held.stripe_id = s.subject AND held.status = 'pending')"

    private func openClearing(by now: Timestamp) async throws -> [BooksFault] {
        try await faults(
            .clearingOpen,
            """
            SELECT s.subject AS object,
                a.code || ' holds ' || s.balance_minor || ' ' || a.currency || ' since ' || s.opened_at AS detail
            FROM ledger_subjects s JOIN ledger_accounts a ON a.id = s.account_id
            WHERE s.balance_minor <> 0 AND (a.code LIKE 'clearing:%' OR a.code IN ('fx:conversion', 'suspense'))
                AND (a.code = 'suspense' OR s.opened_at < \(now) - \(Self.clearingAge))
                AND NOT \(unescaped: Self.isHeldByStripe)
            ORDER BY s.opened_at
            """)
    }

    private func missingRows(by now: Timestamp) async throws -> [BooksFault] {
        try await faults(
            .rowMissing,
            """
            SELECT subject_id AS object,
                'no ' || category || ' row in the balance of ' || stripe_account || ' since ' || since AS detail
            FROM awaited_rows WHERE since < \(now) - \(Self.clearingAge) ORDER BY since
            """)
    }

    private func missingEntries(by now: Timestamp) async throws -> [BooksFault] {
        try await faults(
            .factNotBooked,
            """
            SELECT split_part(cause, ':', 2) AS object,
                'Stripe booked it, and since ' || since || ' the journal has no entry ' || cause AS detail
            FROM awaited_entries w
            WHERE since < \(now) - \(Self.clearingAge)
                AND NOT EXISTS (SELECT 1 FROM journal_entries e WHERE e.cause = w.cause)
            ORDER BY since
            """)
    }

    /// For each seller: what the seller's accounts hold at Stripe and what is on its way to their banks are the seller's
    /// funds, unless an object of one of these accounts waits for a row or an entry.
    private func sellerFunds() async throws -> [BooksFault] {
        try await faults(
            .sellerFundsDiffer,
            """
            WITH held AS (
                SELECT coalesce(s.seller_id, split_part(a.code, ':', 2)) AS seller, a.currency, sum(a.balance_minor) AS total
                FROM ledger_accounts a LEFT JOIN seller_accounts s ON s.stripe_account = split_part(a.code, ':', 2)
                WHERE (a.code LIKE 'stripe:acct_%' OR a.code LIKE 'transit:acct_%') GROUP BY 1, 2
            ), funds AS (
                SELECT split_part(a.code, ':', 2) AS seller, a.currency, -sum(a.balance_minor) AS total
                FROM ledger_accounts a WHERE a.code LIKE 'seller:%:funds' GROUP BY 1, 2
            ), unmet AS (
                SELECT s.subject FROM ledger_subjects s JOIN ledger_accounts a ON a.id = s.account_id
                WHERE s.balance_minor <> 0 AND a.code LIKE 'clearing:%'
            ), waiting AS (
                SELECT stripe_account AS acct FROM awaited_rows
                UNION SELECT stripe_account FROM awaited_entries
                UNION SELECT s.stripe_account FROM awaited_entries w JOIN order_sellers s ON s.order_id = w.order_id
                UNION SELECT c.stripe_account FROM charges c
                    JOIN unmet u ON u.subject IN (c.id, c.transfer_id, c.application_fee_id)
                UNION SELECT t.stripe_account FROM transfers t JOIN unmet u ON u.subject = t.stripe_id
                UNION SELECT p.stripe_account FROM payouts p JOIN unmet u ON u.subject = p.stripe_id
            ), accounts AS (
                SELECT s.seller_id AS seller, string_agg(s.stripe_account, ' ' ORDER BY s.stripe_account) AS codes,
                    bool_or(w.acct IS NOT NULL) AS waits
                FROM seller_accounts s LEFT JOIN waiting w ON w.acct = s.stripe_account GROUP BY 1
            )
            SELECT coalesce(a.codes, h.seller, f.seller) AS object,
                'Stripe and transit hold ' || coalesce(h.total, 0) || ', the books say ' || coalesce(f.total, 0) || ' '
                    || coalesce(h.currency, f.currency) AS detail
            FROM held h FULL JOIN funds f ON f.seller = h.seller AND f.currency = h.currency
            LEFT JOIN accounts a ON a.seller = coalesce(h.seller, f.seller)
            WHERE coalesce(h.total, 0) <> coalesce(f.total, 0) AND a.waits IS NOT TRUE
            ORDER BY 1
            """)
    }

    /// A row that has not been read yet may bring what is missing: while one is awaited the alarm waits too, for an hour.
    private func platformCash(by now: Timestamp) async throws -> [BooksFault] {
        try await faults(
            .platformCashShort,
            """
            SELECT 'stripe:platform ' || currency AS object,
                'holds ' || cash || ', owes ' || owed || ' to sellers and tax offices' AS detail
            FROM (
                SELECT currency,
                    coalesce(sum(balance_minor) FILTER (WHERE code = 'stripe:platform'), 0) AS cash,
                    coalesce(-sum(balance_minor) FILTER (
                        WHERE code LIKE 'seller:%:payable' OR code LIKE 'seller:%:reserve' OR code = 'tax:collected'
                    ), 0) AS owed
                FROM ledger_accounts GROUP BY currency
            ) AS held
            WHERE cash < owed AND owed > 0
                AND NOT EXISTS (
                    SELECT 1 FROM ledger_subjects s JOIN ledger_accounts c ON c.id = s.account_id
                    WHERE s.balance_minor <> 0 AND c.code LIKE 'clearing:%' AND c.currency = held.currency
                        AND s.opened_at >= \(now) - \(Self.clearingAge) AND NOT \(unescaped: Self.isHeldByStripe)
                )
            """)
    }
}

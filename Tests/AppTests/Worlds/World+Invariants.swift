import App
import Foundation
import Postgres
import Settlement
import TestSupport

/// The nine rules of docs/money-flows.md that hold whatever happens, each checked against the sandbox's own books where
/// it speaks of Stripe. The seventh is checked around every refused call.
extension World {
    struct Violation: CustomStringConvertible {
        let invariant: Int
        let text: String
        var description: String { "invariant \(invariant): \(text)" }
    }

    static let invariants = [
        1: "1 entries and sums balance", 2: "2 our balances are Stripe's", 3: "3 each row is posted once",
        4: "4 clearing returns to zero", 5: "5 orders and refunds divide without rest",
        6: "6 what is kept is Stripe's fee less its refunds", 8: "8 each seller's funds are in Stripe or on their way",
        9: "9 an alarm exactly when the platform's cash is short",
    ]

    /// Checks all of them. What is found is looked at again once everything has come to rest: Stripe's clock goes on
    /// while it is read.
    func check() async throws {
        var found = try await violations()
        if !found.isEmpty {
            try await settle()
            found = try await violations()
        }
        guard found.isEmpty else {
            throw Failure((found.map(\.description) + (try await unfinished())).joined(separator: "\n"))
        }
        for name in Self.invariants.values { tally.count(name, in: "invariants checked") }
    }

    /// What waits for a person or for its time, which may be why.
    private func unfinished() async throws -> [String] {
        try await query(
            """
            SELECT 'parked ' || event_id || ' of ' || object_key || ': ' || coalesce(last_error, '') AS what
            FROM inbox_event_ids WHERE state = 'parked'
            UNION ALL
            SELECT state || ' ' || kind || ' ' || id || ' for ' || subject_id || ': ' || coalesce(reason, '')
            FROM stripe_operations WHERE state NOT IN ('succeeded', 'failed')
            """
        ).map { try $0.get("what") }
    }

    private func violations() async throws -> [Violation] {
        let stripe = try await stripeBooks()
        let faults = try await workers.checkBooks()
        var found = faults.filter { $0.kind != .platformCashShort }.map {
            Violation(invariant: $0.kind.invariant, text: $0.description)
        }
        found += try await balanceSums()
        found += try await compare(with: stripe)
        found += try await openClearing()
        found += try await payoutItems()
        found += try await divisions()
        found += try await debtsToBuyers()
        found += try await brokenPreviews()
        found += try await feesKept()
        found += try await sharesOwed()
        found += try await reservesHeld()
        found += try await sellerFunds(stripe)
        found += try await platformCash(stripe, alarms: faults.filter { $0.kind == .platformCashShort }.map(\.object))
        return found
    }

    // MARK: Stripe's side

    struct StripeBalance {
        var total: Int64 = 0
        var rows: Int64 = 0
    }

    /// By the code of the balance and the currency: `platform usd`, `acct_… jpy`.
    private func stripeBooks() async throws -> [String: StripeBalance] {
        let books = try await souk.control("GET", "/books").expecting(200)
        var found: [String: StripeBalance] = [:]
        for account in books["accounts"].array ?? [] {
            let owner = account["is_platform"].bool == true ? "platform" : account["account"].string ?? ""
            guard case .object(let balances) = account["balances"] else { continue }
            for (currency, balance) in balances {
                found["\(owner) \(currency)"] = StripeBalance(
                    total: Int64(balance["total"].int ?? 0), rows: Int64(balance["rows"].int ?? 0))
            }
        }
        return found
    }

    /// Ours beside Stripe's: the ledger's balance, the sum of the rows, their number and the number of their entries.
    private func compare(with stripe: [String: StripeBalance]) async throws -> [Violation] {
        let rows = try await query(
            """
            SELECT b.stripe_account || ' ' || b.currency AS key, sum(b.net_minor)::bigint AS net, count(*) AS rows,
                count(e.id) AS entries, count(DISTINCT e.cause) AS causes,
                count(*) FILTER (WHERE b.amount_minor <> 0 OR b.net_minor <> 0 OR b.fees <> '[]') AS moving,
                (SELECT coalesce(sum(a.balance_minor), 0)::bigint FROM ledger_accounts a
                 WHERE a.code IN ('stripe:' || b.stripe_account, 'stripe:' || b.stripe_account || ':reserved')
                    AND a.currency = b.currency) AS ledger
            FROM balance_transactions b
            LEFT JOIN journal_entries e ON e.cause = 'balance_transaction:' || b.stripe_account || ':' || b.id
            GROUP BY b.stripe_account, b.currency
            """)
        var found: [Violation] = []
        var seen: Set<String> = []
        for row in rows {
            let key: String = try row.get("key")
            seen.insert(key)
            let theirs = stripe[key] ?? StripeBalance()
            let (net, ledger): (Int64, Int64) = (try row.get("net"), try row.get("ledger"))
            if net != theirs.total || ledger != theirs.total {
                found.append(
                    Violation(invariant: 2, text: "\(key): Stripe \(theirs.total), rows \(net), ledger \(ledger)"))
            }
            let count: Int64 = try row.get("rows")
            let (entries, causes): (Int64, Int64) = (try row.get("entries"), try row.get("causes"))
            let moving: Int64 = try row.get("moving")
            if count != theirs.rows || entries != moving || causes != entries {
                found.append(
                    Violation(
                        invariant: 3, text: "\(key): Stripe has \(theirs.rows) rows, we \(count), entries \(entries)"))
            }
        }
        for (key, theirs) in stripe where !seen.contains(key) && theirs.rows > 0 {
            found.append(Violation(invariant: 3, text: "\(key): Stripe has \(theirs.rows) rows, we none"))
        }
        return found
    }

    // MARK: Ours alone

    private func balanceSums() async throws -> [Violation] {
        try await query(
            "SELECT currency, sum(balance_minor)::bigint AS rest FROM ledger_accounts GROUP BY 1 HAVING sum(balance_minor) <> 0"
        ).map {
            Violation(
                invariant: 1,
                text:
                    "all balances sum to \(try $0.get("rest", as: Int64.self)) \(try $0.get("currency", as: String.self))"
            )
        }
    }

    /// What each payout is made of sums to it. A payout whose items are not known waits for Stripe's list of an automatic
    /// one, its own or an earlier one's.
    private func payoutItems() async throws -> [Violation] {
        try await query(
            """
            SELECT p.stripe_id || ' of ' || p.amount_minor || ' has items of ' || coalesce(i.total, 0)
                || coalesce(' from ' || p.items_source, ', not all known') AS what
            FROM payouts p
            LEFT JOIN (SELECT payout_id, sum(amount_minor) AS total FROM payout_items GROUP BY 1) i ON i.payout_id = p.id
            WHERE p.stripe_id IS NOT NULL AND coalesce(i.total, 0) <> p.amount_minor
                AND (p.itemized_at IS NOT NULL OR NOT EXISTS (
                    SELECT 1 FROM payouts e
                    WHERE e.stripe_account = p.stripe_account AND e.currency = p.currency AND e.itemized_at IS NULL
                        AND e.automatic AND e.reconciliation_status <> 'completed' AND e.returned_at IS NULL
                        AND (e.created_at, e.id) <= (p.created_at, p.id)))
            """
        ).map { Violation(invariant: 3, text: try $0.get("what")) }
    }

    /// With everything at rest nothing may wait, however young: but for a refund that Stripe itself still holds back.
    private func openClearing() async throws -> [Violation] {
        try await query(
            """
            SELECT a.code || ' ' || s.subject || ' ' || s.balance_minor || ' ' || a.currency AS what
            FROM ledger_subjects s JOIN ledger_accounts a ON a.id = s.account_id
            WHERE s.balance_minor <> 0 AND (a.code LIKE 'clearing:%' OR a.code IN ('fx:conversion', 'suspense'))
                AND NOT EXISTS (
                    SELECT 1 FROM refunds r WHERE r.stripe_id = s.subject AND r.status = 'pending')
            UNION ALL SELECT 'awaited ' || category || ' ' || subject_id || ' of ' || stripe_account FROM awaited_rows
            """
        ).map { Violation(invariant: 4, text: try $0.get("what")) }
    }

    private static let parts = ["seller", "platform_fee", "tax", "platform_sales", "platform_discount"]

    /// Orders against their lines, refunds against theirs, and each line that went back whole against its own parts.
    private func divisions() async throws -> [Violation] {
        let sums = Self.parts.map { "sum(f.\($0)_minor) AS \($0)" }.joined(separator: ", ")
        func differ(_ table: String) -> String {
            Self.parts.map { "\(table).\($0)_minor <> f.\($0)" }.joined(separator: " OR ")
        }
        return try await query(
            """
            SELECT 'order ' || o.id || ' is not its lines, or not its refunds' AS what
            FROM orders o
            JOIN (
                SELECT order_id, sum(amount_minor) AS amount,
                    sum(platform_fee_minor + tax_minor + platform_sales_minor - platform_discount_minor) AS kept
                FROM order_lines GROUP BY order_id
            ) l ON l.order_id = o.id
            LEFT JOIN (
                SELECT charge_id, sum(amount_minor - excess_minor) AS amount FROM refunds r WHERE r.stands
                GROUP BY charge_id
            ) r ON r.charge_id = o.charge_id
            WHERE CASE WHEN o.charge_id IS NULL THEN o.amount_minor ELSE o.amount_captured_minor END <> l.amount
                OR o.application_fee_minor <> l.kept
                OR o.amount_refunded_minor <> coalesce(r.amount, 0)
            UNION ALL
            SELECT 'refund ' || r.id || ' is not what it takes from lines'
            FROM refunds r JOIN charges c ON c.id = r.charge_id AND c.purpose = 'sale'
            LEFT JOIN (
                SELECT f.refund_id, sum(f.amount_minor) AS amount, \(unescaped: sums)
                FROM refund_lines f GROUP BY f.refund_id
            ) f ON f.refund_id = r.id
            WHERE r.amount_minor - r.excess_minor <> coalesce(f.amount, 0) OR \(unescaped: differ("r"))
            UNION ALL
            SELECT 'line ' || l.id || ' of ' || l.amount_minor || ' was refunded by ' || f.amount
                || ', not in its own parts'
            FROM order_lines l
            JOIN (
                SELECT f.line_id, sum(f.amount_minor) AS amount, \(unescaped: sums)
                FROM refund_lines f JOIN refunds r ON r.id = f.refund_id AND r.claims GROUP BY f.line_id
            ) f ON f.line_id = l.id
            WHERE f.amount NOT BETWEEN least(0, l.amount_minor) AND greatest(0, l.amount_minor)
                OR (f.amount = l.amount_minor AND (\(unescaped: differ("l"))))
            """
        ).map { Violation(invariant: 5, text: try $0.get("what")) }
    }

    /// What buyers are owed is what the bank sent back and nobody has settled, and payments that nobody wanted and that have
    /// not gone back: their way waits until money may leave, or was canceled at Stripe.
    private func debtsToBuyers() async throws -> [Violation] {
        try await query(
            """
            SELECT coalesce(a.currency, r.currency) || ': the books owe buyers ' || coalesce(-a.balance_minor, 0)
                || ', the refunds say ' || coalesce(r.amount, 0) AS what
            FROM (SELECT currency, balance_minor FROM ledger_accounts WHERE code = 'buyer:refunds_due') a
            FULL JOIN (
                SELECT currency, sum(amount_minor) AS amount FROM (
                    SELECT currency, amount_minor FROM refunds
                    WHERE status = 'failed' AND stripe_id IS NOT NULL AND settlement IS NULL
                    UNION ALL
                    SELECT c.currency, c.amount_minor FROM charges c
                    WHERE c.purpose = 'surplus' AND c.seller_id IS NULL AND c.status <> 'failed'
                        AND NOT EXISTS (
                            SELECT 1 FROM refunds r
                            WHERE r.charge_id = c.id AND r.stripe_id IS NOT NULL AND r.status <> 'canceled')
                ) AS owed GROUP BY currency
            ) r ON r.currency = a.currency
            WHERE coalesce(-a.balance_minor, 0) <> coalesce(r.amount, 0)
            """
        ).map { Violation(invariant: 5, text: try $0.get("what")) }
    }

    /// What a preview told is what the refund then did: its parts at once, its calls unless they wait for the seller's
    /// balance or the refund failed.
    private func brokenPreviews() async throws -> [Violation] {
        guard !previews.isEmpty else { return [] }
        let rows = try await query(
            """
            SELECT r.id, r.amount_minor, r.seller_minor, r.platform_fee_minor, r.tax_minor, r.stands,
                coalesce((SELECT sum(amount_minor) FROM fee_refunds WHERE refund_id = r.id), 0)::bigint AS fee,
                coalesce((SELECT sum(amount_minor) FROM transfer_reversals WHERE refund_id = r.id), 0)::bigint AS reversal,
                EXISTS (
                    SELECT FROM stripe_operations o WHERE o.subject_id = r.id AND o.state <> 'succeeded')
                    -- What somebody took back meanwhile is not taken again.
                    OR EXISTS (
                        SELECT FROM recoveries k WHERE k.refund_id = r.id AND k.taking_minor < k.amount_minor) AS waits,
                r.transfer_reversal_id IS NOT NULL AS is_one_call
            FROM refunds r WHERE r.id = ANY (\(previews.keys.sorted()))
            """)
        var found: [Violation] = []
        for row in rows {
            let id: String = try row.get("id")
            guard let told = previews[id] else { continue }
            let calls = told["calls"].array ?? []
            func amount(of kind: String) -> Int {
                calls.filter { $0["kind"].string == kind }.reduce(0) { $0 + ($1["amount"].int ?? 0) }
            }
            func number(_ column: String) throws -> Int { Int(try row.get(column, as: Int64.self)) }
            var pairs = [
                (try number("amount_minor"), told["amount"].int ?? 0),
                (
                    try number("seller_minor"),
                    (told["sellers"].array ?? []).reduce(0) { $0 + ($1["amount"].int ?? 0) }
                ),
                (try number("platform_fee_minor"), told["platform_fee"].int ?? 0),
                (try number("tax_minor"), told["tax"].int ?? 0),
            ]
            if try row.get("stands"), try !row.get("waits"), try !row.get("is_one_call") {
                pairs.append((try number("fee"), amount(of: "refund_application_fee")))
                pairs.append((try number("reversal"), amount(of: "reverse_transfer")))
                tally.count("previews kept in every call", in: "refunds")
            }
            for (made, said) in pairs where made != said {
                found.append(Violation(invariant: 5, text: "refund \(id) made \(made) where its preview said \(said)"))
            }
        }
        return found
    }

    /// What the platform keeps of each order by its lines and refunds is Stripe's application fee less its refunds. Money
    /// that went back another way (by a reversal alone, or not at all) shows in what the seller owes.
    private func feesKept() async throws -> [Violation] {
        try await query(
            """
            SELECT 'order ' || c.order_id || ' keeps ' || c.kept - coalesce(r.given, 0) - coalesce(d.given, 0)
                || '; at Stripe ' || coalesce(b.net, 0) || ', and the seller owes ' || coalesce(j.owed, 0) AS what
            FROM (
                SELECT order_id, sum(application_fee_minor) AS kept FROM charges WHERE seller_id IS NOT NULL
                GROUP BY order_id
            ) c
            LEFT JOIN (
                SELECT order_id, bool_or(status = 'pending') AS is_held,
                    -- What the bank sent back is with the platform again: the seller's part of it too, while it is the
                    -- buyer's.
                    sum(CASE WHEN settlement = 'given_up' THEN 0 WHEN status = 'failed' THEN -seller_minor
                        ELSE amount_minor - seller_minor END) AS given
                FROM refunds WHERE status <> 'canceled' AND stripe_id IS NOT NULL GROUP BY order_id
            ) r ON r.order_id = c.order_id
            LEFT JOIN (
                SELECT order_id, sum(amount_minor) AS net FROM balance_transactions
                WHERE stripe_account = 'platform' AND category IN
                    ('platform_earning', 'platform_earning_refund', 'transfer_reversal', 'refund', 'refund_failure',
                        'dispute', 'dispute_reversal')
                    -- What gave the seller something again.
                    OR subject_id IN (SELECT stripe_id FROM transfers WHERE purpose = 'return')
                        AND stripe_account = 'platform'
                GROUP BY order_id
            ) b ON b.order_id = c.order_id
            LEFT JOIN (
                -- With what a dispute took and nobody bears yet, or the platform bears; a seller may be owed a part again.
                SELECT e.order_id, sum(p.amount_minor) AS owed
                FROM journal_entries e JOIN postings p ON p.entry_id = e.id
                JOIN ledger_accounts a ON a.id = p.account_id
                WHERE a.code LIKE 'seller:%:receivable' OR a.code LIKE 'seller:%:payable'
                    OR a.code IN ('disputes:open', 'loss:disputes')
                GROUP BY e.order_id
            ) j ON j.order_id = c.order_id
            LEFT JOIN (
                SELECT d.order_id, sum(l.amount_minor - l.seller_minor) AS given
                FROM disputes d JOIN dispute_lines l ON l.dispute_id = d.id
                WHERE d.reinstated_at IS NULL GROUP BY d.order_id
            ) d ON d.order_id = c.order_id
            WHERE c.kept - coalesce(r.given, 0) - coalesce(d.given, 0) <> coalesce(b.net, 0) + coalesce(j.owed, 0)
                AND NOT coalesce(r.is_held, false)
            """
        ).map { Violation(invariant: 6, text: try $0.get("what")) }
    }

    /// What each seller of separate charges is owed less what the seller owes, by the books, is the share less its part in
    /// refunds and less what Stripe's rows say has gone there and not come back.
    private func sharesOwed() async throws -> [Violation] {
        try await query(
            """
            SELECT 'order ' || s.order_id || ' owes the seller ' || s.seller_id || ' '
                || s.amount_minor - coalesce(r.amount, 0) + coalesce(b.amount, 0) || ', the books say '
                || coalesce(j.amount, 0) AS what
            FROM order_sellers s JOIN orders o ON o.id = s.order_id AND o.charge_shape = 'separate'
            LEFT JOIN (
                SELECT l.order_id, l.seller_id, sum(f.seller_minor) AS amount
                FROM line_takings f JOIN order_lines l ON l.id = f.line_id GROUP BY l.order_id, l.seller_id
            ) r ON r.order_id = s.order_id AND r.seller_id = s.seller_id
            LEFT JOIN (
                SELECT t.order_id, t.seller_id, sum(b.amount_minor) AS amount
                FROM transfers t JOIN balance_transactions b ON b.subject_id = t.stripe_id
                WHERE b.stripe_account = 'platform' AND b.category IN ('transfer', 'transfer_reversal')
                GROUP BY t.order_id, t.seller_id
            ) b ON b.order_id = s.order_id AND b.seller_id = s.seller_id
            LEFT JOIN (
                SELECT e.order_id, split_part(a.code, ':', 2) AS seller_id, -sum(p.amount_minor) AS amount
                FROM journal_entries e JOIN postings p ON p.entry_id = e.id
                JOIN ledger_accounts a ON a.id = p.account_id
                WHERE a.code LIKE 'seller:%:payable' OR a.code LIKE 'seller:%:reserve'
                    OR a.code LIKE 'seller:%:receivable'
                GROUP BY 1, 2
            ) j ON j.order_id = s.order_id AND j.seller_id = s.seller_id
            WHERE o.charge_id IS NOT NULL
                AND s.amount_minor - coalesce(r.amount, 0) + coalesce(b.amount, 0) <> coalesce(j.amount, 0)
            """
        ).map { Violation(invariant: 6, text: try $0.get("what")) }
    }

    /// What is held back of each seller's share of an order was the part that the order's terms say, rounded half up, and is
    /// between nothing and that until its date; afterwards it is nothing, unless all money out is held.
    private func reservesHeld() async throws -> [Violation] {
        let now = try await now()
        return try await query(
            """
            WITH terms AS (
                SELECT s.order_id, s.seller_id, o.paid_at + s.reserve_days * interval '24 hours' AS date, least(
                    s.amount_minor,
                    floor((s.amount_minor * s.reserve_basis_points * 2 + 10000 * u.step) / (20000 * u.step)) * u.step) AS part
                FROM order_sellers s JOIN orders o ON o.id = s.order_id
                CROSS JOIN LATERAL (SELECT CASE WHEN o.currency IN ('kwd', 'bhd') THEN 10 ELSE 1 END AS step) AS u
                WHERE s.reserve_basis_points IS NOT NULL AND o.charge_id IS NOT NULL
            ), booked AS (
                SELECT e.order_id, split_part(a.code, ':', 2) AS seller_id, -sum(p.amount_minor) AS held,
                    -sum(p.amount_minor) FILTER (WHERE e.cause LIKE 'reserve\\_held:%') AS at_first
                FROM journal_entries e JOIN postings p ON p.entry_id = e.id
                JOIN ledger_accounts a ON a.id = p.account_id
                WHERE a.code LIKE 'seller:%:reserve' GROUP BY 1, 2
            )
            SELECT concat_ws(' ', 'of order', coalesce(t.order_id, b.order_id), 'the terms hold back', t.part,
                'until', t.date, 'and the books', b.at_first, 'then', b.held) AS what
            FROM terms t FULL JOIN booked b ON b.order_id = t.order_id AND b.seller_id = t.seller_id
            WHERE coalesce(t.part, 0) <> coalesce(b.at_first, 0)
                OR coalesce(b.held, 0) NOT BETWEEN 0 AND coalesce(t.part, 0)
                OR (coalesce(b.held, 0) <> 0 AND t.date <= \(now)
                    AND NOT EXISTS (SELECT 1 FROM money_out_switch WHERE held_at IS NOT NULL))
            """
        ).map { Violation(invariant: 6, text: try $0.get("what")) }
    }

    private func sellerFunds(_ stripe: [String: StripeBalance]) async throws -> [Violation] {
        let rows = try await query(
            """
            SELECT a.accounts, c.currency,
                coalesce(-(SELECT balance_minor FROM ledger_accounts
                    WHERE code = 'seller:' || a.seller_id || ':funds' AND currency = c.currency), 0)::bigint AS funds,
                coalesce((SELECT sum(balance_minor) FROM ledger_accounts
                    WHERE split_part(code, ':', 1) = 'transit' AND split_part(code, ':', 2) = ANY (a.accounts)
                        AND currency = c.currency), 0)::bigint AS transit
            FROM (
                SELECT seller_id, array_agg(stripe_account ORDER BY stripe_account) AS accounts
                FROM seller_accounts GROUP BY seller_id
            ) a CROSS JOIN (SELECT DISTINCT currency FROM ledger_accounts) c
            """)
        return try rows.compactMap { row in
            let (accounts, currency): ([String], String) = (try row.get("accounts"), try row.get("currency"))
            let (funds, transit): (Int64, Int64) = (try row.get("funds"), try row.get("transit"))
            let there = accounts.reduce(0) { $0 + (stripe["\($1) \(currency)"]?.total ?? 0) }
            guard there + transit != funds else { return nil }
            return Violation(
                invariant: 8,
                text: "\(accounts) \(currency): Stripe holds \(there), \(transit) on its way, the books say \(funds)")
        }
    }

    private func platformCash(_ stripe: [String: StripeBalance], alarms: [String]) async throws -> [Violation] {
        let rows = try await query(
            """
            SELECT currency, -sum(balance_minor)::bigint AS owed FROM ledger_accounts
            WHERE code LIKE 'seller:%:payable' OR code LIKE 'seller:%:reserve' OR code = 'tax:collected'
            GROUP BY currency
            """)
        let short = try rows.compactMap { row -> String? in
            let (currency, owed): (String, Int64) = (try row.get("currency"), try row.get("owed"))
            let isShort = owed > 0 && (stripe["platform \(currency)"]?.total ?? 0) < owed
            return isShort ? "stripe:platform \(currency)" : nil
        }
        guard Set(short) != Set(alarms) else { return [] }
        return [Violation(invariant: 9, text: "short are \(short.sorted()), the alarms are \(alarms.sorted())")]
    }
}

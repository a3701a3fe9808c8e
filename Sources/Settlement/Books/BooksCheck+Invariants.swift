import Postgres

// What can be said of whole accounts and orders, each in one statement.
extension BooksCheck {
    /// Each balance at Stripe, as the books have it, against the rows that it is made of.
    func stripeBalances() async throws -> [BooksFault] {
        try await faults(
            .stripeBalanceWrong,
            """
            SELECT coalesce(r.code, b.code) || ' ' || coalesce(r.currency, b.currency) AS object,
                'the rows sum to ' || coalesce(r.total, 0) || ', the books hold ' || coalesce(b.total, 0) AS detail
            FROM (
                SELECT 'stripe:' || stripe_account || CASE WHEN balance_type = 'payments' THEN '' ELSE ':reserved' END
                    AS code, currency, sum(net_minor) AS total
                FROM balance_transactions GROUP BY 1, 2
            ) AS r
            FULL JOIN (
                SELECT code, currency, balance_minor AS total FROM ledger_accounts WHERE code LIKE 'stripe:%'
            ) AS b ON b.code = r.code AND b.currency = r.currency
            WHERE coalesce(r.total, 0) <> coalesce(b.total, 0) ORDER BY 1
            """)
    }

    /// Each order against its lines, which come to its amount until it is paid and to what was captured from then on, and each line against what was refunded of it. That a line is its parts, the table
    /// itself demands.
    func divisions() async throws -> [BooksFault] {
        try await faults(
            .orderDividesWrong,
            """
            SELECT o.id AS object, 'its lines sum to ' || coalesce(sum(l.amount_minor), 0) || ', not to ' || o.total AS detail
            FROM (
                SELECT id, CASE WHEN charge_id IS NULL THEN amount_minor ELSE amount_captured_minor END AS total FROM orders
            ) AS o LEFT JOIN order_lines l ON l.order_id = o.id
            GROUP BY o.id, o.total HAVING o.total <> coalesce(sum(l.amount_minor), 0)
            UNION ALL
            SELECT s.order_id || ' ' || s.seller_id, 'the seller''s lines sum to ' || coalesce(l.total, 0) || ', not to '
                || s.amount_minor
            FROM order_sellers s
            LEFT JOIN (
                SELECT order_id, seller_id, sum(seller_minor) AS total FROM order_lines GROUP BY order_id, seller_id
            ) l ON l.order_id = s.order_id AND l.seller_id = s.seller_id
            WHERE s.amount_minor <> coalesce(l.total, 0)
            UNION ALL
            SELECT r.id, 'what it took from lines does not sum to its parts'
            FROM refunds r JOIN refund_lines l ON l.refund_id = r.id
            GROUP BY r.id
            HAVING (r.amount_minor - r.excess_minor, r.seller_minor, r.platform_fee_minor, r.tax_minor, r.platform_sales_minor,
                    r.platform_discount_minor)
                <> (sum(l.amount_minor), sum(l.seller_minor), sum(l.platform_fee_minor), sum(l.tax_minor),
                    sum(l.platform_sales_minor), sum(l.platform_discount_minor))
            UNION ALL
            SELECT l.id, 'of ' || l.amount_minor || ', ' || sum(r.amount_minor) || ' was refunded, in parts that differ from its own'
            FROM order_lines l JOIN refund_lines r ON r.line_id = l.id JOIN refunds f ON f.id = r.refund_id
            WHERE f.claims
            GROUP BY l.id
            HAVING abs(sum(r.amount_minor)) > abs(l.amount_minor)
                OR sum(r.amount_minor) = l.amount_minor
                    AND (l.seller_minor, l.platform_fee_minor, l.tax_minor, l.platform_sales_minor,
                         l.platform_discount_minor)
                        <> (sum(r.seller_minor), sum(r.platform_fee_minor), sum(r.tax_minor),
                            sum(r.platform_sales_minor), sum(r.platform_discount_minor))
            ORDER BY 1
            """)
    }

    /// The fee of each charge less what was given back, against Stripe's rows of that fee, once all are there.
    func applicationFees() async throws -> [BooksFault] {
        try await faults(
            .feeDiffers,
            """
            SELECT c.application_fee_id AS object,
                'Souk kept ' || kept.amount || ' of charge ' || c.id || ', the rows say ' || rows.amount AS detail
            FROM charges c
            CROSS JOIN LATERAL (
                SELECT coalesce(c.settled_fee_minor, c.application_fee_minor) - coalesce(sum(f.amount_minor), 0) AS amount
                FROM fee_refunds f WHERE f.charge_id = c.id
            ) AS kept
            CROSS JOIN LATERAL (
                SELECT sum(b.amount_minor) AS amount FROM balance_transactions b
                WHERE b.stripe_account = 'platform' AND b.subject_id = c.application_fee_id
                    AND b.category IN ('platform_earning', 'platform_earning_refund')
            ) AS rows
            WHERE c.application_fee_id IS NOT NULL AND rows.amount IS NOT NULL AND kept.amount <> rows.amount
                AND NOT EXISTS (
                    SELECT 1 FROM awaited_rows w JOIN fee_refunds f ON f.stripe_id = w.subject_id
                    WHERE f.charge_id = c.id)
                AND NOT EXISTS (SELECT 1 FROM awaited_entries w WHERE w.order_id = c.order_id)
            ORDER BY 1
            """)
    }

    /// What transfers keep for debts of other orders, what write-offs give up and what comes back of them, each within what it
    /// is a part of.
    func debtsPaidTwice() async throws -> [BooksFault] {
        try await faults(
            .debtPaidTwice,
            """
            SELECT t.id AS object, 'it pays ' || sum(n.amount_minor) || ' of debts, and keeps '
                || t.payable_minor - coalesce(t.amount_minor, 0) AS detail
            FROM nettings n JOIN transfers t ON t.id = n.transfer_id GROUP BY t.id
            HAVING sum(n.amount_minor) > coalesce(t.payable_minor, 0) - coalesce(t.amount_minor, 0)
            UNION ALL
            SELECT w.id, 'of ' || w.amount_minor || ', ' || sum(o.amount_minor) || ' is given up of orders'
            FROM write_offs w JOIN write_off_orders o ON o.write_off_id = w.id GROUP BY w.id
            HAVING sum(o.amount_minor) > w.amount_minor
            UNION ALL
            SELECT r.order_id || ' ' || r.seller_id, 'of ' || coalesce(max(o.amount), 0) || ' that was given up, '
                || sum(r.amount_minor) || ' came back'
            FROM write_off_recoveries r
            LEFT JOIN (
                SELECT order_id, seller_id, sum(amount_minor) AS amount FROM write_off_orders GROUP BY 1, 2
            ) AS o ON o.order_id = r.order_id AND o.seller_id = r.seller_id
            GROUP BY r.order_id, r.seller_id HAVING sum(r.amount_minor) > coalesce(max(o.amount), 0)
            ORDER BY 1
            """)
    }

    /// What came of operations that Stripe refused: nothing.
    func refusals() async throws -> [BooksFault] {
        try await faults(
            .refusedButBooked,
            """
            SELECT made.id AS object, 'the operation ' || o.id || ' that should have made it was refused' AS detail
            FROM (
                SELECT stripe_id AS id, operation_id FROM refunds
                WHERE operation_id IS NOT NULL AND stripe_id IS NOT NULL
                UNION ALL SELECT stripe_id, operation_id FROM transfer_reversals WHERE operation_id IS NOT NULL
                UNION ALL SELECT stripe_id, operation_id FROM fee_refunds WHERE operation_id IS NOT NULL
            ) AS made
            JOIN stripe_operations o ON o.id = made.operation_id
            WHERE o.state = 'failed' ORDER BY 1
            """)
    }
}

import Domain
import FoundationEssentials
import Ledger
import Postgres
import Store

// Separate charges: each seller is owed a share until a transfer takes it there.
extension BooksCheck {
    /// Each separate charge's entry, computed anew from the lines that were frozen at sale.
    func separateChargesAgainstEntries() async throws -> [BooksFault] {
        try await separatePages(
            """
            SELECT c.id, c.purpose, c.id AS charge_id, c.created_at, c.order_id, c.currency, c.amount_minor,
                sum(l.seller_minor)::bigint AS seller_minor, sum(l.platform_fee_minor)::bigint AS platform_fee_minor,
                sum(l.tax_minor)::bigint AS tax_minor, sum(l.platform_sales_minor)::bigint AS platform_sales_minor,
                sum(l.platform_discount_minor)::bigint AS platform_discount_minor, 0::bigint AS excess_minor, (
                    SELECT json_agg(json_build_object('seller', s.seller_id, 'payable', s.total, 'receivable', 0))::text
                    FROM (
                        SELECT seller_id, sum(seller_minor) AS total FROM order_lines
                        WHERE order_id = c.order_id AND seller_id IS NOT NULL GROUP BY seller_id
                    ) AS s) AS sellers
            FROM charges c JOIN order_lines l ON l.order_id = c.order_id WHERE c.seller_id IS NULL GROUP BY c.id
            """
        ) { fact in
            let charge = StripeChargeID(fact.id)
            guard fact.isSurplus else {
                return try SeparateChargeRules.paid(
                    charge, fact.division, dimensions: fact.dimensions, at: fact.created)
            }
            return try SeparateChargeRules.surplusPaid(
                charge, amount: fact.division.parts.amount, dimensions: fact.dimensions, at: fact.created)
        }
    }

    /// Each refund of a separate charge, computed anew from what it took of each line and out of what.
    func separateRefundsAgainstEntries() async throws -> [BooksFault] {
        try await separatePages(
            """
            SELECT r.stripe_id AS id, c.purpose, c.id AS charge_id, r.created_at, r.order_id, r.currency,
                r.amount_minor, r.seller_minor, r.platform_fee_minor, r.tax_minor, r.platform_sales_minor, r.platform_discount_minor,
                r.excess_minor, (
                    SELECT json_agg(json_build_object(
                        'seller', s.seller_id, 'payable', s.payable, 'receivable', s.receivable, 'reserve', s.reserve))::text
                    FROM (
                        SELECT l.seller_id,
                            coalesce(sum(f.seller_minor - f.reserve_minor) FILTER (WHERE f.transfer_id IS NULL), 0)
                                + coalesce(sum(f.reserve_minor) FILTER (WHERE f.reserve_released), 0) AS payable,
                            coalesce(sum(f.seller_minor - f.reserve_minor) FILTER (WHERE f.transfer_id IS NOT NULL), 0)
                                AS receivable,
                            coalesce(sum(f.reserve_minor) FILTER (WHERE NOT f.reserve_released), 0) AS reserve
                        FROM refund_lines f JOIN order_lines l ON l.id = f.line_id
                        WHERE f.refund_id = r.id AND l.seller_id IS NOT NULL GROUP BY l.seller_id
                    ) AS s) AS sellers
            FROM refunds r JOIN charges c ON c.id = r.charge_id WHERE c.seller_id IS NULL AND r.stripe_id IS NOT NULL
            """
        ) { fact in
            let refund = StripeRefundID(fact.id)
            guard fact.isSurplus else {
                return try SeparateChargeRules.refunded(
                    refund, fact.division, dimensions: fact.dimensions, at: fact.created)
            }
            return try SeparateChargeRules.surplusRefunded(
                refund, of: StripeChargeID(fact.charge), amount: fact.division.parts.amount,
                excess: fact.division.parts.excess, dimensions: fact.dimensions, at: fact.created)
        }
    }

    private struct SeparateFact {
        let id: String
        let charge: String
        let isSurplus: Bool
        let division: SeparateDivision
        let dimensions: Dimensions
        let created: Timestamp

        private struct PartForm: Decodable {
            let seller: ID<Seller>
            let payable: Int64
            let receivable: Int64
            /// Left out by a sale, of which nothing is held back yet.
            let reserve: Int64?
        }

        init(row: PostgresRow) throws {
            let currency: Currency = try row.get("currency")
            func money(_ column: String) throws -> Money { Money(try row.get(column), currency) }
            id = try row.get("id")
            charge = try row.get("charge_id")
            isSurplus = try row.get("purpose", as: String.self) == "surplus"
            let forms = try JSONDecoder().decode(
                [PartForm].self, from: Data((try row.get("sellers", as: String?.self) ?? "[]").utf8))
            division = SeparateDivision(
                try MoneyParts(
                    amount: try money("amount_minor"), sellerAmount: try money("seller_minor"),
                    platformFee: try money("platform_fee_minor"), tax: try money("tax_minor"),
                    platformSales: try money("platform_sales_minor"),
                    platformDiscount: try money("platform_discount_minor"), excess: try money("excess_minor")),
                sellers: forms.map {
                    SeparateDivision.Part(
                        seller: $0.seller, payable: Money($0.payable, currency),
                        receivable: Money($0.receivable, currency), reserve: Money($0.reserve ?? 0, currency))
                })
            dimensions = Dimensions(owner: .platform, order: try row.get("order_id"))
            created = try row.get("created_at")
        }
    }

    private func separatePages(
        _ source: PostgresQuery, _ entry: (SeparateFact) throws -> JournalEntry
    ) async throws -> [BooksFault] {
        try await factsAgainstEntries(source) { row in
            let fact = try SeparateFact(row: row)
            return [(fact.id, try entry(fact))]
        }
    }

    /// Each transfer of a separate charge, and each that gave a seller something again, that Stripe has made or that ended
    /// with nothing to move, computed anew.
    func transfersAgainstEntries() async throws -> [BooksFault] {
        try await factsAgainstEntries(
            """
            SELECT t.id, t.stripe_id, t.operation_id IS NULL AS is_made_at_stripe, t.seller_id, t.order_id, t.currency,
                t.amount_minor, t.payable_minor, coalesce(t.made_at, t.updated_at) AS happened_at
            FROM transfers t JOIN orders o ON o.id = t.order_id
            WHERE t.state IN ('paid', 'canceled') AND t.seller_id IS NOT NULL
                AND (o.charge_shape = 'separate' OR t.operation_id IS NOT NULL)
            """
        ) { row in
            let id: ID<Transfer> = try row.get("id")
            let seller: ID<Seller> = try row.get("seller_id")
            let currency: Currency = try row.get("currency")
            let payable = Money(try row.get("payable_minor", as: Int64?.self) ?? 0, currency)
            let dimensions = Dimensions(owner: .platform, seller: seller, order: try row.get("order_id"))
            let happenedAt: Timestamp = try row.get("happened_at")
            guard let stripeID: StripeTransferID = try row.get("stripe_id") else {
                let netted = try SeparateChargeRules.netted(
                    id, seller: seller, amount: payable, dimensions: dimensions, at: happenedAt)
                return [netted].compactMap(\.self).map { (id.rawValue, $0) }
            }
            let amount = Money(try row.get("amount_minor"), currency)
            let entry =
                if try row.get("is_made_at_stripe", as: Bool.self) {
                    try SeparateChargeRules.transferMadeAtStripe(
                        stripeID, seller: seller, amount: amount, dimensions: dimensions, at: happenedAt)
                } else {
                    try SeparateChargeRules.transferMade(
                        stripeID, seller: seller, amount: amount, payable: payable, dimensions: dimensions,
                        at: happenedAt)
                }
            return [(stripeID.rawValue, entry)]
        }
    }

    /// What each seller is owed of each paid order by its lines, their refunds and its transfers, and what of it is held
    /// back by its rows, against the journal.
    func sellersOwed() async throws -> [BooksFault] {
        try await faults(
            .feeDiffers,
            """
            WITH owed AS (
                SELECT l.order_id, l.seller_id, sum(
                    l.seller_minor - coalesce((
                        SELECT sum(CASE WHEN f.transfer_id IS NULL THEN f.seller_minor ELSE f.reserve_minor END)
                        FROM line_takings f WHERE f.line_id = l.id), 0)) + coalesce((
                            -- What a dispute had taken of transfers, and is payable since it was won.
                            SELECT sum(p.receivable_minor - p.returned_receivable_minor)
                            FROM dispute_sellers p JOIN disputes d ON d.id = p.dispute_id
                            WHERE d.order_id = l.order_id AND p.seller_id = l.seller_id AND d.reinstated_at IS NOT NULL
                        ), 0) - coalesce((
                            SELECT sum(h.held_minor) FROM reserves_held h
                            WHERE h.order_id = l.order_id AND h.seller_id = l.seller_id), 0) AS amount
                FROM order_lines l JOIN orders o ON o.id = l.order_id
                WHERE o.charge_shape = 'separate' AND o.charge_id IS NOT NULL AND o.status <> 'failed_after_payment'
                    AND l.seller_id IS NOT NULL
                GROUP BY l.order_id, l.seller_id
            ), moved AS (
                SELECT order_id, seller_id, sum(payable_minor) AS amount FROM transfers
                WHERE state IN ('paid', 'canceled') AND operation_id IS NOT NULL GROUP BY order_id, seller_id
            ), booked AS (
                SELECT e.order_id, split_part(a.code, ':', 2) AS seller_id, -sum(p.amount_minor) AS amount
                FROM journal_entries e JOIN postings p ON p.entry_id = e.id
                JOIN ledger_accounts a ON a.id = p.account_id
                WHERE e.order_id IS NOT NULL AND a.code LIKE 'seller:%:payable' GROUP BY 1, 2
            )
            SELECT o.order_id || ' ' || o.seller_id AS object,
                'the seller is owed ' || o.amount - coalesce(m.amount, 0) || ', the journal says '
                    || coalesce(b.amount, 0) AS detail
            FROM owed o
            LEFT JOIN moved m ON m.order_id = o.order_id AND m.seller_id = o.seller_id
            LEFT JOIN booked b ON b.order_id = o.order_id AND b.seller_id = o.seller_id
            WHERE o.amount - coalesce(m.amount, 0) <> coalesce(b.amount, 0) ORDER BY 1
            """)
    }

    /// What stays with the platform of each separate charge, by Stripe's rows, against the books: its own parts and what
    /// sellers are owed, less what they owe. Waits for rows and entries that are still to come.
    func separateRemains() async throws -> [BooksFault] {
        try await faults(
            .feeDiffers,
            """
            WITH rows AS (
                SELECT b.order_id, sum(b.amount_minor) AS amount FROM balance_transactions b
                JOIN orders o ON o.id = b.order_id AND o.charge_shape = 'separate'
                WHERE b.stripe_account = 'platform'
                    AND b.category IN ('charge', 'charge_failure', 'partial_capture_reversal', 'refund', 'refund_failure',
                        'transfer', 'transfer_reversal', 'dispute', 'dispute_reversal')
                GROUP BY b.order_id
            ), booked AS (
                SELECT e.order_id, -sum(p.amount_minor) AS amount
                FROM journal_entries e JOIN orders o ON o.id = e.order_id AND o.charge_shape = 'separate'
                JOIN postings p ON p.entry_id = e.id JOIN ledger_accounts a ON a.id = p.account_id
                WHERE a.code IN ('revenue:application_fees', 'revenue:billing', 'tax:collected', 'expense:promotions',
                        'buyer:refunds_due', 'bank:platform', 'loss:refunds', 'disputes:open', 'loss:disputes')
                    OR a.code LIKE 'seller:%:payable' OR a.code LIKE 'seller:%:reserve'
                    OR a.code LIKE 'seller:%:receivable'
                GROUP BY e.order_id
            )
            SELECT b.order_id AS object,
                'by the books ' || b.amount || ' stays with the platform, the rows say ' || coalesce(r.amount, 0)
                    AS detail
            FROM booked b LEFT JOIN rows r ON r.order_id = b.order_id
            WHERE b.amount <> coalesce(r.amount, 0)
                AND NOT EXISTS (SELECT 1 FROM awaited_entries w WHERE w.order_id = b.order_id)
                AND NOT EXISTS (
                    SELECT 1 FROM ledger_subjects s JOIN ledger_accounts a ON a.id = s.account_id
                    WHERE s.balance_minor <> 0 AND a.code LIKE 'clearing:%' AND s.subject IN (
                        SELECT id FROM charges WHERE order_id = b.order_id
                        UNION ALL SELECT stripe_id FROM refunds WHERE order_id = b.order_id
                        UNION ALL SELECT stripe_id FROM disputes WHERE order_id = b.order_id
                        UNION ALL SELECT stripe_id FROM transfers WHERE order_id = b.order_id))
            ORDER BY 1
            """)
    }
}

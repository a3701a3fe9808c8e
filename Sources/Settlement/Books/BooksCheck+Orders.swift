import Domain
import Ledger
import Orders
import Postgres
import Store

extension BooksCheck {
    /// Each destination charge's entry, computed anew from the lines that were frozen at sale.
    func chargesAgainstEntries() async throws -> [BooksFault] {
        try await pages(
            """
            SELECT c.id, c.created_at, c.seller_id, c.stripe_account, c.order_id, c.currency, c.amount_minor,
                sum(l.seller_minor)::bigint AS seller_minor, sum(l.platform_fee_minor)::bigint AS platform_fee_minor,
                sum(l.tax_minor)::bigint AS tax_minor, sum(l.platform_sales_minor)::bigint AS platform_sales_minor,
                sum(l.platform_discount_minor)::bigint AS platform_discount_minor, 0::bigint AS excess_minor
            FROM charges c JOIN order_lines l ON l.order_id = c.order_id WHERE c.seller_id IS NOT NULL GROUP BY c.id
            """
        ) { row, division, dimensions in
            try ChargeRules.destinationChargePaid(
                StripeChargeID(try row.get("id")), division, dimensions: dimensions, at: try row.get("created_at"))
        }
    }

    /// Each refund of a destination charge, computed anew from what it took from each part.
    func refundsAgainstEntries() async throws -> [BooksFault] {
        try await pages(
            """
            SELECT r.stripe_id AS id, r.created_at, c.seller_id, c.stripe_account, r.order_id, r.currency,
                r.amount_minor, r.seller_minor, r.platform_fee_minor, r.tax_minor, r.platform_sales_minor,
                r.platform_discount_minor, r.excess_minor
            FROM refunds r JOIN charges c ON c.id = r.charge_id
            WHERE c.seller_id IS NOT NULL AND r.stripe_id IS NOT NULL
            """
        ) { row, division, dimensions in
            try ChargeRules.destinationChargeRefunded(
                StripeRefundID(try row.get("id")), division, dimensions: dimensions, at: try row.get("created_at"))
        }
    }

    /// What Stripe told of each converted charge, and each line of Stripe's about a whole refund of one, against the journal.
    func conversionsAgainstEntries() async throws -> [BooksFault] {
        let charges = try await pages(
            """
            SELECT c.id, c.created_at, c.seller_id, c.stripe_account, c.order_id, c.currency, c.amount_minor,
                c.settled_currency, c.settled_minor, c.settled_fee_minor,
                sum(l.seller_minor)::bigint AS seller_minor, sum(l.platform_fee_minor)::bigint AS platform_fee_minor,
                sum(l.tax_minor)::bigint AS tax_minor, sum(l.platform_sales_minor)::bigint AS platform_sales_minor,
                sum(l.platform_discount_minor)::bigint AS platform_discount_minor, 0::bigint AS excess_minor
            FROM charges c JOIN order_lines l ON l.order_id = c.order_id
            WHERE c.settled_minor IS NOT NULL GROUP BY c.id
            """
        ) { row, sale, dimensions in
            try ConversionRules.chargeConverted(
                StripeChargeID(try row.get("id")), sale, into: try SettledCharge(row: row), dimensions: dimensions,
                at: try row.get("created_at"))
        }
        // An entry that is still awaited is told by that.
        let refunds = try await pages(
            """
            SELECT r.stripe_id AS id, r.created_at, c.seller_id, c.stripe_account, r.order_id, r.currency,
                r.amount_minor, r.seller_minor, r.platform_fee_minor, r.tax_minor, r.platform_sales_minor,
                r.platform_discount_minor, r.excess_minor, c.settled_currency, c.settled_minor, c.settled_fee_minor,
                (SELECT -sum(b.amount_minor)::bigint FROM balance_transactions b
                    WHERE b.stripe_account = 'platform' AND b.subject_id = r.stripe_id AND b.category = 'refund') AS cost
            FROM refunds r JOIN charges c ON c.id = r.charge_id
            JOIN journal_entries e ON e.cause = 'refund_converted:' || r.stripe_id
            """
        ) { row, sale, dimensions in
            let settled = try SettledCharge(row: row)
            return try ConversionRules.refundConverted(
                StripeRefundID(try row.get("id")), sale, into: settled,
                costing: Money(try row.get("cost") ?? 0, settled.amount.currency), dimensions: dimensions,
                at: try row.get("created_at"))
        }
        return charges + refunds
    }

    /// Each reversal's entry, computed anew from its row.
    func reversalsAgainstEntries() async throws -> [BooksFault] {
        try await returnedPages(
            "transfer_reversals",
            seller: "coalesce(c.seller_id, (SELECT t.seller_id FROM transfers t WHERE t.stripe_id = r.stripe_transfer))"
        ) { id, seller, amount, dimensions, created in
            try ChargeRules.reversalMade(
                StripeTransferReversalID(id), seller: seller, amount: amount, dimensions: dimensions, at: created)
        }
    }

    /// Each fee refund's entry, computed anew from its row.
    func feeRefundsAgainstEntries() async throws -> [BooksFault] {
        try await returnedPages("fee_refunds", seller: "c.seller_id") { id, seller, amount, dimensions, created in
            try ChargeRules.feeRefundMade(
                StripeFeeRefundID(id), seller: seller, amount: amount, dimensions: dimensions, at: created)
        }
    }

    /// `seller` says in SQL who gave it back.
    private func returnedPages(
        _ table: String, seller: String,
        _ entry: (String, ID<Seller>, Money, Dimensions, Timestamp) throws -> JournalEntry
    ) async throws -> [BooksFault] {
        try await factsAgainstEntries(
            """
            SELECT r.stripe_id AS id, r.order_id, r.currency, r.amount_minor, r.created_at,
                \(unescaped: seller) AS seller_id
            FROM \(unescaped: table) r JOIN charges c ON c.id = r.charge_id
            """
        ) { row in
            let id: String = try row.get("id")
            let seller: ID<Seller> = try row.get("seller_id")
            let dimensions = Dimensions(owner: .platform, seller: seller, order: try row.get("order_id"))
            let amount = Money(try row.get("amount_minor"), try row.get("currency"))
            return [(id, try entry(id, seller, amount, dimensions, try row.get("created_at")))]
        }
    }

    private func pages(
        _ source: PostgresQuery,
        _ entry: (PostgresRow, ChargeDivision, Dimensions) throws -> JournalEntry
    ) async throws -> [BooksFault] {
        try await factsAgainstEntries(source) { row in
            let currency: Currency = try row.get("currency")
            let seller: ID<Seller> = try row.get("seller_id")
            func money(_ column: String) throws -> Money { Money(try row.get(column), currency) }
            let division = ChargeDivision(
                amount: try money("amount_minor"), seller: seller, sellerAmount: try money("seller_minor"),
                platformFee: try money("platform_fee_minor"), platformSales: try money("platform_sales_minor"),
                tax: try money("tax_minor"), platformDiscount: try money("platform_discount_minor"),
                excess: try money("excess_minor"))
            let dimensions = Dimensions(owner: .platform, seller: seller, order: try row.get("order_id"))
            return [(try row.get("id"), try entry(row, division, dimensions))]
        }
    }
}

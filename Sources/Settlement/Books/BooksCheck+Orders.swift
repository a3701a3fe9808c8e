import Domain
import Ledger
import Postgres
import Store

extension BooksCheck {
    /// The parts of a paid charge or of a refund, as the database has them.
    private static let parts = """
        seller_id, stripe_account, order_id, currency, amount_minor, seller_minor, platform_fee_minor, tax_minor, \
        platform_sales_minor, platform_discount_minor
        """

    /// Each charge's entry, computed anew from the lines that were frozen at sale.
    func chargesAgainstEntries() async throws -> [BooksFault] {
        try await pages(
            """
            SELECT c.id, c.created_at, c.seller_id, c.stripe_account, c.order_id, c.currency, c.amount_minor,
                sum(l.seller_minor)::bigint AS seller_minor, sum(l.platform_fee_minor)::bigint AS platform_fee_minor,
                sum(l.tax_minor)::bigint AS tax_minor, sum(l.platform_sales_minor)::bigint AS platform_sales_minor,
                sum(l.platform_discount_minor)::bigint AS platform_discount_minor
            FROM charges c JOIN order_lines l ON l.order_id = c.order_id GROUP BY c.id
            """
        ) { row, division, dimensions in
            try ChargeRules.destinationChargePaid(
                StripeChargeID(try row.get("id")), division, dimensions: dimensions, at: try row.get("created_at"))
        }
    }

    /// Each refund's entry, computed anew from what it took from each part.
    func refundsAgainstEntries() async throws -> [BooksFault] {
        try await pages(
            """
            SELECT r.stripe_id AS id, r.created_at, c.seller_id, c.stripe_account, r.order_id, r.currency,
                r.amount_minor, r.seller_minor, r.platform_fee_minor, r.tax_minor, r.platform_sales_minor,
                r.platform_discount_minor
            FROM refunds r JOIN charges c ON c.id = r.charge_id
            """
        ) { row, division, dimensions in
            try ChargeRules.destinationChargeRefunded(
                StripeRefundID(try row.get("id")), division, dimensions: dimensions, at: try row.get("created_at"))
        }
    }

    private func pages(
        _ source: PostgresQuery,
        _ entry: (PostgresRow, ChargeDivision, Dimensions) throws -> JournalEntry
    ) async throws -> [BooksFault] {
        var faults: [BooksFault] = []
        var last = ""
        while true {
            let rows = try await store.query(
                """
                SELECT id, created_at, \(unescaped: Self.parts) FROM (\(source)) AS facts
                WHERE id > \(last) ORDER BY id LIMIT 1000
                """)
            guard let end = rows.last else { return faults }
            last = try end.get("id")
            faults += try await compare(
                try rows.map { row in
                    let currency: Currency = try row.get("currency")
                    let seller: ID<Seller> = try row.get("seller_id")
                    func money(_ column: String) throws -> Money { Money(try row.get(column), currency) }
                    let division = ChargeDivision(
                        amount: try money("amount_minor"), seller: seller, sellerAmount: try money("seller_minor"),
                        platformFee: try money("platform_fee_minor"),
                        platformSales: try money("platform_sales_minor"), tax: try money("tax_minor"),
                        platformDiscount: try money("platform_discount_minor"))
                    let dimensions = Dimensions(owner: .platform, seller: seller, order: try row.get("order_id"))
                    return (try row.get("id"), try entry(row, division, dimensions))
                }, missing: .factNotBooked)
        }
    }
}

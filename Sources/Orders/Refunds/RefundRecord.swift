import Domain
import Ledger
import Postgres
import Store
import StripeAPI
import Web

/// A refund as Souk keeps it.
struct RefundRecord: Sendable {
    /// Where a refund stands: in Stripe's words once Stripe has it.
    struct Status: RawRepresentable, Hashable, Sendable {
        let rawValue: String
        init(rawValue: String) { self.rawValue = rawValue }

        /// Written down, and Stripe has not answered yet.
        static let requested = Status(rawValue: "requested")
        static let failed = Status(rawValue: StripeRefundStatus.failed.rawValue)
        static let canceled = Status(rawValue: StripeRefundStatus.canceled.rawValue)
    }

    /// How a debt to the buyer ended, which a refund leaves that the bank sent back.
    enum Settlement: String, Sendable, Hashable, CaseIterable, Codable {
        /// The platform paid the buyer without Stripe.
        case paidOtherwise = "paid_otherwise"
        /// The buyer gets nothing of this refund; the sum may be refunded anew.
        case givenUp = "given_up"
    }

    let id: ID<Refund>
    let order: ID<Order>
    let charge: StripeChargeID
    /// Nil until Stripe has it, and for one that Stripe refused.
    let stripeID: StripeRefundID?
    let status: Status
    /// `souk`, or `stripe` for one that was made in Stripe's Dashboard.
    let origin: String
    let operation: ID<Operation>?
    let externalID: String?
    let reason: String?
    /// Why the bank sent it back, or Stripe refused it, in Stripe's words.
    let failureReason: String?
    let metadata: Metadata
    let parts: MoneyParts
    let isOneCall: Bool
    let feeRefund: Money
    let reversal: Money
    let settlement: Settlement?
    let settlementReason: String?
    let settledAt: Timestamp?
    /// What it took cannot be refunded by another.
    let claims: Bool
    let livemode: Bool
    let created: Timestamp
    let updated: Timestamp

    /// The bank sent it back, and nobody has paid the buyer or given it up.
    var isDue: Bool { status == .failed && stripeID != nil && settlement == nil }
    /// Stripe said no, and nothing happened.
    var isRefused: Bool { status == .failed && stripeID == nil }

    static let columns = """
        id, order_id, charge_id, stripe_id, status, origin, operation_id, external_id, reason, failure_reason, metadata, \
        currency, amount_minor, seller_minor, platform_fee_minor, tax_minor, platform_sales_minor, \
        platform_discount_minor, excess_minor, one_call, fee_refund_minor, reversal_minor, settlement, settlement_reason, settled_at, \
        claims, (SELECT o.livemode FROM orders o WHERE o.id = order_id) AS livemode, created_at, updated_at
        """

    init(row: PostgresRow) throws {
        let currency: Currency = try row.get("currency")
        id = try row.get("id")
        order = try row.get("order_id")
        charge = try row.get("charge_id")
        stripeID = try row.get("stripe_id")
        status = Status(rawValue: try row.get("status"))
        origin = try row.get("origin")
        operation = try row.get("operation_id")
        externalID = try row.get("external_id")
        reason = try row.get("reason")
        failureReason = try row.get("failure_reason")
        metadata = try row.get("metadata", as: PostgresJSON.self).read(as: Metadata.self)
        parts = try MoneyParts(row: row, currency: currency, excess: try row.get("excess_minor"))
        isOneCall = try row.get("one_call")
        feeRefund = Money(try row.get("fee_refund_minor"), currency)
        reversal = Money(try row.get("reversal_minor"), currency)
        settlement = try row.get("settlement", as: String?.self).flatMap(Settlement.init(rawValue:))
        settlementReason = try row.get("settlement_reason")
        settledAt = try row.get("settled_at")
        claims = try row.get("claims")
        livemode = try row.get("livemode")
        created = try row.get("created_at")
        updated = try row.get("updated_at")
    }
}

extension StoreTransaction {
    /// Refunds for which `condition` holds; it may end with an order and a limit.
    func refunds(where condition: PostgresQuery) async throws -> [RefundRecord] {
        try await query("SELECT \(unescaped: RefundRecord.columns) FROM refunds WHERE " + condition).map(
            RefundRecord.init)
    }

    /// A refund with its order, whose lock comes first.
    /// - Returns: nil if there is no such refund.
    func lockRefund(_ id: ID<Refund>) async throws -> (order: OrderRecord, refund: RefundRecord)? {
        guard let known = try await refunds(where: "id = \(id)").first, let order = try await lockOrder(known.order),
            let refund = try await refunds(where: "id = \(id)").first
        else { return nil }
        return (order, refund)
    }

    /// What refunds and disputes of an order take from its lines and leave of them. Refunds that Stripe refused, that were
    /// canceled and that were given up take nothing, and neither do disputes that were won; a refund that was only asked for
    /// takes its part already.
    func refundableLines(of order: OrderRecord) async throws -> [RefundAllocation.Line] {
        let rows = try await query(
            """
            SELECT line_id, currency, sum(amount_minor)::bigint AS amount_minor,
                sum(seller_minor)::bigint AS seller_minor, sum(platform_fee_minor)::bigint AS platform_fee_minor,
                sum(tax_minor)::bigint AS tax_minor, sum(platform_sales_minor)::bigint AS platform_sales_minor,
                sum(platform_discount_minor)::bigint AS platform_discount_minor
            FROM (
                SELECT f.line_id, r.currency, f.amount_minor, f.seller_minor, f.platform_fee_minor, f.tax_minor,
                    f.platform_sales_minor, f.platform_discount_minor
                FROM refunds r JOIN refund_lines f ON f.refund_id = r.id WHERE r.order_id = \(order.id) AND r.claims
                UNION ALL
                SELECT l.line_id, d.currency, l.amount_minor, l.seller_minor, l.platform_fee_minor, l.tax_minor,
                    l.platform_sales_minor, l.platform_discount_minor
                FROM disputes d JOIN dispute_lines l ON l.dispute_id = d.id
                WHERE d.order_id = \(order.id) AND d.reinstated_at IS NULL
            ) AS taken
            GROUP BY line_id, currency
            """)
        var taken: [ID<OrderLine>: MoneyParts] = [:]
        for row in rows {
            taken[try row.get("line_id")] = try MoneyParts(row: row, currency: try row.get("currency"))
        }
        return order.lines.map { line in
            RefundAllocation.Line(
                id: line.id, parts: line.parts, refunded: taken[line.id]?.amount ?? .zero(order.currency),
                taken: taken[line.id])
        }
    }

    /// What disputes that were not won have claimed of a charge's parts.
    func claimedParts(of charge: ChargeRecord) async throws -> MoneyParts {
        let claims = try await disputes(where: "charge_id = \(charge.id) AND reinstated_at IS NULL").compactMap(\.claim)
        return try MoneyParts.sum(claims.map(\.parts), in: charge.amount.currency)
    }

    /// The parts of a charge that refunds which Stripe has have taken.
    func refundedParts(of charge: ChargeRecord) async throws -> MoneyParts {
        let standing = try await refunds(where: "charge_id = \(charge.id) AND stands")
        return try MoneyParts.sum(standing.map(\.parts), in: charge.amount.currency)
    }

    /// The parts of a charge that cannot be refunded any more: also what the platform paid its buyer without Stripe.
    func takenParts(of charge: ChargeRecord) async throws -> MoneyParts {
        let taking = try await refunds(where: "charge_id = \(charge.id) AND claims")
        return try MoneyParts.sum(taking.map(\.parts), in: charge.amount.currency)
    }

    /// `reserves` says what comes out of what is held back; `takers` are the transfers that have taken lines' shares away,
    /// so that their sellers owe the rest.
    func insert(
        _ shares: [RefundAllocation.Share], _ reserves: [ID<OrderLine>: ReservePart], of refund: ID<Refund>,
        takers: [ID<OrderLine>: ID<Transfer>] = [:]
    ) async throws {
        guard !shares.isEmpty else { return }
        try await execute(
            """
            INSERT INTO refund_lines
                (refund_id, line_id, amount_minor, seller_minor, platform_fee_minor, tax_minor, platform_sales_minor,
                 platform_discount_minor, transfer_id, reserve_minor, reserve_released)
            SELECT \(refund), s.*
            FROM unnest(
                \(shares.map(\.line.rawValue)), \(shares.map(\.parts.amount.minorUnits)),
                \(shares.map(\.parts.sellerAmount.minorUnits)), \(shares.map(\.parts.platformFee.minorUnits)),
                \(shares.map(\.parts.tax.minorUnits)), \(shares.map(\.parts.platformSales.minorUnits)),
                \(shares.map(\.parts.platformDiscount.minorUnits)), \(shares.map { takers[$0.line]?.rawValue }),
                \(shares.map { reserves[$0.line]?.amount.minorUnits ?? 0 }),
                \(shares.map { reserves[$0.line]?.isReleased ?? false })
            ) AS s
            """)
    }

    /// Tells the marketplace of a refund as it stands now.
    func announce(_ type: String, _ refund: ID<Refund>) async throws {
        guard let record = try await refunds(where: "id = \(refund)").first else { return }
        let lines = try RefundLineBody.byRefund(try await query(RefundLineBody.query([refund])))
        try await announce(
            type, about: refund.rawValue, RefundBody(record, lines: lines[refund] ?? [], operations: nil))
    }
}

package import Domain
import Postgres
package import Store
import Web

// How orders stand in `orders` and `order_lines`. Everything that changes one locks its row first and saves it whole.

extension StoreTransaction {
    package func lockOrder(_ id: ID<Order>) async throws -> OrderRecord? {
        let row = try await query(
            "SELECT \(unescaped: OrderRecord.columns) FROM orders WHERE id = \(id) FOR UPDATE"
        ).first
        guard let row else { return nil }
        let lines = try StoredLine.byOrder(try await query(StoredLine.query([id.rawValue])))
        return try OrderRecord(row: row, lines: lines[id.rawValue] ?? [])
    }

    /// - Throws: `order_not_found`.
    package func requireLockedOrder(_ id: ID<Order>) async throws -> OrderRecord {
        guard let order = try await lockOrder(id) else { throw Refusal.noSuchOrder(id) }
        return order
    }

    /// - Returns: false if another order has the external id.
    func insert(_ order: OrderRecord, placement: PostgresJSON) async throws -> Bool {
        let inserted = try await execute(
            """
            INSERT INTO orders
                (id, external_id, placement, status, charge_shape, seller_id, stripe_account, currency, amount_minor,
                 application_fee_minor, buyer_external_id, buyer_email, payment, capture, success_url, cancel_url,
                 metadata, payable, payment_try, livemode, release_on, release_days, dispute_bearer, created_at, updated_at)
            VALUES (\(order.id), \(order.externalID), \(placement), \(order.status.rawValue), \(order.shape.rawValue),
                \(order.destination?.seller), \(order.destination?.stripeAccount), \(order.currency),
                \(order.amount.minorUnits),
                \(order.applicationFee.minorUnits), \(order.buyerExternalID), \(order.buyerEmail),
                \(order.payment.rawValue), \(order.capture.rawValue), \(order.successURL), \(order.cancelURL),
                \(try PostgresJSON(encoding: order.metadata)), \(order.payable.state.rawValue),
                \(order.payable.tryNumber), \(order.livemode), \(order.release.moment), \(order.release.days),
                \(order.disputeBearer.rawValue), \(order.created), \(order.updated))
            ON CONFLICT (external_id) DO NOTHING
            """)
        guard inserted == 1 else { return false }
        try await insertLines(of: order)
        try await execute(
            """
            INSERT INTO order_sellers
                (order_id, seller_id, stripe_account, amount_minor, reserve_basis_points, reserve_days)
            SELECT \(order.id), s.* FROM unnest(
                \(order.sellers.map(\.seller.rawValue)), \(order.sellers.map(\.stripeAccount.rawValue)),
                \(order.sellers.map(\.amount.minorUnits)), \(order.sellers.map(\.reserve?.basisPoints)),
                \(order.sellers.map(\.reserve?.days))) AS s
            """)
        return true
    }

    private func insertLines(of order: OrderRecord) async throws {
        let lines = order.lines
        try await execute(
            """
            INSERT INTO order_lines
                (order_id, position, id, type, seller_id, description, unit_amount_minor, quantity, amount_minor,
                 category, funded_by, fee_applies, fee_policy_id, fee_percent_bps, fee_fixed_minor, fee_minimum_minor,
                 fee_maximum_minor, seller_minor, platform_fee_minor, tax_minor, platform_sales_minor,
                 platform_discount_minor)
            SELECT \(order.id), l.*
            FROM unnest(
                \(Array(1...Int64(lines.count)))::integer[], \(lines.map(\.id.rawValue)),
                \(lines.map(\.kind.rawValue)), \(lines.map(\.seller?.rawValue)), \(lines.map(\.description)),
                \(lines.map(\.unitAmount.minorUnits)), \(lines.map(\.quantity)), \(lines.map(\.amount.minorUnits)),
                \(lines.map(\.category)), \(lines.map(\.fundedBy?.rawValue)), \(lines.map(\.feeApplies)),
                \(lines.map(\.feePolicy?.rawValue)), \(lines.map(\.feeTerms?.percentBPS)),
                \(lines.map(\.feeTerms?.fixed)), \(lines.map(\.feeTerms?.minimum)),
                \(lines.map { $0.feeTerms.flatMap(\.maximum) }), \(lines.map(\.parts.sellerAmount.minorUnits)),
                \(lines.map(\.parts.platformFee.minorUnits)), \(lines.map(\.parts.tax.minorUnits)),
                \(lines.map(\.parts.platformSales.minorUnits)), \(lines.map(\.parts.platformDiscount.minorUnits))
            ) AS l
            """)
    }

    /// Writes a locked order back and tells the marketplace where its status or what was refunded changed.
    func save(_ changed: OrderRecord, was before: OrderRecord) async throws {
        var order = changed
        order.updated = now
        try await execute(
            """
            UPDATE orders
            SET status = \(order.status.rawValue), amount_captured_minor = \(order.amountCaptured.minorUnits),
                amount_refunded_minor = \(order.amountRefunded.minorUnits), payable = \(order.payable.state.rawValue),
                payment_try = \(order.payable.tryNumber), payable_operation = \(order.payable.operation),
                checkout_session = \(order.payable.checkoutSession), checkout_url = \(order.payable.checkoutURL),
                payment_intent = \(order.payable.paymentIntent), client_secret = \(order.payable.clientSecret),
                payable_expires_at = \(order.payable.expiresAt), charge_id = \(order.charge),
                last_payment_error = \(try order.lastPaymentError.map(PostgresJSON.init(encoding:))),
                dispute_status = \(order.disputeStage?.rawValue), cancel_requested_at = \(order.cancelRequestedAt), canceled_at = \(order.canceledAt),
                paid_at = \(order.paidAt), updated_at = \(now)
            WHERE id = \(order.id)
            """)
        if order.status != before.status || order.amountRefunded != before.amountRefunded,
            let event = order.status.announcement
        {
            try await announce(event, order)
        }
    }

    /// Tells the marketplace of an order's change. What a browser pays with is left out.
    func announce(_ type: String, _ order: OrderRecord) async throws {
        var order = order
        order.payable.clientSecret = nil
        let refunded = try await refunded(ofLinesIn: [order.id])
        let standing = try await shareStanding(of: order)
        try await announce(
            type, about: order.id.rawValue,
            OrderBody(order, refunded: refunded, standing: standing, operation: nil))
    }

    /// What has been refunded of each line, by the refunds that stand.
    func refunded(ofLinesIn orders: [ID<Order>]) async throws -> [ID<OrderLine>: Int64] {
        try ID<OrderLine>.amounts(try await query(OrderRecord.refundedQuery(orders)))
    }
}

extension Store {
    package func order(_ id: ID<Order>) async throws -> OrderRecord? {
        try await orders(where: "id = \(id)").first
    }

    /// - Throws: `order_not_found`.
    package func requireOrder(_ id: ID<Order>) async throws -> OrderRecord {
        guard let order = try await order(id) else { throw Refusal.noSuchOrder(id) }
        return order
    }

    /// Orders with their lines; `condition` may end with an order and a limit.
    func orders(where condition: PostgresQuery) async throws -> [OrderRecord] {
        let rows = try await query("SELECT \(unescaped: OrderRecord.columns) FROM orders WHERE " + condition)
        let ids: [String] = try rows.map { try $0.get("id") }
        guard !ids.isEmpty else { return [] }
        let lines = try StoredLine.byOrder(try await query(StoredLine.query(ids)))
        return try rows.map { row in
            try OrderRecord(row: row, lines: lines[try row.get("id", as: String.self)] ?? [])
        }
    }

    func refunded(ofLinesIn orders: [ID<Order>]) async throws -> [ID<OrderLine>: Int64] {
        try ID<OrderLine>.amounts(try await query(OrderRecord.refundedQuery(orders)))
    }
}

extension OrderStatus {
    /// The event that tells the marketplace of it; nil for waiting, which is where every try begins.
    fileprivate var announcement: String? {
        switch self {
        case .awaitingPayment: nil
        case .requiresAction: "order.requires_action"
        case .processing: "order.processing"
        case .authorized: "order.authorized"
        case .paid: "order.paid"
        case .partiallyRefunded, .refunded: "order.refunded"
        case .paymentFailed: "order.payment_failed"
        case .failedAfterPayment: "order.failed_after_payment"
        case .expired: "order.expired"
        case .canceled: "order.canceled"
        }
    }
}

extension Refusal {
    static func noSuchOrder(_ id: ID<Order>) -> Refusal {
        Refusal(.orderNotFound, "There is no order \(id). GET /v1/orders lists them.", parameter: "id")
    }
}

extension ID where Entity == OrderLine {
    fileprivate static func amounts(_ rows: [PostgresRow]) throws -> [ID<OrderLine>: Int64] {
        var amounts: [ID<OrderLine>: Int64] = [:]
        for row in rows { amounts[try row.get("line_id")] = try row.get("amount", as: Int64.self) }
        return amounts
    }
}

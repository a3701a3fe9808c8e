import Domain
import Postgres
import Store

// How rows of `orders` and `order_lines` are read.

extension OrderRecord {
    static let columns = """
        id, external_id, status, charge_shape, currency, amount_minor, \
        application_fee_minor, amount_captured_minor, amount_refunded_minor, buyer_external_id, buyer_email, payment, \
        capture, success_url, cancel_url, metadata, payable, payment_try, payable_operation, checkout_session, \
        checkout_url, payment_intent, client_secret, payable_expires_at, charge_id, last_payment_error, \
        dispute_status, cancel_requested_at, canceled_at, paid_at, livemode, created_at, updated_at, \
        release_on, release_days, dispute_bearer, ARRAY(SELECT w.id FROM fraud_warnings w WHERE w.order_id = orders.id \
        ORDER BY w.id) AS fraud_warnings, (SELECT json_agg(json_build_object('seller', s.seller_id, 'account', \
        s.stripe_account, 'amount', s.amount_minor, 'basis_points', s.reserve_basis_points, 'days', s.reserve_days) \
        ORDER BY s.seller_id)::text FROM order_sellers s \
        WHERE s.order_id = orders.id) AS sellers
        """

    static func refundedQuery(_ orders: [ID<Order>]) -> PostgresQuery {
        """
        SELECT rl.line_id, sum(rl.amount_minor)::bigint AS amount
        FROM refunds r JOIN refund_lines rl ON rl.refund_id = r.id
        WHERE r.order_id = ANY (\(orders)) AND r.stands
        GROUP BY rl.line_id
        """
    }

    init(row: PostgresRow, lines: [StoredLine]) throws {
        let currency: Currency = try row.get("currency")
        func money(_ column: String) throws -> Money { Money(try row.get(column), currency) }
        id = try row.get("id")
        externalID = try row.get("external_id")
        status = try row.known("status")
        shape = try row.known("charge_shape")
        sellers = try OrderSeller.all(try row.get("sellers"), currency: currency)
        release = try ChargeShape.Release(row: row)
        disputeBearer = try row.known("dispute_bearer")
        amount = try money("amount_minor")
        applicationFee = try money("application_fee_minor")
        amountCaptured = try money("amount_captured_minor")
        amountRefunded = try money("amount_refunded_minor")
        buyerExternalID = try row.get("buyer_external_id")
        buyerEmail = try row.get("buyer_email")
        payment = try row.known("payment")
        capture = try row.known("capture")
        successURL = try row.get("success_url")
        cancelURL = try row.get("cancel_url")
        metadata = try row.get("metadata", as: PostgresJSON.self).read(as: Metadata.self)
        payable = Payable(
            state: try row.known("payable"), tryNumber: Int(try row.get("payment_try", as: Int32.self)),
            operation: try row.get("payable_operation"), checkoutSession: try row.get("checkout_session"),
            checkoutURL: try row.get("checkout_url"), paymentIntent: try row.get("payment_intent"),
            clientSecret: try row.get("client_secret"), expiresAt: try row.get("payable_expires_at"))
        charge = try row.get("charge_id")
        lastPaymentError = try row.get("last_payment_error", as: PostgresJSON?.self)?.read(as: PaymentError.self)
        disputeStage = try row.get("dispute_status", as: String?.self).flatMap(DisputeStage.init(rawValue:))
        fraudWarnings = try row.get("fraud_warnings", as: [String].self).compactMap { ID($0) }
        cancelRequestedAt = try row.get("cancel_requested_at")
        canceledAt = try row.get("canceled_at")
        paidAt = try row.get("paid_at")
        livemode = try row.get("livemode")
        created = try row.get("created_at")
        updated = try row.get("updated_at")
        self.lines = lines.map(\.line)
        releases = StoredLine.releases(lines)
        reserves = StoredLine.reserves(lines)
    }

}

/// A line with what was decided of its seller's share.
struct StoredLine: Sendable {
    let line: OrderLine
    let release: LineRelease?
    /// What of the share was held back.
    let reserve: Money

    static func query(_ orders: [String]) -> PostgresQuery {
        """
        SELECT l.order_id, l.id, l.type, l.seller_id, description, unit_amount_minor, quantity, l.amount_minor, category,
            funded_by, fee_applies, fee_policy_id, fee_percent_bps, fee_fixed_minor, fee_minimum_minor,
            fee_maximum_minor, seller_minor, platform_fee_minor, tax_minor, platform_sales_minor,
            platform_discount_minor, o.currency, released_at, l.transfer_id, release_id, t.state AS transfer_state,
            l.reserve_minor
        FROM order_lines l JOIN orders o ON o.id = l.order_id LEFT JOIN transfers t ON t.id = l.transfer_id
        WHERE l.order_id = ANY (\(orders)) ORDER BY l.order_id, l.position
        """
    }

    /// Lines by their order, in their order.
    static func byOrder(_ rows: [PostgresRow]) throws -> [String: [StoredLine]] {
        var lines: [String: [StoredLine]] = [:]
        for row in rows { lines[try row.get("order_id"), default: []].append(try StoredLine(row: row)) }
        return lines
    }

    static func releases(_ lines: [StoredLine]) -> [ID<OrderLine>: LineRelease] {
        Dictionary(lines.compactMap { stored in stored.release.map { (stored.line.id, $0) } }, uniquingKeysWith: { $1 })
    }

    /// Of lines of which nothing was held back there is none.
    static func reserves(_ lines: [StoredLine]) -> [ID<OrderLine>: Money] {
        Dictionary(
            lines.filter(\.reserve.isPositive).map { ($0.line.id, $0.reserve) }, uniquingKeysWith: { $1 })
    }

    private init(row: PostgresRow) throws {
        line = try OrderLine(row: row)
        reserve = Money(try row.get("reserve_minor"), line.amount.currency)
        guard let releasedAt: Timestamp = try row.get("released_at"),
            let transfer: ID<Transfer> = try row.get("transfer_id")
        else {
            release = nil
            return
        }
        release = LineRelease(
            releasedAt: releasedAt, transfer: transfer, transferState: try row.known("transfer_state"),
            isByRule: try row.get("release_id", as: String?.self) == nil)
    }
}

extension OrderSeller {
    private struct Form: Decodable {
        let seller: ID<Seller>
        let account: StripeAccountID
        let amount: Int64
        let basisPoints: Int64?
        let days: Int64?

        enum CodingKeys: String, CodingKey {
            case seller, account, amount, days
            case basisPoints = "basis_points"
        }

        func reserve() throws(Refusal) -> ReserveTerms? {
            guard let basisPoints, let days else { return nil }
            return try ReserveTerms(basisPoints: basisPoints, days: days)
        }
    }

    /// From the list that a query of orders brings along.
    fileprivate static func all(_ text: String, currency: Currency) throws -> [OrderSeller] {
        try PostgresJSON(text).read(as: [Form].self).map {
            OrderSeller(
                seller: $0.seller, stripeAccount: $0.account, amount: Money($0.amount, currency),
                reserve: try $0.reserve())
        }
    }
}

extension ChargeShape.Release {
    fileprivate init(row: PostgresRow) throws {
        switch try row.get("release_on", as: String.self) {
        case "payment": self = .onPayment
        case "fulfilment": self = .onFulfilment
        case "delay": self = .afterDays(Int64(try row.get("release_days", as: Int32.self)))
        case let text: throw OrderError.unreadableRow("release_on is '\(text)': was a newer version of Souk here?")
        }
    }

    /// The word of the API.
    var moment: String {
        switch self {
        case .onPayment: "payment"
        case .onFulfilment: "fulfilment"
        case .afterDays: "delay"
        }
    }

    var days: Int64? { if case .afterDays(let days) = self { days } else { nil } }
}

extension OrderLine {
    fileprivate init(row: PostgresRow) throws {
        let currency: Currency = try row.get("currency")
        let amount = Money(try row.get("amount_minor"), currency)
        let funder: String? = try row.get("funded_by")
        self.init(
            id: try row.get("id"),
            draft: try OrderLineDraft(
                kind: try row.known("type"), seller: try row.get("seller_id"), description: try row.get("description"),
                unitAmount: try row.get("unit_amount_minor"), quantity: try row.get("quantity"),
                category: try row.get("category"), fundedBy: funder.flatMap(Funder.init(rawValue:)),
                feeApplies: try row.get("fee_applies")),
            amount: amount, feePolicy: try row.get("fee_policy_id"),
            feeTerms: try FeeTerms(row: row, currency: currency), parts: try MoneyParts(row: row, currency: currency))
    }
}

extension FeeTerms {
    /// - Returns: nil for a line without a policy.
    fileprivate init?(row: PostgresRow, currency: Currency) throws {
        guard let bps: Int64 = try row.get("fee_percent_bps") else { return nil }
        try self.init(
            currency: currency, percentBPS: bps, fixed: try row.get("fee_fixed_minor"),
            minimum: try row.get("fee_minimum_minor"), maximum: try row.get("fee_maximum_minor"))
    }
}

extension MoneyParts {
    // `excess` is a refund's; lines have none.
    init(row: PostgresRow, currency: Currency, excess: Int64 = 0) throws {
        func money(_ column: String) throws -> Money { Money(try row.get(column), currency) }
        try self.init(
            amount: try money("amount_minor"), sellerAmount: try money("seller_minor"),
            platformFee: try money("platform_fee_minor"), tax: try money("tax_minor"),
            platformSales: try money("platform_sales_minor"), platformDiscount: try money("platform_discount_minor"),
            excess: Money(excess, currency))
    }
}

import Domain
import FoundationEssentials
import Postgres
import Store

// How rows of `orders` and `order_lines` are read.

extension OrderRecord {
    static let columns = """
        id, external_id, status, charge_shape, seller_id, stripe_account, currency, amount_minor, \
        application_fee_minor, amount_captured_minor, amount_refunded_minor, buyer_external_id, buyer_email, payment, \
        capture, success_url, cancel_url, metadata, payable, payment_try, payable_operation, checkout_session, \
        checkout_url, payment_intent, client_secret, payable_expires_at, charge_id, last_payment_error, \
        dispute_status, cancel_requested_at, canceled_at, paid_at, livemode, created_at, updated_at
        """

    static func refundedQuery(_ orders: [ID<Order>]) -> PostgresQuery {
        """
        SELECT rl.line_id, sum(rl.amount_minor)::bigint AS amount
        FROM refunds r JOIN refund_lines rl ON rl.refund_id = r.id
        WHERE r.order_id = ANY (\(orders)) AND r.status NOT IN ('failed', 'canceled')
        GROUP BY rl.line_id
        """
    }

    init(row: PostgresRow, lines: [OrderLine]) throws {
        let currency: Currency = try row.get("currency")
        func money(_ column: String) throws -> Money { Money(try row.get(column), currency) }
        id = try row.get("id")
        externalID = try row.get("external_id")
        status = try row.known("status")
        shape = try row.known("charge_shape")
        seller = try row.get("seller_id")
        stripeAccount = try row.get("stripe_account")
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
        disputeStatus = try row.get("dispute_status")
        cancelRequestedAt = try row.get("cancel_requested_at")
        canceledAt = try row.get("canceled_at")
        paidAt = try row.get("paid_at")
        livemode = try row.get("livemode")
        created = try row.get("created_at")
        updated = try row.get("updated_at")
        self.lines = lines
    }

    func withLines(in tx: StoreTransaction) async throws -> OrderRecord {
        var order = self
        order.lines = try OrderLine.byOrder(try await tx.query(OrderLine.query([id.rawValue])))[id.rawValue] ?? []
        return order
    }
}

extension OrderLine {
    static func query(_ orders: [String]) -> PostgresQuery {
        """
        SELECT order_id, id, type, seller_id, description, unit_amount_minor, quantity, amount_minor, category,
            funded_by, fee_applies, fee_policy_id, fee_percent_bps, fee_fixed_minor, fee_minimum_minor,
            fee_maximum_minor, seller_minor, platform_fee_minor, tax_minor, platform_sales_minor,
            platform_discount_minor, (SELECT currency FROM orders o WHERE o.id = order_id) AS currency
        FROM order_lines WHERE order_id = ANY (\(orders)) ORDER BY order_id, position
        """
    }

    /// Lines by their order, in their order.
    static func byOrder(_ rows: [PostgresRow]) throws -> [String: [OrderLine]] {
        var lines: [String: [OrderLine]] = [:]
        for row in rows { lines[try row.get("order_id"), default: []].append(try OrderLine(row: row)) }
        return lines
    }

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
    init(row: PostgresRow, currency: Currency) throws {
        func money(_ column: String) throws -> Money { Money(try row.get(column), currency) }
        try self.init(
            amount: try money("amount_minor"), sellerAmount: try money("seller_minor"),
            platformFee: try money("platform_fee_minor"), tax: try money("tax_minor"),
            platformSales: try money("platform_sales_minor"), platformDiscount: try money("platform_discount_minor"))
    }
}

extension PostgresRow {
    /// A word that must be one of ours.
    func known<Word: RawRepresentable<String>>(_ column: String, as type: Word.Type = Word.self) throws -> Word {
        let text: String = try get(column)
        guard let word = Word(rawValue: text) else {
            throw OrderError.unreadableRow("\(column) is '\(text)': was a newer version of Souk here?")
        }
        return word
    }
}

extension PostgresJSON {
    /// Reads what some build of Souk stored: members that this one does not know are left alone.
    func read<Value: Decodable>(as type: Value.Type) throws -> Value {
        do {
            return try JSONDecoder().decode(type, from: Data(text.utf8))
        } catch {
            throw OrderError.unreadableRow("stored \(type) cannot be read: \(error)")
        }
    }
}

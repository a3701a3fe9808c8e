import Domain
import Hummingbird
import Ledger
import Postgres
import Store
import Web

/// What a caller says to refund an order or to preview that. Kept with the refund, so that a repetition of the call can
/// be told from another call with the same `external_id`.
struct RefundRequestBody: Hashable, Sendable, Codable {
    /// Minor units. Neither amount nor lines: all that remains.
    let amount: Int64?
    let lines: [Line]?
    /// If given, it must be the order's.
    let currency: Currency?
    let reason: Reason?
    let externalID: String?
    let metadata: Metadata?

    struct Line: Hashable, Sendable, Codable {
        let line: ID<OrderLine>
        /// All that remains of the line when left out.
        let amount: Int64?
    }

    /// Stripe's words.
    enum Reason: String, Hashable, Sendable, Codable {
        case duplicate, fraudulent
        case requestedByCustomer = "requested_by_customer"
    }

    private enum CodingKeys: String, CodingKey {
        case amount, lines, currency, reason, metadata
        case externalID = "external_id"
    }

    /// - Throws: the refusal of the first field that makes no sense.
    func extent() throws(Refusal) -> RefundExtent {
        if let externalID { try PlainText.check(externalID, 1...255, parameter: "external_id") }
        switch (amount, lines) {
        case (nil, nil): return .rest
        case (let amount?, nil): return .amount(amount)
        case (nil, let lines?): return .lines(lines.map { RefundExtent.Line(id: $0.line, amount: $0.amount) })
        case (.some, .some):
            throw Refusal(.parameterInvalid, "Give either amount or lines, not both.", parameter: "lines")
        }
    }
}

/// `{"outcome":"paid_otherwise","reason":"…"}`
struct SettleRefundBody: Decodable, Sendable {
    let outcome: RefundRecord.Settlement
    let reason: String

    private enum CodingKeys: String, CodingKey { case outcome, reason }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        outcome = try container.decode(RefundRecord.Settlement.self, forKey: .outcome)
        reason = try container.decode(String.self, forKey: .reason)
        try ReasonBody.check(reason)
    }
}

/// A refund as callers see it.
struct RefundBody: Encodable, Sendable {
    let id: ID<Refund>
    let object = "refund"
    let order: ID<Order>
    let charge: StripeChargeID
    let stripeRefund: String?
    let externalID: String?
    let status: String
    let origin: String
    let currency: Currency
    let amount: Int64
    let sellerAmount: Int64
    let platformFee: Int64
    let tax: Int64
    let platformSales: Int64
    let platformDiscount: Int64
    /// What the buyer got beyond the order, the platform's loss.
    let excess: Int64
    let lines: [RefundLineBody]
    let reason: String?
    let failureReason: String?
    /// `due` while the buyer is still owed a refund that the bank sent back.
    let settlement: String?
    let settlementReason: String?
    let settledAt: Timestamp?
    /// The calls that make it at Stripe; null in events.
    let operations: [OrderOperationBody]?
    let metadata: Metadata
    let created: Timestamp
    let updated: Timestamp
    let livemode: Bool

    init(_ refund: RefundRecord, lines: [RefundLineBody], operations: [OrderOperationBody]?) {
        id = refund.id
        order = refund.order
        charge = refund.charge
        stripeRefund = refund.stripeID?.rawValue
        externalID = refund.externalID
        status = refund.status.rawValue
        origin = refund.origin
        currency = refund.parts.amount.currency
        amount = refund.parts.amount.minorUnits
        sellerAmount = refund.parts.sellerAmount.minorUnits
        platformFee = refund.parts.platformFee.minorUnits
        tax = refund.parts.tax.minorUnits
        platformSales = refund.parts.platformSales.minorUnits
        platformDiscount = refund.parts.platformDiscount.minorUnits
        excess = refund.parts.excess.minorUnits
        self.lines = lines
        reason = refund.reason
        failureReason = refund.failureReason
        settlement = refund.isDue ? "due" : refund.settlement?.rawValue
        settlementReason = refund.settlementReason
        settledAt = refund.settledAt
        self.operations = operations
        metadata = refund.metadata
        created = refund.created
        updated = refund.updated
        livemode = refund.livemode
    }
}

/// What a refund takes from one line, and of whose money.
struct RefundLineBody: Encodable, Sendable {
    let line: ID<OrderLine>
    let seller: ID<Seller>?
    let amount: Int64
    let sellerAmount: Int64
    let platformFee: Int64
    let tax: Int64
    let platformSales: Int64
    let platformDiscount: Int64

    init(_ line: OrderLine, _ parts: MoneyParts) {
        self.line = line.id
        seller = line.seller
        amount = parts.amount.minorUnits
        sellerAmount = parts.sellerAmount.minorUnits
        platformFee = parts.platformFee.minorUnits
        tax = parts.tax.minorUnits
        platformSales = parts.platformSales.minorUnits
        platformDiscount = parts.platformDiscount.minorUnits
    }

    private init(row: PostgresRow) throws {
        line = try row.get("line_id")
        seller = try row.get("seller_id")
        amount = try row.get("amount_minor")
        sellerAmount = try row.get("seller_minor")
        platformFee = try row.get("platform_fee_minor")
        tax = try row.get("tax_minor")
        platformSales = try row.get("platform_sales_minor")
        platformDiscount = try row.get("platform_discount_minor")
    }

    static func query(_ refunds: [ID<Refund>]) -> PostgresQuery {
        """
        SELECT r.refund_id, r.line_id, l.seller_id, r.amount_minor, r.seller_minor, r.platform_fee_minor, r.tax_minor,
            r.platform_sales_minor, r.platform_discount_minor
        FROM refund_lines r JOIN order_lines l ON l.id = r.line_id
        WHERE r.refund_id = ANY (\(refunds)) ORDER BY r.refund_id, l.position
        """
    }

    /// Lines by their refund, in the order's order.
    static func byRefund(_ rows: [PostgresRow]) throws -> [ID<Refund>: [RefundLineBody]] {
        var lines: [ID<Refund>: [RefundLineBody]] = [:]
        for row in rows { lines[try row.get("refund_id"), default: []].append(try RefundLineBody(row: row)) }
        return lines
    }
}

/// What a refund would do: what each party bears, and the calls that would be made.
struct RefundPreviewBody: ResponseEncodable, Sendable {
    let object = "refund_preview"
    let order: ID<Order>
    let currency: Currency
    /// What the buyer receives.
    let amount: Int64
    /// What could be refunded before, and what could be after.
    let amountRefundable: Int64
    let amountRemaining: Int64
    let sellers: [SellerShare]
    let platformFee: Int64
    let tax: Int64
    let platformSales: Int64
    let platformDiscount: Int64
    let lines: [RefundLineBody]
    let calls: [Call]
    let livemode: Bool

    /// What a seller bears.
    struct SellerShare: Encodable, Sendable {
        let seller: ID<Seller>
        let amount: Int64
        /// Owed to the seller and still with the platform.
        let fromPayable: Int64
        /// Held back from the seller until a date.
        let fromReserve: Int64
        /// In the seller's balance at Stripe already.
        let fromTransferred: Int64
    }

    /// A call to Stripe.
    struct Call: Encodable, Sendable {
        let kind: String
        let amount: Int64
        /// Whose balance it takes from or adds to, beside the platform's.
        let seller: ID<Seller>?
        /// Which of the order's transfers is reversed; null for the one that Stripe made with a destination charge.
        let transfer: ID<Transfer>?
    }

    init(_ decision: RefundDecision) {
        let parts = decision.allocation.total
        order = decision.order.id
        currency = parts.amount.currency
        amount = parts.amount.minorUnits
        amountRefundable = decision.refundable.minorUnits
        amountRemaining = decision.refundable.minorUnits - amount
        sellers = decision.sellers.map {
            SellerShare(
                seller: $0.seller,
                amount: $0.payable.minorUnits + $0.reserve.minorUnits + $0.receivable.minorUnits,
                fromPayable: $0.payable.minorUnits, fromReserve: $0.reserve.minorUnits,
                fromTransferred: $0.receivable.minorUnits)
        }
        platformFee = parts.platformFee.minorUnits
        tax = parts.tax.minorUnits
        platformSales = parts.platformSales.minorUnits
        platformDiscount = parts.platformDiscount.minorUnits
        lines = decision.allocation.shares.compactMap { share in
            decision.order.lines.first { $0.id == share.line }.map { RefundLineBody($0, share.parts) }
        }
        calls = decision.calls.map {
            Call(kind: $0.kind.rawValue, amount: $0.amount.minorUnits, seller: $0.seller, transfer: $0.transfer)
        }
        livemode = decision.order.livemode
    }
}

extension RefundBody: ResponseEncodable {}

extension Store {
    /// Refunds as callers see them.
    func bodies(of refunds: [RefundRecord]) async throws -> [RefundBody] {
        let ids = refunds.map(\.id)
        guard !ids.isEmpty else { return [] }
        let lines = try RefundLineBody.byRefund(try await query(RefundLineBody.query(ids)))
        var operations: [ID<Refund>: [OrderOperationBody]] = [:]
        for row in try await query(
            """
            SELECT subject_id, id, kind, state, reason FROM stripe_operations
            WHERE subject_id = ANY (\(ids)) ORDER BY array_position(\(OperationKind.ofRefunds.map(\.rawValue)), kind), id
            """)
        {
            operations[try row.get("subject_id"), default: []].append(
                OrderOperationBody(
                    id: try row.get("id"), kind: try row.get("kind"), state: try row.get("state"),
                    reason: try row.get("reason")))
        }
        return refunds.map { RefundBody($0, lines: lines[$0.id] ?? [], operations: operations[$0.id] ?? []) }
    }

    func body(of refund: RefundRecord) async throws -> RefundBody {
        guard let body = try await bodies(of: [refund]).first else { throw Refusal.noSuchRefund(refund.id) }
        return body
    }

    /// - Throws: `refund_not_found`.
    func requireRefund(_ id: ID<Refund>) async throws -> RefundRecord {
        let rows = try await query("SELECT \(unescaped: RefundRecord.columns) FROM refunds WHERE id = \(id)")
        guard let row = rows.first else { throw Refusal.noSuchRefund(id) }
        return try RefundRecord(row: row)
    }
}

extension Refusal {
    static func noSuchRefund(_ id: ID<Refund>) -> Refusal {
        Refusal(
            .refundNotFound, "There is no refund \(id). GET /v1/orders/{id}/refunds lists those of an order.",
            parameter: "id")
    }
}

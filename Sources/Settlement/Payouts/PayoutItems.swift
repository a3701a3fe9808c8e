import Domain
import Hummingbird
import Ledger
import Postgres
import Store
import Web

/// A part of a payout: a row of the balance that it took along, whole or in part.
struct PayoutItemBody: Encodable, Sendable {
    /// Stripe's id of the balance transaction.
    let id: String
    let object = "payout_item"
    let type: String
    /// Whether Souk knows what it is for. What is not is the seller's or the platform's other business.
    let matched: Bool
    /// What the payout takes of it.
    let amount: Int64
    /// What the balance transaction came to in all; more than `amount` where its rest is in another payout or unpaid.
    let netAmount: Int64
    let grossAmount: Int64
    /// Fees that were taken from `grossAmount`.
    let applicationFeeAmount: Int64
    let stripeFeeAmount: Int64
    let currency: Currency
    let order: ID<Order>?
    let orderExternalID: String?
    /// Stripe's id of what it is about: a charge, a transfer, a refund.
    let stripeObject: String?
    let created: Timestamp

    static let columns = """
        i.position, i.transaction_id, i.amount_minor, b.category, b.subject_kind, b.amount_minor AS gross_minor, \
        b.net_minor, b.fee_minor, b.currency, b.order_id, o.external_id, b.source_id, b.created_at, \
        b.stripe_account, coalesce((SELECT sum((f ->> 'amount')::bigint) FROM jsonb_array_elements(b.fees) f
            WHERE f ->> 'type' = 'application_fee'), 0)::bigint AS application_fee_minor, \
        b.subject_kind = 'transfer' AND EXISTS (
            SELECT 1 FROM transfers t JOIN adjustments a ON a.transfer_id = t.id WHERE t.stripe_id = b.subject_id)
            AS is_adjustment
        """

    init(row: PostgresRow) throws {
        let isPlatform = try row.get("stripe_account") as String == BalanceOwner.platform.code
        let subject: String = try row.get("subject_kind")
        let kind = PayoutItemType(
            category: try row.get("category"), ofPlatform: isPlatform, isExternal: subject == "external",
            isAdjustment: try row.get("is_adjustment"))
        id = try row.get("transaction_id")
        type = kind.rawValue
        matched = kind != .other
        amount = try row.get("amount_minor")
        currency = try row.get("currency")
        order = try row.get("order_id")
        orderExternalID = try row.get("external_id")
        stripeObject = try row.get("source_id")
        created = try row.get("created_at")
        let fees: Int64 = try row.get("fee_minor")
        applicationFeeAmount = try row.get("application_fee_minor")
        stripeFeeAmount = fees - applicationFeeAmount
        // Of a payout's own row only the fee is a part of a payout.
        netAmount = kind == .payoutFee ? -fees : try row.get("net_minor")
        grossAmount = kind == .payoutFee ? 0 : try row.get("gross_minor")
    }

    private enum CodingKeys: String, CodingKey {
        case id, object, type, matched, amount, netAmount, grossAmount, applicationFeeAmount, stripeFeeAmount, currency,
            order, orderExternalID, stripeObject, created
    }
}

/// What a part of a payout is, in the words of whoever is paid.
enum PayoutItemType: String, Hashable, Sendable, CaseIterable {
    case sale, adjustment, transfer, refund, reversal, dispute, fee, topup, reserve, collection
    /// Money from before the books were opened.
    case opening
    case refundFailure = "refund_failure"
    case applicationFee = "application_fee"
    case applicationFeeRefund = "application_fee_refund"
    case payoutFee = "payout_fee"
    /// Not Souk's business, or of a kind that Souk does not know.
    case other

    /// A rule over Stripe's reporting category. What a seller is paid for a sale comes as a transfer's mirror, and what is
    /// taken back as its refund.
    init(category: String, ofPlatform: Bool, isExternal: Bool, isAdjustment: Bool) {
        let type = Self.byCategory[category] ?? .other
        if type == .sale, isAdjustment {
            self = .adjustment
            return
        }
        switch (type, isExternal) {
        case (.topup, _), (.opening, _): self = type
        case (_, true): self = .other
        case (.refund, false): self = ofPlatform ? .refund : .reversal
        case (_, false): self = type
        }
    }

    static let byCategory: [String: PayoutItemType] = [
        "charge": .sale, "partial_capture_reversal": .sale, "charge_failure": .refundFailure, "refund": .refund,
        "refund_failure": .refundFailure, "transfer": .transfer, "transfer_reversal": .reversal,
        "platform_earning": .applicationFee, "platform_earning_refund": .applicationFeeRefund, "dispute": .dispute,
        "dispute_reversal": .dispute, "fee": .fee, "tax": .fee, "payout": .payoutFee, "payout_reversal": .payoutFee,
        "topup": .topup, "topup_reversal": .topup, "risk_reserved_funds": .reserve, "connect_reserved_funds": .reserve,
        "connect_collection_transfer": .collection, OpeningRow.category: .opening,
        "payout_minimum_balance_hold": .reserve, "payout_minimum_balance_release": .reserve,
    ]

    /// The same rule for PostgreSQL, over the row `b`: whether it is anything but `other`.
    static let isMatched: PostgresQuery = """
        (b.category = ANY (\(byCategory.keys.sorted()))
            AND (b.subject_kind <> 'external' OR b.category IN ('topup', 'topup_reversal', '\(unescaped: OpeningRow.category)')))
        """
}

/// A page of a payout's items, oldest first, with what all of them come to.
struct PayoutItemsBody: ResponseEncodable, Sendable {
    let object = "list"
    let url: String
    let hasMore: Bool
    let data: [PayoutItemBody]
    let payout: ID<Payout>
    let amount: Int64
    let currency: Currency
    /// `pending` until every row is known; then `complete`.
    let status: String
    /// `stripe`, or `allocation` where the oldest money went first; `opening` where it left before the books were opened and
    /// has no items; nil while pending.
    let source: String?
    /// Whether the payout came back, so that its items are unpaid again or in another one.
    let released: Bool
    let itemsAmount: Int64
    /// The part of it whose purpose Souk does not know; `?matched=false` lists it.
    let unmatchedAmount: Int64
    let unmatchedCount: Int64
    /// What of the payout no item explains: zero once it is complete.
    let sumDifference: Int64

    private enum CodingKeys: String, CodingKey {
        case object, url, hasMore, data, payout, amount, currency, status, source, released, itemsAmount,
            unmatchedAmount, unmatchedCount, sumDifference
    }
}

/// A payout's items as a table: `amount` sums to the payout.
enum PayoutItemCSV {
    static let head = CSV.line([
        "payout", "item", "type", "matched", "amount", "net_amount", "gross_amount", "application_fee_amount",
        "stripe_fee_amount", "currency", "order", "order_external_id", "stripe_object", "created",
    ])

    static func line(_ item: PayoutItemBody, of payout: PayoutRecord) -> String {
        func decimal(_ amount: Int64) -> String { Money(amount, item.currency).decimal }
        return CSV.line([
            payout.id.rawValue, item.id, item.type, String(item.matched), decimal(item.amount), decimal(item.netAmount),
            decimal(item.grossAmount), decimal(item.applicationFeeAmount), decimal(item.stripeFeeAmount),
            item.currency.code, item.order?.rawValue, item.orderExternalID, item.stripeObject, item.created.iso8601,
        ])
    }
}

extension PayoutRoutes {
    struct ItemsFilter: Decodable, Sendable {
        let matched: Bool?
    }

    @Sendable func items(_ request: Request, _ context: SoukContext) async throws -> ListOrCSV<PayoutItemsBody> {
        let (page, filter) = try request.list(filteredBy: ItemsFilter.self)
        let id = try context.id(of: Payout.self, else: .payoutNotFound)
        let payout = try await store.requirePayout(id)
        if request.prefersCSV {
            return .csv { cursor in
                let page = PageRequest(limit: 1000, cursor: cursor.map { .after($0) } ?? .newest)
                let items = Page(fetched: try await rows(of: id, page, filter), for: page)
                let head = cursor == nil ? PayoutItemCSV.head : ""
                let lines = items.elements.map { PayoutItemCSV.line($0, of: payout) }
                return (head + lines.joined(), items.hasMore ? items.elements.last?.id : nil)
            }
        }
        let sums = try await sums(of: id)
        let items = Page(fetched: try await rows(of: id, page, filter), for: page)
        let body = PayoutItemsBody(
            url: "/v1/payouts/\(id)/items", hasMore: items.hasMore, data: items.elements, payout: id,
            amount: payout.amount.minorUnits, currency: payout.amount.currency,
            status: payout.itemsSource == nil ? "pending" : "complete", source: payout.itemsSource,
            released: payout.returnedAt != nil, itemsAmount: sums.all, unmatchedAmount: sums.unmatched,
            unmatchedCount: sums.count, sumDifference: payout.amount.minorUnits - sums.all)
        return .json(body)
    }

    private func rows(
        of payout: ID<Payout>, _ page: PageRequest, _ filter: ItemsFilter
    ) async throws -> [PayoutItemBody] {
        var query: PostgresQuery = """
            SELECT \(unescaped: PayoutItemBody.columns) FROM payout_items i
            JOIN balance_transactions b ON b.stripe_account = i.stripe_account AND b.id = i.transaction_id
            LEFT JOIN orders o ON o.id = b.order_id
            WHERE i.payout_id = \(payout)
            """
        if let matched = filter.matched { query += " AND \(PayoutItemType.isMatched) = \(matched)" }
        func place(of id: String) -> PostgresQuery {
            "(SELECT position FROM payout_items WHERE payout_id = \(payout) AND transaction_id = \(id))"
        }
        switch page.cursor {
        case .newest: query += " ORDER BY i.position"
        case .after(let id): query += " AND i.position > \(place(of: id)) ORDER BY i.position"
        case .before(let id): query += " AND i.position < \(place(of: id)) ORDER BY i.position DESC"
        }
        query += " LIMIT \(page.rowsToFetch)"
        return try await store.query(query).map(PayoutItemBody.init)
    }

    private func sums(of payout: ID<Payout>) async throws -> (all: Int64, unmatched: Int64, count: Int64) {
        let rows = try await store.query(
            """
            SELECT coalesce(sum(amount_minor), 0)::bigint AS total,
                coalesce(sum(amount_minor) FILTER (WHERE NOT is_matched), 0)::bigint AS unmatched,
                count(*) FILTER (WHERE NOT is_matched) AS unmatched_count
            FROM (
                SELECT i.amount_minor, \(PayoutItemType.isMatched) AS is_matched FROM payout_items i
                JOIN balance_transactions b ON b.stripe_account = i.stripe_account AND b.id = i.transaction_id
                WHERE i.payout_id = \(payout)
            ) AS items
            """)
        guard let row = rows.first else { return (0, 0, 0) }
        return (try row.get("total"), try row.get("unmatched"), try row.get("unmatched_count"))
    }
}

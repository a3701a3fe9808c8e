import Domain
import Hummingbird
import Postgres
package import Store
package import Web

/// What the platform gives sellers without an order.
package struct AdjustmentRoutes: Sendable {
    let store: Store
    let adjust: AdjustSeller

    package init(store: Store) {
        self.store = store
        adjust = AdjustSeller(store: store)
    }

    package func register(on api: APIRoutes) {
        api.post("/v1/sellers/{id}/adjustments", scope: .transfersWrite, use: create)
        api.get("/v1/adjustments", scope: .transfersRead, use: list)
        api.get("/v1/adjustments/{id}", scope: .transfersRead, use: retrieve)
    }

    struct CreateBody: Decodable, Sendable {
        let amount: Int64
        let currency: Currency
        let reason: AdjustmentReason
        let description: String?
        let externalID: String?
        let metadata: Metadata?
    }

    struct Filter: Decodable, Sendable {
        let seller: ID<Seller>?
        let reason: AdjustmentReason?
    }

    @Sendable func create(_ request: Request, _ context: SoukContext) async throws -> EditedResponse<AdjustmentBody> {
        let seller = try context.id(of: Seller.self, else: .sellerNotFound)
        let body = try await request.decode(as: CreateBody.self, context: context)
        let wish = AdjustmentWish(
            seller: seller, amount: Money(body.amount, body.currency), reason: body.reason,
            description: body.description, externalID: body.externalID, metadata: body.metadata ?? .empty)
        let (adjustment, isNew) = try await adjust(wish, by: context.caller, claim: context.idempotency)
        // A repetition after a crash answers as the first try would have.
        let isMade = isNew || context.idempotency?.subject == adjustment.id.rawValue
        return EditedResponse(status: isMade ? .created : .ok, response: try await self.body(of: adjustment))
    }

    @Sendable func list(_ request: Request, _ context: SoukContext) async throws -> ListBody<AdjustmentBody> {
        let (page, filter) = try request.list(filteredBy: Filter.self)
        var condition: PostgresQuery = "true"
        if let seller = filter.seller { condition += " AND a.seller_id = \(seller)" }
        if let reason = filter.reason { condition += " AND a.reason = \(reason.rawValue)" }
        condition += page.keyset(on: "a.id")
        let found = Page(
            fetched: try await store.query(AdjustmentRecord.query(where: condition)).map(AdjustmentRecord.init),
            for: page)
        let operations = try await store.operations(found.elements.map(\.operation))
        let bodies = found.elements.map { AdjustmentBody($0, operation: operations[$0.operation]) }
        return ListBody(Page(elements: bodies, hasMore: found.hasMore), url: "/v1/adjustments")
    }

    @Sendable func retrieve(_ request: Request, _ context: SoukContext) async throws -> AdjustmentBody {
        try request.refuseQuery()
        let id = try context.id(of: Adjustment.self, else: .adjustmentNotFound)
        return try await body(of: try await store.requireAdjustment(id))
    }

    private func body(of adjustment: AdjustmentRecord) async throws -> AdjustmentBody {
        AdjustmentBody(adjustment, operation: try await store.operation(adjustment.operation))
    }
}

/// An adjustment as callers see it.
struct AdjustmentBody: ResponseEncodable, Sendable {
    let id: ID<Adjustment>
    let object = "adjustment"
    let status: AdjustmentStatus
    let seller: ID<Seller>
    let amount: Int64
    let currency: Currency
    let reason: AdjustmentReason
    let description: String?
    let externalID: String?
    let transfer: ID<Transfer>
    let stripeTransfer: StripeTransferID?
    /// Why it waits, and what becomes of it; nil once it is paid.
    let operation: PayoutOperationBody?
    let metadata: Metadata
    let created: Timestamp

    init(_ adjustment: AdjustmentRecord, operation: OperationRecord?) {
        id = adjustment.id
        status = adjustment.status
        seller = adjustment.seller
        amount = adjustment.amount.minorUnits
        currency = adjustment.amount.currency
        reason = adjustment.reason
        description = adjustment.description
        externalID = adjustment.externalID
        transfer = adjustment.transfer
        stripeTransfer = adjustment.stripeTransfer
        self.operation = adjustment.status == .paid ? nil : operation.map(PayoutOperationBody.init)
        metadata = adjustment.metadata
        created = adjustment.created
    }

    private enum CodingKeys: String, CodingKey {
        case id, object, status, seller, amount, currency, reason, description, externalID, transfer, stripeTransfer,
            operation, metadata, created
    }
}

import Domain
import Hummingbird
import Postgres
import Store
import Web

/// `/v1/orders/{id}/refunds` and `/v1/refunds`.
struct RefundRoutes: Sendable {
    let store: Store
    let refundOrder: RefundOrder
    let previewRefund: PreviewRefund
    let settleRefund: SettleRefund

    func register(on api: APIRoutes) {
        api.post("/v1/orders/{id}/refunds", scope: .refundsWrite, use: create)
        api.get("/v1/orders/{id}/refunds", scope: .ordersRead, use: list)
        api.post("/v1/orders/{id}/refunds/preview", scope: .ordersRead, use: preview)
        api.get("/v1/refunds/{id}", scope: .ordersRead, use: retrieve)
        api.post("/v1/refunds/{id}/settle", scope: .admin, use: settle)
    }

    @Sendable func create(_ request: Request, _ context: SoukContext) async throws -> EditedResponse<RefundBody> {
        let body = try await request.decode(as: RefundRequestBody.self, context: context)
        let (refund, isNew) = try await refundOrder(
            try context.orderID(), body, by: context.caller, claim: context.idempotency)
        // A repetition after a crash answers as the first try would have.
        let isMade = isNew || context.idempotency?.subject == refund.id.rawValue
        return EditedResponse(status: isMade ? .created : .ok, response: try await store.body(of: refund))
    }

    @Sendable func preview(_ request: Request, _ context: SoukContext) async throws -> RefundPreviewBody {
        let body = try await request.decode(as: RefundRequestBody.self, context: context)
        return try await previewRefund(try context.orderID(), body)
    }

    @Sendable func list(_ request: Request, _ context: SoukContext) async throws -> ListBody<RefundBody> {
        let (page, _) = try request.list(filteredBy: NoBody.self)
        let order = try await store.requireOrder(try context.orderID()).id
        let refunds = try await store.query(
            "SELECT \(unescaped: RefundRecord.columns) FROM refunds WHERE order_id = \(order)" + page.keyset()
        ).map(RefundRecord.init)
        let found = Page(fetched: refunds, for: page)
        return ListBody(
            Page(elements: try await store.bodies(of: found.elements), hasMore: found.hasMore),
            url: "/v1/orders/\(order)/refunds")
    }

    @Sendable func retrieve(_ request: Request, _ context: SoukContext) async throws -> RefundBody {
        try request.refuseQuery()
        return try await store.body(of: try await store.requireRefund(try context.refundID()))
    }

    @Sendable func settle(_ request: Request, _ context: SoukContext) async throws -> RefundBody {
        let body = try await request.decode(as: SettleRefundBody.self, context: context)
        return try await store.body(
            of: try await settleRefund(try context.refundID(), body, by: context.caller))
    }
}

extension SoukContext {
    fileprivate func refundID() throws(Refusal) -> ID<Refund> { try id(of: Refund.self, else: .refundNotFound) }
}

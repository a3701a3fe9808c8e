import Domain
import Hummingbird
import Postgres
import Store
import Web

/// `/v1/orders` and what buyers see when they come back from Stripe's page.
struct OrderRoutes: Sendable {
    let store: Store
    let placeOrder: PlaceOrder
    let previewOrder: PreviewOrder
    let captureOrder: CaptureOrder
    let cancelOrder: CancelOrder
    let resumePayment: ResumePayment
    let releaseOrder: ReleaseOrder

    func register(on api: APIRoutes) {
        api.post("/v1/orders", scope: .ordersWrite, use: place)
        api.get("/v1/orders", scope: .ordersRead, use: list)
        api.post("/v1/orders/preview", scope: .ordersRead, use: preview)
        api.get("/v1/orders/{id}", scope: .ordersRead, use: retrieve)
        api.post("/v1/orders/{id}/capture", scope: .ordersWrite, use: capture)
        api.post("/v1/orders/{id}/cancel", scope: .ordersWrite, use: cancel)
        api.post("/v1/orders/{id}/payment", scope: .ordersWrite, use: resume)
        api.post("/v1/orders/{id}/release", scope: .ordersWrite, use: release)
        api.open(.get, "/checkout/success", use: CheckoutPages.success)
        api.open(.get, "/checkout/canceled", use: CheckoutPages.canceled)
    }

    @Sendable func place(_ request: Request, _ context: SoukContext) async throws -> EditedResponse<OrderBody> {
        let body = try await request.decode(as: PlaceOrderBody.self, context: context)
        let (order, isNew) = try await placeOrder(body, by: context.caller, claim: context.idempotency)
        // A repetition after a crash answers as the first try would have.
        let isMade = isNew || context.idempotency?.subject == order.id.rawValue
        return EditedResponse(status: isMade ? .created : .ok, response: try await store.body(of: order))
    }

    @Sendable func preview(_ request: Request, _ context: SoukContext) async throws -> OrderPreviewBody {
        try await previewOrder(try await request.decode(as: PlaceOrderBody.self, context: context))
    }

    @Sendable func retrieve(_ request: Request, _ context: SoukContext) async throws -> OrderBody {
        try request.refuseQuery()
        return try await store.body(of: try await store.requireOrder(try context.orderID()))
    }

    @Sendable func list(_ request: Request, _ context: SoukContext) async throws -> ListBody<OrderBody> {
        let (page, filter) = try request.list(filteredBy: OrderFilter.self)
        let found = Page(fetched: try await store.orders(where: filter.condition + page.keyset()), for: page)
        let bodies = try await store.bodies(of: found.elements)
        return ListBody(Page(elements: bodies, hasMore: found.hasMore), url: "/v1/orders")
    }

    @Sendable func capture(_ request: Request, _ context: SoukContext) async throws -> OrderBody {
        let body = try await request.decode(as: CaptureBody.self, context: context)
        return try await store.body(
            of: try await captureOrder(try context.orderID(), amount: body.amount, by: context.caller))
    }

    @Sendable func cancel(_ request: Request, _ context: SoukContext) async throws -> OrderBody {
        _ = try await request.decode(as: NoBody.self, context: context)
        return try await store.body(of: try await cancelOrder(try context.orderID(), by: context.caller))
    }

    @Sendable func resume(_ request: Request, _ context: SoukContext) async throws -> OrderBody {
        _ = try await request.decode(as: NoBody.self, context: context)
        return try await store.body(of: try await resumePayment(try context.orderID(), by: context.caller))
    }
}

struct CaptureBody: Decodable {
    /// Minor units; the whole order when left out.
    let amount: Int64?
}

struct NoBody: Decodable {}

/// What a list of orders can be narrowed by. Times are Unix seconds: `created[gte]=…`.
struct OrderFilter: Decodable {
    let status: String?
    let externalID: String?
    let seller: ID<Seller>?
    let created: CreatedFilter?

    private enum CodingKeys: String, CodingKey {
        case status, externalID, seller, created
    }

    var condition: PostgresQuery {
        get throws(Refusal) {
            var query: PostgresQuery = "true"
            if let status {
                guard let known = OrderStatus(rawValue: status) else {
                    throw Refusal(
                        .parameterInvalid,
                        "status is one of \(OrderStatus.allCases.map(\.rawValue).joined(separator: ", ")).",
                        parameter: "status")
                }
                query += " AND status = \(known.rawValue)"
            }
            if let externalID { query += " AND external_id = \(externalID)" }
            if let seller { query += " AND id IN (SELECT order_id FROM order_sellers WHERE seller_id = \(seller))" }
            if let from = created?.from { query += " AND created_at >= \(from)" }
            if let before = created?.before { query += " AND created_at < \(before)" }
            return query
        }
    }
}

extension SoukContext {
    func orderID() throws(Refusal) -> ID<Order> { try id(of: Order.self, else: .orderNotFound) }
}

extension OrderBody: ResponseEncodable {}
extension OrderPreviewBody: ResponseEncodable {}

import Domain
import Hummingbird
import Ledger
import Postgres
package import Store
package import Web

/// A payout as callers see it.
package struct PayoutBody: ResponseEncodable, Sendable {
    let id: ID<Payout>
    let object = "payout"
    /// The connected account, or `platform`.
    let stripeAccount: String
    /// Null until Stripe has made it.
    let stripePayout: StripePayoutID?
    let seller: ID<Seller>?
    let status: String
    let amount: Int64
    let currency: Currency
    let automatic: Bool
    let method: String
    let origin: PayoutOrigin
    let externalID: String?
    let description: String?
    let destination: String?
    let arrivalDate: Timestamp?
    let failureCode: String?
    let failureMessage: String?
    /// What Souk has yet to finish at Stripe, or could not.
    let operation: PayoutOperationBody?
    let metadata: Metadata
    let created: Timestamp

    init(_ payout: PayoutRecord, operation: OperationRecord? = nil) {
        id = payout.id
        stripeAccount = payout.owner.code
        stripePayout = payout.stripeID
        seller = payout.seller
        status = payout.status
        amount = payout.amount.minorUnits
        currency = payout.amount.currency
        automatic = payout.automatic
        method = payout.method
        origin = payout.origin
        externalID = payout.externalID
        description = payout.description
        destination = payout.destination
        arrivalDate = payout.arrivesAt
        failureCode = payout.failureCode
        failureMessage = payout.failureMessage
        self.operation = operation.map(PayoutOperationBody.init)
        metadata = payout.metadata
        created = payout.createdAt
    }

    private enum CodingKeys: String, CodingKey {
        case id, object, stripeAccount, stripePayout, seller, status, amount, currency, automatic, method, origin,
            externalID, description, destination, arrivalDate, failureCode, failureMessage, operation, metadata, created
    }
}

struct PayoutOperationBody: Encodable, Sendable {
    let id: ID<Operation>
    let state: String
    let reason: String?

    init(_ operation: OperationRecord) {
        id = operation.id
        state = operation.state.rawValue
        reason = operation.reason
    }
}

/// Payouts: asking for one, reading them, and what each is made of.
package struct PayoutRoutes: Sendable {
    let store: Store
    let request: RequestPayout

    package init(store: Store, request: RequestPayout) {
        self.store = store
        self.request = request
    }

    package func register(on api: APIRoutes) {
        api.post("/v1/sellers/{id}/payouts", scope: .payoutsWrite, use: create)
        api.get("/v1/payouts", scope: .transfersRead, use: list)
        api.get("/v1/payouts/{id}", scope: .transfersRead, use: retrieve)
        api.get("/v1/payouts/{id}/items", scope: .transfersRead, use: items)
    }

    struct Filter: Decodable, Sendable {
        let seller: ID<Seller>?
        let status: String?
    }

    @Sendable func list(_ request: Request, _ context: SoukContext) async throws -> ListBody<PayoutBody> {
        let (page, filter) = try request.list(filteredBy: Filter.self)
        var query: PostgresQuery = "SELECT \(unescaped: PayoutRecord.columns) FROM payouts WHERE true"
        if let seller = filter.seller { query += " AND seller_id = \(seller)" }
        if let status = filter.status { query += " AND status = \(status)" }
        query += page.keyset()
        let payouts = Page(fetched: try await store.query(query).map(PayoutRecord.init), for: page)
        let bodies = try await bodies(of: payouts.elements)
        return ListBody(Page(elements: bodies, hasMore: payouts.hasMore), url: "/v1/payouts")
    }

    @Sendable func retrieve(_ request: Request, _ context: SoukContext) async throws -> PayoutBody {
        try request.refuseQuery()
        let id = try context.id(of: Payout.self, else: .payoutNotFound)
        return try await body(of: try await store.requirePayout(id))
    }

    /// With the operations of those that Stripe has not made.
    private func bodies(of payouts: [PayoutRecord]) async throws -> [PayoutBody] {
        let waiting = payouts.filter { $0.stripeID == nil }.compactMap(\.operation)
        let operations = try await store.operations(waiting)
        return payouts.map { payout in
            PayoutBody(payout, operation: payout.stripeID == nil ? payout.operation.flatMap { operations[$0] } : nil)
        }
    }

    private func body(of payout: PayoutRecord) async throws -> PayoutBody {
        guard payout.stripeID == nil, let operation = payout.operation else { return PayoutBody(payout) }
        return PayoutBody(payout, operation: try await store.operation(operation))
    }

    struct CreateBody: Decodable, Sendable {
        let amount: Int64
        let currency: Currency
        let method: PayoutWish.Method?
        let externalID: String
        let description: String?
        let metadata: Metadata?
    }

    @Sendable func create(_ request: Request, _ context: SoukContext) async throws -> EditedResponse<PayoutBody> {
        let seller = try context.id(of: Seller.self, else: .sellerNotFound)
        let body = try await request.decode(as: CreateBody.self, context: context)
        let wish = PayoutWish(
            seller: seller, amount: Money(body.amount, body.currency), method: body.method ?? .standard,
            externalID: body.externalID, description: body.description, metadata: body.metadata ?? .empty)
        let (payout, isNew) = try await self.request(wish, by: context.caller, claim: context.idempotency)
        // A repetition after a crash answers as the first try would have.
        let isMade = isNew || context.idempotency?.subject == payout.id.rawValue
        return EditedResponse(status: isMade ? .created : .ok, response: try await self.body(of: payout))
    }
}

extension Store {
    /// - Throws: `payout_not_found`.
    func requirePayout(_ id: ID<Payout>) async throws -> PayoutRecord {
        let rows = try await query("SELECT \(unescaped: PayoutRecord.columns) FROM payouts WHERE id = \(id)")
        guard let row = rows.first else {
            throw Refusal(.payoutNotFound, "There is no payout '\(id)'. GET /v1/payouts lists them.", parameter: "id")
        }
        return try PayoutRecord(row: row)
    }
}

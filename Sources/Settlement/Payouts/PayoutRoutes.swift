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
    let stripePayout: StripePayoutID
    let seller: ID<Seller>?
    let status: String
    let amount: Int64
    let currency: Currency
    let automatic: Bool
    let method: String
    let arrivalDate: Timestamp
    let failureCode: String?
    let failureMessage: String?
    let created: Timestamp

    init(_ payout: PayoutRecord) {
        id = payout.id
        stripeAccount = payout.owner.code
        stripePayout = payout.stripeID
        seller = payout.seller
        status = payout.status
        amount = payout.amount.minorUnits
        currency = payout.amount.currency
        automatic = payout.automatic
        method = payout.method
        arrivalDate = payout.arrivesAt
        failureCode = payout.failureCode
        failureMessage = payout.failureMessage
        created = payout.createdAt
    }

    private enum CodingKeys: String, CodingKey {
        case id, object, stripeAccount, stripePayout, seller, status, amount, currency, automatic, method, arrivalDate,
            failureCode, failureMessage, created
    }
}

/// `GET /v1/payouts` and one of them.
package struct PayoutRoutes: Sendable {
    let store: Store

    package init(store: Store) { self.store = store }

    package func register(on api: APIRoutes) {
        api.get("/v1/payouts", scope: .transfersRead, use: list)
        api.get("/v1/payouts/{id}", scope: .transfersRead, use: retrieve)
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
        let payouts = try await store.query(query).map { PayoutBody(try PayoutRecord(row: $0)) }
        return ListBody(Page(fetched: payouts, for: page), url: "/v1/payouts")
    }

    @Sendable func retrieve(_ request: Request, _ context: SoukContext) async throws -> PayoutBody {
        try request.refuseQuery()
        let id = try context.id(of: Payout.self, else: .payoutNotFound)
        let rows = try await store.query("SELECT \(unescaped: PayoutRecord.columns) FROM payouts WHERE id = \(id)")
        guard let row = rows.first else {
            throw Refusal(.payoutNotFound, "There is no payout '\(id)'.", parameter: "id")
        }
        return PayoutBody(try PayoutRecord(row: row))
    }
}

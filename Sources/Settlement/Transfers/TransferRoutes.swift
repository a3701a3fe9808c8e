import Domain
import Hummingbird
import Postgres
package import Store
package import Web

/// A transfer from the platform's balance to a seller's, as callers see it.
package struct TransferBody: ResponseEncodable, Sendable {
    let id: ID<Transfer>
    let object = "transfer"
    let stripeTransfer: StripeTransferID
    let stripeAccount: String
    let seller: ID<Seller>?
    let order: ID<Order>?
    let transferGroup: String?
    /// The charge whose money it is.
    let stripeCharge: String?
    let amount: Int64
    let amountReversed: Int64
    let currency: Currency
    let created: Timestamp

    static let columns = """
        id, stripe_id, stripe_account, seller_id, order_id, transfer_group, charge_id, amount_minor, \
        amount_reversed_minor, currency, created_at
        """

    init(row: PostgresRow) throws {
        id = try row.get("id")
        stripeTransfer = try row.get("stripe_id")
        stripeAccount = try row.get("stripe_account")
        seller = try row.get("seller_id")
        order = try row.get("order_id")
        transferGroup = try row.get("transfer_group")
        stripeCharge = try row.get("charge_id")
        amount = try row.get("amount_minor")
        amountReversed = try row.get("amount_reversed_minor")
        currency = try row.get("currency")
        created = try row.get("created_at")
    }

    private enum CodingKeys: String, CodingKey {
        case id, object, stripeTransfer, stripeAccount, seller, order, transferGroup, stripeCharge, amount,
            amountReversed, currency, created
    }
}

/// `GET /v1/transfers` and one of them.
package struct TransferRoutes: Sendable {
    let store: Store

    package init(store: Store) { self.store = store }

    package func register(on api: APIRoutes) {
        api.get("/v1/transfers", scope: .transfersRead, use: list)
        api.get("/v1/transfers/{id}", scope: .transfersRead, use: retrieve)
    }

    struct Filter: Decodable, Sendable {
        let seller: ID<Seller>?
        let order: ID<Order>?
        let transferGroup: String?
    }

    @Sendable func list(_ request: Request, _ context: SoukContext) async throws -> ListBody<TransferBody> {
        let (page, filter) = try request.list(filteredBy: Filter.self)
        var query: PostgresQuery = "SELECT \(unescaped: TransferBody.columns) FROM transfers WHERE true"
        if let seller = filter.seller { query += " AND seller_id = \(seller)" }
        if let order = filter.order { query += " AND order_id = \(order)" }
        if let group = filter.transferGroup { query += " AND transfer_group = \(group)" }
        query += page.keyset()
        let transfers = try await store.query(query).map(TransferBody.init)
        return ListBody(Page(fetched: transfers, for: page), url: "/v1/transfers")
    }

    @Sendable func retrieve(_ request: Request, _ context: SoukContext) async throws -> TransferBody {
        try request.refuseQuery()
        let id = try context.id(of: Transfer.self, else: .transferNotFound)
        let rows = try await store.query("SELECT \(unescaped: TransferBody.columns) FROM transfers WHERE id = \(id)")
        guard let row = rows.first else {
            throw Refusal(.transferNotFound, "There is no transfer '\(id)'.", parameter: "id")
        }
        return try TransferBody(row: row)
    }
}

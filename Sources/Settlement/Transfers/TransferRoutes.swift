import Domain
import Hummingbird
import Orders
import Postgres
package import Store
package import Web

/// `GET /v1/transfers` and one of them, and how the money of one order's group stands.
package struct TransferRoutes: Sendable {
    let store: Store

    package init(store: Store) { self.store = store }

    package func register(on api: APIRoutes) {
        api.get("/v1/transfers", scope: .transfersRead, use: list)
        api.get("/v1/transfers/{id}", scope: .transfersRead, use: retrieve)
        api.get("/v1/transfer_groups/{id}", scope: .transfersRead, use: group)
    }

    struct Filter: Decodable, Sendable {
        let seller: ID<Seller>?
        let order: ID<Order>?
        let transferGroup: String?
        let state: String?
    }

    @Sendable func list(_ request: Request, _ context: SoukContext) async throws -> ListBody<TransferBody> {
        let (page, filter) = try request.list(filteredBy: Filter.self)
        var condition: PostgresQuery = "true"
        if let seller = filter.seller { condition += " AND t.seller_id = \(seller)" }
        if let order = filter.order { condition += " AND t.order_id = \(order)" }
        if let group = filter.transferGroup { condition += " AND t.transfer_group = \(group)" }
        if let state = filter.state {
            guard TransferState(rawValue: state) != nil else {
                let choices = TransferState.allCases.map(\.rawValue).joined(separator: ", ")
                throw Refusal(
                    .parameterInvalid, "'\(state)' is no state. Choose one of: \(choices).", parameter: "state")
            }
            condition += " AND t.state = \(state)"
        }
        condition += page.keyset(on: "t.id")
        let transfers = try await store.query(TransferBody.query(where: condition)).map(TransferBody.init)
        return ListBody(Page(fetched: transfers, for: page), url: "/v1/transfers")
    }

    @Sendable func retrieve(_ request: Request, _ context: SoukContext) async throws -> TransferBody {
        try request.refuseQuery()
        let id = try context.id(of: Transfer.self, else: .transferNotFound)
        guard let row = try await store.query(TransferBody.query(where: "t.id = \(id)")).first else {
            throw Refusal(
                .transferNotFound, "There is no transfer '\(id)'. GET /v1/transfers lists them.", parameter: "id")
        }
        return try TransferBody(row: row)
    }
}

package import Domain
import Hummingbird
import Postgres
package import Store
package import Web

/// Reads sellers, newest first.
package struct ListSellers: Sendable {
    let store: Store

    package init(store: Store) { self.store = store }

    package func callAsFunction(_ filter: SellerFilter, _ page: PageRequest) async throws -> Page<SellerRecord> {
        try page.cursor.requireSellerID()
        let query = try PostgresQuery(filter, page)
        let rows = try await store.query(query)
        return Page(fetched: try rows.map(SellerRecord.init), for: page)
    }
}

/// Which sellers a list shows: those for which everything given holds.
package struct SellerFilter: Decodable, Sendable {
    package let status: SellerStatus?
    package let externalID: String?
    package let email: String?
    package let stripeAccount: StripeAccountID?
    package let held: Bool?
    package let created: CreatedFilter?
    package let metadata: [String: String]?
}

extension PostgresQuery {
    fileprivate init(_ filter: SellerFilter, _ page: PageRequest) throws {
        self = "SELECT \(unescaped: SellerRecord.columns) FROM sellers WHERE true"
        if let status = filter.status { self += " AND status = \(status.rawValue)" }
        if let externalID = filter.externalID { self += " AND external_id = \(externalID)" }
        if let email = filter.email { self += " AND email = \(email)" }
        if let account = filter.stripeAccount {
            // Also by an account that the seller had before.
            self += " AND id IN (SELECT seller_id FROM seller_accounts WHERE stripe_account = \(account))"
        }
        if let held = filter.held { self += " AND (held_at IS NOT NULL) = \(held)" }
        if let metadata = filter.metadata { self += " AND metadata @> \(try PostgresJSON(encoding: metadata))" }
        if let from = filter.created?.from { self += " AND created_at >= \(from)" }
        if let before = filter.created?.before { self += " AND created_at < \(before)" }
        self += page.keyset()
    }
}

extension PageCursor {
    fileprivate func requireSellerID() throws(Refusal) {
        let text: String
        let parameter: String
        switch self {
        case .newest: return
        case .after(let id): (text, parameter) = (id, "starting_after")
        case .before(let id): (text, parameter) = (id, "ending_before")
        }
        guard ID<Seller>(text) != nil else {
            throw Refusal(.parameterInvalid, "Give the id of a seller in this list.", parameter: parameter)
        }
    }
}

extension SellerRoutes {
    @Sendable func list(_ request: Request, _ context: SoukContext) async throws -> ListBody<SellerBody> {
        let (page, filter) = try request.list(filteredBy: SellerFilter.self)
        let sellers = try await ListSellers(store: store)(filter, page)
        let operations = try await store.unfinishedOperations(of: sellers.elements.map(\.id))
        return ListBody(sellers.map { SellerBody($0, operation: operations[$0.id]) }, url: "/v1/sellers")
    }

    @Sendable func retrieve(_ request: Request, _ context: SoukContext) async throws -> SellerBody {
        try request.refuseQuery()
        let id = try context.id(of: Seller.self, else: .sellerNotFound)
        return try await store.body(of: try await store.requireSeller(id))
    }
}

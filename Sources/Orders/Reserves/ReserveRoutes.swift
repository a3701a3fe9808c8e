import Domain
import Hummingbird
import Store
import Web

/// `/v1/sellers/{id}/reserve`: what is held back of the seller's orders, and until when.
struct ReserveRoutes: Sendable {
    let store: Store

    func register(on api: APIRoutes) {
        api.get("/v1/sellers/{id}/reserve", scope: .sellersRead, use: retrieve)
        api.post("/v1/sellers/{id}/reserve", scope: .admin, use: set)
    }

    struct SetBody: Decodable, Sendable {
        /// Zero ends it.
        let basisPoints: Int64
        let days: Int64?

        func terms() throws(Refusal) -> ReserveTerms? {
            if basisPoints == 0 {
                // What is given is checked also where nothing needs it.
                if let days { _ = try ReserveTerms(basisPoints: 1, days: days) }
                return nil
            }
            guard let days else {
                throw Refusal(.parameterMissing, "Say for how many days it is held back.", parameter: "days")
            }
            return try ReserveTerms(basisPoints: basisPoints, days: days)
        }
    }

    @Sendable func retrieve(_ request: Request, _ context: SoukContext) async throws -> ReserveBody {
        try request.refuseQuery()
        return try await store.reserve(of: try context.sellerID())
    }

    @Sendable func set(_ request: Request, _ context: SoukContext) async throws -> ReserveBody {
        let seller = try context.sellerID()
        let body = try await request.decode(as: SetBody.self, context: context)
        try await SetReserve(store: store)(seller, try body.terms(), by: context.caller)
        return try await store.reserve(of: seller)
    }
}

extension SoukContext {
    fileprivate func sellerID() throws(Refusal) -> ID<Seller> { try id(of: Seller.self, else: .sellerNotFound) }
}

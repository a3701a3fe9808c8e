import Domain
import Hummingbird
import Postgres
import Sellers
import Store
import Web

/// `/v1/admin/netting_policies`: which part of later shares pays what sellers owe. The newest of a seller holds for the
/// seller; for every other one the newest that names none.
struct NettingRoutes: Sendable {
    let store: Store

    func register(on api: APIRoutes) {
        api.post("/v1/admin/netting_policies", scope: .admin, use: create)
        api.get("/v1/admin/netting_policies", scope: .admin, use: list)
    }

    struct CreateBody: Decodable, Sendable {
        /// Left out for every seller that has none of its own.
        let seller: ID<Seller>?
        let percentBps: Int64
    }

    @Sendable func create(
        _ request: Request, _ context: SoukContext
    ) async throws -> EditedResponse<NettingPolicyBody> {
        let body = try await request.decode(as: CreateBody.self, context: context)
        guard (0...10_000).contains(body.percentBps) else {
            throw Refusal(
                .parameterInvalid, "A part of a share is 0 to 10000 basis points.", parameter: "percent_bps")
        }
        let caller = context.caller
        let policy = try await store.transaction { tx in
            if let seller = body.seller, try await tx.sellerForShare(seller) == nil {
                throw Refusal(
                    .sellerNotFound, "There is no seller \(seller). GET /v1/sellers lists them.", parameter: "seller")
            }
            let rows = try await tx.query(
                """
                INSERT INTO netting_policies (id, seller_id, percent_bps, created_at)
                VALUES (\(tx.makeID(NettingPolicy.self)), \(body.seller), \(body.percentBps), \(tx.now))
                RETURNING \(unescaped: NettingPolicyBody.columns)
                """)
            guard let policy = try rows.first.map(NettingPolicyBody.init) else {
                throw OrderError.unreadableRow("a netting policy was not written")
            }
            try await tx.audit(
                "netting_policy.create", subject: policy.id.rawValue, by: caller,
                details: ["seller": body.seller?.rawValue ?? "every seller", "percent_bps": "\(body.percentBps)"])
            return policy
        }
        return EditedResponse(status: .created, response: policy)
    }

    @Sendable func list(_ request: Request, _ context: SoukContext) async throws -> ListBody<NettingPolicyBody> {
        let page = try request.page()
        let rows = try await store.query(
            "SELECT \(unescaped: NettingPolicyBody.columns) FROM netting_policies WHERE true" + page.keyset())
        let policies = try rows.map(NettingPolicyBody.init)
        return ListBody(Page(fetched: policies, for: page), url: "/v1/admin/netting_policies")
    }
}

struct NettingPolicyBody: ResponseEncodable, Sendable {
    let id: ID<NettingPolicy>
    let object = "netting_policy"
    let seller: ID<Seller>?
    let percentBps: Int64
    let created: Timestamp

    static let columns = "id, seller_id, percent_bps, created_at"

    init(row: PostgresRow) throws {
        id = try row.get("id")
        seller = try row.get("seller_id")
        percentBps = try row.get("percent_bps")
        created = try row.get("created_at")
    }

    private enum CodingKeys: String, CodingKey { case id, object, seller, percentBps, created }
}

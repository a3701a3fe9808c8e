import Domain
import Hummingbird
import Postgres
import Store
import Web

/// A bank's warning of fraud as callers see it.
struct FraudWarningBody: Encodable, Sendable {
    let id: ID<FraudWarning>
    let object = "fraud_warning"
    let stripeWarning: StripeFraudWarningID
    let order: ID<Order>
    let charge: StripeChargeID
    /// Stripe's word.
    let fraudType: String
    /// Neither wholly refunded nor disputed, by Stripe.
    let actionable: Bool
    /// The policy when it became known, and what was done then.
    let policy: String
    let action: String
    let refund: ID<Refund>?
    /// Transfers of the order wait because of it.
    let holdsRelease: Bool
    let releasedAt: Timestamp?
    let releaseReason: String?
    let created: Timestamp

    init(_ warning: FraudWarningRecord) {
        id = warning.id
        stripeWarning = warning.stripeID
        order = warning.order
        charge = warning.charge
        fraudType = warning.fraudType
        actionable = warning.isActionable
        policy = warning.policy.rawValue
        action = warning.action.rawValue
        refund = warning.refund
        holdsRelease = warning.holdsRelease
        releasedAt = warning.releasedAt
        releaseReason = warning.releaseReason
        created = warning.createdAt
    }

    private enum CodingKeys: String, CodingKey {
        case id, object, stripeWarning, order, charge, fraudType, actionable, policy, action, refund, holdsRelease,
            releasedAt, releaseReason, created
    }
}

extension FraudWarningBody: ResponseEncodable {}

/// `/v1/fraud_warnings`: what banks warn of, what was done about it, and letting go of what it holds.
struct FraudWarningRoutes: Sendable {
    let store: Store
    let release: ReleaseFraudHold

    func register(on api: APIRoutes) {
        api.get("/v1/fraud_warnings", scope: .disputesRead, use: list)
        api.get("/v1/fraud_warnings/{id}", scope: .disputesRead, use: retrieve)
        api.post("/v1/fraud_warnings/{id}/release", scope: .admin, use: release)
    }

    struct Filter: Decodable, Sendable {
        let order: ID<Order>?
        let holdsRelease: Bool?

        private enum CodingKeys: String, CodingKey {
            case order
            case holdsRelease = "holds_release"
        }
    }

    @Sendable func list(_ request: Request, _ context: SoukContext) async throws -> ListBody<FraudWarningBody> {
        let (page, filter) = try request.list(filteredBy: Filter.self)
        var query: PostgresQuery = "SELECT \(unescaped: FraudWarningRecord.columns) FROM fraud_warnings WHERE true"
        if let order = filter.order { query += " AND order_id = \(order)" }
        if let holds = filter.holdsRelease { query += " AND \(FraudWarningRecord.holdingRelease) = \(holds)" }
        query += page.keyset()
        let warnings = try await store.query(query).map { FraudWarningBody(try FraudWarningRecord(row: $0)) }
        return ListBody(Page(fetched: warnings, for: page), url: "/v1/fraud_warnings")
    }

    @Sendable func retrieve(_ request: Request, _ context: SoukContext) async throws -> FraudWarningBody {
        try request.refuseQuery()
        let id = try context.fraudWarningID()
        let rows = try await store.query(
            "SELECT \(unescaped: FraudWarningRecord.columns) FROM fraud_warnings WHERE id = \(id)")
        guard let row = rows.first else { throw Refusal.noSuchFraudWarning(id) }
        return FraudWarningBody(try FraudWarningRecord(row: row))
    }

    @Sendable func release(_ request: Request, _ context: SoukContext) async throws -> FraudWarningBody {
        let body = try await request.decode(as: ReasonBody.self, context: context)
        return FraudWarningBody(
            try await release(try context.fraudWarningID(), because: body.reason, by: context.caller))
    }
}

extension SoukContext {
    fileprivate func fraudWarningID() throws(Refusal) -> ID<FraudWarning> {
        try id(of: FraudWarning.self, else: .fraudWarningNotFound)
    }
}

extension Refusal {
    static func noSuchFraudWarning(_ id: ID<FraudWarning>) -> Refusal {
        Refusal(
            .fraudWarningNotFound, "There is no fraud warning \(id). GET /v1/fraud_warnings lists them.",
            parameter: "id")
    }
}

package import Domain
import Hummingbird
package import Store
package import Web

/// The one switch for everything that leaves: transfers, refunds and payouts that Souk makes. Payouts by Stripe's own
/// schedule are Stripe's, and are not stopped by it.
package struct HoldMoneyOut: Sendable {
    let store: Store
    let engine: OperationEngine

    package init(store: Store, engine: OperationEngine) {
        self.store = store
        self.engine = engine
    }

    /// From the moment this returns on, no process begins to send anything that leaves. Repeating it changes nothing.
    /// - Returns: how it stands now, with what was sent before.
    package func hold(because reason: String, by caller: Caller) async throws -> MoneyOutStanding {
        try await store.transaction { tx in try await tx.holdMoneyOut(because: reason, by: caller) }
        return try await standing()
    }

    /// What has waited goes by itself. Repeating it changes nothing.
    package func release(because reason: String, by caller: Caller) async throws -> MoneyOutStanding {
        try await store.transaction { tx in try await tx.releaseMoneyOut(because: reason, by: caller) }
        return try await standing()
    }

    package func standing() async throws -> MoneyOutStanding {
        try await store.moneyOutStanding(engine.moneyOutKinds)
    }
}

/// `/v1/admin/money_out`.
package struct MoneyOutRoutes: Sendable {
    let money: HoldMoneyOut

    package init(_ money: HoldMoneyOut) { self.money = money }

    package func register(on api: APIRoutes) {
        api.get("/v1/admin/money_out", scope: .admin, use: retrieve)
        api.post("/v1/admin/money_out/hold", scope: .admin, use: hold)
        api.post("/v1/admin/money_out/release", scope: .admin, use: release)
    }

    @Sendable func retrieve(_ request: Request, _ context: SoukContext) async throws -> MoneyOutBody {
        try request.refuseQuery()
        return MoneyOutBody(try await money.standing())
    }

    @Sendable func hold(_ request: Request, _ context: SoukContext) async throws -> MoneyOutBody {
        let reason = try await request.decode(as: ReasonBody.self, context: context).reason
        return MoneyOutBody(try await money.hold(because: reason, by: context.caller))
    }

    @Sendable func release(_ request: Request, _ context: SoukContext) async throws -> MoneyOutBody {
        let reason = try await request.decode(as: ReasonBody.self, context: context).reason
        return MoneyOutBody(try await money.release(because: reason, by: context.caller))
    }
}

struct MoneyOutBody: ResponseEncodable, Sendable {
    let object = "money_out"
    let held: Bool
    let heldSince: Timestamp?
    let heldBy: String?
    let reason: String?
    /// Sent before, with an end that is not known yet.
    let operationsInFlight: Int64
    let operationsWaiting: Int64
    let operationsNeedingApproval: Int64

    init(_ standing: MoneyOutStanding) {
        held = standing.held != nil
        heldSince = standing.held?.since
        heldBy = standing.held?.by
        reason = standing.held?.reason
        operationsInFlight = standing.inFlight
        operationsWaiting = standing.waiting
        operationsNeedingApproval = standing.needingApproval
    }

    private enum CodingKeys: String, CodingKey {
        case object, held, heldSince, heldBy, reason, operationsInFlight, operationsWaiting, operationsNeedingApproval
    }
}

import Domain
import Hummingbird
package import Store
package import Web

/// `/v1/admin/limits`: how much each API key may let out before a second person must agree.
package struct LimitRoutes: Sendable {
    let store: Store

    package init(store: Store) { self.store = store }

    package func register(on api: APIRoutes) {
        api.get("/v1/admin/limits", scope: .admin, use: list)
        api.post("/v1/admin/limits", scope: .admin, use: set)
        api.get("/v1/admin/limits/{id}", scope: .admin, use: retrieve)
        api.delete("/v1/admin/limits/{id}", scope: .admin, use: remove)
    }

    struct SetBody: Decodable, Sendable {
        /// Left out: for each key that has no limit of its own.
        let apiKey: ID<APIKey>?
        let kind: MoneyOutKind
        let currency: Currency
        let perOperation: Int64?
        let perDay: Int64?
    }

    @Sendable func list(_ request: Request, _ context: SoukContext) async throws -> ListBody<LimitBody> {
        let page = try await store.limits(try request.page())
        return ListBody(page.map { LimitBody($0) }, url: "/v1/admin/limits")
    }

    @Sendable func retrieve(_ request: Request, _ context: SoukContext) async throws -> LimitBody {
        try request.refuseQuery()
        let id = try context.id(of: MoneyOutLimitRow.self, else: .limitNotFound)
        guard let record = try await store.limit(id) else { throw Refusal.noLimit(id) }
        return LimitBody(record)
    }

    /// Takes the place of the limit of the same key, kind and currency.
    @Sendable func set(_ request: Request, _ context: SoukContext) async throws -> LimitBody {
        let body = try await request.decode(as: SetBody.self, context: context)
        for (name, amount) in [("per_operation", body.perOperation), ("per_day", body.perDay)] {
            if let amount, amount < 0 {
                throw Refusal(.parameterInvalid, "A limit is not below zero.", parameter: name)
            }
        }
        guard body.perOperation != nil || body.perDay != nil else {
            throw Refusal(
                .parameterMissing, "Give per_operation, per_day or both. To have no limit, delete it.",
                parameter: "per_day")
        }
        let limit = MoneyOutLimit(currency: body.currency, perOperation: body.perOperation, perDay: body.perDay)
        let caller = context.caller
        let record = try await store.transaction { tx in
            try await tx.setLimit(limit, on: body.kind, of: body.apiKey, by: caller)
        }
        guard let record else {
            throw Refusal(
                .parameterInvalid, "No API key in force has this id. GET /v1/admin/api_keys lists them.",
                parameter: "api_key")
        }
        return LimitBody(record)
    }

    @Sendable func remove(_ request: Request, _ context: SoukContext) async throws -> DeletedBody {
        try request.refuseQuery()
        let id = try context.id(of: MoneyOutLimitRow.self, else: .limitNotFound)
        let caller = context.caller
        guard try await store.transaction({ tx in try await tx.removeLimit(id, by: caller) }) else {
            throw Refusal.noLimit(id)
        }
        return DeletedBody(id: id.rawValue, object: "limit")
    }
}

struct LimitBody: ResponseEncodable, Sendable {
    let id: ID<MoneyOutLimitRow>
    let object = "limit"
    let apiKey: ID<APIKey>?
    let kind: MoneyOutKind
    let currency: Currency
    let perOperation: Int64?
    let perDay: Int64?
    let created: Timestamp
    let updated: Timestamp

    init(_ record: MoneyOutLimitRecord) {
        id = record.id
        apiKey = record.apiKey
        kind = record.kind
        currency = record.limit.currency
        perOperation = record.limit.perOperation
        perDay = record.limit.perDay
        created = record.created
        updated = record.updated
    }

    private enum CodingKeys: String, CodingKey {
        case id, object, apiKey, kind, currency, perOperation, perDay, created, updated
    }
}

extension Refusal {
    fileprivate static func noLimit(_ id: ID<MoneyOutLimitRow>) -> Refusal {
        Refusal(.limitNotFound, "There is no limit '\(id)'. GET /v1/admin/limits lists them.", parameter: "id")
    }
}

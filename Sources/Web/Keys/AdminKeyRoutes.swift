import Domain
import Hummingbird
package import Store

/// `/v1/admin/api_keys` and `/v1/admin/audit_log`.
package struct AdminKeyRoutes: Sendable {
    private let store: Store
    private let manage: ManageAPIKeys

    package init(store: Store, livemode: Bool) {
        self.store = store
        manage = ManageAPIKeys(store: store, livemode: livemode)
    }

    package func register(on api: APIRoutes) {
        api.post("/v1/admin/api_keys", scope: .admin, use: create)
        api.get("/v1/admin/api_keys", scope: .admin, use: list)
        api.get("/v1/admin/api_keys/{id}", scope: .admin, use: retrieve)
        api.delete("/v1/admin/api_keys/{id}", scope: .admin, use: revoke)
        api.get("/v1/admin/audit_log", scope: .admin, use: auditLog)
    }

    struct CreateBody: Decodable {
        let name: String
        let scopes: [String]
        /// Unix seconds.
        let expiresAt: Timestamp?
    }

    @Sendable func create(_ request: Request, _ context: SoukContext) async throws -> EditedResponse<APIKeyBody> {
        let body = try await request.decode(as: CreateBody.self, context: context)
        guard (1...100).contains(body.name.unicodeScalars.count) else {
            throw Refusal(.parameterInvalid, "A key's name has 1 to 100 characters.", parameter: "name")
        }
        if let expiry = body.expiresAt { try Self.check(expiry: expiry) }
        let (key, record) = try await manage.create(
            name: body.name, scopes: try Self.scopes(body.scopes), expiresAt: body.expiresAt, by: context.caller,
            claim: context.idempotency)
        return EditedResponse(status: .created, response: APIKeyBody(record, key: key.text))
    }

    /// The year 3000 is past what anybody means, and far from the end of PostgreSQL's calendar.
    private static func check(expiry: Timestamp) throws(Refusal) {
        guard expiry > WallClock.now(), expiry < Timestamp(seconds: 32_503_680_000) else {
            throw Refusal(
                .parameterInvalid, "This must be a moment to come, in Unix seconds.", parameter: "expires_at")
        }
    }

    private static func scopes(_ names: [String]) throws(Refusal) -> Set<Scope> {
        var scopes: Set<Scope> = []
        for (index, name) in names.enumerated() {
            guard let scope = Scope(rawValue: name) else {
                throw Refusal(
                    .parameterInvalid,
                    "There is no such scope. There are: \(Scope.allCases.map(\.rawValue).joined(separator: ", ")).",
                    parameter: "scopes[\(index)]")
            }
            scopes.insert(scope)
        }
        guard !scopes.isEmpty else {
            throw Refusal(.parameterInvalid, "A key needs at least one scope.", parameter: "scopes")
        }
        return scopes
    }

    @Sendable func list(_ request: Request, _ context: SoukContext) async throws -> ListBody<APIKeyBody> {
        let page = try await store.apiKeys(try request.page())
        return ListBody(page.map { APIKeyBody($0) }, url: "/v1/admin/api_keys")
    }

    @Sendable func retrieve(_ request: Request, _ context: SoukContext) async throws -> APIKeyBody {
        try request.refuseQuery()
        let id = try context.id(of: APIKey.self, else: .apiKeyNotFound)
        guard let record = try await store.apiKey(id) else {
            throw Refusal(
                .apiKeyNotFound, "No API key in force has the id '\(id)'. GET /v1/admin/api_keys lists them.",
                parameter: "id")
        }
        return APIKeyBody(record)
    }

    @Sendable func revoke(_ request: Request, _ context: SoukContext) async throws -> DeletedBody {
        try request.refuseQuery()
        let id = try context.id(of: APIKey.self, else: .apiKeyNotFound)
        let record = try await manage.revoke(id, by: context.caller)
        return DeletedBody(id: record.id.rawValue, object: "api_key")
    }

    struct AuditQuery: Decodable {
        let action: String?
        let subject: String?
        let caller: String?
    }

    @Sendable func auditLog(_ request: Request, _ context: SoukContext) async throws -> ListBody<AuditEntryBody> {
        let (page, query) = try request.list(filteredBy: AuditQuery.self)
        let filter = AuditFilter(action: query.action, subject: query.subject, caller: query.caller)
        return ListBody(
            try await store.auditLog(filter, page).map { AuditEntryBody($0) }, url: "/v1/admin/audit_log")
    }
}

/// An API key as callers see it; `key` is null but in the answer that made it.
struct APIKeyBody: ResponseEncodable {
    let id: ID<APIKey>
    let object = "api_key"
    let name: String
    let key: String?
    let hint: String
    let scopes: [Scope]
    let created: Timestamp
    let expiresAt: Timestamp?
    let lastUsedAt: Timestamp?
    let livemode: Bool

    init(_ record: APIKeyRecord, key: String? = nil) {
        id = record.id
        name = record.name
        self.key = key
        hint = record.hint
        scopes = record.scopes.sorted()
        created = record.createdAt
        expiresAt = record.expiresAt
        lastUsedAt = record.lastUsedAt
        livemode = record.livemode
    }
}

struct AuditEntryBody: ResponseEncodable {
    let id: ID<AuditRow>
    let object = "audit_entry"
    let created: Timestamp
    let caller: String
    let requestID: String?
    let action: String
    let subject: String
    let details: [String: String]

    init(_ entry: AuditEntry) {
        id = entry.id
        created = entry.createdAt
        caller = entry.caller
        requestID = entry.requestID
        action = entry.action
        subject = entry.subject
        details = entry.details
    }
}

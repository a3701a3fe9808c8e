package import Domain
package import Store

/// Makes and revokes API keys.
package struct ManageAPIKeys: Sendable {
    private let store: Store
    private let livemode: Bool

    package init(store: Store, livemode: Bool) {
        self.store = store
        self.livemode = livemode
    }

    /// Makes a key. Its text is in the answer and can never be read again.
    package func create(
        name: String, scopes: Set<Scope>, expiresAt: Timestamp?, by caller: Caller, claim: IdempotencyClaim? = nil
    ) async throws -> (key: APIKeyText, record: APIKeyRecord) {
        let key = APIKeyText.generate(livemode: livemode)
        let record = try await store.transaction { tx in
            let new = NewAPIKey(
                id: .make(), name: name, hash: key.hash, hint: key.hint, scopes: scopes, livemode: livemode,
                expiresAt: expiresAt)
            guard let record = try await tx.insert(new) else {
                throw Refusal(.internalError, "Two random API keys were equal.")
            }
            // A first try made a key whose text nobody has seen: this one replaces it.
            if let unseen = claim?.subject.flatMap({ ID<APIKey>($0) }) { _ = try await tx.revokeAPIKey(unseen) }
            try await tx.bind(claim, to: record.id.rawValue)
            try await tx.audit(
                "api_key.create", subject: record.id.rawValue, by: caller,
                details: ["scopes": scopes.sorted().map(\.rawValue).joined(separator: " ")])
            return record
        }
        return (key, record)
    }

    /// Makes sure that the configured admin key (`SOUK_ADMIN_KEY`) exists. May be repeated. One that was revoked stays
    /// revoked.
    /// - Throws: `parameter_invalid` for text that is no key of this deployment's mode.
    package func ensureAdminKey(_ text: String) async throws {
        guard let key = APIKeyText(text) else {
            throw Refusal(
                .parameterInvalid,
                "SOUK_ADMIN_KEY must begin with 'souk_test_' or 'souk_live_', followed by at least 32 characters.")
        }
        guard key.livemode == livemode else {
            throw Refusal(
                .parameterInvalid,
                "SOUK_ADMIN_KEY must begin with '\(livemode ? "souk_live_" : "souk_test_")' in this deployment.")
        }
        try await store.transaction { tx in
            let new = NewAPIKey(
                id: .make(), name: "SOUK_ADMIN_KEY", hash: key.hash, hint: key.hint, scopes: [.admin],
                livemode: livemode, expiresAt: nil)
            guard let record = try await tx.insert(new) else { return }
            try await tx.audit("api_key.create", subject: record.id.rawValue, by: .souk, details: ["scopes": "admin"])
        }
    }

    /// Takes a key out of force.
    /// - Throws: `api_key_not_found`; `illegal_transition` for the key that asks.
    package func revoke(_ id: ID<APIKey>, by caller: Caller) async throws -> APIKeyRecord {
        guard caller.kind != .apiKey(id) else {
            throw Refusal(
                .illegalTransition, "This key is the one that asks. Revoke it with another admin key.",
                parameter: "id")
        }
        return try await store.transaction { tx in
            guard let record = try await tx.revokeAPIKey(id) else {
                throw Refusal(
                    .apiKeyNotFound, "No API key in force has the id '\(id)'. GET /v1/admin/api_keys lists them.",
                    parameter: "id")
            }
            try await tx.audit("api_key.revoke", subject: id.rawValue, by: caller)
            return record
        }
    }
}

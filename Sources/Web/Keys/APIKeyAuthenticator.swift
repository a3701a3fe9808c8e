import Domain
package import Store

/// Knows keys by their digests. One indexed read for each request, so that a revoked key is refused at once.
package struct APIKeyAuthenticator: APIKeyChecking {
    private let store: Store
    private let livemode: Bool

    package init(store: Store, livemode: Bool) {
        self.store = store
        self.livemode = livemode
    }

    package func principal(presenting text: String) async throws -> Principal {
        guard let key = APIKeyText(text) else { throw Self.unknown }
        guard key.livemode == livemode else {
            throw Refusal(
                .unauthenticated,
                livemode
                    ? "This is a test key, and this deployment moves real money. Use one that begins with 'souk_live_'."
                    : "This is a live key, and this deployment is a test. Use one that begins with 'souk_test_'.")
        }
        guard let record = try await store.apiKey(withHash: key.hash), record.revokedAt == nil else {
            throw Self.unknown
        }
        guard !record.hasExpired else {
            throw Refusal(.keyExpired, "This API key has expired. Make another: POST /v1/admin/api_keys.")
        }
        return Principal(apiKeyID: record.id, scopes: record.scopes, livemode: livemode)
    }

    private static let unknown = Refusal(
        .unauthenticated, "This API key is not known, or was revoked. Check it for missing characters.")
}

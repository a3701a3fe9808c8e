package import Domain

/// Who asks: an API key and what it may do. A route without a key sees `anonymous`.
package struct Principal: Hashable, Sendable {
    package let apiKeyID: ID<APIKey>?
    package let scopes: Set<Scope>
    /// Whether this deployment moves real money; a test key is refused where it does.
    package let livemode: Bool

    package init(apiKeyID: ID<APIKey>?, scopes: Set<Scope>, livemode: Bool) {
        self.apiKeyID = apiKeyID
        self.scopes = scopes
        self.livemode = livemode
    }

    package static func anonymous(livemode: Bool) -> Principal {
        Principal(apiKeyID: nil, scopes: [], livemode: livemode)
    }

    package func may(_ scope: Scope) -> Bool { !scopes.isDisjoint(with: scope.grantedBy) }

    /// - Throws: `scope_missing`, naming the scope.
    package func require(_ scope: Scope) throws(Refusal) {
        guard may(scope) else {
            throw Refusal(
                .scopeMissing,
                "This API key lacks the scope '\(scope.rawValue)'. Make a key with it: POST /v1/admin/api_keys.")
        }
    }
}

package import Domain
import Postgres

/// A key as it is stored: everything but the key itself.
package struct APIKeyRecord: Sendable {
    package let id: ID<APIKey>
    package let name: String
    /// The last four characters of the key.
    package let hint: String
    package let scopes: Set<Scope>
    package let livemode: Bool
    package let createdAt: Timestamp
    package let expiresAt: Timestamp?
    /// To within a minute.
    package let lastUsedAt: Timestamp?
    package let revokedAt: Timestamp?
    package let hasExpired: Bool

    static let columns = """
        id, name, hint, scopes, livemode, created_at, expires_at, last_used_at, revoked_at,
        coalesce(expires_at <= now(), false) AS has_expired
        """

    init(_ row: PostgresRow) throws {
        id = try row.get("id")
        name = try row.get("name")
        hint = try row.get("hint")
        // A scope that a newer version wrote grants nothing here.
        scopes = Set(try row.get("scopes", as: [String].self).compactMap { Scope(rawValue: $0) })
        livemode = try row.get("livemode")
        createdAt = try row.get("created_at")
        expiresAt = try row.get("expires_at")
        lastUsedAt = try row.get("last_used_at")
        revokedAt = try row.get("revoked_at")
        hasExpired = try row.get("has_expired")
    }
}

/// A key that is about to exist.
package struct NewAPIKey: Sendable {
    package let id: ID<APIKey>
    package let name: String
    /// SHA-256 of the key.
    package let hash: [UInt8]
    package let hint: String
    package let scopes: Set<Scope>
    package let livemode: Bool
    package let expiresAt: Timestamp?

    package init(
        id: ID<APIKey>, name: String, hash: [UInt8], hint: String, scopes: Set<Scope>, livemode: Bool,
        expiresAt: Timestamp?
    ) {
        self.id = id
        self.name = name
        self.hash = hash
        self.hint = hint
        self.scopes = scopes
        self.livemode = livemode
        self.expiresAt = expiresAt
    }
}

extension Store {
    /// The key with this digest, and marks it as used when it was not marked within the last minute.
    /// - Returns: nil for a key that never was; revoked and expired ones are returned as such.
    package func apiKey(withHash hash: [UInt8]) async throws -> APIKeyRecord? {
        let rows = try await query(
            """
            SELECT \(unescaped: APIKeyRecord.columns),
                last_used_at IS NULL OR last_used_at < now() - interval '1 minute' AS is_due
            FROM api_keys WHERE key_hash = \(hash)
            """)
        guard let row = rows.first else { return nil }
        let key = try APIKeyRecord(row)
        if try row.get("is_due"), key.revokedAt == nil, !key.hasExpired {
            // Two at once both write; the second finds the row fresh and changes nothing.
            try await execute(
                """
                UPDATE api_keys SET last_used_at = now()
                WHERE id = \(key.id) AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')
                """)
        }
        return key
    }

    /// Keys in force and expired ones, newest first; revoked ones are gone.
    package func apiKeys(_ page: PageRequest) async throws -> Page<APIKeyRecord> {
        let rows = try await query(
            "SELECT \(unescaped: APIKeyRecord.columns) FROM api_keys WHERE revoked_at IS NULL" + page.keyset())
        return Page(fetched: try rows.map(APIKeyRecord.init), for: page)
    }

    /// - Returns: nil for an unknown or revoked key.
    package func apiKey(_ id: ID<APIKey>) async throws -> APIKeyRecord? {
        try await query(
            "SELECT \(unescaped: APIKeyRecord.columns) FROM api_keys WHERE id = \(id) AND revoked_at IS NULL"
        ).first.map(APIKeyRecord.init)
    }
}

extension StoreTransaction {
    /// - Returns: nil if a key with this digest exists already.
    package func insert(_ key: NewAPIKey) async throws -> APIKeyRecord? {
        try await query(
            """
            INSERT INTO api_keys (id, name, key_hash, hint, scopes, livemode, expires_at)
            VALUES (\(key.id), \(key.name), \(key.hash), \(key.hint), \(key.scopes.sorted().map(\.rawValue)),
                \(key.livemode), \(key.expiresAt))
            ON CONFLICT (key_hash) DO NOTHING
            RETURNING \(unescaped: APIKeyRecord.columns)
            """
        ).first.map(APIKeyRecord.init)
    }

    /// Takes a key out of force at once and for good.
    /// - Returns: nil for an unknown key or one that is revoked already.
    package func revokeAPIKey(_ id: ID<APIKey>) async throws -> APIKeyRecord? {
        try await query(
            """
            UPDATE api_keys SET revoked_at = now() WHERE id = \(id) AND revoked_at IS NULL
            RETURNING \(unescaped: APIKeyRecord.columns)
            """
        ).first.map(APIKeyRecord.init)
    }
}

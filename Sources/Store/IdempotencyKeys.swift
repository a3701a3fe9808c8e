package import Domain
import Postgres

/// What is known of an `Idempotency-Key` when a request presents it.
package enum IdempotencyOutcome: Sendable {
    /// This try shall do the work.
    case claimed(IdempotencyClaim)
    /// The work is done; this was the answer.
    case answered(status: Int, sealedBody: [UInt8])
    /// Another try is at work.
    case running
    /// The key came with another request before.
    case reused
}

/// Whether the claim's subject is still this try's to decide: a later try has taken over.
package struct IdempotencyClaimLost: CodedError {
    package var code: ErrorCode { .idempotencyKeyInUse }
    package var message: String {
        "Another request with this Idempotency-Key has taken over. Repeat this one to get its answer."
    }
    package var parameter: String? { nil }
}

extension Store {
    /// Idempotency keys are kept this long after they were first seen (README: 30 days).
    package static let idempotencyKeptFor: Duration = .seconds(30 * 24 * 3600)

    /// Takes the key for this try, if it is new or its last try's lease is over.
    /// - Parameters:
    ///   - apiKeyID: whose key it is: two callers never meet.
    ///   - route: the method and path template.
    ///   - key: the caller's text.
    ///   - fingerprint: a digest of the path and the body.
    ///   - lease: how long this try may take before another may continue its work.
    /// - Returns: what is to be done.
    /// - Throws: `StoreUnavailable`.
    package func claimIdempotencyKey(
        of apiKeyID: ID<APIKey>, route: String, key: String, fingerprint: [UInt8], lease: Duration
    ) async throws -> IdempotencyOutcome {
        // Twice, because a row that stood in the way may be released before it is read.
        for _ in 1...3 {
            let claimed = try await query(
                """
                INSERT INTO idempotency_keys AS k
                    (api_key_id, route, key, fingerprint, fence, lease_until, expires_at)
                VALUES (\(apiKeyID), \(route), \(key), \(fingerprint), 1, now() + \(lease),
                    now() + \(Self.idempotencyKeptFor))
                ON CONFLICT (api_key_id, route, key) DO UPDATE SET
                    fence = k.fence + 1, lease_until = excluded.lease_until, fingerprint = excluded.fingerprint,
                    subject = CASE WHEN k.expires_at <= now() THEN NULL ELSE k.subject END,
                    status = NULL, sealed_body = NULL,
                    created_at = CASE WHEN k.expires_at <= now() THEN now() ELSE k.created_at END,
                    expires_at = CASE WHEN k.expires_at <= now() THEN excluded.expires_at ELSE k.expires_at END
                WHERE k.expires_at <= now()
                    OR (k.status IS NULL AND k.lease_until <= now() AND k.fingerprint = excluded.fingerprint)
                RETURNING fence, subject
                """)
            if let row = claimed.first {
                return .claimed(
                    IdempotencyClaim(
                        apiKeyID: apiKeyID, route: route, key: key, fence: try row.get("fence"),
                        subject: try row.get("subject")))
            }
            let standing = try await query(
                """
                SELECT fingerprint, status, sealed_body FROM idempotency_keys
                WHERE api_key_id = \(apiKeyID) AND route = \(route) AND key = \(key)
                """)
            guard let row = standing.first else { continue }
            guard try row.get("fingerprint", as: [UInt8].self) == fingerprint else { return .reused }
            guard let status: Int16 = try row.get("status") else { return .running }
            return .answered(status: Int(status), sealedBody: try row.get("sealed_body"))
        }
        return .running
    }

    /// Keeps the answer for repeats. Does nothing if a later try has taken over.
    package func store(status: Int, sealedBody: [UInt8], for claim: IdempotencyClaim) async throws {
        try await execute(
            """
            UPDATE idempotency_keys SET status = \(Int16(status)), sealed_body = \(sealedBody), lease_until = now()
            WHERE api_key_id = \(claim.apiKeyID) AND route = \(claim.route) AND key = \(claim.key)
                AND fence = \(claim.fence)
            """)
    }

    /// Ends this try without an answer, so that the next one continues at once, from the subject if there is one.
    package func release(_ claim: IdempotencyClaim) async throws {
        try await execute(
            """
            UPDATE idempotency_keys SET lease_until = now()
            WHERE api_key_id = \(claim.apiKeyID) AND route = \(claim.route) AND key = \(claim.key)
                AND fence = \(claim.fence) AND status IS NULL
            """)
    }

    /// Forgets a try that was refused before it did anything, so that the key may come with a corrected request.
    package func forget(_ claim: IdempotencyClaim) async throws {
        try await execute(
            """
            DELETE FROM idempotency_keys
            WHERE api_key_id = \(claim.apiKeyID) AND route = \(claim.route) AND key = \(claim.key)
                AND fence = \(claim.fence) AND status IS NULL AND subject IS NULL
            """)
    }

    /// Deletes keys whose time is over, at most this many at once.
    /// - Returns: how many were deleted.
    @discardableResult
    package func deleteExpiredIdempotencyKeys(atMost limit: Int = 1000) async throws -> Int {
        try await execute(
            """
            DELETE FROM idempotency_keys WHERE (api_key_id, route, key) IN (
                SELECT api_key_id, route, key FROM idempotency_keys WHERE expires_at <= now()
                ORDER BY expires_at LIMIT \(limit) FOR UPDATE SKIP LOCKED)
            """)
    }
}

extension StoreTransaction {
    /// Records, in the transaction that makes the object, that this try made it: a later try with the same key finds it
    /// in `context.idempotency?.subject`.
    ///
    /// Requests without a key pass nil, and nothing is recorded.
    /// - Throws: `IdempotencyClaimLost` if a later try has taken over meanwhile: this one must then make nothing.
    package func bind(_ claim: IdempotencyClaim?, to subjectID: String) async throws {
        guard let claim else { return }
        let bound = try await execute(
            """
            UPDATE idempotency_keys SET subject = \(subjectID)
            WHERE api_key_id = \(claim.apiKeyID) AND route = \(claim.route) AND key = \(claim.key)
                AND fence = \(claim.fence) AND status IS NULL
            """)
        guard bound == 1 else { throw IdempotencyClaimLost() }
    }
}

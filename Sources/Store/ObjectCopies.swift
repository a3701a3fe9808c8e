package import Domain
import Postgres

/// What Stripe showed of an object when it was last asked.
package enum FetchedObject: Sendable {
    case found([UInt8])
    /// Stripe does not show it to us any more, and why: deleted, or its account left the platform.
    case gone(because: String)
}

/// Our copies of Stripe's objects. Everything that learns of a change, whether an event, an answer, a sweep or a repair,
/// goes through `refresh`, so that what Stripe said last, read last, wins.
package struct ObjectCopies: Sendable {
    let store: Store
    private let turns = ObjectTurns()
    /// How often an object is fetched again because another process wrote a newer copy meanwhile.
    static let tries = 5

    package init(store: Store) { self.store = store }

    /// Fetches the object and writes what follows from it, unless the copy changed while it was fetched: then fetches
    /// again. In this process the fetches of one object wait for each other, so that a burst of its events does not
    /// have each of them fetch over and over.
    ///
    /// `apply` runs in the transaction that writes the copy, with the copy's row locked.
    /// - Throws: `ObjectCopyContention` when the copy kept changing; the caller's own retry schedule goes on from there.
    package func refresh<Applied: Sendable>(
        kind: String, id: String, account: StripeAccountID?, fetch: @Sendable () async throws -> FetchedObject,
        apply: @Sendable (StoreTransaction, FetchedObject) async throws -> Applied
    ) async throws -> Applied {
        let owner = account?.rawValue ?? "platform"
        return try await turns.inTurn("\(owner) \(id)") {
            for _ in 1...Self.tries {
                let known: Int64? = try await store.query(
                    "SELECT version FROM stripe_objects WHERE stripe_account = \(owner) AND id = \(id)"
                ).first?.get("version")
                let fetched = try await fetch()
                let applied: Applied? = try await store.transaction { tx in
                    guard try await tx.writeCopy(kind: kind, id: id, owner: owner, fetched, over: known) else {
                        return nil
                    }
                    return try await apply(tx, fetched)
                }
                if let applied { return applied }
            }
            throw ObjectCopyContention(id: id)
        }
    }
}

package struct ObjectCopyContention: Error, CustomStringConvertible {
    let id: String
    package var description: String { "our copy of \(id) changed each time while it was fetched" }
}

extension StoreTransaction {
    /// - Returns: false if the copy is not the one that was known before the fetch.
    fileprivate func writeCopy(
        kind: String, id: String, owner: String, _ fetched: FetchedObject, over known: Int64?
    ) async throws -> Bool {
        let body: [UInt8]?
        let reason: String?
        switch fetched {
        case .found(let bytes): (body, reason) = (bytes, nil)
        case .gone(let why): (body, reason) = (nil, why)
        }
        let written: Int
        if let known {
            written = try await execute(
                """
                UPDATE stripe_objects
                SET version = version + 1, body = coalesce(\(body), body), gone_reason = \(reason), refreshed_at = \(now)
                WHERE stripe_account = \(owner) AND id = \(id) AND version = \(known)
                """)
        } else {
            written = try await execute(
                """
                INSERT INTO stripe_objects (stripe_account, id, kind, version, body, gone_reason, refreshed_at)
                VALUES (\(owner), \(id), \(kind), 1, \(body), \(reason), \(now))
                ON CONFLICT (stripe_account, id) DO NOTHING
                """)
        }
        return written == 1
    }
}

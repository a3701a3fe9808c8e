package import Domain
package import Ledger
package import Postgres

/// Souk's PostgreSQL: where every feature begins its transactions.
///
/// No transaction is ever open across the network, so the business clock, which may be the sandbox's, is read before one
/// begins.
package struct Store: Sendable {
    package let postgres: PostgresClient
    package let clock: any BusinessClock

    package init(postgres: PostgresClient, clock: any BusinessClock) {
        self.postgres = postgres
        self.clock = clock
    }

    /// Runs `body` in one transaction, again from its start after a serialization failure or a deadlock.
    /// - Throws: `StoreUnavailable` when PostgreSQL cannot be reached or has not made the commit durable.
    @discardableResult
    package func transaction<Result: Sendable>(
        _ body: @Sendable (StoreTransaction) async throws -> Result
    ) async throws -> Result {
        let now = try await clock.now()
        return try await StoreUnavailable.translating {
            try await postgres.transaction { connection in
                let transaction = StoreTransaction(connection: connection, now: now)
                let result = try await body(transaction)
                transaction.foldBalances()
                return result
            }
        }
    }

    /// Reads that belong together: all of them see the database as it was at one moment. `body` may run again `retries`
    /// times; 0 where it hands out what it reads.
    package func snapshot<Result>(
        retries: Int = 3, _ body: (PostgresConnection) async throws -> Result
    ) async throws -> Result {
        try await StoreUnavailable.translating {
            try await postgres.transaction(
                PostgresTransactionOptions(isolation: .repeatableRead, isReadOnly: true, retries: retries), body)
        }
    }

    /// One statement in a transaction of its own, for reads.
    package func query(_ query: PostgresQuery) async throws -> [PostgresRow] {
        try await StoreUnavailable.translating { try await postgres.query(query) }
    }

    /// One statement in a transaction of its own.
    /// - Returns: how many rows it changed.
    @discardableResult
    package func execute(_ query: PostgresQuery) async throws -> Int {
        try await StoreUnavailable.translating { try await postgres.execute(query) }
    }
}

/// An open transaction: what happens in it is all committed or none of it. Nothing in it waits for the network.
package struct StoreTransaction: Sendable {
    package let connection: PostgresConnection
    /// Business time at which the transaction began.
    package let now: Timestamp
    let appended = AppendedEntries()

    package func query(_ query: PostgresQuery) async throws -> [PostgresRow] { try await connection.query(query) }

    /// - Returns: how many rows the statement changed.
    @discardableResult
    package func execute(_ query: PostgresQuery) async throws -> Int { try await connection.execute(query) }

    /// A new id, ordered by the business time at which the transaction began.
    package func makeID<Entity: Identified>(_ entity: Entity.Type) -> ID<Entity> {
        var random = SystemRandomNumberGenerator()
        return ID(milliseconds: now.milliseconds, using: &random)
    }

    /// Asks for this balance's rows to be read soon, because something that Souk did or heard of touched it.
    ///
    /// Nothing is written where a read that begins later is to come anyway: every order asks for the platform's balance, and
    /// would wait here for the commit of the order before. `pause` is for what others will ask for as well, and sooner.
    package func requestFeed(of owner: BalanceOwner, after pause: Duration = .zero) async throws {
        let due = now.advanced(by: pause)
        try await execute(
            """
            INSERT INTO balance_feeds AS f (stripe_account, due_at)
            SELECT \(owner.code), \(due) WHERE NOT EXISTS (
                SELECT 1 FROM balance_feeds
                WHERE stripe_account = \(owner.code) AND wanted AND due_at <= \(due) AND reads_since_request = 0)
            ON CONFLICT (stripe_account) DO UPDATE
                SET due_at = least(f.due_at, excluded.due_at), requests = f.requests + 1, reads_since_request = 0,
                    wanted = true
            """)
    }
}

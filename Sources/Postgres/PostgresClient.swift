package import Logging
import Metrics
import ServiceLifecycle

/// PostgreSQL, for many tasks at once: a pool of connections that heals itself.
///
/// It works from the moment it is made. `run()` keeps it warm and closes it at shutdown.
package final class PostgresClient: PostgresExecuting, Service {
    private let pool: Pool
    private let logger: Logger
    private let retryCounter = Metrics.Counter(label: "souk_postgres_transaction_retries_total")
    private let notDurableCounter = Metrics.Counter(label: "souk_postgres_not_durable_total")

    /// Does not connect yet.
    /// - Throws: `.configuration` when the connection string is not understood.
    package init(configuration: PostgresConfiguration, logger: Logger) throws(PostgresError) {
        self.logger = logger
        pool = try Pool(configuration, logger: logger)
    }

    package func run() async throws {
        pool.keepWarm()
        do {
            try await gracefulShutdown()
        } catch is CancellationError {
            // A canceled service shuts down as well.
        }
        pool.shutDown()
    }

    /// Closes what is idle at once and what is in use when it comes back. For programs without a service group.
    package func shutDown() { pool.shutDown() }

    package var statistics: PostgresPoolStatistics { pool.statistics }

    // MARK: Single statements

    package func query(_ query: PostgresQuery) async throws -> [PostgresRow] {
        try await run([query]).last?.rows ?? []
    }

    @discardableResult
    package func execute(_ query: PostgresQuery) async throws -> Int {
        try await run([query]).last?.affectedRows ?? 0
    }

    /// Sends several statements in one round trip, as one transaction: all or nothing.
    @discardableResult
    package func pipeline(_ queries: [PostgresQuery]) async throws -> [[PostgresRow]] {
        guard !queries.isEmpty else { return [] }
        return try await run(queries).map(\.rows)
    }

    /// Again where nothing ran: the schema changed under a prepared statement, which the cache has forgotten, or PostgreSQL
    /// made it give way to another.
    private func run(_ queries: [PostgresQuery]) async throws -> [PostgresResult] {
        var attempt = 0
        while true {
            do {
                return try await withConnection { try await $0.run(queries) }
            } catch let error as PostgresError
                where attempt < PostgresTransactionOptions().retries
                && (error.isStaleStatement || error.isSerializationConflict)
            {
                attempt += 1
                retryCounter.increment()
            }
        }
    }

    // MARK: Sessions

    /// Lends one session to `body`. A transaction that it leaves open is rolled back.
    @discardableResult
    package func withConnection<Value>(
        _ body: (PostgresConnection) async throws -> Value
    ) async throws -> Value {
        try await lend(begin: nil, body)
    }

    private func lend<Value>(
        begin: PostgresQuery?, _ body: (PostgresConnection) async throws -> Value
    ) async throws -> Value {
        let wire = try await pool.acquire()
        let connection = PostgresConnection(wire: wire, begin: begin, logger: logger)
        do {
            let value = try await body(connection)
            connection.end()
            await giveBack(wire)
            return value
        } catch {
            connection.end()
            await giveBack(wire)
            throw error
        }
    }

    private func giveBack(_ wire: Wire) async {
        let repair: WireRequest
        switch wire.condition {
        case .clean: return pool.release(wire)
        case .unusable: return pool.discard(wire, because: "the session could not be used again")
        case .needsRollback: repair = .statements(["ROLLBACK"])
        case .needsClearing: repair = .script("DEALLOCATE ALL")
        }
        do {
            _ = try await wire.exchange(repair, mayCommit: false, isShielded: true)
            if case .script = repair { wire.forgetStatements() }
        } catch {
            logger.debug("a session was given up", metadata: ["error": "\(error)"])
        }
        guard case .clean = wire.condition else {
            return pool.discard(wire, because: "the session could not be brought back into order")
        }
        pool.release(wire)
    }

    // MARK: Transactions

    /// Runs `body` in a transaction and commits. The body may run several times (see
    /// `PostgresTransactionOptions.retries`), so it must do nothing but talk to this connection.
    /// - Throws: what the body throws, after ROLLBACK; `.notDurable` when the commit was not confirmed by the
    ///   standby; `.connection` or `.timeout` with `mayHaveCommitted` when the answer to COMMIT was lost.
    @discardableResult
    package func transaction<Value>(
        _ options: PostgresTransactionOptions = .init(), _ body: (PostgresConnection) async throws -> Value
    ) async throws -> Value {
        var attempt = 0
        while true {
            do {
                return try await lend(begin: options.begin) { connection in
                    try await self.attempt(connection, body)
                }
            } catch let error as PostgresError where attempt < options.retries && Self.mayRunAgain(after: error) {
                attempt += 1
                retryCounter.increment()
                logger.debug("a transaction runs again", metadata: ["error": "\(error)", "attempt": "\(attempt)"])
                // Those who collided must not collide again in step.
                try await Task.sleep(for: .milliseconds(Int.random(in: 1...(4 << min(attempt, 6)))))
            }
        }
    }

    private func attempt<Value>(
        _ connection: PostgresConnection, _ body: (PostgresConnection) async throws -> Value
    ) async throws -> Value {
        let value: Value
        do {
            value = try await body(connection)
            try Task.checkCancellation()
        } catch {
            let conflict = connection.retryableConflict
            do {
                try await connection.rollback()
            } catch let failure {
                // The connection is gone, and the transaction with it; the body's own error says more.
                logger.debug("rollback failed", metadata: ["error": "\(failure)"])
            }
            // A body may wrap or replace the error; the reason to run again is PostgreSQL's, not the body's.
            if error is PostgresError || error is CancellationError { throw error }
            throw conflict ?? error
        }
        do {
            try await connection.commit()
        } catch PostgresError.transactionAborted {
            throw connection.retryableConflict ?? PostgresError.transactionAborted
        } catch let error as PostgresError {
            if case .notDurable = error { notDurableCounter.increment() }
            throw error
        }
        return value
    }

    private static func mayRunAgain(after error: PostgresError) -> Bool {
        if case .connection(let failure) = error {
            // Nothing was committed. While PostgreSQL is away the pool answers at once, so this ends quickly; a
            // failure to connect at all has no state worth repeating.
            return !failure.mayHaveCommitted && failure.state != nil
        }
        return error.isSerializationConflict || error.isStaleStatement
    }
}

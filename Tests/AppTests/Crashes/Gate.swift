import Postgres
import TestSupport

/// Where a process is kept in the database, by a lock of the test's own session: in a statement that changes one row, or
/// in the commit of the transaction that did.
struct Gate: Sendable {
    enum Moment: Sendable {
        /// Before the row is changed: its transaction is open.
        case change
        /// In the commit. The process is stopped, the commit goes through, and the process never hears of it.
        case commit
    }

    let moment: Moment
    /// `INSERT` or `UPDATE`.
    let action: String
    let table: String
    /// Of the row's OLD and NEW.
    let condition: String

    init(_ moment: Moment, _ action: String, _ table: String, when condition: String) {
        self.moment = moment
        self.action = action
        self.table = table
        self.condition = condition
    }

    private static let lock = 20_041

    /// Shuts the gate, has `body` run until a process waits at it, and opens it again. What waited is rolled back, unless
    /// `pass` let it through.
    func hold(_ postgres: PostgresClient, _ body: (_ pass: () async throws -> Void) async throws -> Void) async throws {
        try await postgres.withConnection { session in
            try await session.executeScript(
                """
                CREATE OR REPLACE FUNCTION crash_gate() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN
                    PERFORM pg_advisory_xact_lock_shared(\(Self.lock));
                    RETURN NEW;
                END
                $$;
                SELECT pg_advisory_lock(\(Self.lock));
                \(trigger)
                """)
            do {
                try await body { try await session.executeScript("SELECT pg_advisory_unlock(\(Self.lock))") }
                try await open(session)
            } catch {
                try? await open(session)
                throw error
            }
        }
    }

    private var trigger: String {
        switch moment {
        case .change:
            """
            CREATE TRIGGER crash_gate BEFORE \(action) ON \(table) FOR EACH ROW WHEN (\(condition))
                EXECUTE FUNCTION crash_gate();
            """
        case .commit:
            """
            CREATE CONSTRAINT TRIGGER crash_gate AFTER \(action) ON \(table) DEFERRABLE INITIALLY DEFERRED
                FOR EACH ROW WHEN (\(condition)) EXECUTE FUNCTION crash_gate();
            """
        }
    }

    /// The server notices the death of a client only when it answers it: what the dead have open is ended first.
    private func open(_ session: PostgresConnection) async throws {
        try await session.executeScript(
            """
            SELECT pg_terminate_backend(pid, 10000) FROM (\(Self.waiting)) AS w;
            SELECT pg_advisory_unlock_all();
            DROP TRIGGER crash_gate ON \(table);
            """)
    }

    private static let waiting = """
        SELECT pid FROM pg_locks
        WHERE locktype = 'advisory' AND objid = \(lock) AND NOT granted
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
        """

    static func somebodyWaits(_ postgres: PostgresClient) async throws -> Bool {
        try await !postgres.query(PostgresQuery(unescaped: waiting)).isEmpty
    }
}

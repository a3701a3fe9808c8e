/// How to reach PostgreSQL, and how patient to be with it.
package struct PostgresConfiguration: Sendable {
    /// Any libpq connection string: a URI or `key=value` pairs, several hosts allowed. With several hosts and no
    /// `target_session_attrs` the one that takes writes is used.
    package var connectionString: String
    /// Shown in `pg_stat_activity`.
    package var applicationName: String
    package var maximumConnections: Int
    /// For each host in turn.
    package var connectTimeout: Duration
    /// For each statement, enforced by the server and, should that not answer at all, by this side.
    package var statementTimeout: Duration
    /// How long a caller waits for a free connection.
    package var acquireTimeout: Duration
    /// Connections unused for this long are closed, except one.
    package var idleTimeout: Duration

    package init(
        connectionString: String, applicationName: String = "souk", maximumConnections: Int = 16,
        connectTimeout: Duration = .seconds(5), statementTimeout: Duration = .seconds(30),
        acquireTimeout: Duration = .seconds(10), idleTimeout: Duration = .seconds(300)
    ) {
        self.connectionString = connectionString
        self.applicationName = applicationName
        self.maximumConnections = max(1, maximumConnections)
        self.connectTimeout = connectTimeout
        self.statementTimeout = statementTimeout
        self.acquireTimeout = acquireTimeout
        self.idleTimeout = idleTimeout
    }
}

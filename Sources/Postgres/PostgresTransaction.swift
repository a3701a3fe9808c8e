/// How a transaction runs.
package struct PostgresTransactionOptions: Sendable {
    package enum Isolation: String, Sendable {
        case readCommitted = "READ COMMITTED"
        case repeatableRead = "REPEATABLE READ"
        case serializable = "SERIALIZABLE"
    }

    package var isolation: Isolation
    package var isReadOnly: Bool
    /// How often the body may run again after the first time: when PostgreSQL made the transaction give way (40001,
    /// 40P01), when a cached statement went stale, or when the connection was lost before COMMIT was sent.
    package var retries: Int

    package init(isolation: Isolation = .readCommitted, isReadOnly: Bool = false, retries: Int = 3) {
        self.isolation = isolation
        self.isReadOnly = isReadOnly
        self.retries = retries
    }

    var begin: PostgresQuery {
        PostgresQuery(
            unescaped: "BEGIN ISOLATION LEVEL \(isolation.rawValue) \(isReadOnly ? "READ ONLY" : "READ WRITE")")
    }
}

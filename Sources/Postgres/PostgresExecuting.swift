/// What runs statements: the client (each by itself) or a connection (in the order they are given).
package protocol PostgresExecuting: Sendable {
    /// Runs one statement and gives its rows.
    func query(_ query: PostgresQuery) async throws -> [PostgresRow]

    /// Runs one statement.
    /// - Returns: how many rows it changed (or read).
    @discardableResult func execute(_ query: PostgresQuery) async throws -> Int

    /// Sends several statements at once: one round trip. Outside a transaction they are all or nothing.
    /// - Returns: the rows of each.
    @discardableResult func pipeline(_ queries: [PostgresQuery]) async throws -> [[PostgresRow]]
}

extension PostgresExecuting {
    /// - Returns: the first row, nil when there is none.
    package func queryFirst(_ query: PostgresQuery) async throws -> PostgresRow? {
        try await self.query(query).first
    }
}

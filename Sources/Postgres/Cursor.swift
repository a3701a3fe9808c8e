extension PostgresConnection {
    /// Hands over the rows of a query one by one, so that memory stays flat however many there are. Only within a
    /// transaction. A cursor's name always stands for the same columns, since statements are kept by their text.
    package func each(
        _ query: PostgresQuery, cursor name: StaticString, rowsAtOnce: Int = 1000,
        _ body: (PostgresRow) async throws -> Void
    ) async throws {
        let cursor = PostgresQuery.quoted(identifier: "\(name)")
        try await execute("DECLARE \(unescaped: cursor) NO SCROLL CURSOR FOR " + query)
        while true {
            let rows = try await self.query("FETCH \(unescaped: "\(rowsAtOnce)") FROM \(unescaped: cursor)")
            for row in rows { try await body(row) }
            guard rows.count == rowsAtOnce else { break }
        }
        try await execute("CLOSE \(unescaped: cursor)")
    }
}

package import Domain
package import Postgres

extension PageRequest {
    /// The end of a list's query, after its WHERE: the rows past the cursor, in the order that `Page(fetched:for:)`
    /// takes, with one row more than the page.
    /// - Parameter column: trusted text: a unique column whose order is the list's, newest highest.
    /// - Returns: ` AND … ORDER BY … LIMIT …`
    package func keyset(on column: String = "id") -> PostgresQuery {
        switch cursor {
        case .newest: " ORDER BY \(unescaped: column) DESC LIMIT \(rowsToFetch)"
        case .after(let id): " AND \(unescaped: column) < \(id) ORDER BY \(unescaped: column) DESC LIMIT \(rowsToFetch)"
        case .before(let id): " AND \(unescaped: column) > \(id) ORDER BY \(unescaped: column) LIMIT \(rowsToFetch)"
        }
    }
}

package import Domain
import Postgres

/// One thing that somebody did, as the audit log keeps it.
package struct AuditEntry: Sendable {
    package let id: ID<AuditRow>
    package let createdAt: Timestamp
    /// `key_…`, `shell` or `souk`.
    package let caller: String
    package let requestID: String?
    package let action: String
    package let subject: String
    package let details: [String: String]

    static let columns: PostgresQuery = """
        id, created_at, caller, request_id, action, subject,
        ARRAY(SELECT jsonb_object_keys(details) ORDER BY 1) AS detail_names,
        ARRAY(SELECT details ->> name FROM jsonb_object_keys(details) AS name ORDER BY name) AS detail_values
        """

    init(_ row: PostgresRow) throws {
        id = try row.get("id")
        createdAt = try row.get("created_at")
        caller = try row.get("caller")
        requestID = try row.get("request_id")
        action = try row.get("action")
        subject = try row.get("subject")
        let names: [String] = try row.get("detail_names")
        let values: [String] = try row.get("detail_values")
        details = Dictionary(zip(names, values)) { first, _ in first }
    }
}

/// Which audit rows to show: those for which everything given holds.
package struct AuditFilter: Sendable {
    package let action: String?
    package let subject: String?
    package let caller: String?

    package init(action: String? = nil, subject: String? = nil, caller: String? = nil) {
        self.action = action
        self.subject = subject
        self.caller = caller
    }
}

extension StoreTransaction {
    /// Leaves an audit row in the transaction of what was done. Every call that moves money or rights leaves one.
    /// - Parameters:
    ///   - action: the noun and the verb: `order.refund`.
    ///   - subject: the id of what it was done to.
    ///   - caller: on whose behalf.
    ///   - details: facts worth keeping, such as an amount; no personal data and no secrets.
    /// - Throws: what PostgreSQL refuses.
    package func audit(
        _ action: String, subject: String, by caller: Caller, details: [String: String] = [:]
    ) async throws {
        let names = details.keys.sorted()
        let values = names.map { details[$0] ?? "" }
        try await execute(
            """
            INSERT INTO audit_log (id, created_at, caller, request_id, action, subject, details)
            VALUES (\(makeID(AuditRow.self)), \(now), \(caller.name), \(caller.requestID?.rawValue), \(action),
                \(subject), jsonb_object(\(names), \(values)))
            """)
    }
}

extension Store {
    /// The audit log, newest first.
    package func auditLog(_ filter: AuditFilter, _ page: PageRequest) async throws -> Page<AuditEntry> {
        var query: PostgresQuery = "SELECT \(AuditEntry.columns) FROM audit_log WHERE true"
        if let action = filter.action { query += " AND action = \(action)" }
        if let subject = filter.subject { query += " AND subject = \(subject)" }
        if let caller = filter.caller { query += " AND caller = \(caller)" }
        let rows = try await self.query(query + page.keyset())
        return Page(fetched: try rows.map(AuditEntry.init), for: page)
    }
}

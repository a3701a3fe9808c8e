import Domain
import Ledger
import Postgres
import Store

/// A difference that waits for a person, or waited.
struct FindingRecord: Sendable {
    let id: ID<Finding>
    /// Nil for what no run found.
    let reconciliation: ID<Reconciliation>?
    /// The part of the run that found it; nil for what no run found.
    let part: ReconciliationScope?
    let kind: FindingFacts.Kind
    let stripeAccount: String
    let object: String
    /// The object in whose list Stripe shows it.
    let parent: String?
    let operation: String?
    let currency: String?
    let expected: Int64?
    let actual: Int64?
    let detail: String
    let isOpen: Bool
    /// What an admin approved last.
    let repair: Repair?
    let approvedAt: Timestamp?
    /// How often a repaired difference was looked at; nil while nothing was repaired.
    let looks: Int?
    let createdAt: Timestamp
    let closedAt: Timestamp?

    static let columns = """
        id, reconciliation_id, part, kind, stripe_account, object_id, parent_id, operation_id, currency, expected_minor, \
        actual_minor, detail, status, repair, approved_at, looks, created_at, closed_at
        """

    init(row: PostgresRow) throws {
        id = try row.get("id")
        reconciliation = try row.get("reconciliation_id")
        part = try row.get("part", as: String?.self).flatMap(ReconciliationScope.init(rawValue:))
        kind = try row.known("kind")
        stripeAccount = try row.get("stripe_account")
        object = try row.get("object_id")
        parent = try row.get("parent_id")
        operation = try row.get("operation_id")
        currency = try row.get("currency")
        expected = try row.get("expected_minor")
        actual = try row.get("actual_minor")
        detail = try row.get("detail")
        isOpen = try row.get("status", as: String.self) == "open"
        repair = try row.get("repair", as: String?.self).flatMap(Repair.init(rawValue:))
        approvedAt = try row.get("approved_at")
        looks = try row.get("looks")
        createdAt = try row.get("created_at")
        closedAt = try row.get("closed_at")
    }

    var owner: BalanceOwner { BalanceOwner(code: stripeAccount) }
    var plan: RepairPlan { RepairPlan(for: kind, in: part) }
}

extension Store {
    /// - Throws: `finding_not_found`.
    func requireFinding(_ id: ID<Finding>) async throws -> FindingRecord {
        let rows = try await query(
            "SELECT \(unescaped: FindingRecord.columns) FROM reconciliation_findings WHERE id = \(id)")
        guard let row = rows.first else {
            throw Refusal(
                .findingNotFound, "There is no finding '\(id)'. GET /v1/admin/findings lists them.", parameter: "id")
        }
        return try FindingRecord(row: row)
    }

    /// Up to a thousand of the findings for which the condition holds, oldest first, after the one with this id.
    /// - Returns: them, and the id after which there may be more.
    func findings(
        where condition: PostgresQuery, after id: String?
    ) async throws -> (findings: [FindingRecord], next: String?) {
        var query: PostgresQuery = "SELECT \(unescaped: FindingRecord.columns) FROM reconciliation_findings WHERE "
        query += condition
        query += " AND id > \(id ?? "") ORDER BY id LIMIT 1000"
        let findings = try await self.query(query).map(FindingRecord.init)
        return (findings, findings.count == 1000 ? findings.last?.id.rawValue : nil)
    }
}

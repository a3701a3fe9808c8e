package import Domain
import Hummingbird
import Postgres
package import Store
package import Web

/// Everything that waits for a person in the books: what runs found, and what was made at Stripe without Souk.
package struct FindingRoutes: Sendable {
    let store: Store
    let repairFinding: RepairFinding

    package init(store: Store, repair: RepairFinding) {
        self.store = store
        repairFinding = repair
    }

    package func register(on api: APIRoutes) {
        api.get("/v1/admin/findings", scope: .admin, use: list)
        api.get("/v1/admin/reconciliations/{id}/findings", scope: .admin, use: listOfRun)
        api.post("/v1/admin/findings/{id}/repair", scope: .admin, use: repair)
    }

    struct Filter: Decodable, Sendable {
        let kind: String?
        let status: String?

        func narrowing(_ condition: PostgresQuery) -> PostgresQuery {
            var condition = condition
            if let kind { condition += " AND kind = \(kind)" }
            if let status { condition += " AND status = \(status)" }
            return condition
        }
    }

    @Sendable func list(_ request: Request, _ context: SoukContext) async throws -> ListOrCSV<ListBody<FindingBody>> {
        let (page, filter) = try request.list(filteredBy: Filter.self)
        return try await findings(where: filter.narrowing("true"), page, request, url: "/v1/admin/findings")
    }

    @Sendable func listOfRun(
        _ request: Request, _ context: SoukContext
    ) async throws -> ListOrCSV<ListBody<FindingBody>> {
        let (page, filter) = try request.list(filteredBy: Filter.self)
        let run = try await store.requireRun(in: context)
        return try await findings(
            where: filter.narrowing("reconciliation_id = \(run.id)"), page, request,
            url: "/v1/admin/reconciliations/\(run.id)/findings")
    }

    private func findings(
        where condition: PostgresQuery, _ page: PageRequest, _ request: Request, url: String
    ) async throws -> ListOrCSV<ListBody<FindingBody>> {
        if request.prefersCSV {
            return .csv { [store] cursor in
                let (findings, next) = try await store.findings(where: condition, after: cursor)
                let head = cursor == nil ? FindingCSV.head : ""
                return (head + findings.map(FindingCSV.line).joined(), next)
            }
        }
        var query: PostgresQuery = "SELECT \(unescaped: FindingRecord.columns) FROM reconciliation_findings WHERE "
        query += condition
        let rows = try await store.query(query + page.keyset()).map { FindingBody(try FindingRecord(row: $0)) }
        return .json(ListBody(Page(fetched: rows, for: page), url: url))
    }

    struct RepairBody: Decodable, Sendable {
        let repair: Repair?
        /// For the audit log.
        let reason: String?
        /// Looks at both sides and changes nothing.
        let preview: Bool?
    }

    /// Repeating it changes nothing.
    @Sendable func repair(_ request: Request, _ context: SoukContext) async throws -> FindingBody {
        let id = try context.id(of: Finding.self, else: .findingNotFound)
        let body = try await request.decode(as: RepairBody.self, context: context)
        if let reason = body.reason { try ReasonBody.check(reason) }
        if body.preview == true {
            let (finding, differences) = try await repairFinding.preview(id)
            return FindingBody(finding, now: differences)
        }
        guard let repair = body.repair else {
            throw Refusal(
                .parameterMissing, "Name the repair. The finding's repair_plan says which one fits.",
                parameter: "repair")
        }
        guard let reason = body.reason else {
            throw Refusal(.parameterMissing, "Say why, for the audit log.", parameter: "reason")
        }
        let (finding, differences) = try await repairFinding(id, repair, because: reason, by: context.caller)
        return FindingBody(finding, now: repair == .markReviewed ? nil : differences)
    }
}

/// A difference by object, with what Stripe has, what the books have, and what can be done.
package struct FindingBody: ResponseEncodable, Sendable {
    struct Plan: Encodable, Sendable {
        let repair: Repair?
        let does: String?
        let person: String?
    }

    /// What differs at this moment.
    struct Difference: Encodable, Sendable {
        let kind: String
        let currency: String?
        let expected: Int64?
        let actual: Int64?
        let detail: String
    }

    let id: ID<Finding>
    let object = "finding"
    /// Nil for what no run found.
    let reconciliation: ID<Reconciliation>?
    let part: String?
    let kind: String
    let stripeAccount: String
    let objectID: String
    let parentID: String?
    let operation: String?
    let currency: String?
    let expected: Int64?
    let actual: Int64?
    let detail: String
    let status: String
    let repairPlan: Plan
    /// What an admin approved last, and when.
    let repair: Repair?
    let approved: Timestamp?
    /// Only in the answer to a repair or its preview.
    let now: [Difference]?
    let created: Timestamp
    let closed: Timestamp?

    init(_ finding: FindingRecord, now differences: [FindingFacts]? = nil) {
        id = finding.id
        reconciliation = finding.reconciliation
        part = finding.part?.rawValue
        kind = finding.kind.rawValue
        stripeAccount = finding.stripeAccount
        objectID = finding.object
        parentID = finding.parent
        operation = finding.operation
        currency = finding.currency
        expected = finding.expected
        actual = finding.actual
        detail = finding.detail
        status = finding.isOpen ? "open" : "closed"
        let plan = finding.plan
        repairPlan = Plan(repair: plan.repair, does: plan.does, person: plan.person)
        repair = finding.repair
        approved = finding.approvedAt
        now = differences?.map { facts in
            Difference(
                kind: facts.kind.rawValue, currency: facts.currency, expected: facts.expected, actual: facts.actual,
                detail: facts.detail)
        }
        created = finding.createdAt
        closed = finding.closedAt
    }

    private enum CodingKeys: String, CodingKey {
        case id, object, reconciliation, part, kind, stripeAccount, objectID, parentID, operation, currency, expected,
            actual, detail, status, repairPlan, repair, approved, now, created, closed
    }
}

/// Findings as a table: amounts in minor units, as both sides count them.
enum FindingCSV {
    static let head = CSV.line([
        "id", "reconciliation", "part", "kind", "stripe_account", "object_id", "operation", "currency", "expected",
        "actual", "detail", "status", "repair", "created", "closed",
    ])

    static func line(_ finding: FindingRecord) -> String {
        CSV.line([
            finding.id.rawValue, finding.reconciliation?.rawValue, finding.part?.rawValue, finding.kind.rawValue,
            finding.stripeAccount, finding.object, finding.operation, finding.currency,
            finding.expected.map { String($0) }, finding.actual.map { String($0) }, finding.detail,
            finding.isOpen ? "open" : "closed", finding.plan.repair?.rawValue, finding.createdAt.iso8601,
            finding.closedAt?.iso8601,
        ])
    }
}

extension Store {
    func requireRun(in context: SoukContext) async throws -> ReconciliationRecord {
        let id = try context.id(of: Reconciliation.self, else: .reconciliationNotFound)
        guard let run = try await reconciliation(id) else {
            throw Refusal(
                .reconciliationNotFound,
                "There is no reconciliation '\(id)'. GET /v1/admin/reconciliations lists them.", parameter: "id")
        }
        return run
    }

    /// A run's findings, for the command line.
    package func findings(of run: ID<Reconciliation>) async throws -> [FindingLine] {
        var lines: [FindingLine] = []
        var cursor: String?
        repeat {
            let (findings, next) = try await findings(where: "reconciliation_id = \(run)", after: cursor)
            lines += findings.map(FindingLine.init)
            cursor = next
        } while cursor != nil
        return lines
    }
}

/// A finding as a line of text shows it.
package struct FindingLine: Hashable, Sendable {
    package let kind: String
    package let stripeAccount: String
    package let object: String
    package let currency: String?
    package let expected: Int64?
    package let actual: Int64?
    package let detail: String

    init(_ finding: FindingRecord) {
        kind = finding.kind.rawValue
        stripeAccount = finding.stripeAccount
        object = finding.object
        currency = finding.currency
        expected = finding.expected
        actual = finding.actual
        detail = finding.detail
    }
}

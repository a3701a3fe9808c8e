package import Domain
import FoundationEssentials
import Postgres
package import Store

/// Which part of the books a run compares with Stripe.
package enum ReconciliationScope: String, Hashable, Sendable, CaseIterable, Codable {
    /// Every transfer, by object.
    case transfers
    /// Every payout, by object, of the platform and of sellers.
    case payouts
    /// Every balance, at a still reading.
    case balances
    /// Every row that Stripe booked, and what waits in clearing accounts longer than Stripe takes.
    case clearing
    /// Every operation that made something at Stripe, both ways, and those that do not get on.
    case operations
    case all

    /// What a run of this scope compares.
    package var parts: [ReconciliationScope] { self == .all ? Self.allCases.filter { $0 != .all } : [self] }
}

package enum ReconciliationStatus: String, Hashable, Sendable {
    case running, completed, failed
}

/// A typed difference between the books and Stripe, by object.
package struct FindingFacts: Hashable, Sendable {
    package enum Kind: String, Hashable, Sendable, CaseIterable {
        case missingInLedger = "missing_in_ledger"
        case missingAtStripe = "missing_at_stripe"
        case amountMismatch = "amount_mismatch"
        case currencyMismatch = "currency_mismatch"
        case stateMismatch = "state_mismatch"
        case clearingNotZero = "clearing_not_zero"
        case balanceDiffers = "balance_differs"
        case unknownBalanceTransaction = "unknown_balance_transaction"
        /// A second object for what one operation did.
        case duplicate
        case stuckOperation = "stuck_operation"
        /// Found by no run: support staff made it in Stripe's Dashboard.
        case madeAtStripe = "made_at_stripe"
    }

    let kind: Kind
    /// The part of the run that found it, whose next run closes it when it agrees.
    let part: ReconciliationScope
    /// The connected account, or `platform`.
    let stripeAccount: String
    let object: String
    /// Nil for what has no amount.
    let currency: String?
    /// What Stripe has, and what the books have.
    let expected: Int64?
    let actual: Int64?
    let detail: String
    /// The object in whose list Stripe shows it.
    var parent: String?
    /// The operation that it is about.
    var operation: String?
}

/// One comparison of the books with Stripe.
package struct ReconciliationRecord: Sendable {
    package let id: ID<Reconciliation>
    package let scope: ReconciliationScope
    package let seller: ID<Seller>?
    package let from: Timestamp?
    package let to: Timestamp?
    package let status: ReconciliationStatus
    package let matched: Int64
    package let findingsCount: Int64
    /// What balances differ by, per currency, signs ignored.
    package let difference: [String: Int64]
    package let failure: String?
    /// The beginning of the daily window that it was started for; nil for one that somebody asked for.
    package let scheduledFor: Timestamp?
    /// How long it waited for Stripe's lists, and how long it compared; nil until it has ended.
    package let fetchingTook: Duration?
    package let comparingTook: Duration?
    package let createdAt: Timestamp
    package let finishedAt: Timestamp?

    static let columns = """
        id, scope, seller_id, period_from, period_to, status, matched, findings_count, difference, failure, \
        scheduled_for, fetching_ms, comparing_ms, created_at, finished_at
        """

    init(row: PostgresRow) throws {
        id = try row.get("id")
        scope = ReconciliationScope(rawValue: try row.get("scope")) ?? .all
        seller = try row.get("seller_id")
        from = try row.get("period_from")
        to = try row.get("period_to")
        status = ReconciliationStatus(rawValue: try row.get("status")) ?? .failed
        matched = try row.get("matched")
        findingsCount = try row.get("findings_count")
        let difference: String = try row.get("difference")
        self.difference = try JSONDecoder().decode([String: Int64].self, from: Data(difference.utf8))
        failure = try row.get("failure")
        scheduledFor = try row.get("scheduled_for")
        fetchingTook = try row.get("fetching_ms", as: Int64?.self).map { .milliseconds($0) }
        comparingTook = try row.get("comparing_ms", as: Int64?.self).map { .milliseconds($0) }
        createdAt = try row.get("created_at")
        finishedAt = try row.get("finished_at")
    }
}

extension Store {
    package func reconciliation(_ id: ID<Reconciliation>) async throws -> ReconciliationRecord? {
        try await query(
            "SELECT \(unescaped: ReconciliationRecord.columns) FROM reconciliations WHERE id = \(id)"
        ).first.map(ReconciliationRecord.init)
    }

    /// Runs that are not finished.
    package func reconciliationsUnderWay() async throws -> Int64 {
        let rows = try await query("SELECT count(*) AS n FROM reconciliations WHERE status = 'running'")
        return try rows.first?.get("n") ?? 0
    }
}

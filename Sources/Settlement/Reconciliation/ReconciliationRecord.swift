package import Domain
import FoundationEssentials
import Postgres
package import Store

/// Which part of the books a run compares with Stripe.
package enum ReconciliationScope: String, Hashable, Sendable, CaseIterable, Codable {
    /// Every transfer, by object.
    case transfers
    /// Every balance, at a still reading.
    case balances
    /// What waits in clearing accounts longer than Stripe takes.
    case clearing
    case all

    /// What a run of this scope compares.
    package var parts: [ReconciliationScope] { self == .all ? [.transfers, .balances, .clearing] : [self] }

    /// Parts of the design that no run compares yet; answers say so.
    package static let notAvailable = ["payouts", "operations"]
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
        case clearingNotZero = "clearing_not_zero"
        case balanceDiffers = "balance_differs"
        case unknownBalanceTransaction = "unknown_balance_transaction"

        /// The part of the books whose next run closes the finding when it agrees.
        var part: ReconciliationScope {
            switch self {
            case .missingInLedger, .missingAtStripe, .amountMismatch, .currencyMismatch: .transfers
            case .balanceDiffers: .balances
            case .clearingNotZero, .unknownBalanceTransaction: .clearing
            }
        }
    }

    let kind: Kind
    /// The connected account, or `platform`.
    let stripeAccount: String
    let object: String
    let currency: String
    /// What Stripe has, and what the books have.
    let expected: Int64?
    let actual: Int64?
    let detail: String
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
    package let createdAt: Timestamp
    package let finishedAt: Timestamp?

    static let columns = """
        id, scope, seller_id, period_from, period_to, status, matched, findings_count, difference, failure, \
        created_at, finished_at
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

package import Domain
import Postgres
package import Store

/// What Souk does for a seller at Stripe and has not finished: shown with the seller until it has.
package struct SellerOperation: Hashable, Sendable {
    package let id: ID<Operation>
    package let kind: String
    package let state: String
    package let reason: String?

    package init(_ record: OperationRecord) {
        id = record.id
        kind = record.kind.rawValue
        state = record.state.rawValue
        reason = record.reason
    }

    init(row: PostgresRow) throws {
        id = try row.get("id")
        kind = try row.get("kind")
        state = try row.get("state")
        reason = try row.get("reason")
    }
}

extension OperationKind {
    package static let createAccount = OperationKind(rawValue: "create_account")
    package static let rejectAccount = OperationKind(rawValue: "reject_account")
    package static let updatePayoutSchedule = OperationKind(rawValue: "update_payout_schedule")
}

extension Store {
    /// The latest operation of each seller, where it has not succeeded.
    func unfinishedOperations(of sellers: [ID<Seller>]) async throws -> [ID<Seller>: SellerOperation] {
        guard !sellers.isEmpty else { return [:] }
        let kinds = [OperationKind.createAccount, .rejectAccount, .updatePayoutSchedule].map(\.rawValue)
        let rows = try await query(
            """
            SELECT DISTINCT ON (subject_id) subject_id, id, kind, state, reason
            FROM stripe_operations
            WHERE subject_id = ANY (\(sellers)) AND kind = ANY (\(kinds))
            ORDER BY subject_id, id DESC
            """)
        var found: [ID<Seller>: SellerOperation] = [:]
        for row in rows {
            let operation = try SellerOperation(row: row)
            guard operation.state != OperationState.succeeded.rawValue else { continue }
            let seller: ID<Seller> = try row.get("subject_id")
            found[seller] = operation
        }
        return found
    }

    /// A seller as callers see it now.
    func body(of seller: SellerRecord) async throws -> SellerBody {
        SellerBody(seller, operation: try await unfinishedOperations(of: [seller.id])[seller.id])
    }
}

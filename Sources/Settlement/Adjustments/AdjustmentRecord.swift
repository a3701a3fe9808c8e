package import Domain
import Ledger
import Postgres
import Store

/// An adjustment as Souk keeps it, with how its transfer stands.
package struct AdjustmentRecord: Sendable {
    package let id: ID<Adjustment>
    package let externalID: String?
    package let seller: ID<Seller>
    package let reason: AdjustmentReason
    package let description: String?
    package let metadata: Metadata
    package let amount: Money
    /// When the platform came to owe it; nil while a second person has yet to agree, and where one refused.
    package let bookedAt: Timestamp?
    package let created: Timestamp
    package let transfer: ID<Transfer>
    package let transferState: TransferState
    /// The account that it goes to.
    package let stripeAccount: StripeAccountID
    package let stripeTransfer: StripeTransferID?
    /// When Stripe made the transfer.
    let madeAt: Timestamp?
    let operation: ID<Operation>

    package var status: AdjustmentStatus { AdjustmentStatus(isOwed: bookedAt != nil, transfer: transferState) }

    private static let columns = """
        a.id, a.external_id, a.seller_id, a.reason, a.description, a.metadata, a.currency, a.amount_minor, a.booked_at, \
        a.created_at, a.transfer_id, t.state, t.stripe_account, t.stripe_id, t.made_at, t.operation_id
        """

    /// `condition` speaks of `a` and its transfer `t`, and may end with an order and a limit.
    static func query(where condition: PostgresQuery) -> PostgresQuery {
        """
        SELECT \(unescaped: columns) FROM adjustments a JOIN transfers t ON t.id = a.transfer_id WHERE \(condition)
        """
    }

    init(row: PostgresRow) throws {
        id = try row.get("id")
        externalID = try row.get("external_id")
        seller = try row.get("seller_id")
        reason = try row.known("reason")
        description = try row.get("description")
        metadata = try row.get("metadata", as: PostgresJSON.self).read(as: Metadata.self)
        amount = Money(try row.get("amount_minor"), try row.get("currency"))
        bookedAt = try row.get("booked_at")
        created = try row.get("created_at")
        transfer = try row.get("transfer_id")
        transferState = try row.known("state")
        stripeAccount = try row.get("stripe_account")
        stripeTransfer = try row.get("stripe_id")
        madeAt = try row.get("made_at")
        operation = try row.get("operation_id")
    }

    /// Every entry that it has caused so far: a repeat of what is booked changes nothing.
    func entries() throws -> [JournalEntry] {
        guard let bookedAt else { return [] }
        var entries = [try AdjustmentRules.adjusted(id, seller: seller, amount: amount, at: bookedAt)]
        if transferState == .paid, let stripeTransfer, let madeAt {
            entries.append(
                try SeparateChargeRules.transferMade(
                    stripeTransfer, seller: seller, amount: amount, payable: amount,
                    dimensions: Dimensions(owner: .platform, seller: seller), at: madeAt))
        }
        return entries
    }
}

extension Store {
    /// - Throws: `adjustment_not_found`.
    func requireAdjustment(_ id: ID<Adjustment>) async throws -> AdjustmentRecord {
        guard let row = try await query(AdjustmentRecord.query(where: "a.id = \(id)")).first else {
            throw Refusal(
                .adjustmentNotFound, "There is no adjustment '\(id)'. GET /v1/adjustments lists them.", parameter: "id")
        }
        return try AdjustmentRecord(row: row)
    }
}

/// Something is wrong with Souk's own rows: for the log and the operation's reason, never for callers.
enum AdjustmentError: Error, CustomStringConvertible {
    case missing(String)
    /// Stripe moved something else than was asked for.
    case differs(StripeTransferID, expected: Money, actual: Int64, currency: Currency)

    var description: String {
        switch self {
        case .missing(let id): "the adjustment \(id) of an operation does not exist"
        case .differs(let id, let expected, let actual, let currency):
            "Stripe moved \(actual) \(currency) by \(id), and was asked for \(expected)"
        }
    }
}

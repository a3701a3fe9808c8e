package import Domain
package import Postgres
package import Store
import Web

/// A transfer from the platform's balance to a seller's, as callers see it.
package struct TransferBody: Encodable, Sendable {
    let id: ID<Transfer>
    let object = "transfer"
    package let state: TransferState
    /// `share` moves lines' shares, `reserve` what was held back of them, `return` gives a seller again what was taken in vain,
    /// `adjustment` has no order; null for one that is not Souk's.
    let purpose: String?
    /// Why it waits and until when; nil for one that does not.
    let hold: HoldBody?
    /// Of what was held back, and until when; nil for one that moves something else.
    package let reserve: TransferReserveBody?
    let stripeTransfer: StripeTransferID?
    let stripeAccount: String
    let seller: ID<Seller>?
    let order: ID<Order>?
    /// What it moves where no order brought it.
    let adjustment: ID<Adjustment>?
    let transferGroup: String?
    /// The charge whose money it is.
    let stripeCharge: String?
    /// The order's lines whose shares it moves; none for those that Stripe makes by itself.
    let lines: [ID<OrderLine>]
    /// Null while it is held: it is computed when it goes, after whatever was refunded meanwhile.
    package let amount: Int64?
    package let amountReversed: Int64
    /// What of the seller's share paid the seller's debts instead; null while it is held.
    let amountNetted: Int64?
    let currency: Currency
    let created: Timestamp

    private static let columns = """
        t.id, t.state, t.purpose, t.stripe_id, t.stripe_account, t.seller_id, t.order_id, t.transfer_group, t.charge_id, \
        t.amount_minor, t.payable_minor, t.amount_reversed_minor, t.currency, t.created_at, o.reason, o.due_at, o.waits_for, ( \
        SELECT string_agg(l.id, ' ' ORDER BY l.position) FROM order_lines l \
        WHERE l.order_id = t.order_id AND (l.transfer_id = t.id OR l.reserve_transfer_id = t.id)) AS lines, \
        (SELECT a.id FROM adjustments a WHERE a.transfer_id = t.id) AS adjustment, \
        v.amount_minor AS reserve_minor, v.release_at, v.released_at AS reserve_released_at, \
        (SELECT h.held_minor FROM reserves_held h WHERE h.transfer_id = v.transfer_id) AS reserve_held_minor
        """

    /// `condition` speaks of `t` and may end with an order and a limit.
    package static func query(where condition: PostgresQuery) -> PostgresQuery {
        """
        SELECT \(unescaped: columns) FROM transfers t LEFT JOIN stripe_operations o ON o.id = t.operation_id
        LEFT JOIN reserves v ON v.transfer_id = t.id
        WHERE \(condition)
        """
    }

    package init(row: PostgresRow) throws {
        id = try row.get("id")
        state = try row.known("state")
        purpose = try row.get("purpose")
        hold = state == .held ? try HoldBody(row: row) : nil
        reserve = try TransferReserveBody(row: row)
        stripeTransfer = try row.get("stripe_id")
        stripeAccount = try row.get("stripe_account")
        seller = try row.get("seller_id")
        order = try row.get("order_id")
        adjustment = try row.get("adjustment")
        transferGroup = try row.get("transfer_group")
        stripeCharge = try row.get("charge_id")
        lines = (try row.get("lines", as: String?.self) ?? "").split(separator: " ").compactMap { ID(String($0)) }
        let moved: Int64? = try row.get("amount_minor")
        amount = moved
        amountReversed = try row.get("amount_reversed_minor")
        let payable: Int64? = try row.get("payable_minor")
        let isShare = [TransferRecord.Purpose.share, .reserve].map(\.rawValue).contains(purpose)
        amountNetted = state == .held ? nil : isShare ? (payable ?? 0) - (moved ?? 0) : 0
        currency = try row.get("currency")
        created = try row.get("created_at")
    }
}

/// What a transfer moves that was held back until a date.
package struct TransferReserveBody: Encodable, Sendable {
    /// When the order was paid.
    let amount: Int64
    /// What refunds and disputes have left of it; zero once its date has passed.
    let amountHeld: Int64
    let releaseAt: Timestamp
    /// When it stopped being held back; nil while it is.
    let releasedAt: Timestamp?

    fileprivate init?(row: PostgresRow) throws {
        guard let amount: Int64 = try row.get("reserve_minor") else { return nil }
        self.amount = amount
        amountHeld = try row.get("reserve_held_minor", as: Int64?.self) ?? 0
        releaseAt = try row.get("release_at")
        releasedAt = try row.get("reserve_released_at")
    }
}

/// Why money waits with the platform, and until when; nil for until where that depends on something else.
struct HoldBody: Encodable, Sendable {
    let reason: String
    let until: Timestamp?

    init(reason: String, until: Timestamp?) {
        self.reason = reason
        self.until = until
    }

    /// Of a held operation.
    init(row: PostgresRow) throws {
        reason = try row.get("reason", as: String?.self) ?? "is being prepared"
        let waitsFor: String? = try row.get("waits_for")
        until = waitsFor == nil ? try row.get("due_at") : nil
    }
}

extension StoreTransaction {
    /// Tells the marketplace of a transfer's change.
    package func announce(_ type: String, _ transfer: ID<Transfer>) async throws {
        guard let row = try await query(TransferBody.query(where: "t.id = \(transfer)")).first else { return }
        try await announce(type, about: transfer.rawValue, try TransferBody(row: row))
    }
}

package import Domain
package import Ledger
package import Postgres
import Store

// What is held back of a seller's share: from the payment until a date, then it goes by a transfer of its own. The terms are
// those that were in force when the order was placed, because they decide in which shape it is charged, and as the fee they
// are part of what the sale was agreed on: a later change moves nothing that is held.
extension StoreTransaction {
    /// Holds back what the terms of a paid order's sellers say, once. Lines and payment are final by now: the part is one of
    /// what was captured.
    func holdReserves(of order: inout OrderRecord) async throws {
        guard order.shape == .separate, let paidAt = order.paidAt, let charge = order.charge else { return }
        let division = try order.division
        var entries: [JournalEntry] = []
        for seller in order.sellers {
            guard let terms = seller.reserve else { continue }
            let parts = try division.reserve(of: seller.seller, under: terms)
            let amount = try Money.sum(parts.map(\.amount), in: order.currency)
            guard amount.isPositive else { continue }
            let date = terms.releaseDate(paidAt: paidAt)
            let transfer = try await insertTransfer(
                to: seller, for: .reserve, of: order, out: charge, heldBecause: Self.whyHeldBack(until: date),
                heldUntil: date)
            try await execute(
                """
                INSERT INTO reserves (transfer_id, order_id, seller_id, currency, amount_minor, held_at, release_at)
                VALUES (\(transfer), \(order.id), \(seller.seller), \(order.currency), \(amount.minorUnits), \(paidAt),
                    \(date))
                """)
            try await execute(
                """
                UPDATE order_lines l SET reserve_minor = p.amount, reserve_transfer_id = \(transfer)
                FROM unnest(\(parts.map(\.line.rawValue)), \(parts.map(\.amount.minorUnits))) AS p (id, amount)
                WHERE l.id = p.id
                """)
            entries.append(
                try ReserveRules.held(
                    transfer, seller: seller.seller, amount: amount,
                    dimensions: Dimensions(owner: .platform, seller: seller.seller, order: order.id), at: paidAt))
            try await announce("transfer.held", transfer)
        }
        guard !entries.isEmpty else { return }
        try await append(entries)
    }

    static func whyHeldBack(until date: Timestamp) -> String { "is held back as a reserve until \(date.day)" }
}

/// What is held back for one transfer.
package struct ReserveRecord: Sendable {
    package let transfer: ID<Transfer>
    let order: ID<Order>
    let seller: ID<Seller>
    let amount: Money
    let heldAt: Timestamp
    let releaseAt: Timestamp
    /// When it stopped being held back; nil while it is.
    let releasedAt: Timestamp?
    /// What was left of it then.
    let released: Money?

    package static let columns = """
        transfer_id, order_id, seller_id, currency, amount_minor, held_at, release_at, released_at, released_minor
        """

    package init(row: PostgresRow) throws {
        let currency: Currency = try row.get("currency")
        transfer = try row.get("transfer_id")
        order = try row.get("order_id")
        seller = try row.get("seller_id")
        amount = Money(try row.get("amount_minor"), currency)
        heldAt = try row.get("held_at")
        releaseAt = try row.get("release_at")
        releasedAt = try row.get("released_at")
        released = try row.get("released_minor", as: Int64?.self).map { Money($0, currency) }
    }

    /// Every entry that it has caused so far: a repeat of what is booked changes nothing.
    package func entries() throws -> [JournalEntry] {
        let dimensions = Dimensions(owner: .platform, seller: seller, order: order)
        var entries = [
            try ReserveRules.held(transfer, seller: seller, amount: amount, dimensions: dimensions, at: heldAt)
        ]
        if let releasedAt, let released {
            let entry = try ReserveRules.released(
                transfer, seller: seller, amount: released, dimensions: dimensions, at: releasedAt)
            entries += [entry].compactMap(\.self)
        }
        return entries
    }
}

extension StoreTransaction {
    /// What is held back for a transfer, under its order's lock.
    func reserve(of transfer: ID<Transfer>) async throws -> ReserveRecord {
        let rows = try await query(
            "SELECT \(unescaped: ReserveRecord.columns) FROM reserves WHERE transfer_id = \(transfer)")
        guard let row = rows.first else { throw OrderError.orderMissing(transfer.rawValue) }
        return try ReserveRecord(row: row)
    }

    /// Ends the holding back, once: what is left is payable from now on. `undone` is what an entry has taken of it that is
    /// no refund's and no dispute's.
    func releaseReserve(of transfer: ID<Transfer>, undone: Money? = nil) async throws {
        let left: Int64? = try await query("SELECT held_minor FROM reserves_held WHERE transfer_id = \(transfer)")
            .first?
            .get("held_minor")
        guard let left else { return }
        try await execute(
            """
            UPDATE reserves SET released_at = \(now), released_minor = \(left - (undone?.minorUnits ?? 0))
            WHERE transfer_id = \(transfer)
            """)
        try await append(try await reserve(of: transfer).entries())
    }

    /// Of lines whose share is with the platform still, what was held back goes with the rest of it from now on.
    func joinReserve(of transfer: ID<Transfer>) async throws {
        try await execute(
            """
            UPDATE order_lines l SET reserve_transfer_id = NULL
            WHERE l.reserve_transfer_id = \(transfer) AND NOT EXISTS (
                SELECT 1 FROM transfers t WHERE t.id = l.transfer_id AND t.state <> 'held')
            """)
    }
}

import Domain
import Postgres
import Store

// A share is released once and belongs to one transfer from then on. All of it happens under the order's lock.
extension StoreTransaction {
    /// What an order's rule says of its shares the moment it is paid.
    func releaseByRule(_ order: inout OrderRecord) async throws {
        guard order.shape == .separate, let paidAt = order.paidAt else { return }
        switch order.release {
        case .onFulfilment: return
        case .onPayment: try await release(order.lines, of: order, at: paidAt, by: nil, askedBy: nil)
        case .afterDays(let days):
            let date = paidAt.advanced(by: .seconds(days * 86_400))
            try await release(order.lines, of: order, at: date, by: nil, askedBy: nil)
        }
        let lines = try StoredLine.byOrder(try await query(StoredLine.query([order.id.rawValue])))
        order.releases = StoredLine.releases(lines[order.id.rawValue] ?? [])
        order.reserves = StoredLine.reserves(lines[order.id.rawValue] ?? [])
    }

    /// Lets go of lines' shares: one transfer for each seller, which moves them once the time has come. Lines that
    /// another transfer was to move later go with the new one. `key` asks for it, unless the order's rule does.
    func release(
        _ lines: [OrderLine], of order: OrderRecord, at releasedAt: Timestamp, by release: ID<OrderRelease>?,
        askedBy key: ID<APIKey>?
    ) async throws {
        guard let charge = order.charge else { return }
        let warning = try await warningHoldingRelease(of: order)
        for seller in order.sellers {
            let shares = lines.filter { $0.beneficiary == seller.seller }
            guard shares.contains(where: { !$0.parts.sellerAmount.isZero }) else { continue }
            let waits = releasedAt > now
            let transfer = try await insertTransfer(
                to: seller, for: .share, of: order, out: charge,
                heldBecause: waits
                    ? order.whyItWaits(until: releasedAt) : warning?.reasonToHold ?? "is being prepared",
                heldUntil: waits ? releasedAt : nil, waitsFor: waits || warning == nil ? nil : order.id.rawValue,
                askedBy: key)
            try await execute(
                """
                UPDATE order_lines SET released_at = \(releasedAt), transfer_id = \(transfer), release_id = \(release)
                WHERE id = ANY (\(shares.map(\.id)))
                """)
            if waits || warning != nil { try await announce("transfer.held", transfer) }
        }
        // Those that have lost their lines end.
        try await wakeOperations(
            among: """
                SELECT operation_id FROM transfers t WHERE order_id = \(order.id) AND state = 'held'
                    AND NOT EXISTS (SELECT 1 FROM order_lines l WHERE l.transfer_id = t.id OR l.reserve_transfer_id = t.id)
                """)
    }

    /// Undoes a release that a person refused. What the order's own rule lets go goes by the rule all the same.
    func takeBackRelease(_ transfer: TransferRecord, of order: OrderRecord) async throws {
        let lines = order.lines.filter { order.releases[$0.id]?.transfer == transfer.id }
        try await execute(
            """
            UPDATE order_lines SET released_at = NULL, transfer_id = NULL, release_id = NULL
            WHERE transfer_id = \(transfer.id)
            """)
        try await deleteNettings(of: transfer)
        try await cancel(transfer, owed: .zero(order.currency))
        guard let paidAt = order.paidAt, case .afterDays(let days) = order.release else { return }
        let date = paidAt.advanced(by: .seconds(days * 86_400))
        try await self.release(lines, of: order, at: date, by: nil, askedBy: nil)
    }

    /// Takes into a transfer what earlier ones of the same seller could not move, because a discount exceeded it.
    func takeAlongWhatWaits(for transfer: TransferRecord) async throws {
        let waiting = try await query(
            """
            SELECT \(unescaped: TransferRecord.columns) FROM transfers
            WHERE order_id = \(transfer.order) AND seller_id = \(transfer.seller) AND state = 'held'
                AND id <> \(transfer.id)
                AND EXISTS (SELECT 1 FROM order_lines l WHERE l.transfer_id = transfers.id AND l.released_at <= \(now))
            ORDER BY id
            """
        ).map(TransferRecord.init)
        for other in waiting where try await !rest(of: other).amount.isPositive {
            try await execute("UPDATE order_lines SET transfer_id = \(transfer.id) WHERE transfer_id = \(other.id)")
            try await wakeTransfers(of: transfer.order)
        }
    }
}

extension OrderRecord {
    func whyItWaits(until releasedAt: Timestamp) -> String {
        let days = release.days ?? 0
        return "is released \(days) \(days == 1 ? "day" : "days") after the payment, on \(releasedAt.day)"
    }

    /// Whether a share of this seller is still to come that a transfer could move with others.
    func isToRelease(besides transfer: ID<Transfer>, for seller: ID<Seller>) -> Bool {
        lines.contains { line in
            guard line.beneficiary == seller, line.parts.sellerAmount.isPositive else { return false }
            guard let release = releases[line.id] else { return true }
            return release.taker == nil && release.transfer != transfer
        }
    }
}

import Domain
import Ledger
import Postgres
import Store
import StripeAPI

// Money that a seller has coming again: a refund was canceled or given up after its part had been taken, or a dispute was
// won. No charge is left to pay it out of, so it is a transfer of the platform's balance.
extension StoreTransaction {
    /// Writes down the transfers that give sellers again what is theirs, under the order's lock. Any number of times: there
    /// is at most one under way for each seller, and its amount is computed when nothing else is.
    func returnToSellers(of order: OrderRecord) async throws {
        try await recoverWriteOffs(of: order)
        for standing in try await standings(in: order) where try standing.dueBack.amount.isPositive {
            guard try await !hasReturnUnderWay(to: standing.seller, of: order.id),
                let seller = order.sellers.first(where: { $0.seller == standing.seller })
            else { continue }
            _ = try await insertTransfer(
                to: seller, for: .giveBack, of: order, out: nil, heldBecause: "is being prepared")
        }
        try await wakeTransfers(of: order.id)
    }

    /// Undoes what was given up of debts that are none any more, or that somebody has taken back after all. While a share of
    /// another order is on its way to pay one, that is not known yet.
    private func recoverWriteOffs(of order: OrderRecord) async throws {
        let writtenOff = try await query(
            """
            SELECT 1 FROM write_off_orders WHERE order_id = \(order.id) AND NOT EXISTS (
                SELECT 1 FROM nettings n JOIN transfers t ON t.id = n.transfer_id
                WHERE n.order_id = \(order.id) AND t.state = 'pending')
            LIMIT 1
            """)
        guard !writtenOff.isEmpty else { return }
        for standing in try await standings(in: order) where standing.recovered.isPositive {
            let id = makeID(WriteOffRecovery.self)
            let amount = standing.recovered
            try await execute(
                """
                INSERT INTO write_off_recoveries (id, order_id, seller_id, currency, amount_minor, created_at)
                VALUES (\(id), \(order.id), \(standing.seller), \(order.currency), \(amount.minorUnits), \(now))
                """)
            try await append([
                try ReceivableRules.writeOffRecovered(id, seller: standing.seller, amount: amount, at: now)
            ])
        }
    }

    private func hasReturnUnderWay(to seller: ID<Seller>, of order: ID<Order>) async throws -> Bool {
        try await !query(
            """
            SELECT 1 FROM transfers
            WHERE order_id = \(order) AND seller_id = \(seller) AND purpose = 'return' AND state IN ('held', 'pending')
            """
        ).isEmpty
    }

    /// Why what is to be given back cannot be told yet; nil if it can.
    func whatIsUnderWay(in order: ID<Order>) async throws -> String? {
        try await query(
            """
            SELECT 'a refund of the order is on its way' AS what FROM refunds
            WHERE order_id = \(order) AND status = 'requested'
            UNION ALL
            SELECT 'the fee of a refund is to be given back first'
            FROM stripe_operations o JOIN refunds r ON r.id = o.subject_id
            WHERE r.order_id = \(order) AND r.claims AND o.kind = \(OperationKind.refundApplicationFee.rawValue)
                AND o.state NOT IN ('succeeded', 'failed')
            UNION ALL
            SELECT 'a transfer of the order is being reversed'
            FROM recoveries k JOIN stripe_operations o ON o.id = k.operation_id
            WHERE k.order_id = \(order) AND o.state IN ('pending', 'sent')
            UNION ALL
            SELECT 'a share of another order is on its way, less what the seller owes of this one'
            FROM nettings n JOIN transfers t ON t.id = n.transfer_id
            WHERE n.order_id = \(order) AND t.state = 'pending'
            LIMIT 1
            """
        ).first?.get("what")
    }

    func standing(of seller: ID<Seller>, in order: OrderRecord) async throws -> SellerStanding {
        guard let standing = try await standings(in: order).first(where: { $0.seller == seller }) else {
            throw OrderError.orderMissing(order.id.rawValue)
        }
        return standing
    }

    /// What each seller of an order has coming beside the shares that are still to be released.
    func standings(in order: OrderRecord) async throws -> [SellerStanding] {
        // After the bank took the payment back, shares that had not gone are nobody's any more.
        let hasShares = order.shape == .separate && order.status != .failedAfterPayment
        let rows = try await query(
            """
            SELECT s.seller_id, coalesce(debts.amount_minor, 0)::bigint AS owed,
                (coalesce(booked.payable, 0) - coalesce(shares.amount, 0) - coalesce(made.moving, 0))::bigint AS unmoved,
                (coalesce(taken.amount, 0) - coalesce(fees.amount, 0) - coalesce(made.given, 0)
                    - coalesce(won.amount, 0))::bigint AS undone,
                (coalesce(netted.amount, 0) + coalesce(made.kept, 0))::bigint AS netted,
                coalesce(taken.on_purpose, 0)::bigint AS on_purpose,
                (coalesce(given_up.amount, 0) - coalesce(recovered.amount, 0))::bigint AS written_off
            FROM order_sellers s
            LEFT JOIN (
                SELECT seller_id, amount_minor FROM order_debts
                WHERE order_id = \(order.id) AND currency = \(order.currency)
            ) AS debts ON debts.seller_id = s.seller_id
            LEFT JOIN (
                SELECT split_part(a.code, ':', 2) AS seller_id, -sum(p.amount_minor) AS payable
                FROM journal_entries e JOIN postings p ON p.entry_id = e.id
                JOIN ledger_accounts a ON a.id = p.account_id
                WHERE e.order_id = \(order.id)
                    AND (a.code LIKE 'seller:%:payable' OR a.code LIKE 'seller:%:reserve') GROUP BY 1
            ) AS booked ON booked.seller_id = s.seller_id
            LEFT JOIN (
                SELECT seller_id, sum(amount_minor) AS amount FROM nettings WHERE order_id = \(order.id) GROUP BY 1
            ) AS netted ON netted.seller_id = s.seller_id
            LEFT JOIN (
                SELECT seller_id, sum(amount_minor) AS amount FROM write_off_orders WHERE order_id = \(order.id) GROUP BY 1
            ) AS given_up ON given_up.seller_id = s.seller_id
            LEFT JOIN (
                SELECT seller_id, sum(amount_minor) AS amount FROM write_off_recoveries
                WHERE order_id = \(order.id) GROUP BY 1
            ) AS recovered ON recovered.seller_id = s.seller_id
            LEFT JOIN (
                SELECT l.seller_id, sum(l.share_minor - l.taken_minor) AS amount
                FROM share_parts l LEFT JOIN transfers t ON t.id = l.transfer_id
                WHERE \(hasShares) AND l.order_id = \(order.id) AND (t.state IS NULL OR t.state = 'held')
                GROUP BY 1
            ) AS shares ON shares.seller_id = s.seller_id
            LEFT JOIN (
                SELECT seller_id, sum(payable_minor) FILTER (WHERE state = 'pending') AS moving,
                    sum(greatest(0, amount_minor - payable_minor))
                        FILTER (WHERE purpose = 'return' AND state IN ('pending', 'paid')) AS given,
                    -- What of a share has paid a debt of the order itself.
                    sum(greatest(0, payable_minor - coalesce(amount_minor, 0) - coalesce((
                        SELECT sum(n.amount_minor) FROM nettings n WHERE n.transfer_id = transfers.id), 0)))
                        FILTER (WHERE state IN ('paid', 'canceled')) AS kept
                FROM transfers WHERE order_id = \(order.id) AND operation_id IS NOT NULL GROUP BY 1
            ) AS made ON made.seller_id = s.seller_id
            LEFT JOIN (
                SELECT coalesce(c.seller_id, t.seller_id) AS seller_id,
                    sum(v.amount_minor) FILTER (
                        WHERE NOT r.claims OR d.reinstated_at IS NOT NULL) AS amount,
                    -- A transfer that no release asked for is owed as a whole: to take it back is to settle it.
                    sum(v.amount_minor) FILTER (
                        WHERE r.id IS NULL AND coalesce(k.cause, 'request') = 'request'
                            AND (c.seller_id IS NOT NULL OR t.operation_id IS NOT NULL)) AS on_purpose
                FROM transfer_reversals v JOIN charges c ON c.id = v.charge_id
                LEFT JOIN transfers t ON t.stripe_id = v.stripe_transfer
                LEFT JOIN refunds r ON r.id = v.refund_id OR r.stripe_id = v.stripe_refund
                LEFT JOIN recoveries k ON k.operation_id = v.operation_id
                LEFT JOIN disputes d ON d.id = k.dispute_id
                -- Of a payment that nobody wanted the seller has nothing coming.
                WHERE v.order_id = \(order.id) AND c.purpose = 'sale' GROUP BY 1
            ) AS taken ON taken.seller_id = s.seller_id
            LEFT JOIN (
                SELECT c.seller_id, sum(v.amount_minor) AS amount
                FROM fee_refunds v JOIN charges c ON c.id = v.charge_id JOIN refunds r ON r.id = v.refund_id
                WHERE v.order_id = \(order.id) AND NOT r.claims AND c.purpose = 'sale' GROUP BY 1
            ) AS fees ON fees.seller_id = s.seller_id
            LEFT JOIN (
                -- Of what a won dispute had taken, this much is payable.
                SELECT p.seller_id, sum(greatest(0, p.receivable_minor - p.returned_receivable_minor)) AS amount
                FROM dispute_sellers p JOIN disputes d ON d.id = p.dispute_id
                WHERE d.order_id = \(order.id) AND d.reinstated_at IS NOT NULL GROUP BY 1
            ) AS won ON won.seller_id = s.seller_id
            WHERE s.order_id = \(order.id) ORDER BY s.seller_id
            """)
        return try rows.map { row in
            func money(_ column: String) throws -> Money { Money(try row.get(column), order.currency) }
            return SellerStanding(
                seller: try row.get("seller_id"), owed: try money("owed"), unmoved: try money("unmoved"),
                undone: try money("undone"), netted: try money("netted"), takenOnPurpose: try money("on_purpose"),
                writtenOff: try money("written_off"))
        }
    }
}

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
        for standing in try await standings(in: order) where try standing.dueBack.amount.isPositive {
            guard try await !hasReturnUnderWay(to: standing.seller, of: order.id),
                let seller = order.sellers.first(where: { $0.seller == standing.seller })
            else { continue }
            _ = try await insertTransfer(
                to: seller, for: .giveBack, of: order, out: nil, heldBecause: "is being prepared")
        }
        try await wakeTransfers(of: order.id)
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
            SELECT s.seller_id, coalesce(booked.owed, 0)::bigint AS owed,
                (coalesce(booked.payable, 0) - coalesce(shares.amount, 0) - coalesce(made.moving, 0))::bigint AS unmoved,
                (coalesce(taken.amount, 0) - coalesce(fees.amount, 0) - coalesce(made.given, 0)
                    - coalesce(won.amount, 0))::bigint AS undone
            FROM order_sellers s
            LEFT JOIN (
                SELECT split_part(a.code, ':', 2) AS seller_id,
                    sum(p.amount_minor) FILTER (WHERE a.code LIKE '%:receivable') AS owed,
                    -sum(p.amount_minor) FILTER (WHERE a.code LIKE '%:payable' OR a.code LIKE '%:reserve') AS payable
                FROM journal_entries e JOIN postings p ON p.entry_id = e.id
                JOIN ledger_accounts a ON a.id = p.account_id
                WHERE e.order_id = \(order.id) AND a.code LIKE 'seller:%' GROUP BY 1
            ) AS booked ON booked.seller_id = s.seller_id
            LEFT JOIN (
                SELECT l.seller_id, sum(l.share_minor - l.taken_minor) AS amount
                FROM share_parts l LEFT JOIN transfers t ON t.id = l.transfer_id
                WHERE \(hasShares) AND l.order_id = \(order.id) AND (t.state IS NULL OR t.state = 'held')
                GROUP BY 1
            ) AS shares ON shares.seller_id = s.seller_id
            LEFT JOIN (
                SELECT seller_id, sum(payable_minor) FILTER (WHERE state = 'pending') AS moving,
                    sum(greatest(0, amount_minor - payable_minor))
                        FILTER (WHERE purpose = 'return' AND state IN ('pending', 'paid')) AS given
                FROM transfers WHERE order_id = \(order.id) AND operation_id IS NOT NULL GROUP BY 1
            ) AS made ON made.seller_id = s.seller_id
            LEFT JOIN (
                SELECT coalesce(c.seller_id, t.seller_id) AS seller_id, sum(v.amount_minor) AS amount
                FROM transfer_reversals v JOIN charges c ON c.id = v.charge_id
                LEFT JOIN transfers t ON t.stripe_id = v.stripe_transfer
                WHERE v.order_id = \(order.id) AND (
                    EXISTS (
                        SELECT 1 FROM refunds r
                        WHERE (r.id = v.refund_id OR r.stripe_id = v.stripe_refund) AND NOT r.claims)
                    OR EXISTS (
                        SELECT 1 FROM recoveries k JOIN disputes d ON d.id = k.dispute_id
                        WHERE k.operation_id = v.operation_id AND d.reinstated_at IS NOT NULL))
                GROUP BY 1
            ) AS taken ON taken.seller_id = s.seller_id
            LEFT JOIN (
                SELECT c.seller_id, sum(v.amount_minor) AS amount
                FROM fee_refunds v JOIN charges c ON c.id = v.charge_id JOIN refunds r ON r.id = v.refund_id
                WHERE v.order_id = \(order.id) AND NOT r.claims GROUP BY 1
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
                undone: try money("undone"))
        }
    }
}

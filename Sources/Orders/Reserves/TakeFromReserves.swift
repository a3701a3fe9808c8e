import Domain
import Postgres
import Store

// What refunds, disputes and late failures take of lines of which a part is held back.
extension StoreTransaction {
    /// How much of what is taken of each line comes out of what is held back of it, under the order's lock. What other
    /// refunds have taken, or have asked for, is theirs. Lines of which nothing is held back are left out.
    func reserveParts(
        of shares: [(line: ID<OrderLine>, sellerAmount: Money)], in order: OrderRecord
    ) async throws -> [ID<OrderLine>: ReservePart] {
        guard order.shape == .separate, order.sellers.contains(where: { $0.reserve != nil }) else { return [:] }
        let reserves = try await lineReserves(of: order)
        var parts: [ID<OrderLine>: ReservePart] = [:]
        for share in shares {
            guard let reserve = reserves[share.line] else { continue }
            let amount = try reserve.part(of: share.sellerAmount)
            if amount.isPositive { parts[share.line] = ReservePart(amount: amount, isReleased: reserve.isReleased) }
        }
        return parts
    }

    private func lineReserves(of order: OrderRecord) async throws -> [ID<OrderLine>: LineReserve] {
        let rows = try await query(
            """
            SELECT l.id, coalesce(share.state, 'held') = 'held' AS is_waiting,
                (l.seller_minor - l.reserve_minor - coalesce(f.others, 0))::bigint AS waiting,
                CASE WHEN own.state = 'held' THEN (l.reserve_minor - coalesce(f.reserve, 0))::bigint ELSE 0 END AS left_minor,
                r.released_at IS NOT NULL AS is_released
            FROM order_lines l JOIN reserves r ON r.transfer_id = l.reserve_transfer_id
            JOIN transfers own ON own.id = l.reserve_transfer_id LEFT JOIN transfers share ON share.id = l.transfer_id
            CROSS JOIN LATERAL (
                SELECT sum(seller_minor - reserve_minor) AS others, sum(reserve_minor) AS reserve FROM (
                    SELECT f.seller_minor, f.reserve_minor
                    FROM refund_lines f JOIN refunds r ON r.id = f.refund_id WHERE f.line_id = l.id AND r.claims
                    UNION ALL
                    SELECT f.seller_minor, f.reserve_minor FROM dispute_lines f JOIN disputes d ON d.id = f.dispute_id
                    WHERE f.line_id = l.id AND d.reinstated_at IS NULL
                ) AS taken
            ) AS f
            WHERE l.order_id = \(order.id)
            """)
        var reserves: [ID<OrderLine>: LineReserve] = [:]
        for row in rows {
            let waiting = Money(try row.get("waiting"), order.currency)
            reserves[try row.get("id")] = LineReserve(
                waiting: try row.get("is_waiting") ? waiting : nil,
                left: Money(try row.get("left_minor"), order.currency), isReleased: try row.get("is_released"))
        }
        return reserves
    }
}

extension Sequence where Element == (line: ID<OrderLine>, sellerAmount: Money) {
    /// What is taken of each line beside what is held back of it.
    func less(_ reserves: [ID<OrderLine>: ReservePart]) throws(MoneyError) -> [Element] {
        var rest: [Element] = []
        for share in self {
            let reserve = reserves[share.line]?.amount ?? .zero(share.sellerAmount.currency)
            rest.append((share.line, try share.sellerAmount.subtracting(reserve)))
        }
        return rest
    }
}

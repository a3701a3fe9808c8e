package import Domain
package import Ledger
import Postgres
import Store
import Web

// Where sellers bear disputes, what Stripe takes for one is claimed from everyone who had the money, as by a refund, and
// taken back of their transfers. Won, each has again what was claimed.

/// What a dispute claims from those who had the money.
package struct DisputeClaim: Hashable, Sendable {
    package let at: Timestamp
    package let parts: MoneyParts
    /// Out of what each seller's part came.
    package let taken: DisputeRules.Claim
    /// Into what it went when the dispute was won; nil before.
    package let returned: DisputeRules.Claim?

    static let columns = """
        claimed_at, claimed_after_loss, (SELECT json_build_object( \
        'amount', coalesce(sum(l.amount_minor), 0), 'seller', coalesce(sum(l.seller_minor), 0), \
        'fee', coalesce(sum(l.platform_fee_minor), 0), 'tax', coalesce(sum(l.tax_minor), 0), \
        'sales', coalesce(sum(l.platform_sales_minor), 0), 'discount', coalesce(sum(l.platform_discount_minor), 0))::text \
        FROM dispute_lines l WHERE l.dispute_id = disputes.id) AS claimed_parts, \
        (SELECT coalesce(json_agg(json_build_object('seller', s.seller_id, 'payable', s.payable_minor, \
        'receivable', s.receivable_minor, 'reserve', s.reserve_minor, 'returned_payable', s.returned_payable_minor, \
        'returned_receivable', s.returned_receivable_minor, 'returned_reserve', s.returned_reserve_minor) \
        ORDER BY s.seller_id), '[]')::text \
        FROM dispute_sellers s WHERE s.dispute_id = disputes.id) AS claimed_sellers
        """

    private struct PartsForm: Decodable {
        let amount: Int64
        let seller: Int64
        let fee: Int64
        let tax: Int64
        let sales: Int64
        let discount: Int64
    }

    private struct SellerForm: Decodable {
        let seller: ID<Seller>
        let payable: Int64
        let receivable: Int64
        let reserve: Int64
        let returnedPayable: Int64?
        let returnedReceivable: Int64?
        let returnedReserve: Int64?

        enum CodingKeys: String, CodingKey {
            case seller, payable, receivable, reserve
            case returnedPayable = "returned_payable"
            case returnedReceivable = "returned_receivable"
            case returnedReserve = "returned_reserve"
        }
    }

    /// - Returns: nil for a dispute of which nothing was claimed.
    init?(row: PostgresRow) throws {
        guard let at: Timestamp = try row.get("claimed_at") else { return nil }
        let currency: Currency = try row.get("currency")
        let form = try PostgresJSON(try row.get("claimed_parts")).read(as: PartsForm.self)
        let sellers = try PostgresJSON(try row.get("claimed_sellers")).read(as: [SellerForm].self)
        let isAfterLoss: Bool = try row.get("claimed_after_loss")
        func money(_ minorUnits: Int64) -> Money { Money(minorUnits, currency) }
        self.at = at
        parts = try MoneyParts(
            amount: money(form.amount), sellerAmount: money(form.seller), platformFee: money(form.fee),
            tax: money(form.tax), platformSales: money(form.sales), platformDiscount: money(form.discount),
            excess: money(0))
        taken = DisputeRules.Claim(
            SeparateDivision(
                parts,
                sellers: sellers.map {
                    SeparateDivision.Part(
                        seller: $0.seller, payable: money($0.payable), receivable: money($0.receivable),
                        reserve: money($0.reserve))
                }), isAfterLoss: isAfterLoss)
        let back = sellers.compactMap { seller -> SeparateDivision.Part? in
            guard let payable = seller.returnedPayable, let receivable = seller.returnedReceivable,
                let reserve = seller.returnedReserve
            else { return nil }
            return SeparateDivision.Part(
                seller: seller.seller, payable: money(payable), receivable: money(receivable), reserve: money(reserve))
        }
        returned =
            back.count == sellers.count
            ? DisputeRules.Claim(SeparateDivision(parts, sellers: back), isAfterLoss: isAfterLoss) : nil
    }
}

extension StoreTransaction {
    /// Claims what disputes of a charge have taken from those who bear them, once each, under the order's lock. While a
    /// refund of the charge is on its way it waits: what that takes is not claimed again.
    func claimDisputes(of charge: ChargeRecord, in order: OrderRecord) async throws {
        guard order.disputeBearer == .seller, charge.purpose == .sale, order.status != .failedAfterPayment,
            // What each would have to give of it is in another currency than its transfer.
            charge.settled == nil
        else { return }
        let open = try await disputes(
            where: """
                charge_id = \(charge.id) AND withdrawn_at IS NOT NULL AND claimed_at IS NULL AND reinstated_at IS NULL
                    AND taken_minor IS NULL
                ORDER BY created_at, id
                """)
        guard !open.isEmpty else { return }
        try await endUnsentRefunds(of: charge, because: "The buyer disputes the payment.")
        guard
            try await query(
                "SELECT 1 FROM refunds WHERE charge_id = \(charge.id) AND status = 'requested' LIMIT 1"
            ).isEmpty
        else { return }
        for dispute in open { try await claim(dispute, of: charge, in: order) }
        try await wakeTransfers(of: order.id)
    }

    private func claim(_ dispute: DisputeRecord, of charge: ChargeRecord, in order: OrderRecord) async throws {
        let lines = try await refundableLines(of: order)
        let remaining = RefundAllocation.remaining(of: lines, in: order.currency)
        let amount = min(dispute.amount.minorUnits, remaining.minorUnits)
        var shares: [RefundAllocation.Share] = []
        if amount > 0 { shares = try RefundAllocation(of: Money(amount, order.currency), over: lines).shares }
        let gone = shares.map { (line: $0.line, sellerAmount: $0.parts.sellerAmount) }
        let reserves = try await reserveParts(of: gone, in: order)
        var sellers = try order.parts(of: gone, reserves)
        let parts = try MoneyParts.sum(shares.map(\.parts), in: order.currency)
        if let destination = charge.destination {
            sellers = [
                SeparateDivision.Part(
                    seller: destination.seller, payable: .zero(order.currency), receivable: parts.sellerAmount)
            ]
        }
        try await insert(shares, sellers, reserves, of: dispute, takers: order.releases.compactMapValues(\.taker))
        guard let claimed = try await self.dispute(where: "id = \(dispute.id)") else { return }
        try await append(try claimed.entries(charge.dimensions))

        let recoveries = try await recoveries(
            of: try gone.less(reserves), sellerAmount: parts.sellerAmount, from: sellers.map(\.seller), of: charge,
            in: order)
        try await enqueueRecoveries(
            recoveries, because: .dispute(dispute.id), of: charge, subject: dispute.id.rawValue,
            heldBecause: "the buyer disputes the payment, and the seller bears it")
        try await announce("dispute.updated", about: dispute.id.rawValue, DisputeBody(claimed))
    }

    private func insert(
        _ shares: [RefundAllocation.Share], _ sellers: [SeparateDivision.Part],
        _ reserves: [ID<OrderLine>: ReservePart], of dispute: DisputeRecord, takers: [ID<OrderLine>: ID<Transfer>]
    ) async throws {
        try await execute(
            """
            INSERT INTO dispute_lines (dispute_id, line_id, amount_minor, seller_minor, platform_fee_minor, tax_minor,
                platform_sales_minor, platform_discount_minor, transfer_id, reserve_minor, reserve_released)
            SELECT \(dispute.id), s.*
            FROM unnest(
                \(shares.map(\.line.rawValue)), \(shares.map(\.parts.amount.minorUnits)),
                \(shares.map(\.parts.sellerAmount.minorUnits)), \(shares.map(\.parts.platformFee.minorUnits)),
                \(shares.map(\.parts.tax.minorUnits)), \(shares.map(\.parts.platformSales.minorUnits)),
                \(shares.map(\.parts.platformDiscount.minorUnits)), \(shares.map { takers[$0.line]?.rawValue }),
                \(shares.map { reserves[$0.line]?.amount.minorUnits ?? 0 }),
                \(shares.map { reserves[$0.line]?.isReleased ?? false })
            ) AS s
            """)
        try await execute(
            """
            INSERT INTO dispute_sellers (dispute_id, seller_id, payable_minor, receivable_minor, reserve_minor)
            SELECT \(dispute.id), s.* FROM unnest(
                \(sellers.map(\.seller.rawValue)), \(sellers.map(\.payable.minorUnits)),
                \(sellers.map(\.receivable.minorUnits)), \(sellers.map(\.reserve.minorUnits))) AS s
            """)
        try await execute(
            """
            UPDATE disputes SET claimed_at = \(now), claimed_after_loss = \(dispute.lostAt != nil)
            WHERE id = \(dispute.id)
            """)
    }

    /// A dispute was won: what a seller still owes of the order is owed no more, what was held back is held back again until
    /// its date, and the rest is payable again.
    func giveBack(_ dispute: DisputeRecord) async throws {
        guard let claim = dispute.claim else { return }
        for part in claim.taken.division.sellers {
            // What was given up of it counts as owed, and is given up no more.
            let owed = try await query(
                """
                SELECT coalesce((
                        SELECT amount_minor FROM order_debts
                        WHERE order_id = \(dispute.order) AND seller_id = \(part.seller)
                            AND currency = \(part.receivable.currency)), 0)
                    + (SELECT coalesce(sum(amount_minor), 0) FROM write_off_orders
                        WHERE order_id = \(dispute.order) AND seller_id = \(part.seller))
                    - (SELECT coalesce(sum(amount_minor), 0) FROM write_off_recoveries
                        WHERE order_id = \(dispute.order) AND seller_id = \(part.seller)) AS owed
                """
            ).first?.get("owed", as: Int64.self)
            let receivable = part.receivable.returnedToReceivable(owed: owed ?? 0)
            let isHeldBack = try await !query(
                """
                SELECT 1 FROM reserves
                WHERE order_id = \(dispute.order) AND seller_id = \(part.seller) AND released_at IS NULL
                """
            ).isEmpty
            let reserve = isHeldBack ? part.reserve : .zero(part.reserve.currency)
            let payable = try part.payable.adding(part.receivable).adding(part.reserve).subtracting(receivable)
                .subtracting(reserve)
            try await execute(
                """
                UPDATE dispute_sellers SET returned_payable_minor = \(payable.minorUnits),
                    returned_receivable_minor = \(receivable.minorUnits),
                    returned_reserve_minor = \(reserve.minorUnits)
                WHERE dispute_id = \(dispute.id) AND seller_id = \(part.seller)
                """)
        }
    }
}

extension Money {
    /// Of what a seller was made to owe, as much as is still owed.
    fileprivate func returnedToReceivable(owed: Int64) -> Money {
        Money(max(0, min(minorUnits, owed)), currency)
    }
}

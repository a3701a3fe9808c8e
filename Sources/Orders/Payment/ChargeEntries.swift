import Domain
import Ledger
import Postgres
import Store

// The business entries of a charge, by its shape and by what it was for.
extension ChargeRecord {
    func paidEntry(_ division: OrderDivision, at effectiveAt: Timestamp) throws -> JournalEntry {
        if let destination {
            return try ChargeRules.destinationChargePaid(
                id, ChargeDivision(division.total, seller: destination.seller), dimensions: dimensions, at: effectiveAt)
        }
        switch purpose {
        case .sale:
            return try SeparateChargeRules.paid(
                id, try SeparateDivision(division), dimensions: dimensions, at: effectiveAt)
        case .surplus:
            return try SeparateChargeRules.surplusPaid(id, amount: amount, dimensions: dimensions, at: effectiveAt)
        }
    }

    /// `sellers` says for a separate sale out of what each seller's part of the refund comes.
    func refundedEntry(
        _ refund: StripeRefundID, _ parts: MoneyParts, sellers: [SeparateDivision.Part], at effectiveAt: Timestamp
    ) throws -> JournalEntry {
        if let destination {
            return try ChargeRules.destinationChargeRefunded(
                refund, ChargeDivision(parts, seller: destination.seller), dimensions: dimensions, at: effectiveAt)
        }
        switch purpose {
        case .sale:
            return try SeparateChargeRules.refunded(
                refund, SeparateDivision(parts, sellers: sellers), dimensions: dimensions, at: effectiveAt)
        case .surplus:
            return try SeparateChargeRules.surplusRefunded(
                refund, of: id, amount: parts.amount, excess: parts.excess, dimensions: dimensions, at: effectiveAt)
        }
    }

    /// A refund that never left was canceled: its entry is turned round.
    func refundCanceledEntry(
        _ refund: StripeRefundID, _ parts: MoneyParts, sellers: [SeparateDivision.Part], at effectiveAt: Timestamp
    ) throws -> JournalEntry {
        if let destination {
            return try ChargeRules.refundCanceled(
                refund, ChargeDivision(parts, seller: destination.seller), dimensions: dimensions, at: effectiveAt)
        }
        return try refundedEntry(refund, parts, sellers: sellers, at: effectiveAt)
            .reversed(as: .refundCanceled(refund), effectiveAt: effectiveAt)
    }

    /// `parts` are those that had not been refunded when the bank took the payment back.
    func failedLateEntry(
        _ parts: MoneyParts, sellers: [SeparateDivision.Part], at effectiveAt: Timestamp
    ) throws -> JournalEntry {
        if let destination {
            return try ChargeRules.destinationChargeFailedLate(
                id, ChargeDivision(parts, seller: destination.seller), dimensions: dimensions, at: effectiveAt)
        }
        switch purpose {
        case .sale:
            return try SeparateChargeRules.failedLate(
                id, SeparateDivision(parts, sellers: sellers), dimensions: dimensions, at: effectiveAt)
        case .surplus:
            return try SeparateChargeRules.surplusFailedLate(
                id, amount: parts.amount, excess: parts.excess, dimensions: dimensions, at: effectiveAt)
        }
    }
}

extension ChargeDivision {
    init(_ parts: MoneyParts, seller: ID<Seller>) {
        self.init(
            amount: parts.amount, seller: seller, sellerAmount: parts.sellerAmount, platformFee: parts.platformFee,
            platformSales: parts.platformSales, tax: parts.tax, platformDiscount: parts.platformDiscount,
            excess: parts.excess)
    }
}

extension OrderRecord {
    /// Gathers sellers' parts of lines: as far as `reserves` says, out of what is held back; the rest owed by a seller whose
    /// line a transfer has taken, else out of what is still with the platform.
    func parts(
        of shares: [(line: ID<OrderLine>, sellerAmount: Money)], _ reserves: [ID<OrderLine>: ReservePart]
    ) throws -> [SeparateDivision.Part] {
        var parts: [SeparateDivision.Part] = []
        for line in lines {
            guard let seller = line.beneficiary else { continue }
            for share in shares where share.line == line.id {
                let hasLeft = releases[line.id]?.taker != nil
                let zero = Money.zero(currency)
                let place = parts.firstIndex { $0.seller == seller }
                let before = place.map { parts[$0] }
                let reserve = reserves[line.id]
                let rest = try share.sellerAmount.subtracting(reserve?.amount ?? zero)
                let isReleased = reserve?.isReleased ?? false
                let payable = try (hasLeft ? zero : rest).adding(isReleased ? reserve?.amount ?? zero : zero)
                let part = SeparateDivision.Part(
                    seller: seller, payable: try (before?.payable ?? zero).adding(payable),
                    receivable: try (before?.receivable ?? zero).adding(hasLeft ? rest : zero),
                    reserve: try (before?.reserve ?? zero).adding(isReleased ? zero : reserve?.amount ?? zero))
                if let place { parts[place] = part } else { parts.append(part) }
            }
        }
        return parts
    }
}

extension OrderRecord {
    /// What of a seller's part each transfer has taken away, so that it is to come out of that transfer.
    func transferredParts(
        _ shares: [(line: ID<OrderLine>, sellerAmount: Money)], of seller: ID<Seller>
    ) throws(MoneyError) -> [ID<Transfer>?: Money] {
        var parts: [ID<Transfer>?: Money] = [:]
        for share in shares {
            guard let line = lines.first(where: { $0.id == share.line }), line.beneficiary == seller,
                let taker = releases[line.id]?.taker
            else { continue }
            parts[taker] = try (parts[taker] ?? .zero(currency)).adding(share.sellerAmount)
        }
        return parts
    }
}

extension StoreTransaction {
    /// Out of what each seller's part of a booked refund of separate charges came.
    func sellerParts(of refund: ID<Refund>, in currency: Currency) async throws -> [SeparateDivision.Part] {
        try await sellerParts(of: refund, in: currency, isPayable: "f.reserve_released")
    }

    /// Into what each seller's part goes when the refund is turned round: what was held back is held back again until its
    /// date, and payable from then on.
    func returningSellerParts(of refund: ID<Refund>, in currency: Currency) async throws -> [SeparateDivision.Part] {
        try await sellerParts(of: refund, in: currency, isPayable: "v.released_at IS NOT NULL")
    }

    /// `isPayable` says in SQL of a line `f` and its reserve `v` whether what was held back of it is payable.
    private func sellerParts(
        of refund: ID<Refund>, in currency: Currency, isPayable: String
    ) async throws -> [SeparateDivision.Part] {
        try await query(
            """
            SELECT l.seller_id, (
                    coalesce(sum(f.seller_minor - f.reserve_minor) FILTER (WHERE f.transfer_id IS NULL), 0)
                    + coalesce(sum(f.reserve_minor) FILTER (WHERE \(unescaped: isPayable)), 0))::bigint AS payable,
                coalesce(sum(f.seller_minor - f.reserve_minor) FILTER (WHERE f.transfer_id IS NOT NULL), 0)::bigint
                    AS receivable,
                coalesce(sum(f.reserve_minor) FILTER (WHERE NOT coalesce(\(unescaped: isPayable), false)), 0)::bigint
                    AS reserve
            FROM refund_lines f JOIN order_lines l ON l.id = f.line_id
            LEFT JOIN reserves v ON v.order_id = l.order_id AND v.seller_id = l.seller_id
            WHERE f.refund_id = \(refund) AND l.seller_id IS NOT NULL
            GROUP BY l.seller_id ORDER BY l.seller_id
            """
        ).map { row in
            SeparateDivision.Part(
                seller: try row.get("seller_id"), payable: Money(try row.get("payable"), currency),
                receivable: Money(try row.get("receivable"), currency),
                reserve: Money(try row.get("reserve"), currency))
        }
    }
}

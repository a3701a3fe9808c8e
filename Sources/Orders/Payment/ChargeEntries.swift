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
    /// Gathers sellers' parts of lines: owed by a seller whose line a transfer has taken, else out of what is still with
    /// the platform.
    func parts(of shares: [(line: ID<OrderLine>, sellerAmount: Money)]) throws -> [SeparateDivision.Part] {
        var parts: [SeparateDivision.Part] = []
        for line in lines {
            guard let seller = line.beneficiary else { continue }
            for share in shares where share.line == line.id {
                let hasLeft = releases[line.id]?.taker != nil
                let zero = Money.zero(currency)
                let place = parts.firstIndex { $0.seller == seller }
                let before = place.map { parts[$0] }
                let part = SeparateDivision.Part(
                    seller: seller,
                    payable: try (before?.payable ?? zero).adding(hasLeft ? zero : share.sellerAmount),
                    receivable: try (before?.receivable ?? zero).adding(hasLeft ? share.sellerAmount : zero))
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
        try await query(
            """
            SELECT l.seller_id,
                coalesce(sum(f.seller_minor) FILTER (WHERE f.transfer_id IS NULL), 0)::bigint AS payable,
                coalesce(sum(f.seller_minor) FILTER (WHERE f.transfer_id IS NOT NULL), 0)::bigint AS receivable
            FROM refund_lines f JOIN order_lines l ON l.id = f.line_id
            WHERE f.refund_id = \(refund) AND l.seller_id IS NOT NULL
            GROUP BY l.seller_id ORDER BY l.seller_id
            """
        ).map { row in
            SeparateDivision.Part(
                seller: try row.get("seller_id"), payable: Money(try row.get("payable"), currency),
                receivable: Money(try row.get("receivable"), currency))
        }
    }
}

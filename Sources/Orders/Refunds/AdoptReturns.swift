import Domain
import Ledger
import Postgres
import Store
import StripeAPI

/// A refund as Souk keeps it.
struct RefundRecord: Sendable {
    let id: ID<Refund>
    let stripeID: StripeRefundID
    let status: String
    let parts: MoneyParts

    init(row: PostgresRow) throws {
        id = try row.get("id")
        stripeID = try row.get("stripe_id")
        status = try row.get("status")
        parts = try MoneyParts(row: row, currency: try row.get("currency"))
    }
}

// What went back of a charge: refunds, reversals of its transfer, refunds of its application fee. Souk's own and those
// that support staff made in Stripe's Dashboard end in the same rows and entries.
extension StoreTransaction {
    /// Books everything that came with the charge.
    /// - Returns: false if Stripe has more of it than it showed.
    func adoptReturns(
        of charge: ChargeResource, _ record: ChargeRecord, in order: inout OrderRecord
    ) async throws -> Bool {
        let refunds = charge.refunds?.data ?? []
        let reversals = charge.transfer?.object?.reversals
        let feeRefunds = charge.applicationFee?.object?.refunds
        try await adopt(refunds, of: record, in: &order)
        try await book(reversals?.data ?? [], feeRefunds?.data ?? [], of: record)
        let more = [charge.refunds?.hasMore, reversals?.hasMore, feeRefunds?.hasMore]
        return !more.contains(true)
    }

    /// Makes rows and entries of refunds that are new, and follows those that are known. Repeats change nothing.
    func adopt(_ refunds: [RefundResource], of charge: ChargeRecord, in order: inout OrderRecord) async throws {
        guard !refunds.isEmpty else { return }
        var isNews = false
        // Oldest first: the allocation of each depends on what was refunded before it.
        for refund in refunds.sorted(by: { ($0.created, $0.id) < ($1.created, $1.id) }) {
            if let known = try await self.refund(refund.id) {
                guard try await follow(known, refund, of: charge) else { continue }
            } else {
                try await adopt(refund, of: charge, in: order)
            }
            isNews = true
        }
        guard isNews else { return }
        try await requestFeeds(of: charge)
        guard charge.purpose == .sale else { return }
        order.amountRefunded = try await standingRefunds(of: charge)
        if order.status != .failedAfterPayment {
            order.status = try order.status.applying(
                .refundedInAll(order.amountRefunded.minorUnits, of: order.amountCaptured.minorUnits))
        }
    }

    func book(
        _ reversals: [TransferReversalResource], _ feeRefunds: [FeeRefundResource], of charge: ChargeRecord
    ) async throws {
        var entries: [JournalEntry] = []
        for reversal in reversals {
            entries.append(
                try ChargeRules.reversalMade(
                    reversal.id, seller: charge.seller, amount: Money(reversal.amount, reversal.currency),
                    dimensions: charge.dimensions, at: reversal.created))
        }
        for refund in feeRefunds {
            entries.append(
                try ChargeRules.feeRefundMade(
                    refund.id, seller: charge.seller, amount: Money(refund.amount, refund.currency),
                    dimensions: charge.dimensions, at: refund.created))
        }
        if try await !append(entries).isEmpty { try await requestFeeds(of: charge) }
    }

    private func adopt(_ refund: RefundResource, of charge: ChargeRecord, in order: OrderRecord) async throws {
        let amount = Money(refund.amount, refund.currency)
        let status = refund.status ?? .pending
        var parts: MoneyParts
        var shares: [RefundAllocation.Share] = []
        if charge.purpose == .sale {
            let allocation = try RefundAllocation(of: amount, over: try await refundableLines(of: order))
            parts = allocation.total
            shares = allocation.shares
        } else {
            let whole = try order.division.total
            let before = try await refundedParts(of: charge)
            parts = try whole.upTo(refunded: before.amount.adding(amount)).subtracting(before)
        }
        let operation = refund.metadata["souk_operation"].flatMap({ ID<Operation>($0) })
        let id = makeID(Refund.self)
        try await execute(
            """
            INSERT INTO refunds
                (id, stripe_id, order_id, charge_id, status, origin, operation_id, reason, failure_reason,
                 transfer_reversal_id, currency, amount_minor, seller_minor, platform_fee_minor, tax_minor, platform_sales_minor,
                 platform_discount_minor, created_at, updated_at)
            VALUES (\(id), \(refund.id), \(order.id), \(charge.id), \(status.rawValue),
                \(operation == nil ? "stripe" : "souk"), \(operation), \(refund.reason), \(refund.failureReason),
                \(refund.transferReversal?.id), \(amount.currency), \(amount.minorUnits), \(parts.sellerAmount.minorUnits),
                \(parts.platformFee.minorUnits), \(parts.tax.minorUnits), \(parts.platformSales.minorUnits),
                \(parts.platformDiscount.minorUnits), \(refund.created), \(now))
            """)
        try await insert(shares, of: id)
        try await append([
            try ChargeRules.destinationChargeRefunded(
                refund.id, ChargeDivision(parts, seller: charge.seller), dimensions: charge.dimensions,
                at: refund.created)
        ])
        try await bookEnd(of: refund, status, parts, charge)
    }

    /// - Returns: whether Stripe says something new of the refund.
    private func follow(
        _ known: RefundRecord, _ refund: RefundResource, of charge: ChargeRecord
    ) async throws -> Bool {
        let status = refund.status ?? .pending
        guard status.rawValue != known.status else { return false }
        try await execute(
            """
            UPDATE refunds SET status = \(status.rawValue), failure_reason = \(refund.failureReason), updated_at = \(now)
            WHERE id = \(known.id)
            """)
        try await bookEnd(of: refund, status, known.parts, charge)
        return true
    }

    private func bookEnd(
        of refund: RefundResource, _ status: StripeRefundStatus, _ parts: MoneyParts, _ charge: ChargeRecord
    ) async throws {
        switch status {
        case .failed:
            try await append([
                try ChargeRules.refundFailed(
                    refund.id, amount: parts.amount, dimensions: charge.dimensions, at: now)
            ])
        case .canceled:
            try await append([
                try ChargeRules.refundCanceled(
                    refund.id, ChargeDivision(parts, seller: charge.seller), dimensions: charge.dimensions, at: now)
            ])
        default: break
        }
    }

    private func insert(_ shares: [RefundAllocation.Share], of refund: ID<Refund>) async throws {
        guard !shares.isEmpty else { return }
        try await execute(
            """
            INSERT INTO refund_lines
                (refund_id, line_id, amount_minor, seller_minor, platform_fee_minor, tax_minor, platform_sales_minor,
                 platform_discount_minor)
            SELECT \(refund), s.*
            FROM unnest(
                \(shares.map(\.line.rawValue)), \(shares.map(\.parts.amount.minorUnits)),
                \(shares.map(\.parts.sellerAmount.minorUnits)), \(shares.map(\.parts.platformFee.minorUnits)),
                \(shares.map(\.parts.tax.minorUnits)), \(shares.map(\.parts.platformSales.minorUnits)),
                \(shares.map(\.parts.platformDiscount.minorUnits))
            ) AS s
            """)
    }

    private func refund(_ id: StripeRefundID) async throws -> RefundRecord? {
        try await query(
            """
            SELECT id, stripe_id, status, currency, amount_minor, seller_minor, platform_fee_minor, tax_minor,
                platform_sales_minor, platform_discount_minor
            FROM refunds WHERE stripe_id = \(id)
            """
        ).first.map(RefundRecord.init)
    }

    private func refundableLines(of order: OrderRecord) async throws -> [RefundAllocation.Line] {
        let refunded = try await refunded(ofLinesIn: [order.id])
        return order.lines.map { line in
            RefundAllocation.Line(
                id: line.id, parts: line.parts, refunded: Money(refunded[line.id] ?? 0, order.currency))
        }
    }

    /// The parts of a charge that refunds which stand have taken.
    func refundedParts(of charge: ChargeRecord) async throws -> MoneyParts {
        let rows = try await query(
            """
            SELECT id, stripe_id, status, currency, amount_minor, seller_minor, platform_fee_minor, tax_minor,
                platform_sales_minor, platform_discount_minor
            FROM refunds WHERE charge_id = \(charge.id) AND status NOT IN ('failed', 'canceled')
            """)
        return try MoneyParts.sum(try rows.map { try RefundRecord(row: $0).parts }, in: charge.amount.currency)
    }

    private func standingRefunds(of charge: ChargeRecord) async throws -> Money {
        try await refundedParts(of: charge).amount
    }
}

import Domain
import Ledger
import Postgres
import Store
import StripeAPI

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
        if let destination = record.destination {
            try await book(reversals?.data ?? [], feeRefunds?.data ?? [], of: record, from: destination)
            // They may have taken what something else had paid already.
            if reversals?.data.isEmpty == false { try await returnToSellers(of: order) }
        }
        let more = [charge.refunds?.hasMore, reversals?.hasMore, feeRefunds?.hasMore]
        return !more.contains(true)
    }

    /// Makes rows and entries of refunds that are new, and follows those that are known. Repeats change nothing.
    func adopt(_ refunds: [RefundResource], of charge: ChargeRecord, in order: inout OrderRecord) async throws {
        guard !refunds.isEmpty else { return }
        var isNews = false
        // Oldest first: the allocation of each depends on what was refunded before it.
        for refund in refunds.sorted(by: { ($0.created, $0.id) < ($1.created, $1.id) }) {
            if let known = try await self.refunds(where: "stripe_id = \(refund.id)").first {
                guard try await follow(known, refund, of: charge, in: order) else { continue }
            } else if let asked = try await refundAsked(by: refund) {
                try await attach(refund, to: asked, of: charge, in: order)
            } else {
                try await adopt(refund, of: charge, in: order)
            }
            isNews = true
        }
        guard isNews else { return }
        try await requestFeeds(of: charge)
        guard charge.purpose == .sale else { return }
        // A transfer that waits may have nothing left to move, and one may be needed where a refund was turned round.
        try await claimDisputes(of: charge, in: order)
        try await returnToSellers(of: order)
        order.amountRefunded = try await refundedParts(of: charge).ofOrder.amount
        if order.status != .failedAfterPayment {
            order.status = try order.status.applying(
                .refundedInAll(order.amountRefunded.minorUnits, of: order.amountCaptured.minorUnits))
        }
    }

    private func adopt(_ refund: RefundResource, of charge: ChargeRecord, in order: OrderRecord) async throws {
        let amount = Money(refund.amount, refund.currency)
        let status = refund.status ?? .pending
        var parts: MoneyParts
        var shares: [RefundAllocation.Share] = []
        if charge.purpose == .sale {
            let remaining = RefundAllocation.remaining(
                of: try await refundableLines(of: order), in: order.currency)
            try await giveUpDebts(of: charge, paidBy: refund, remaining: remaining)
            var lines = try await refundableLines(of: order)
            var room = RefundAllocation.remaining(of: lines, in: order.currency)
            if room.minorUnits < refund.amount {
                try await endUnsentRefunds(of: charge, because: "Stripe's refund \(refund.id) took its place.")
                lines = try await refundableLines(of: order)
                room = RefundAllocation.remaining(of: lines, in: order.currency)
            }
            var excess = Money.zero(order.currency)
            if room.minorUnits < refund.amount {
                guard try await refunds(where: "order_id = \(order.id) AND status = 'requested' LIMIT 1").isEmpty else {
                    throw OrderError.refundUnderWay(order: order.id, refund: refund.id)
                }
                // What Stripe still gives back of a charge exceeds what is left of its order only by what was paid otherwise.
                excess = try amount.subtracting(room)
            }
            if excess == amount {
                parts = try .zero(order.currency).adding(excess: excess)
            } else {
                let allocation = try RefundAllocation(of: try amount.subtracting(excess), over: lines)
                parts = try allocation.total.adding(excess: excess)
                shares = allocation.shares
            }
        } else {
            try await giveUpDebts(of: charge, paidBy: refund, remaining: nil)
            let whole = try order.division.total
            let before = try await takenParts(of: charge).ofOrder
            let room = try whole.amount.subtracting(before.amount)
            let excess = Money(max(0, amount.minorUnits - room.minorUnits), order.currency)
            parts = try whole.upTo(refunded: before.amount.adding(amount).subtracting(excess)).subtracting(before)
                .adding(excess: excess)
        }
        let operation = refund.metadata["souk_operation"].flatMap({ ID<Operation>($0) })
        let id = makeID(Refund.self)
        try await execute(
            """
            INSERT INTO refunds
                (id, stripe_id, order_id, charge_id, status, origin, operation_id, reason, failure_reason,
                 transfer_reversal_id, currency, amount_minor, seller_minor, platform_fee_minor, tax_minor, platform_sales_minor,
                 platform_discount_minor, excess_minor, created_at, updated_at)
            VALUES (\(id), \(refund.id), \(order.id), \(charge.id), \(status.rawValue),
                \(operation == nil ? "stripe" : "souk"), \(operation), \(refund.reason), \(refund.failureReason),
                \(refund.transferReversal?.id), \(amount.currency), \(amount.minorUnits), \(parts.sellerAmount.minorUnits),
                \(parts.platformFee.minorUnits), \(parts.tax.minorUnits), \(parts.platformSales.minorUnits),
                \(parts.platformDiscount.minorUnits), \(parts.excess.minorUnits), \(refund.created), \(now))
            """)
        let gone = shares.map { (line: $0.line, sellerAmount: $0.parts.sellerAmount) }
        let reserves = try await reserveParts(of: gone, in: order)
        try await insert(shares, reserves, of: id, takers: order.releases.compactMapValues(\.taker))
        let sellers = try order.parts(of: gone, reserves)
        try await append([try charge.refundedEntry(refund.id, parts, sellers: sellers, at: refund.created)])
        try await bookEnd(of: refund, status, id, parts, charge, order)
        try await announce("refund.created", id)
        guard operation == nil else { return }
        let beyond =
            parts.excess.isZero
            ? "" : " The buyer had been paid otherwise: \(parts.excess) exceeds the order and is the platform's loss."
        try await noteMadeAtStripe(
            refund.id.rawValue, amount: amount,
            detail: """
                The refund \(refund.id) of \(amount) was made for order \(order.id) without Souk. It is spread over the \
                order's lines in proportion; the sellers bear \(parts.sellerAmount) of it.\(beyond)
                """)
    }

    /// - Returns: whether Stripe says something new of the refund.
    private func follow(
        _ known: RefundRecord, _ refund: RefundResource, of charge: ChargeRecord, in order: OrderRecord
    ) async throws -> Bool {
        let status = refund.status ?? .pending
        guard status.rawValue != known.status.rawValue else { return false }
        try await execute(
            """
            UPDATE refunds SET status = \(status.rawValue), failure_reason = \(refund.failureReason), updated_at = \(now)
            WHERE id = \(known.id)
            """)
        try await bookEnd(of: refund, status, known.id, known.parts, charge, order)
        try await wakeHeld(of: known.id.rawValue)
        try await announce(status == .failed ? "refund.failed" : "refund.updated", known.id)
        return true
    }

    /// The refund of ours that asked for it and does not know it yet.
    private func refundAsked(by refund: RefundResource) async throws -> RefundRecord? {
        guard let operation = refund.metadata["souk_operation"].flatMap({ ID<Operation>($0) }) else { return nil }
        return try await refunds(where: "operation_id = \(operation) AND stripe_id IS NULL").first
    }

    /// Stripe has what was asked for: it is booked as it was allocated then, out of what sellers have by now.
    private func attach(
        _ refund: RefundResource, to asked: RefundRecord, of charge: ChargeRecord, in order: OrderRecord
    ) async throws {
        guard Money(refund.amount, refund.currency) == asked.parts.amount, asked.charge == charge.id else {
            throw OrderError.refundDiffers(asked.id, refund: refund.id, amount: refund.amount)
        }
        let status = refund.status ?? .pending
        try await execute(
            """
            UPDATE refunds
            SET stripe_id = \(refund.id), status = \(status.rawValue), failure_reason = \(refund.failureReason),
                transfer_reversal_id = \(refund.transferReversal?.id), updated_at = \(now)
            WHERE id = \(asked.id)
            """)
        let takers = order.releases.compactMapValues(\.taker)
        try await execute(
            """
            UPDATE refund_lines SET transfer_id = taken.transfer_id
            FROM unnest(\(takers.map(\.key.rawValue)), \(takers.map(\.value.rawValue))) AS taken (line_id, transfer_id)
            WHERE refund_id = \(asked.id) AND refund_lines.line_id = taken.line_id
            """)
        try await execute(
            """
            UPDATE refund_lines f SET reserve_released = v.released_at IS NOT NULL
            FROM order_lines l JOIN reserves v ON v.order_id = l.order_id AND v.seller_id = l.seller_id
            WHERE f.refund_id = \(asked.id) AND l.id = f.line_id AND f.reserve_minor > 0
            """)
        let sellers = try await sellerParts(of: asked.id, in: asked.parts.amount.currency)
        try await append([try charge.refundedEntry(refund.id, asked.parts, sellers: sellers, at: refund.created)])
        try await bookEnd(of: refund, status, asked.id, asked.parts, charge, order)
        try await wakeHeld(of: asked.id.rawValue)
        try await announce(status == .failed ? "refund.failed" : "refund.updated", asked.id)
    }

    private func bookEnd(
        of refund: RefundResource, _ status: StripeRefundStatus, _ id: ID<Refund>, _ parts: MoneyParts,
        _ charge: ChargeRecord, _ order: OrderRecord
    ) async throws {
        switch status {
        case .failed:
            try await append([
                try ChargeRules.refundFailed(
                    refund.id, amount: parts.amount, dimensions: charge.dimensions, at: now)
            ])
        case .canceled:
            let sellers = try await returningSellerParts(of: id, in: parts.amount.currency)
            try await append([try charge.refundCanceledEntry(refund.id, parts, sellers: sellers, at: now)])
            if charge.purpose == .surplus { try await sendBack(charge, for: order, insteadOf: refund.id) }
        default: break
        }
    }
}

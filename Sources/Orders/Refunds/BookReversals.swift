import Domain
import Ledger
import Postgres
import Store
import StripeAPI

// What comes back of a charge's transfer and of its application fee. Most of it goes along with a refund; support staff
// also make both alone in Stripe's Dashboard.
extension StoreTransaction {
    /// Makes rows and entries of reversals and fee refunds that are new. Repeats change nothing.
    ///
    /// Refunds are adopted before: who asked for one has asked for what it took along. `seller` is who gave it back, of a
    /// separate charge the one whose transfer it was.
    func book(
        _ reversals: [TransferReversalResource], _ feeRefunds: [FeeRefundResource], of charge: ChargeRecord,
        from seller: ChargeRecord.Destination
    ) async throws {
        guard !reversals.isEmpty || !feeRefunds.isEmpty else { return }
        let known = try await knownReturns(of: charge)
        let dimensions = Dimensions(owner: .platform, seller: seller.seller, order: charge.order)
        var entries: [JournalEntry] = []
        var rows: [AwaitedRow] = []
        for reversal in reversals.sorted(by: { ($0.created, $0.cursor) < ($1.created, $1.cursor) })
        where !known.contains(reversal.cursor) {
            try await insert(reversal, of: charge, from: seller)
            entries.append(
                try ChargeRules.reversalMade(
                    reversal.id, seller: seller.seller, amount: Money(reversal.amount, reversal.currency),
                    dimensions: dimensions, at: reversal.created))
            rows.append(AwaitedRow(owner: .platform, category: "transfer_reversal", object: reversal.cursor))
            if let mirror = reversal.destinationPaymentRefund?.id {
                rows.append(
                    AwaitedRow(
                        owner: .connected(seller.stripeAccount), category: "refund", object: mirror.rawValue))
            }
        }
        for refund in feeRefunds.sorted(by: { ($0.created, $0.cursor) < ($1.created, $1.cursor) })
        where !known.contains(refund.cursor) {
            try await insert(refund, of: charge, from: seller)
            entries.append(
                try ChargeRules.feeRefundMade(
                    refund.id, seller: seller.seller, amount: Money(refund.amount, refund.currency),
                    dimensions: dimensions, at: refund.created))
            rows.append(AwaitedRow(owner: .platform, category: "platform_earning_refund", object: refund.cursor))
        }
        guard !entries.isEmpty else { return }
        try await append(entries)
        try await awaitRows(rows)
        try await requestFeed(of: .platform)
        try await requestFeed(of: .connected(seller.stripeAccount))
    }

    private func knownReturns(of charge: ChargeRecord) async throws -> Set<String> {
        Set(
            try await query(
                """
                SELECT stripe_id FROM transfer_reversals WHERE charge_id = \(charge.id)
                UNION ALL SELECT stripe_id FROM fee_refunds WHERE charge_id = \(charge.id)
                """
            ).map { try $0.get("stripe_id") })
    }

    private func insert(
        _ reversal: TransferReversalResource, of charge: ChargeRecord, from seller: ChargeRecord.Destination
    ) async throws {
        let operation = reversal.metadata["souk_operation"].flatMap { ID<Operation>($0) }
        let refund = reversal.sourceRefund?.id
        let rows = try await query(
            """
            WITH asked AS (
                SELECT r.id FROM refunds r WHERE r.stripe_id = \(refund) AND r.origin = 'souk'
                UNION SELECT r.id FROM stripe_operations o JOIN refunds r ON r.id = o.subject_id
                    WHERE o.id = \(operation)
                LIMIT 1
            )
            INSERT INTO transfer_reversals (id, stripe_id, order_id, charge_id, stripe_transfer, origin, operation_id,
                refund_id, stripe_refund, currency, amount_minor, created_at)
            VALUES (coalesce((SELECT id FROM recoveries WHERE operation_id = \(operation)), \(makeID(TransferReversal.self))),
                \(reversal.id), \(charge.order), \(charge.id),
                \(reversal.transfer.id),
                CASE WHEN \(operation)::text IS NOT NULL OR EXISTS (SELECT FROM asked) THEN 'souk' ELSE 'stripe' END,
                \(operation), (SELECT id FROM asked), \(refund), \(reversal.currency), \(reversal.amount),
                \(reversal.created))
            RETURNING origin
            """)
        // One that a refund took along is told by that refund's own finding.
        guard try rows.first?.get("origin", as: String.self) == "stripe", refund == nil else { return }
        try await noteMadeAtStripe(
            reversal.cursor, amount: Money(reversal.amount, reversal.currency),
            detail: """
                The reversal \(reversal.id) took \(Money(reversal.amount, reversal.currency)) back from the seller \
                \(seller.seller) for order \(charge.order), and no refund asked for it. It is booked against what the \
                seller owes.
                """)
    }

    private func insert(
        _ refund: FeeRefundResource, of charge: ChargeRecord, from seller: ChargeRecord.Destination
    ) async throws {
        let operation = refund.metadata["souk_operation"].flatMap { ID<Operation>($0) }
        // A refund that took its reversal along asked for the fee too, and names neither. It left nothing of the fee, and
        // nothing had gone back before it.
        let rows = try await query(
            """
            WITH asked AS (
                SELECT r.id FROM stripe_operations o JOIN refunds r ON r.id = o.subject_id WHERE o.id = \(operation)
                UNION SELECT r.id FROM refunds r
                    WHERE \(operation)::text IS NULL AND r.charge_id = \(charge.id) AND r.origin = 'souk'
                        AND r.transfer_reversal_id IS NOT NULL AND (r.one_call OR r.created_at <= \(refund.created))
                LIMIT 1
            )
            INSERT INTO fee_refunds (id, stripe_id, order_id, charge_id, origin, operation_id, refund_id, currency,
                amount_minor, created_at)
            VALUES (\(makeID(FeeRefund.self)), \(refund.id), \(charge.order), \(charge.id),
                CASE WHEN \(operation)::text IS NOT NULL OR EXISTS (SELECT FROM asked) THEN 'souk' ELSE 'stripe' END,
                \(operation), (SELECT id FROM asked), \(refund.currency), \(refund.amount), \(refund.created))
            RETURNING origin
            """)
        guard try rows.first?.get("origin", as: String.self) == "stripe" else { return }
        try await noteMadeAtStripe(
            refund.cursor, amount: Money(refund.amount, refund.currency),
            detail: """
                The fee refund \(refund.id) gave \(Money(refund.amount, refund.currency)) of the platform's fee for \
                order \(charge.order) back to the seller \(seller.seller). The seller owes it until it is settled.
                """)
    }
}

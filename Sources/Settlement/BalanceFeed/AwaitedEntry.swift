import Domain
import Ledger
import Postgres
import Store

/// A business entry that must exist because Stripe booked a row. Events tell of most before the row is read; where an
/// event was lost, or support staff made something alone in Stripe's Dashboard, the row leads to it.
struct AwaitedEntry: Hashable, Sendable {
    enum Origin: Hashable, Sendable {
        /// A read of this charge's payment tells it.
        case charge(StripeChargeID)
        /// A read of the order's payment tells it.
        case order(ID<Order>)
        case payout(String)
        case dispute(String)
    }

    let cause: Cause
    let origin: Origin

    /// - Returns: nil for a row that needs no business entry, such as the two ends of a sale's transfer.
    init?(behind stored: StoredRow) {
        let row = stored.row
        switch (row.category, row.subject, row.order) {
        case ("payout", .payout(let id), _):
            self.init(cause: .payoutCreated(StripePayoutID(id)), origin: .payout(id))
        case ("payout_reversal", .payout(let id), _):
            self.init(cause: .payoutFailed(StripePayoutID(id)), origin: .payout(id))
        case (_, .charge(let id), let order?) where row.owner == .platform && row.category == "charge":
            self.init(cause: .chargePaid(StripeChargeID(id)), origin: .order(order))
        case (_, .charge(let id), let order?) where row.owner == .platform && row.category == "charge_failure":
            self.init(cause: .chargeFailedLate(StripeChargeID(id)), origin: .order(order))
        case ("dispute", .dispute(let id), _) where row.owner == .platform:
            self.init(cause: .disputeWithdrawn(StripeDisputeID(id)), origin: .dispute(id))
        case ("dispute_reversal", .dispute(let id), _) where row.owner == .platform:
            self.init(cause: .disputeWon(StripeDisputeID(id)), origin: .dispute(id))
        case (_, .refund(let id), let order?) where row.owner == .platform && row.category == "refund":
            self.init(cause: .refund(StripeRefundID(id)), origin: .order(order))
        case (_, .refund(let id), let order?) where row.owner == .platform && row.category == "refund_failure":
            self.init(cause: .refundFailed(StripeRefundID(id)), origin: .order(order))
        case (_, .transfer(let id), let order?) where row.owner == .platform && row.category == "transfer":
            self.init(cause: .transferMade(StripeTransferID(id)), origin: .order(order))
        case (_, .transfer, let order?) where row.owner == .platform && row.category == "transfer_reversal":
            guard let reversal = stored.sourceID else { return nil }
            self.init(cause: .reversalMade(StripeTransferReversalID(reversal)), origin: .order(order))
        case (_, .applicationFee, let order?)
        where row.owner == .platform && row.category == "platform_earning_refund":
            guard let refund = stored.sourceID else { return nil }
            self.init(cause: .feeRefundMade(StripeFeeRefundID(refund)), origin: .order(order))
        default: return nil
        }
    }

    /// The entry that turns the row's conversion round.
    /// - Returns: nil for a row that Stripe did not convert, or whose conversion nobody turns round.
    init?(conversionBehind stored: StoredRow) {
        guard stored.row.presented != nil, let order = stored.row.order else { return nil }
        switch (stored.row.category, stored.row.subject) {
        case ("charge", .charge(let id)): self.init(cause: .chargeConverted(StripeChargeID(id)), origin: .order(order))
        case ("refund", .refund(let id)): self.init(cause: .refundConverted(StripeRefundID(id)), origin: .order(order))
        default: return nil
        }
    }

    private init(cause: Cause, origin: Origin) {
        self.cause = cause
        self.origin = origin
    }

    var order: ID<Order>? { if case .order(let id) = origin { id } else { nil } }
    var dispute: String? { if case .dispute(let id) = origin { id } else { nil } }
    var payout: String? { if case .payout(let id) = origin { id } else { nil } }
}

extension StoreTransaction {
    /// Writes down the entries that these rows ask for and that the journal does not have.
    func awaitEntries(behind rows: [StoredRow], of owner: BalanceOwner) async throws {
        let awaited =
            rows.compactMap(AwaitedEntry.init(behind:)) + rows.compactMap(AwaitedEntry.init(conversionBehind:))
        guard !awaited.isEmpty else { return }
        let written = try await execute(
            """
            INSERT INTO awaited_entries (cause, stripe_account, order_id, payout, dispute, since)
            SELECT given.cause, \(owner.code), given.order_id, given.payout, given.dispute, \(now)
            FROM unnest(
                \(awaited.map(\.cause.rawValue)), \(awaited.map(\.order?.rawValue)), \(awaited.map(\.payout)),
                \(awaited.map(\.dispute))
            ) AS given (cause, order_id, payout, dispute)
            WHERE NOT EXISTS (SELECT 1 FROM journal_entries e WHERE e.cause = given.cause)
                -- The transfer of a destination charge is part of the charge.
                AND (given.cause NOT LIKE 'transfer\\_made:%' OR EXISTS (
                    SELECT 1 FROM orders o WHERE o.id = given.order_id AND o.charge_shape = 'separate'))
                -- Of other conversions nobody turns anything round: they stay open, as findings.
                AND (given.cause NOT LIKE '%\\_converted:%' OR EXISTS (
                    SELECT 1 FROM orders o WHERE o.id = given.order_id AND o.charge_shape = 'destination'))
                AND (given.cause NOT LIKE 'refund\\_converted:%' OR EXISTS (
                    SELECT 1 FROM refunds r JOIN charges c ON c.id = r.charge_id
                    WHERE r.stripe_id = split_part(given.cause, ':', 2) AND r.amount_minor = c.amount_minor
                        AND r.excess_minor = 0 AND c.settled_minor IS NOT NULL))
            ORDER BY given.cause
            ON CONFLICT (cause) DO NOTHING
            """)
        if written > 0 { try await requestFeed(of: owner) }
    }

    /// Crosses off the entries that the journal has by now. What came back may have been canceled instead of failed.
    func crossOffAwaitedEntries(of owner: BalanceOwner) async throws {
        try await execute(
            """
            DELETE FROM awaited_entries w
            WHERE w.stripe_account = \(owner.code) AND EXISTS (
                SELECT 1 FROM journal_entries e
                WHERE e.cause IN (w.cause,
                    regexp_replace(w.cause, '^(refund|payout)_failed:', '\\1_canceled:')))
            """)
    }
}

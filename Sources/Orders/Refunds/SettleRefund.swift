import Domain
import Ledger
import Postgres
import Store
import StripeAPI

/// Ends the debt to a buyer whose refund the bank sent back: the platform paid otherwise, or the buyer gets nothing of it.
/// Once; the same outcome told again changes nothing.
struct SettleRefund: Sendable {
    let store: Store

    init(store: Store) { self.store = store }

    /// - Throws: `refund_not_found`, `illegal_transition` unless the bank sent it back and nobody has settled it.
    func callAsFunction(
        _ id: ID<Refund>, _ body: SettleRefundBody, by caller: Caller
    ) async throws -> RefundRecord {
        try await store.transaction { tx in
            guard let (order, refund) = try await tx.lockRefund(id), let charge = try await tx.charge(refund.charge)
            else {
                throw Refusal.noSuchRefund(id)
            }
            if refund.settlement == body.outcome { return }
            guard refund.isDue else { throw Refusal.notDue(refund) }
            if body.outcome == .givenUp, charge.purpose == .surplus, charge.destination == nil {
                throw Refusal(
                    .illegalTransition,
                    "The charge \(charge.id) paid for nothing, so nobody but the buyer can have its money. Pay them otherwise."
                )
            }
            if body.outcome == .givenUp, let converted = charge.isConvertedBecause {
                throw Refusal(.illegalTransition, "\(converted): pay the buyer otherwise.")
            }
            try await tx.settle(refund, of: charge, as: body.outcome, because: body.reason)
            try await tx.returnToSellers(of: order)
            try await tx.audit(
                "refund.settle", subject: id.rawValue, by: caller,
                details: ["outcome": body.outcome.rawValue, "reason": body.reason])
        }
        return try await store.requireRefund(id)
    }
}

extension StoreTransaction {
    /// Books how the debt of a refund ended, under its order's lock.
    func settle(
        _ refund: RefundRecord, of charge: ChargeRecord, as outcome: RefundRecord.Settlement, because reason: String
    ) async throws {
        guard let id = refund.stripeID else { throw Refusal.notDue(refund) }
        switch outcome {
        case .paidOtherwise:
            try await append([
                try ChargeRules.refundPaidOtherwise(
                    id, amount: refund.parts.amount, dimensions: charge.dimensions, at: now)
            ])
        case .givenUp:
            let sellers = try await returningSellerParts(of: refund.id, in: refund.parts.amount.currency)
            let taken = try charge.refundedEntry(id, refund.parts, sellers: sellers, at: now)
            try await append([try ChargeRules.refundGivenUp(id, undoing: taken, at: now)])
        }
        try await execute(
            """
            UPDATE refunds
            SET settlement = \(outcome.rawValue), settlement_reason = \(reason), settled_at = \(now), updated_at = \(now)
            WHERE id = \(refund.id)
            """)
        try await wakeHeld(of: refund.id.rawValue)
        try await announce("refund.updated", refund.id)
    }

    /// Gives up the debts of a charge that a refund made at Stripe has paid: staff refund again what the bank sent back,
    /// and nobody is debited twice for one sum. A debt counts as paid by a refund of at least its amount, the oldest first,
    /// and more of them where the refund would not fit into what remains.
    func giveUpDebts(of charge: ChargeRecord, paidBy refund: RefundResource, remaining: Money?) async throws {
        var (unused, room) = (refund.amount, remaining?.minorUnits ?? refund.amount)
        for debt in try await debts(of: charge) {
            let amount = debt.parts.amount.minorUnits
            guard amount <= unused || room < refund.amount else { continue }
            unused -= min(unused, amount)
            room += amount
            try await settle(debt, of: charge, as: .givenUp, because: "Stripe's refund \(refund.id) took its place.")
        }
    }

    /// Refunds of a charge that the bank sent back and that nobody has settled, the oldest first.
    func debts(of charge: ChargeRecord) async throws -> [RefundRecord] {
        try await refunds(
            where: """
                charge_id = \(charge.id) AND status = 'failed' AND stripe_id IS NOT NULL AND settlement IS NULL
                ORDER BY created_at, id
                """)
    }
}

extension Refusal {
    fileprivate static func notDue(_ refund: RefundRecord) -> Refusal {
        Refusal(
            .illegalTransition,
            refund.settlement.map { "The refund \(refund.id) was settled before, as \($0.rawValue)." }
                ?? "Only a refund that the bank sent back leaves a debt to settle; \(refund.id) is \(refund.status.rawValue)."
        )
    }
}

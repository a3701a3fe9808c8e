import Domain
import Ledger
import Postgres
import Sellers
package import Store
package import StripeAPI

/// Sees `refund_charge` to its end: a refund that was asked for, or a charge that nobody wanted and that goes back whole.
/// The operation's subject is the refund, or the order that the charge came for.
package struct FinishRefund: OperationHandler {
    let stripe: StripeClient
    package let kind = OperationKind.refundCharge
    package let letsMoneyOut = true
    package let provingEvents = ["refund.created"]

    /// Stripe refuses a reversal while the seller's balance is too low; sales and top-ups raise it.
    static let pauseWhileSellerIsShort: Duration = .seconds(3600)

    package init(stripe: StripeClient) { self.stripe = stripe }

    package func prepare(_ operation: OperationRecord, in tx: StoreTransaction) async throws -> Preparation {
        guard let id = ID<Refund>(operation.subject) else { return try await prepareReturn(operation, in: tx) }
        let (_, refund, charge) = try await tx.lockRefund(of: operation)
        // What was untouched when the refund was asked for may have been touched while it waited.
        let isUntouched = try await tx.isUntouched(charge)
        let isOneCall = refund.isOneCall && isUntouched
        if refund.isOneCall, !isOneCall {
            if let converted = charge.isConvertedBecause {
                try await tx.markRefused(refund, because: "superseded")
                return .fail(because: "\(converted), and something of it has gone back meanwhile")
            }
            try await tx.split(refund, of: charge)
        }
        return .request(
            OperationRequest(
                RefundCalls.refund(
                    id, charge, amount: refund.parts.amount, reason: refund.reason, isOneCall: isOneCall,
                    operation: operation.id)))
    }

    private func prepareReturn(_ operation: OperationRecord, in tx: StoreTransaction) async throws -> Preparation {
        _ = try await tx.lockOrder(of: operation)
        guard let charge = try await tx.surplusCharge(of: operation) else {
            return .fail(because: "everything of the charge has gone back already")
        }
        return .request(OperationRequest(try await tx.requestOfUnwantedRest(of: charge)(operation.id)))
    }

    package func succeed(
        _ operation: OperationRecord, answer: [UInt8], in tx: StoreTransaction
    ) async throws -> String? {
        let refund = try StripeAnswer(status: 200, body: answer).decode(RefundResource.self)
        let order: OrderRecord
        if ID<Refund>(operation.subject) != nil {
            order = try await tx.lockRefund(of: operation).order
        } else {
            order = try await tx.lockOrder(of: operation)
        }
        guard let id = refund.charge?.id, let charge = try await tx.charge(id) else {
            throw OrderError.orderMissing(refund.id.rawValue)
        }
        var changed = order
        try await tx.adopt([refund], of: charge, in: &changed)
        try await tx.save(changed, was: order)
        return refund.id.rawValue
    }

    package func refuse(
        _ operation: OperationRecord, _ refusal: OperationRefusal, in tx: StoreTransaction
    ) async throws -> AfterRefusal {
        guard ID<Refund>(operation.subject) != nil else { return refuseReturn(refusal, at: tx.now) }
        let (order, refund, charge) = try await tx.lockRefund(of: operation)
        guard refund.stripeID == nil else { return .fail(because: "Stripe has made the refund already") }
        if refund.isOneCall, refusal.code == StripeErrorCode.balanceInsufficient.rawValue, charge.settled == nil {
            // The buyer does not wait for the seller: three calls, of which the last one waits.
            try await tx.split(refund, of: charge)
            return .hold(because: "the seller's balance is too low for one call; three are made", until: tx.now)
        }
        try await tx.markRefused(refund, because: refusal.code ?? refusal.type)
        try await tx.claimDisputes(of: charge, in: order)
        return .fail(because: "Stripe refused the refund, and nothing was refunded: \(refusal.message)")
    }

    package func giveUp(_ operation: OperationRecord, because reason: String, in tx: StoreTransaction) async throws {
        let (order, refund, charge) = try await tx.lockRefund(of: operation)
        try await tx.markRefused(refund, because: "approval_refused")
        try await tx.claimDisputes(of: charge, in: order)
    }

    private func refuseReturn(_ refusal: OperationRefusal, at now: Timestamp) -> AfterRefusal {
        switch refusal.code {
        case "charge_already_refunded": .fail(because: "the charge has been refunded already")
        case "balance_insufficient":
            .hold(
                because: "the seller's balance at Stripe is too low to take the payment back: \(refusal.message)",
                until: now.advanced(by: Self.pauseWhileSellerIsShort))
        default: .review("Stripe refused to refund a payment that must go back: \(refusal.message)")
        }
    }

    package func lookUp(_ operation: OperationRecord) async throws -> LookUpResult {
        guard let charge = operation.formValue(of: "charge") else {
            return .impossible(because: "the operation names no charge")
        }
        return try await stripe.findCreated(
            by: operation, in: ListRefunds(charge: StripeChargeID(charge)), tellingBy: \.metadata
        ) { RetrieveRefund($0.id).request }
    }
}

extension StoreTransaction {
    /// The refund that an operation is for, with its order and its charge, locked.
    func lockRefund(
        of operation: OperationRecord
    ) async throws -> (order: OrderRecord, refund: RefundRecord, charge: ChargeRecord) {
        guard let id = ID<Refund>(operation.subject), let (order, refund) = try await lockRefund(id),
            let charge = try await charge(refund.charge)
        else { throw OrderError.orderMissing(operation.subject) }
        return (order, refund, charge)
    }

    /// One call with both flags becomes three with the same amounts.
    fileprivate func split(_ refund: RefundRecord, of charge: ChargeRecord) async throws {
        try await execute("UPDATE refunds SET one_call = false, updated_at = \(now) WHERE id = \(refund.id)")
        let recoveries = charge.destination.map {
            [RecoveryPart(seller: $0.seller, transfer: nil, amount: refund.reversal)]
        }
        try await enqueueFollowers(
            of: refund.id, charge, feeRefund: refund.feeRefund, recoveries: recoveries ?? [])
    }

    /// Ends refunds of a charge that wait for a person or for the switch and were never sent: Stripe has decided about their
    /// money meanwhile, and would refuse them.
    func endUnsentRefunds(of charge: ChargeRecord, because reason: String) async throws {
        let ended = try await endUnsentOperations(
            among: "SELECT operation_id FROM refunds WHERE charge_id = \(charge.id) AND status = 'requested'",
            in: [.held, .pending], because: reason)
        guard !ended.isEmpty else { return }
        for refund in try await refunds(where: "operation_id = ANY(\(ended.map(\.rawValue))::text[]) ORDER BY id") {
            try await markRefused(refund, because: "superseded")
        }
    }

    /// Nothing was done at Stripe: what the refund took can be refunded by another.
    func markRefused(_ refund: RefundRecord, because reason: String) async throws {
        try await execute(
            """
            UPDATE refunds SET status = 'failed', failure_reason = \(reason), updated_at = \(now) WHERE id = \(refund.id)
            """)
        try await wakeHeld(of: refund.id.rawValue)
        // A transfer of its lines has waited for the end.
        try await wakeTransfers(of: refund.order)
        try await announce("refund.failed", refund.id)
    }

    /// Whether nothing of a charge has gone back yet, so that Stripe's own flags divide what is left as we do.
    fileprivate func isUntouched(_ charge: ChargeRecord) async throws -> Bool {
        try await query(
            """
            SELECT 1 FROM refunds WHERE charge_id = \(charge.id) AND stripe_id IS NOT NULL
            UNION ALL SELECT 1 FROM transfer_reversals WHERE charge_id = \(charge.id)
            UNION ALL SELECT 1 FROM fee_refunds WHERE charge_id = \(charge.id) LIMIT 1
            """
        ).isEmpty
    }

    /// The charge that a held refund is for: the order's unwanted one of which something is still here.
    fileprivate func surplusCharge(of operation: OperationRecord) async throws -> ChargeRecord? {
        try await query(
            """
            SELECT \(unescaped: ChargeRecord.columns) FROM charges c
            WHERE order_id = \(operation.subject) AND purpose = 'surplus'
                AND amount_minor > (
                    SELECT coalesce(sum(r.amount_minor - r.excess_minor), 0) FROM refunds r
                    WHERE r.charge_id = c.id AND r.claims)
                AND NOT EXISTS (
                    SELECT FROM stripe_operations o
                    WHERE o.subject_id = c.order_id
                        AND (o.unique_key = 'refund_charge:' || c.id OR o.unique_key LIKE 'refund_charge:' || c.id || ':%')
                        AND o.id <> \(operation.id) AND o.state NOT IN ('failed', 'succeeded'))
            ORDER BY c.created_at LIMIT 1
            """
        ).first.map(ChargeRecord.init)
    }
}

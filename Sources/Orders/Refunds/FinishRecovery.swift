import Domain
import Postgres
import Sellers
package import Store
package import StripeAPI

// What follows a refund that was not one call: the platform's fee goes back to the seller, then the seller's part comes
// out of the transfer. The amounts are computed when each leaves `held`, under the order's lock.

/// Sees `refund_application_fee` to its end.
package struct FinishFeeRefund: OperationHandler {
    let stripe: StripeClient
    package let kind = OperationKind.refundApplicationFee
    package let letsMoneyOut = true
    package let provingEvents = ["application_fee.refund.updated"]

    package init(stripe: StripeClient) { self.stripe = stripe }

    package func prepare(_ operation: OperationRecord, in tx: StoreTransaction) async throws -> Preparation {
        let (_, refund, charge) = try await tx.lockRefund(of: operation)
        if let pause = refund.pauseBeforeRecovery(at: tx.now) { return pause }
        guard let fee = charge.applicationFeeID else { return .untilStripeFillsIn(at: tx.now) }
        if let converted = charge.isConvertedBecause { return .fail(because: "\(converted): give the fee back there") }
        let left = try await tx.feeGivenBack(for: refund)
        let amount = min(refund.feeRefund.minorUnits - left.byRefund, charge.applicationFee.minorUnits - left.ofCharge)
        guard amount > 0 else { return .fail(because: "nothing of the fee is left to give back") }
        return .request(
            OperationRequest(
                RefundCalls.feeRefund(
                    refund.id, charge, of: fee, amount: Money(amount, charge.amount.currency),
                    operation: operation.id)))
    }

    package func succeed(
        _ operation: OperationRecord, answer: [UInt8], in tx: StoreTransaction
    ) async throws -> String? {
        let made = try StripeAnswer(status: 200, body: answer).decode(FeeRefundResource.self)
        let (_, refund, charge) = try await tx.lockRefund(of: operation)
        try await tx.book([], [made], of: charge, from: try charge.requireDestination())
        try await tx.wakeHeld(of: refund.id.rawValue)
        try await tx.wakeTransfers(of: refund.order)
        return made.id.rawValue
    }

    package func refuse(
        _ operation: OperationRecord, _ refusal: OperationRefusal, in tx: StoreTransaction
    ) async throws -> AfterRefusal {
        let (_, refund, _) = try await tx.lockRefund(of: operation)
        guard refusal.code == StripeErrorCode.chargeAlreadyRefunded.rawValue else {
            return .hold(
                because: "Stripe does not give the fee back: \(refusal.message)",
                until: tx.now.advanced(by: FinishRefund.pauseWhileSellerIsShort))
        }
        try await tx.wakeHeld(of: refund.id.rawValue)
        try await tx.wakeTransfers(of: refund.order)
        return .fail(because: "the fee has been given back already")
    }

    package func lookUp(_ operation: OperationRecord) async throws -> LookUpResult {
        guard let fee = operation.target(in: "/v1/application_fees/", before: "/refunds") else {
            return .impossible(because: "the operation names no fee")
        }
        let id = StripeApplicationFeeID(fee)
        return try await stripe.findCreated(
            by: operation, in: ListFeeRefunds(fee: id), isFiltered: false, tellingBy: \.metadata
        ) { RetrieveFeeRefund($0.id, of: id).request }
    }
}

/// Sees `reverse_transfer` to its end: a seller's part of what went back comes out of a transfer. While the seller's balance
/// is too low the seller owes it.
package struct FinishReversal: OperationHandler {
    let stripe: StripeClient
    package let kind = OperationKind.reverseTransfer

    /// The end of a transfer wakes it; this is for an end that nobody told of.
    static let pauseForTransfer: Duration = .seconds(60)

    package init(stripe: StripeClient) { self.stripe = stripe }

    package func prepare(_ operation: OperationRecord, in tx: StoreTransaction) async throws -> Preparation {
        let (recovery, _, charge) = try await tx.lockRecovery(of: operation)
        if let pause = try await pause(before: recovery, in: tx) { return pause }
        if let converted = charge.isConvertedBecause {
            return .fail(because: "\(converted): reverse its transfer there")
        }
        let transfer: StripeTransferID
        switch try await tx.standing(of: recovery, charge) {
        case .there(let id): transfer = id
        case .notTold: return .untilStripeFillsIn(at: tx.now)
        case .gone: return .fail(because: "the transfer moved nothing that could be taken back")
        case .underWay:
            return .stay(
                because: "a transfer to the seller is on its way, and how it ends says what the seller owes",
                until: tx.now.advanced(by: Self.pauseForTransfer), waitingFor: recovery.order.rawValue)
        }
        let amount = min(
            recovery.amount.minorUnits, try await tx.left(of: recovery, charge),
            try await tx.owed(by: recovery.seller, of: recovery.order))
        guard amount > 0 else {
            if try await tx.isBeingReversed(besides: recovery) {
                return .stay(
                    because: "another reversal of the order is on its way, and how it ends says what the seller owes",
                    until: tx.now.advanced(by: Self.pauseForTransfer), waitingFor: recovery.order.rawValue)
            }
            return .fail(because: "the seller owes nothing of it, or nothing of the transfer is left")
        }
        let taking = Money(amount, recovery.amount.currency)
        try await tx.setTaking(taking, of: recovery)
        return .request(
            OperationRequest(
                RefundCalls.reversal(recovery, of: transfer, amount: taking, operation: operation.id)))
    }

    /// Why the seller's part does not follow yet, or never will; nil if it may now.
    private func pause(before recovery: RecoveryRecord, in tx: StoreTransaction) async throws -> Preparation? {
        let refund: RefundRecord
        switch recovery.cause {
        case .lateFailure, .request: return nil
        case .dispute(let id):
            let won = try await tx.query("SELECT 1 FROM disputes WHERE id = \(id) AND reinstated_at IS NOT NULL")
            return won.isEmpty ? nil : .fail(because: "the dispute was won")
        case .refund(let id):
            guard let found = try await tx.refunds(where: "id = \(id)").first else {
                throw OrderError.orderMissing(id.rawValue)
            }
            refund = found
        }
        if let pause = refund.pauseBeforeRecovery(at: tx.now) { return pause }
        guard let earlier = try await tx.unfinishedFeeRefund(of: refund) else { return nil }
        return .stay(
            because: "waits for the fee to be given back (\(earlier))",
            until: tx.now.advanced(by: FinishRefund.pauseWhileSellerIsShort))
    }

    package func succeed(
        _ operation: OperationRecord, answer: [UInt8], in tx: StoreTransaction
    ) async throws -> String? {
        let made = try StripeAnswer(status: 200, body: answer).decode(TransferReversalResource.self)
        let (recovery, order, charge) = try await tx.lockRecovery(of: operation)
        try await tx.book([made], [], of: charge, from: try await tx.source(of: recovery, charge))
        try await tx.wakeRecoveries(of: order.id)
        // Its cause may have been turned round while it was on its way.
        try await tx.returnToSellers(of: order)
        return made.id.rawValue
    }

    package func refuse(
        _ operation: OperationRecord, _ refusal: OperationRefusal, in tx: StoreTransaction
    ) async throws -> AfterRefusal {
        let (recovery, order, _) = try await tx.lockRecovery(of: operation)
        // Whatever waited for its end. What Stripe itself has refused keeps its own pause: two that wake each other whenever
        // they are refused would ask Stripe for ever.
        try await tx.wakeOperations(waitingFor: order.id.rawValue)
        let isShort = refusal.code == StripeErrorCode.balanceInsufficient.rawValue
        if recovery.cause == .request {
            try await tx.markRefused(recovery, because: refusal)
            // It has ended, and may have left them something to take.
            try await tx.wakeRecoveries(of: order.id)
            return .fail(
                because: isShort
                    ? "The seller's balance at Stripe is too low to take it back: \(refusal.message)"
                    : "Stripe does not take it back from the seller: \(refusal.message)")
        }
        try await tx.setTaking(nil, of: recovery)
        return .hold(
            because: isShort
                ? "the seller's balance at Stripe is too low to take it back: \(refusal.message)"
                : "Stripe does not take it back from the seller: \(refusal.message)",
            until: tx.now.advanced(by: FinishRefund.pauseWhileSellerIsShort))
    }

    package func lookUp(_ operation: OperationRecord) async throws -> LookUpResult {
        guard let transfer = operation.target(in: "/v1/transfers/", before: "/reversals") else {
            return .impossible(because: "the operation names no transfer")
        }
        let id = StripeTransferID(transfer)
        return try await stripe.findCreated(
            by: operation, in: ListTransferReversals(transfer: id), isFiltered: false, tellingBy: \.metadata
        ) { RetrieveTransferReversal($0.id, of: id).request }
    }
}

extension RefundRecord {
    /// Why the fee and the seller's part do not follow yet, or never will; nil if they may now.
    fileprivate func pauseBeforeRecovery(at now: Timestamp) -> Preparation? {
        if isRefused { return .fail(because: "Stripe refused the refund, so nothing is to be taken back") }
        guard claims else { return .fail(because: "the refund was \(settlement == nil ? "canceled" : "given up")") }
        guard stripeID == nil else { return nil }
        return .stay(
            because: "waits for the refund \(id)", until: now.advanced(by: FinishRefund.pauseWhileSellerIsShort))
    }
}

extension ChargeRecord {
    /// - Throws: for a separate charge, of which nothing was moved with the charge.
    fileprivate func requireDestination() throws -> Destination {
        guard let destination else { throw OrderError.unreadableRow("the charge \(id) went to no seller's account") }
        return destination
    }
}

extension Preparation {
    /// Just after a payment Stripe has yet to tell its transfer and its fee.
    fileprivate static func untilStripeFillsIn(at now: Timestamp) -> Preparation {
        .stay(because: "waits for Stripe to tell the charge's transfer and fee", until: now.advanced(by: .seconds(5)))
    }
}

/// How the transfer stands that a recovery is to come out of.
private enum SourceStanding {
    case there(StripeTransferID)
    /// Just after a payment Stripe has yet to tell it.
    case notTold
    /// It, or another of the same seller and order, has not ended.
    case underWay
    case gone
}

extension StoreTransaction {
    fileprivate func standing(of recovery: RecoveryRecord, _ charge: ChargeRecord) async throws -> SourceStanding {
        let rows = try await query(
            """
            SELECT id, state, stripe_id FROM transfers
            WHERE order_id = \(recovery.order) AND seller_id = \(recovery.seller) AND operation_id IS NOT NULL
                AND (state = 'pending' OR id = \(recovery.transfer))
            """)
        let states = try rows.map { try $0.known("state", as: TransferState.self) }
        if states.contains(.pending) || states.contains(.held) { return .underWay }
        guard recovery.transfer != nil else { return charge.transfer.map { .there($0) } ?? .notTold }
        return try rows.first?.get("stripe_id", as: StripeTransferID?.self).map { .there($0) } ?? .gone
    }

    /// Whose balance a recovery comes out of.
    fileprivate func source(of recovery: RecoveryRecord, _ charge: ChargeRecord) async throws
        -> ChargeRecord.Destination
    {
        guard let transfer = recovery.transfer else { return try charge.requireDestination() }
        guard
            let account: StripeAccountID = try await query(
                "SELECT stripe_account FROM transfers WHERE id = \(transfer)"
            ).first?.get("stripe_account")
        else { throw OrderError.orderMissing(transfer.rawValue) }
        return ChargeRecord.Destination(seller: recovery.seller, stripeAccount: account)
    }

    fileprivate func setTaking(_ amount: Money?, of recovery: RecoveryRecord) async throws {
        try await execute(
            "UPDATE recoveries SET taking_minor = \(amount?.minorUnits) WHERE id = \(recovery.id)")
    }

    fileprivate func markRefused(_ recovery: RecoveryRecord, because refusal: OperationRefusal) async throws {
        try await execute(
            "UPDATE recoveries SET failure_code = \(refusal.code ?? refusal.type) WHERE id = \(recovery.id)")
    }

    /// How much of the fee has come back so far for one refund, and of its charge in all.
    fileprivate func feeGivenBack(for refund: RefundRecord) async throws -> (byRefund: Int64, ofCharge: Int64) {
        let rows = try await query(
            """
            SELECT coalesce(sum(amount_minor) FILTER (WHERE refund_id = \(refund.id)), 0)::bigint AS by_refund,
                coalesce(sum(amount_minor), 0)::bigint AS of_charge
            FROM fee_refunds WHERE charge_id = \(refund.charge)
            """)
        return (try rows.first?.get("by_refund") ?? 0, try rows.first?.get("of_charge") ?? 0)
    }

    /// - Returns: where the refund's own fee refund stands, unless it has ended or there is none.
    fileprivate func unfinishedFeeRefund(of refund: RefundRecord) async throws -> String? {
        try await query(
            """
            SELECT state FROM stripe_operations
            WHERE subject_id = \(refund.id) AND kind = \(OperationKind.refundApplicationFee.rawValue)
                AND state NOT IN ('succeeded', 'failed')
            """
        ).first?.get("state")
    }
}

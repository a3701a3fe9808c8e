package import Domain
import Ledger
import Postgres
import Sellers
package import Store
package import StripeAPI

/// Sees `create_transfer` to its end: a seller's released shares go from the platform's balance to the seller's.
///
/// The amount is computed when nothing is in the way any more, after whatever was refunded until then, and never
/// changes afterwards.
package struct FinishTransfer: OperationHandler {
    let stripe: StripeClient
    package let kind = OperationKind.createTransfer
    package let letsMoneyOut = true
    package let provingEvents = ["transfer.created"]

    /// What Stripe refused for now is tried again after this long.
    static let pauseAfterRefusal: Duration = .seconds(3600)
    /// A seller's readiness is looked at as soon as it changes; this is for what no event told.
    static let pauseForReadiness: Duration = .seconds(24 * 3600)
    /// Its end wakes the transfer; this is for an end that nobody told of.
    static let pauseForRefund: Duration = .seconds(60)

    package init(stripe: StripeClient) { self.stripe = stripe }

    package func prepare(_ operation: OperationRecord, in tx: StoreTransaction) async throws -> Preparation {
        let (transfer, order) = try await tx.lockTransfer(of: operation)
        guard transfer.state == .held else {
            return .fail(because: "the transfer is \(transfer.state.rawValue)")
        }
        if transfer.purpose == .reserve {
            let reserve = try await tx.reserve(of: transfer.id)
            // Its date counts before a dispute does: from then on it is payable, and waits as any share.
            if reserve.releaseAt > tx.now {
                return try await hold(reserve, operation, transfer, of: order, in: tx)
            }
            try await tx.releaseReserve(of: transfer.id)
            try await tx.joinReserve(of: transfer.id)
        }
        if let hold = try await dispute(of: order, in: tx) { return try await stay(operation, transfer, hold, in: tx) }
        if let warning = try await tx.warningHoldingRelease(of: order) {
            let hold = Hold(
                warning.reasonToHold, until: tx.now.advanced(by: Self.pauseForReadiness), waitingFor: order.id.rawValue)
            return try await stay(operation, transfer, hold, in: tx)
        }
        if transfer.purpose == .giveBack {
            return try await prepareReturn(operation, transfer, of: order, in: tx)
        }
        let lines = order.lines.filter { order.releases[$0.id]?.transfer == transfer.id }
        let releasedAt = lines.compactMap { order.releases[$0.id]?.releasedAt }.max() ?? tx.now
        if !lines.isEmpty, releasedAt <= tx.now { try await tx.takeAlongWhatWaits(for: transfer) }
        if try await tx.isBeingRefunded(transfer) {
            let hold = Hold(
                "a refund of its lines is on its way, and how it ends says how much is left",
                until: tx.now.advanced(by: Self.pauseForRefund), waitingFor: order.id.rawValue)
            return try await stay(operation, transfer, hold, in: tx)
        }
        let rest = try await tx.rest(of: transfer)
        guard rest.amount.isPositive else {
            // Below nothing only by a discount of the seller's own, which more lines may outweigh.
            guard !rest.amount.isNegative || !order.isToRelease(besides: transfer.id, for: transfer.seller) else {
                return try await stay(
                    operation, transfer,
                    Hold(
                        "the seller's discounts exceed what is released so far; it goes with the seller's next lines",
                        until: tx.now.advanced(by: Self.pauseForReadiness), waitingFor: order.id.rawValue), in: tx)
            }
            try await tx.cancel(transfer, owed: rest.payable)
            return .fail(because: try await why(transfer, hasNothingToMove: lines, in: tx))
        }
        if releasedAt > tx.now {
            return try await stay(
                operation, transfer, Hold(order.whyItWaits(until: releasedAt), until: releasedAt), in: tx)
        }
        // The seller's lock comes before the look at the seller: later it would be taken on top of a share of it.
        let netted = try await tx.netting(of: transfer, from: rest)
        if let hold = try await unreadiness(of: transfer, in: tx) {
            return try await stay(operation, transfer, hold, in: tx)
        }
        let amount = try rest.amount.subtracting(netted.amount)
        guard amount.isPositive else {
            try await tx.insert(netted, of: transfer)
            try await tx.cancel(transfer, owed: rest.payable)
            return .fail(because: "all of it pays what the seller owes")
        }
        guard let charge = order.charge else { throw OrderError.orderMissing(order.id.rawValue) }
        return try await request(
            amount, owed: rest.payable, less: netted, out: charge, transfer, for: operation, in: tx)
    }

    /// What is held back stays until its date, or until refunds and lost disputes have taken all of it: what an open one
    /// has taken may come back.
    private func hold(
        _ reserve: ReserveRecord, _ operation: OperationRecord, _ transfer: TransferRecord, of order: OrderRecord,
        in tx: StoreTransaction
    ) async throws -> Preparation {
        let isDisputed = try await dispute(of: order, in: tx) != nil
        if !isDisputed, try await !tx.rest(of: transfer).amount.isPositive,
            try await !tx.isBeingRefunded(transfer)
        {
            try await tx.cancel(transfer, owed: .zero(transfer.currency))
            return .fail(because: "nothing is held back any more: refunds or disputes have taken it")
        }
        return try await stay(
            operation, transfer,
            Hold(StoreTransaction.whyHeldBack(until: reserve.releaseAt), until: reserve.releaseAt), in: tx)
    }

    private func why(
        _ transfer: TransferRecord, hasNothingToMove lines: [OrderLine], in tx: StoreTransaction
    ) async throws -> String {
        if transfer.purpose == .reserve { return "it goes with the rest of the share, or refunds have taken it" }
        if lines.isEmpty { return "its lines go with another transfer" }
        let reserved = try await tx.query(
            "SELECT 1 FROM order_lines WHERE transfer_id = \(transfer.id) AND reserve_transfer_id IS NOT NULL LIMIT 1")
        return reserved.isEmpty
            ? "refunds have left nothing of it to move" : "what refunds have left of it is held back as a reserve"
    }

    /// What a seller has coming again. Whatever is under way may change it, so it waits for that.
    private func prepareReturn(
        _ operation: OperationRecord, _ transfer: TransferRecord, of order: OrderRecord, in tx: StoreTransaction
    ) async throws -> Preparation {
        if let what = try await tx.whatIsUnderWay(in: order.id) {
            let hold = Hold(
                what, until: tx.now.advanced(by: Self.pauseForRefund), waitingFor: order.id.rawValue)
            return try await stay(operation, transfer, hold, in: tx)
        }
        let due = try await tx.standing(of: transfer.seller, in: order).dueBack
        guard due.amount.isPositive else {
            try await tx.cancel(transfer, owed: due.payable)
            return .fail(because: "nothing of the order is to be given to the seller again")
        }
        if let hold = try await unreadiness(of: transfer, in: tx) {
            return try await stay(operation, transfer, hold, in: tx)
        }
        return try await request(
            due.amount, owed: due.payable, less: nil, out: nil, transfer, for: operation, in: tx)
    }

    /// Fixes what the transfer moves, and what the seller is no longer owed by it, unless a second person must agree first.
    private func request(
        _ amount: Money, owed payable: Money, less netted: KeptPart?, out charge: StripeChargeID?,
        _ transfer: TransferRecord, for operation: OperationRecord, in tx: StoreTransaction
    ) async throws -> Preparation {
        if let hold = try await tx.countMoneyOut(amount, as: .transfer, of: operation) {
            let until = tx.now.advanced(by: MoneyOutHold.pause)
            return try await stay(
                operation, transfer, Hold(hold.reason, until: until, waitingFor: hold.waitsFor), in: tx)
        }
        // The seller may have gone on with another account since the order was placed.
        let fixed = try await tx.query(
            """
            UPDATE transfers SET state = 'pending', amount_minor = \(amount.minorUnits),
                payable_minor = \(payable.minorUnits), updated_at = \(tx.now),
                stripe_account = (SELECT s.stripe_account FROM sellers s WHERE s.id = transfers.seller_id)
            WHERE id = \(transfer.id) RETURNING stripe_account
            """)
        guard let destination: StripeAccountID = try fixed.first?.get("stripe_account") else {
            throw OrderError.orderMissing(transfer.id.rawValue)
        }
        if let netted { try await tx.insert(netted, of: transfer) }
        return .request(
            OperationRequest(
                CreateTransfer(
                    amount: amount, destination: destination, sourceTransaction: charge,
                    transferGroup: transfer.order.rawValue,
                    metadata: ["souk_order": transfer.order.rawValue, "souk_operation": operation.id.rawValue]
                ).request))
    }

    package func succeed(
        _ operation: OperationRecord, answer: [UInt8], in tx: StoreTransaction
    ) async throws -> String? {
        let made = try StripeAnswer(status: 200, body: answer).decode(TransferResource.self)
        let (transfer, order) = try await tx.lockTransfer(of: operation)
        let rows = try await tx.query(
            """
            UPDATE transfers SET state = 'paid', stripe_id = \(made.id),
                destination_payment = \(made.destinationPayment?.id), made_at = \(made.created), updated_at = \(tx.now)
            WHERE id = \(transfer.id) RETURNING amount_minor, payable_minor
            """)
        guard let row = rows.first else { throw OrderError.orderMissing(transfer.id.rawValue) }
        let amount = Money(try row.get("amount_minor"), transfer.currency)
        guard made.amount == amount.minorUnits, made.currency == transfer.currency else {
            throw OrderError.transferDiffers(
                made.id, expected: amount, actual: made.amount, currency: made.currency.code)
        }
        try await tx.append([
            try SeparateChargeRules.transferMade(
                made.id, seller: transfer.seller, amount: amount,
                payable: Money(try row.get("payable_minor"), transfer.currency), dimensions: transfer.dimensions,
                at: made.created)
        ])
        try await tx.awaitRows(AwaitedRow.ofTransfer(made.id, to: transfer.stripeAccount))
        try await tx.requestFeed(of: .platform)
        try await tx.requestFeed(of: .connected(transfer.stripeAccount))
        try await tx.announce("transfer.created", transfer.id)
        try await tx.wakeRecoveries(of: order.id)
        try await tx.followNettings(of: transfer)
        // A refund may have been turned round while the amount was fixed already.
        try await tx.returnToSellers(of: order)
        return made.id.rawValue
    }

    package func refuse(
        _ operation: OperationRecord, _ refusal: OperationRefusal, in tx: StoreTransaction
    ) async throws -> AfterRefusal {
        let (transfer, order) = try await tx.lockTransfer(of: operation)
        if order.status == .failedAfterPayment, transfer.purpose != .giveBack {
            try await tx.deleteNettings(of: transfer)
            // What the bank took back was booked as owed by the seller, who has not got it after all.
            try await tx.cancel(transfer, owed: try await tx.rest(of: transfer).payable)
            return .fail(because: "the payment failed before the transfer was made")
        }
        let hold: Hold
        let retry = tx.now.advanced(by: Self.pauseAfterRefusal)
        switch refusal.code {
        case "charge_exceeds_source_limit", "parameter_invalid_integer", "parameter_unknown", "parameter_missing",
            "transfer_source_balance_parameters_mismatch":
            // Its amount stays as it is until a person has looked.
            return .review("Stripe refused the transfer: \(refusal.message)")
        case "balance_insufficient":
            hold = Hold("the platform's balance at Stripe is too low: \(refusal.message)", until: retry)
        default:
            // Mostly the account's; where Stripe's news of it has come already, it says why more clearly.
            let obstacle = try await unreadiness(of: transfer, in: tx)
            hold = Hold(
                obstacle?.reason ?? "Stripe refused the transfer: \(refusal.message)", until: retry,
                waitingFor: transfer.seller.rawValue)
        }
        try await tx.deleteNettings(of: transfer)
        try await tx.execute(
            """
            UPDATE transfers SET state = 'held', amount_minor = NULL, payable_minor = NULL, updated_at = \(tx.now)
            WHERE id = \(transfer.id)
            """)
        try await announce(hold, unlike: operation, transfer, in: tx)
        // A recovery that Stripe refused for want of balance keeps its own pause: this has brought the seller nothing.
        try await tx.wakeOperations(waitingFor: order.id.rawValue)
        return .hold(because: hold.reason, until: hold.until, waitingFor: hold.waitingFor)
    }

    /// Its shares wait as the order's own rule says, for whoever releases them next.
    package func giveUp(_ operation: OperationRecord, because reason: String, in tx: StoreTransaction) async throws {
        let (transfer, order) = try await tx.lockTransfer(of: operation)
        try await tx.takeBackRelease(transfer, of: order)
    }

    package func lookUp(_ operation: OperationRecord) async throws -> LookUpResult {
        guard let group = operation.formValue(of: "transfer_group"),
            let destination = operation.formValue(of: "destination")
        else { return .impossible(because: "the operation names no transfer group") }
        return try await stripe.findCreated(
            by: operation, in: ListTransfers(destination: StripeAccountID(destination), transferGroup: group),
            tellingBy: \.metadata
        ) { RetrieveTransfer($0.id).request }
    }

    private struct Hold {
        let reason: String
        let until: Timestamp
        let waitingFor: String?

        init(_ reason: String, until: Timestamp, waitingFor: String? = nil) {
            self.reason = reason
            self.until = until
            self.waitingFor = waitingFor
        }
    }

    /// Whose the money of a disputed order is, nobody knows: it stays where it can be given back from.
    private func dispute(of order: OrderRecord, in tx: StoreTransaction) async throws -> Hold? {
        guard order.disputeStage == .open || order.disputeStage == .inquiry, let charge = order.charge else {
            return nil
        }
        let disputes = try await tx.disputes(where: "charge_id = \(charge) ORDER BY id")
        guard let open = disputes.first(where: { $0.stage == .open || $0.stage == .inquiry }) else { return nil }
        return Hold(
            "the buyer disputes the payment (\(open.id)), and how that ends says whose the money is",
            until: tx.now.advanced(by: Self.pauseForReadiness), waitingFor: order.id.rawValue)
    }

    /// The seller's row stays as it is until the transaction ends, so that a change of it comes before this look or
    /// finds the operation waiting.
    private func unreadiness(of transfer: TransferRecord, in tx: StoreTransaction) async throws -> Hold? {
        guard let seller = try await tx.sellerForShare(transfer.seller) else {
            throw OrderError.orderMissing(transfer.seller.rawValue)
        }
        guard let obstacle = seller.obstacleToTransfer else { return nil }
        return Hold(
            "the seller cannot be paid: \(obstacle.message)", until: tx.now.advanced(by: Self.pauseForReadiness),
            waitingFor: seller.id.rawValue)
    }

    private func stay(
        _ operation: OperationRecord, _ transfer: TransferRecord, _ hold: Hold, in tx: StoreTransaction
    ) async throws -> Preparation {
        try await announce(hold, unlike: operation, transfer, in: tx)
        return .stay(because: hold.reason, until: hold.until, waitingFor: hold.waitingFor)
    }

    /// Tells the marketplace of a reason that it has not heard.
    private func announce(
        _ hold: Hold, unlike operation: OperationRecord, _ transfer: TransferRecord, in tx: StoreTransaction
    ) async throws {
        guard hold.reason != operation.reason else { return }
        // The event shows the transfer as it is about to stand.
        try await tx.execute(
            """
            UPDATE stripe_operations SET reason = \(hold.reason), due_at = \(hold.until), waits_for = \(hold.waitingFor)
            WHERE id = \(operation.id)
            """)
        try await tx.announce("transfer.held", transfer.id)
    }
}

extension AwaitedRow {
    /// What Stripe books for a transfer: its own row, and its mirror in the seller's balance.
    package static func ofTransfer(_ transfer: StripeTransferID, to account: StripeAccountID) -> [AwaitedRow] {
        [
            AwaitedRow(owner: .platform, category: "transfer", object: transfer.rawValue),
            AwaitedRow(owner: .connected(account), category: "charge", object: transfer.rawValue),
        ]
    }
}

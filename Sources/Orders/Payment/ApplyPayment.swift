import Domain
import Ledger
import Postgres
import Sellers
import Store
import StripeAPI

/// What is left to read after a payment was applied: lists of which Stripe shows only the beginning with the charge.
struct AppliedPayment: Sendable {
    let order: ID<Order>
    /// A charge with more refunds, reversals or fee refunds than came with it.
    let unfinished: StripeChargeID?
}

extension StoreTransaction {
    /// Brings the order up to what Stripe says of its page. Serves answers and events alike, any number of times.
    func apply(_ session: CheckoutSessionResource) async throws {
        if let intent = session.paymentIntent?.object { _ = try await apply(intent) }
        guard session.status == .expired,
            let id = session.metadata["souk_order"].flatMap({ ID<Order>($0) }),
            let order = try await lockOrder(id),
            order.payable.checkoutSession == session.id || order.payable.operation?.rawValue == session.soukOperation
        else { return }
        var changed = order
        changed.payable.checkoutSession = session.id
        changed.payable.close()
        if order.cancelRequestedAt != nil {
            changed.cancel(at: now)
        } else if let expired = try? order.status.applying(.expired) {
            changed.status = expired
        }
        try await save(changed, was: order)
    }

    /// Brings the order up to what Stripe says of a payment. Paid, authorized or failed only by this word of Stripe's.
    ///
    /// - Returns: nil for a payment that is not of any of our orders.
    /// - Throws: `OrderError` when Stripe's charge contradicts the order: the event is parked for a person.
    func apply(_ intent: PaymentIntentResource) async throws -> AppliedPayment? {
        guard let id = try await orderID(of: intent), let order = try await lockOrder(id) else { return nil }
        var changed = order
        let operation = intent.metadata["souk_operation"]
        let isCurrent =
            order.payable.paymentIntent == intent.id
            || (order.payable.paymentIntent == nil && operation != nil
                && operation == order.payable.operation?.rawValue)
        if isCurrent { changed.payable.paymentIntent = intent.id }

        var unfinished: StripeChargeID?
        if intent.status == .succeeded {
            guard let charge = intent.latestCharge?.object else { throw OrderError.chargeNotExpanded(intent.id) }
            unfinished = try await apply(charge, of: intent, to: &changed)
        } else if intent.status == .requiresCapture, order.status == .canceled || order.status.isPaid {
            // Held for an order that takes no payment any more: the bank's hold is released.
            _ = try await enqueueCanceling(intent.id, of: order, inline: false)
        } else if isCurrent {
            changed.apply(intent, at: now)
        }
        try await save(changed, was: order)
        return AppliedPayment(order: id, unfinished: unfinished)
    }

    private func orderID(of intent: PaymentIntentResource) async throws -> ID<Order>? {
        if let told = intent.metadata["souk_order"].flatMap({ ID<Order>($0) }) { return told }
        return try await query("SELECT id FROM orders WHERE payment_intent = \(intent.id)").first?.get("id")
    }

    /// Books a charge that took money, once, with whatever of it went back.
    /// - Returns: the charge, if not everything that belongs to it came with it.
    private func apply(
        _ charge: ChargeResource, of intent: PaymentIntentResource, to order: inout OrderRecord
    ) async throws -> StripeChargeID? {
        var record: ChargeRecord
        let known = try await self.charge(charge.id)
        if let known {
            record = known
        } else {
            guard charge.status == .succeeded else { return nil }
            try await shrink(&order, toWhatWasCapturedOf: charge)
            try order.require(charge)
            let isWelcome = order.status != .canceled && order.charge == nil
            record = try ChargeRecord(charge, of: intent.id, paying: order, as: isWelcome ? .sale : .surplus)
        }
        let wasComplete = known?.isComplete ?? false
        record.complete(from: charge)
        try await save(record, createdAt: charge.created)
        if known == nil { try await book(record, charge, of: &order) }
        if record.isComplete, !wasComplete { try await requestFeeds(of: record) }
        let isWhole = try await adoptReturns(of: charge, record, in: &order)
        try await bookConversions(of: record, in: order)
        // After what went back before: the bank takes only the rest.
        if charge.status == .failed, known?.status == StripeChargeStatus.succeeded.rawValue {
            try await bookLateFailure(of: record, in: &order)
        }
        return isWhole ? nil : charge.id
    }

    private func book(_ record: ChargeRecord, _ charge: ChargeResource, of order: inout OrderRecord) async throws {
        // A captured authorization moved money now, not when the bank began to hold it.
        let paidAt = order.capture == .manual ? now : charge.created
        try await append([try record.paidEntry(try order.division, at: paidAt)])
        guard record.purpose == .sale else { return try await sendBack(record, for: order) }
        order.status = try order.status.applying(.paid)
        order.charge = record.id
        order.paidAt = paidAt
        order.amountCaptured = record.amount
        order.lastPaymentError = nil
        order.cancelRequestedAt = nil
        try await holdReserves(of: &order)
        try await releaseByRule(&order)
        let payable = order.payable
        if payable.state == .open, let session = payable.checkoutSession, payable.paymentIntent != record.paymentIntent
        {
            // Paid through an earlier object: the one that waits must not take a second payment.
            _ = try await enqueueExpiring(session, of: order, inline: false)
        } else if payable.state == .open, let intent = payable.paymentIntent, intent != record.paymentIntent {
            _ = try await enqueueCanceling(intent, of: order, inline: false)
        }
        order.payable.close()
    }

    private func sendBack(_ charge: ChargeRecord, for order: OrderRecord) async throws {
        try await refundWhole(charge, of: order, uniqueKey: "refund_charge:\(charge.id)")
        try await announce("order.payment_returned", order)
    }

    /// A payment that nobody wanted is still here, because Stripe canceled its refund: it is sent back once more.
    func sendBack(_ charge: ChargeRecord, for order: OrderRecord, insteadOf canceled: StripeRefundID) async throws {
        guard try await unwantedRest(of: charge).isPositive else { return }
        try await refundWhole(charge, of: order, uniqueKey: "refund_charge:\(charge.id):\(canceled)")
    }

    /// What of a payment that nobody wanted is still here and due to its buyer.
    func unwantedRest(of charge: ChargeRecord) async throws -> Money {
        try charge.amount.subtracting(await takenParts(of: charge).ofOrder.amount)
    }

    private func refundWhole(_ charge: ChargeRecord, of order: OrderRecord, uniqueKey: String) async throws {
        let rest = try await requestOfUnwantedRest(of: charge)
        _ = try await enqueue(
            NewOperation(kind: .refundCharge, subject: order.id.rawValue, uniqueKey: uniqueKey)
        ) { OperationRequest(rest($0)) }
    }

    /// Asks Stripe for what of an unwanted payment has not gone back, and to take along what of transfer and fee is left.
    func requestOfUnwantedRest(
        of charge: ChargeRecord
    ) async throws -> @Sendable (ID<Operation>) -> StripeRequest {
        let rest = try await unwantedRest(of: charge)
        let amount = rest == charge.amount ? nil : rest.minorUnits
        let gone = try await query(
            """
            SELECT (SELECT coalesce(sum(amount_minor), 0) FROM transfer_reversals WHERE charge_id = \(charge.id))::bigint AS moved,
                (SELECT coalesce(sum(amount_minor), 0) FROM fee_refunds WHERE charge_id = \(charge.id))::bigint AS fee
            """
        ).first
        let takesTransfer = try charge.destination != nil && (gone?.get("moved") ?? 0) < charge.amount.minorUnits
        let takesFee = try takesTransfer && (gone?.get("fee") ?? 0) < charge.applicationFee.minorUnits
        return { operation in
            PaymentCalls.refundUnwanted(
                charge, amount: amount, takesTransfer: takesTransfer, takesFee: takesFee, operation: operation)
        }
    }

    /// The bank took the money back after Stripe had called the charge paid.
    private func bookLateFailure(of charge: ChargeRecord, in order: inout OrderRecord) async throws {
        guard charge.settled == nil else { throw OrderError.convertedPaymentFailed(order: order.id, charge: charge.id) }
        let parts = try order.division.total
        try await endUnsentRefunds(of: charge, because: "The bank took the payment back.")
        for debt in try await debts(of: charge) {
            try await settle(debt, of: charge, as: .givenUp, because: "The bank took the payment back.")
        }
        // How one ends that is on its way says what is left; the event comes again.
        if let open = try await refunds(where: "charge_id = \(charge.id) AND status = 'requested' LIMIT 1").first {
            throw OrderError.refundOnItsWay(order: order.id, charge: charge.id, refund: open.id)
        }
        let taken = try await takenParts(of: charge).ofOrder
        // The bank takes also what was refunded without Stripe: the buyer has that twice.
        let twice = try taken.amount.subtracting(try await refundedParts(of: charge).amount)
        let rest = try parts.subtracting(taken).subtracting(try await claimedParts(of: charge)).adding(excess: twice)
        if !rest.amount.isZero {
            let left = try await refundableLines(of: order).map { line in
                (
                    line: line.id,
                    sellerAmount: try line.parts.subtracting(line.taken ?? .zero(order.currency)).sellerAmount
                )
            }
            let reserves = try await reserveParts(of: left, in: order)
            let sellers = try order.parts(of: left, reserves)
            try await append([try charge.failedLateEntry(rest, sellers: sellers, at: now)])
            if charge.purpose == .sale {
                if charge.destination == nil { try await cancelHeldTransfers(of: order, undone: left, reserves) }
                try await takeBack(rest, try left.less(reserves), of: charge, in: order)
            }
        }
        if charge.purpose == .sale { order.status = try order.status.applying(.failedLate) }
        try await requestFeeds(of: charge)
    }
}

extension StoreTransaction {
    /// What sellers were paid of a payment that the bank took back comes out of their transfers. `parts` is what had not been
    /// refunded, and `left` what of each line.
    private func takeBack(
        _ parts: MoneyParts, _ left: [(line: ID<OrderLine>, sellerAmount: Money)], of charge: ChargeRecord,
        in order: OrderRecord
    ) async throws {
        let recoveries = try await recoveries(
            of: left, sellerAmount: parts.sellerAmount, from: order.sellers.map(\.seller), of: charge, in: order)
        try await enqueueRecoveries(
            recoveries, because: .lateFailure, of: charge, subject: order.id.rawValue,
            heldBecause: "the bank took the payment back, and the seller has its share")
    }
}

extension OrderRecord {
    /// What the status of a payment that has not succeeded means for the order. Late news changes nothing.
    fileprivate mutating func apply(_ intent: PaymentIntentResource, at now: Timestamp) {
        if let error = intent.lastPaymentError {
            lastPaymentError = PaymentError(
                code: error.code?.rawValue, declineCode: error.declineCode?.rawValue, message: error.message)
        }
        let change: OrderChange?
        switch intent.status {
        case .requiresPaymentMethod: change = intent.lastPaymentError == nil ? nil : .declined
        case .requiresAction: change = .actionRequired
        case .processing: change = .processing
        case .requiresCapture: change = .authorized
        case .canceled:
            payable.close()
            if cancelRequestedAt != nil || intent.cancellationReason == "requested_by_customer" {
                return cancel(at: now)
            }
            change = .expired
        default: change = nil
        }
        guard let change, let next = try? status.applying(change) else { return }
        status = next
    }

    /// Nobody can pay any more, by somebody's wish.
    mutating func cancel(at now: Timestamp) {
        guard let canceled = try? status.applying(.canceled) else { return }
        if status != .canceled { canceledAt = now }
        status = canceled
        cancelRequestedAt = nil
        payable.close()
    }

    /// - Throws: `OrderError` unless the charge is over what the order comes to and for its seller.
    fileprivate func require(_ charge: ChargeResource) throws {
        let total = try total
        guard charge.amountCaptured ?? charge.amount == total.minorUnits, charge.currency == currency else {
            throw OrderError.amountDiffers(
                order: id, charge: charge.id, expected: total, actual: charge.amountCaptured ?? charge.amount,
                currency: charge.currency.code)
        }
        if let account = charge.transferData?.destination.id, account != destination?.stripeAccount {
            throw OrderError.destinationDiffers(order: id, charge: charge.id)
        }
    }
}

extension CheckoutSessionResource {
    var soukOperation: String? { metadata["souk_operation"] }
}

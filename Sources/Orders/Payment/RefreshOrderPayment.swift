package import Domain
import Ledger
import Postgres
import Sellers
package import Store
package import StripeAPI

/// Brings what Souk knows of an order's payment up to what Stripe says now.
///
/// Serves `checkout.session.*`, `payment_intent.*`, `charge.*` and `refund.*` of the platform, and what comes back of a
/// charge's transfer and fee, in any order and any number of times. One read brings the payment with its charge,
/// transfer, fee and refunds; an event that can tell nothing new is not worth a read. What is not of an order of ours
/// changes nothing.
package struct RefreshOrderPayment: Sendable {
    package static let eventTypes = [
        "checkout.session.completed", "checkout.session.async_payment_succeeded",
        "checkout.session.async_payment_failed", "checkout.session.expired",
        "payment_intent.requires_action", "payment_intent.processing", "payment_intent.amount_capturable_updated",
        "payment_intent.succeeded", "payment_intent.payment_failed", "payment_intent.canceled",
        "charge.succeeded", "charge.failed", "charge.captured", "charge.updated", "charge.refunded",
        "refund.created", "refund.updated", "refund.failed",
    ]
    /// Events that also move the balance of a seller.
    package static let returnTypes = [
        "transfer.created", "transfer.updated", "transfer.reversed", "application_fee.refunded",
        "application_fee.refund.updated",
    ]

    let store: Store
    let copies: ObjectCopies
    let stripe: StripeClient
    private let turns = ObjectTurns()

    package init(store: Store, copies: ObjectCopies, stripe: StripeClient) {
        self.store = store
        self.copies = copies
        self.stripe = stripe
    }

    package func callAsFunction(_ event: InboundEvent) async throws {
        // Destination charges are the platform's: events of connected accounts are about something else.
        guard event.account == nil, let hint = PaymentHint(event) else { return }
        if let part = hint.part {
            // A charge that is not here yet brings all of this with it when it comes.
            guard let (intent, hasOwnTransfers) = try await store.payment(of: part) else { return }
            guard hasOwnTransfers, let transfer = part.transfer else {
                return try await refresh(intent, unlessCovered: event.type, hint)
            }
            return try await turns.inTurn(transfer.rawValue) {
                if try await store.covers(transfer, event.type, hint) { return }
                try await refresh(transfer, priority: .event)
            }
        }
        guard let known = try await store.knownPayment(hint) else { return }
        if let intent = hint.paymentIntent {
            try await refresh(intent, unlessCovered: event.type, hint)
        } else if let session = hint.checkoutSession {
            if known.status.isPaid || known.status == .canceled, event.type == "checkout.session.expired" { return }
            try await refresh(session, priority: .event)
        }
    }

    /// Reads the order's payment at Stripe, whatever we know of it.
    /// - Throws: `StripeUnavailable` and `StripeError` when Stripe does not answer; nothing changes then.
    package func callAsFunction(_ order: OrderRecord) async throws {
        if let intent = order.payable.paymentIntent {
            try await refresh(intent, priority: .caller)
        } else if let session = order.payable.checkoutSession {
            try await refresh(session, priority: .caller)
        }
    }

    /// Reads everything at Stripe through which the order was or can be paid, and separate charges' transfers: for a row of
    /// Stripe's books of which no event told.
    package func callAsFunction(allOf order: ID<Order>) async throws {
        let transferred = try await store.query(
            """
            SELECT 1 FROM orders WHERE id = \(order) AND charge_shape = 'separate' AND charge_id IS NOT NULL
            UNION ALL SELECT 1 FROM transfers WHERE order_id = \(order) AND operation_id IS NOT NULL LIMIT 1
            """)
        if !transferred.isEmpty { try await refreshTransfers(of: order, priority: .event) }
        let intents: [StripePaymentIntentID] = try await store.query(
            """
            SELECT payment_intent FROM charges WHERE order_id = \(order)
            UNION SELECT payment_intent FROM orders WHERE id = \(order) AND payment_intent IS NOT NULL
            """
        ).map { try $0.get("payment_intent") }
        for intent in intents {
            try await turns.inTurn(intent.rawValue) { try await refresh(intent, priority: .event) }
        }
        guard intents.isEmpty else { return }
        let session: StripeCheckoutSessionID? = try await store.query(
            "SELECT checkout_session FROM orders WHERE id = \(order)"
        ).first?.get("checkout_session")
        if let session { try await refresh(session, priority: .event) }
    }

    /// Reads the payment behind a charge, which may be one that the order knows nothing of.
    package func callAsFunction(_ charge: StripeChargeID) async throws {
        var intent: StripePaymentIntentID? = try await store.query(
            "SELECT payment_intent FROM charges WHERE id = \(charge)"
        ).first?.get("payment_intent")
        if intent == nil { intent = try await stripe.send(RetrieveCharge(charge), priority: .event).paymentIntent?.id }
        guard let intent else { return }
        try await turns.inTurn(intent.rawValue) { try await refresh(intent, priority: .event) }
    }

    private func refresh(
        _ intent: StripePaymentIntentID, unlessCovered type: String, _ hint: PaymentHint
    ) async throws {
        try await turns.inTurn(intent.rawValue) {
            if try await store.covers(type, hint, intent) { return }
            try await refresh(intent, priority: .event)
        }
    }

    private func refresh(_ id: StripePaymentIntentID, priority: StripePriority) async throws {
        let applied = try await copies.refresh(kind: "payment_intent", id: id.rawValue, account: nil) {
            try await stripe.fetch(PaymentCalls.retrieve(id), priority: priority)
        } apply: { tx, fetched -> AppliedPayment? in
            guard case .found(let bytes) = fetched else { return nil }
            return try await tx.apply(try StripeAnswer(status: 200, body: bytes).decode(PaymentIntentResource.self))
        }
        if let charge = applied?.unfinished { try await adoptLongLists(of: charge, priority: priority) }
    }

    private func refresh(_ id: StripeCheckoutSessionID, priority: StripePriority) async throws {
        let intent: StripePaymentIntentID? = try await copies.refresh(
            kind: "checkout.session", id: id.rawValue, account: nil
        ) {
            try await stripe.fetch(PaymentCalls.retrieve(id), priority: priority)
        } apply: { tx, fetched in
            guard case .found(let bytes) = fetched else { return nil }
            let session = try StripeAnswer(status: 200, body: bytes).decode(CheckoutSessionResource.self)
            try await tx.apply(session)
            return session.paymentIntent.flatMap { $0.object == nil ? StripePaymentIntentID($0.id) : nil }
        }
        if let intent { try await refresh(intent, priority: priority) }
    }

    /// Reads the lists of which a charge shows only the beginning: an order with many partial refunds.
    private func adoptLongLists(of id: StripeChargeID, priority: StripePriority) async throws {
        let rows = try await store.query(
            "SELECT order_id, transfer_id, application_fee_id FROM charges WHERE id = \(id)")
        guard let row = rows.first else { return }
        let order: ID<Order> = try row.get("order_id")
        let transfer: StripeTransferID? = try row.get("transfer_id")
        let fee: StripeApplicationFeeID? = try row.get("application_fee_id")
        let refunds = try await all(ListRefunds(charge: id), priority)
        var reversals: [TransferReversalResource] = []
        if let transfer { reversals = try await all(ListTransferReversals(transfer: transfer), priority) }
        var feeRefunds: [FeeRefundResource] = []
        if let fee { feeRefunds = try await all(ListFeeRefunds(fee: fee), priority) }
        try await store.transaction { [reversals, feeRefunds] tx in
            guard let locked = try await tx.lockOrder(order), let charge = try await tx.charge(id) else { return }
            var changed = locked
            try await tx.adopt(refunds, of: charge, in: &changed)
            if let destination = charge.destination {
                try await tx.book(reversals, feeRefunds, of: charge, from: destination)
                if !reversals.isEmpty { try await tx.returnToSellers(of: changed) }
            }
            try await tx.save(changed, was: locked)
        }
    }

    func all<Call: StripeListCall>(_ list: Call, _ priority: StripePriority) async throws -> [Call.Element] {
        var objects: [Call.Element] = []
        for try await page in stripe.pages(of: list, priority: priority) { objects += page }
        return objects
    }
}

/// What tells an event of ours from the platform's other business.
private struct KnownPayment: Sendable {
    let status: OrderStatus
}

extension Store {
    /// - Returns: nil if no order of ours has anything to do with it.
    fileprivate func knownPayment(_ hint: PaymentHint) async throws -> KnownPayment? {
        let rows = try await query(
            """
            SELECT status FROM orders WHERE id = \(hint.order)
            UNION ALL SELECT status FROM orders WHERE payment_intent = \(hint.paymentIntent)
            UNION ALL SELECT status FROM orders WHERE checkout_session = \(hint.checkoutSession)
            UNION ALL SELECT o.status FROM charges c JOIN orders o ON o.id = c.order_id
            WHERE c.payment_intent = \(hint.paymentIntent)
            LIMIT 1
            """)
        return try rows.first.map { KnownPayment(status: try $0.known("status")) }
    }

    /// - Returns: nil for what belongs to no charge of ours, or to one that is not here yet.
    fileprivate func payment(
        of part: PaymentHint.PartOfCharge
    ) async throws -> (intent: StripePaymentIntentID, hasOwnTransfers: Bool)? {
        let rows = try await query(
            """
            SELECT payment_intent, seller_id IS NULL AS has_own_transfers FROM charges WHERE id IN (
                SELECT id FROM charges WHERE id = \(part.charge)
                UNION ALL SELECT id FROM charges WHERE transfer_id = \(part.transfer)
                UNION ALL SELECT id FROM charges WHERE application_fee_id = \(part.fee))
            UNION ALL
            SELECT c.payment_intent, true FROM transfers t JOIN orders o ON o.id = t.order_id
            JOIN charges c ON c.id = o.charge_id
            WHERE t.stripe_id = \(part.transfer) AND t.operation_id IS NOT NULL
            LIMIT 1
            """)
        return try rows.first.map { (try $0.get("payment_intent"), try $0.get("has_own_transfers")) }
    }

    /// Whether what the event tells is in our books already, so that a read of Stripe would show nothing new. A payment
    /// that succeeded never goes back; what may still change (refunds, a late failure, what Stripe fills in) is compared.
    fileprivate func covers(
        _ type: String, _ hint: PaymentHint, _ intent: StripePaymentIntentID
    ) async throws -> Bool {
        guard
            let row = try await query(
                "SELECT \(unescaped: ChargeRecord.columns) FROM charges WHERE payment_intent = \(intent) LIMIT 1"
            ).first
        else { return false }
        let charge = try ChargeRecord(row: row)
        switch type {
        case "charge.updated": return charge.isComplete && hint.status == charge.status
        case "charge.failed": return hint.id != charge.id.rawValue || charge.status == hint.status
        case "charge.refunded":
            let rows = try await query(
                """
                SELECT coalesce(sum(amount_minor), 0)::bigint AS amount FROM refunds
                WHERE stands AND charge_id = \(charge.id)
                """)
            guard try rows.first?.get("amount", as: Int64.self) == hint.amountRefunded else { return false }
            guard charge.isComplete else { return false }
            return try await hasBookedReversals(of: charge.id)
        case "refund.created", "refund.updated", "refund.failed":
            let rows = try await query("SELECT 1 FROM refunds WHERE stripe_id = \(hint.id) AND status = \(hint.status)")
            guard !rows.isEmpty, charge.isComplete else { return false }
            return try await hasBookedReversals(of: charge.id)
        case "transfer.reversed":
            let rows = try await query(
                """
                SELECT coalesce(sum(amount_minor), 0)::bigint AS amount FROM transfer_reversals
                WHERE charge_id = \(charge.id)
                """)
            return try rows.first?.get("amount", as: Int64.self) ?? 0 >= hint.amountReversed ?? .max
        case "application_fee.refunded":
            let rows = try await query(
                "SELECT coalesce(sum(amount_minor), 0)::bigint AS amount FROM fee_refunds WHERE charge_id = \(charge.id)"
            )
            return try rows.first?.get("amount", as: Int64.self) ?? 0 >= hint.amountRefunded ?? .max
        case "application_fee.refund.updated":
            return try await !query("SELECT 1 FROM fee_refunds WHERE stripe_id = \(hint.id)").isEmpty
        default: return true
        }
    }

    /// A refund that was asked for with `reverse_transfer` is told before its reversal is.
    private func hasBookedReversals(of charge: StripeChargeID) async throws -> Bool {
        try await query(
            """
            SELECT 1 FROM refunds r
            WHERE r.charge_id = \(charge) AND r.transfer_reversal_id IS NOT NULL
                AND NOT EXISTS (
                    SELECT FROM journal_entries e WHERE e.cause = 'reversal_made:' || r.transfer_reversal_id)
            LIMIT 1
            """
        ).isEmpty
    }
}

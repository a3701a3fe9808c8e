import Domain
import Ledger
import Postgres
package import Store
package import StripeAPI

/// Brings what Souk knows of an order's payment up to what Stripe says now.
///
/// Serves `checkout.session.*`, `payment_intent.*`, `charge.*` and `refund.*` of the platform, in any order and any number
/// of times. One read brings the payment with its charge, transfer, fee and refunds; an event that can tell nothing new is
/// not worth a read. What is not of an order of ours changes nothing.
package struct RefreshOrderPayment: Sendable {
    package static let eventTypes = [
        "checkout.session.completed", "checkout.session.async_payment_succeeded",
        "checkout.session.async_payment_failed", "checkout.session.expired",
        "payment_intent.requires_action", "payment_intent.processing", "payment_intent.amount_capturable_updated",
        "payment_intent.succeeded", "payment_intent.payment_failed", "payment_intent.canceled",
        "charge.succeeded", "charge.failed", "charge.captured", "charge.updated", "charge.refunded",
        "refund.created", "refund.updated", "refund.failed",
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
        guard let known = try await store.knownPayment(hint) else { return }
        if let intent = hint.paymentIntent {
            try await turns.inTurn(intent.rawValue) {
                if try await store.covers(event.type, hint, intent) { return }
                try await refresh(intent, priority: .event)
            }
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

    private func refresh(_ id: StripePaymentIntentID, priority: StripePriority) async throws {
        let applied = try await copies.refresh(kind: "payment_intent", id: id.rawValue, account: nil) {
            try await fetch(PaymentCalls.retrieve(id), priority)
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
            try await fetch(PaymentCalls.retrieve(id), priority)
        } apply: { tx, fetched in
            guard case .found(let bytes) = fetched else { return nil }
            let session = try StripeAnswer(status: 200, body: bytes).decode(CheckoutSessionResource.self)
            try await tx.apply(session)
            return session.paymentIntent.flatMap { $0.object == nil ? StripePaymentIntentID($0.id) : nil }
        }
        if let intent { try await refresh(intent, priority: priority) }
    }

    private func fetch(_ request: StripeRequest, _ priority: StripePriority) async throws -> FetchedObject {
        let answer = try await stripe.answer(to: request, priority: priority)
        if answer.isSuccess { return .found(answer.body) }
        let error = StripeError(answer)
        guard error.kind == .notFound else { throw error }
        return .gone(because: error.message)
    }

    /// Reads the lists of which a charge shows only the beginning: an order with many partial refunds.
    private func adoptLongLists(of id: StripeChargeID, priority: StripePriority) async throws {
        let rows = try await store.query(
            "SELECT order_id, transfer_id, application_fee_id FROM charges WHERE id = \(id)")
        guard let row = rows.first else { return }
        let order: ID<Order> = try row.get("order_id")
        let transfer: StripeTransferID? = try row.get("transfer_id")
        let fee: StripeApplicationFeeID? = try row.get("application_fee_id")
        let refunds = try await all(RefundResource.self, "/v1/refunds", of: id, priority)
        var reversals: [TransferReversalResource] = []
        if let transfer {
            reversals = try await all(
                TransferReversalResource.self, "/v1/transfers/\(transfer)/reversals", of: nil, priority)
        }
        var feeRefunds: [FeeRefundResource] = []
        if let fee {
            feeRefunds = try await all(
                FeeRefundResource.self, "/v1/application_fees/\(fee)/refunds", of: nil, priority)
        }
        try await store.transaction { [reversals, feeRefunds] tx in
            guard let locked = try await tx.lockOrder(order), let charge = try await tx.charge(id) else { return }
            var changed = locked
            try await tx.adopt(refunds, of: charge, in: &changed)
            try await tx.book(reversals, feeRefunds, of: charge)
            try await tx.save(changed, was: locked)
        }
    }

    private func all<Object: StripeObject>(
        _ type: Object.Type, _ path: StripePath, of charge: StripeChargeID?, _ priority: StripePriority
    ) async throws -> [Object] {
        var objects: [Object] = []
        var page = StripePage()
        while true {
            var form = FormEncoder()
            form.set("charge", charge)
            form.set(page)
            let list = try await stripe.answer(to: StripeRequest(.get, path, form: form), priority: priority)
                .decode(List<Object>.self)
            objects += list.data
            guard list.hasMore, let last = list.data.last else { return objects }
            page.startingAfter = last.cursor
        }
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
            SELECT status FROM orders
            WHERE id = \(hint.order) OR payment_intent = \(hint.paymentIntent)
                OR checkout_session = \(hint.checkoutSession)
                OR id IN (SELECT order_id FROM charges WHERE payment_intent = \(hint.paymentIntent))
            LIMIT 1
            """)
        return try rows.first.map { KnownPayment(status: try $0.known("status")) }
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
                SELECT coalesce(sum(amount_minor) FILTER (WHERE status NOT IN ('failed', 'canceled')), 0)::bigint AS amount
                FROM refunds WHERE charge_id = \(charge.id)
                """)
            guard try rows.first?.get("amount", as: Int64.self) == hint.amountRefunded else { return false }
            guard charge.isComplete else { return false }
            return try await hasBookedReversals(of: charge.id)
        case "refund.created", "refund.updated", "refund.failed":
            let rows = try await query("SELECT 1 FROM refunds WHERE stripe_id = \(hint.id) AND status = \(hint.status)")
            guard !rows.isEmpty, charge.isComplete else { return false }
            return try await hasBookedReversals(of: charge.id)
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

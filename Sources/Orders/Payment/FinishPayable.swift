import Domain
import Ledger
import Sellers
package import Store
package import StripeAPI

/// Sees `create_checkout_session` to its end: the order gets the page on which the buyer pays.
package struct FinishSessionCreation: OperationHandler {
    let stripe: StripeClient
    package let kind = OperationKind.createCheckoutSession

    package init(stripe: StripeClient) { self.stripe = stripe }

    package func succeed(
        _ operation: OperationRecord, answer: [UInt8], in tx: StoreTransaction
    ) async throws -> String? {
        let session = try StripeAnswer(status: 200, body: answer).decode(CheckoutSessionResource.self)
        let order = try await tx.lockOrder(of: operation)
        guard order.payable.operation == operation.id else {
            // An earlier try whose answer came late: nobody may pay through it.
            if session.status == .open { _ = try await tx.enqueueExpiring(session.id, of: order, inline: false) }
            return session.id.rawValue
        }
        var changed = order
        changed.payable.checkoutSession = session.id
        changed.payable.expiresAt = session.expiresAt
        // An event may have told of the payment before this answer came.
        if order.payable.state == .creating, session.status == .open {
            changed.open()
            changed.payable.checkoutURL = session.url
        } else if session.status == .open, order.status == .canceled || order.status == .expired {
            // Canceled before the page was there: nobody has its address, and nobody shall pay on it.
            _ = try await tx.enqueueExpiring(session.id, of: order, inline: false)
        } else {
            changed.payable.close()
        }
        try await tx.save(changed, was: order)
        return session.id.rawValue
    }

    package func refuse(
        _ operation: OperationRecord, _ refusal: OperationRefusal, in tx: StoreTransaction
    ) async throws -> AfterRefusal {
        try await tx.forgetPayable(madeBy: operation)
        return .fail(because: "Stripe refused to make the payment page: \(refusal.message)")
    }

    package func lookUp(_ operation: OperationRecord) async throws -> LookUpResult {
        try await stripe.findCreated(by: operation, in: ListCheckoutSessions(), tellingBy: \.metadata) {
            RetrieveCheckoutSession($0.id).request
        }
    }
}

/// Sees `create_payment_intent` to its end: the order gets what the marketplace's own page pays with.
package struct FinishIntentCreation: OperationHandler {
    let stripe: StripeClient
    package let kind = OperationKind.createPaymentIntent
    package let provingEvents = ["payment_intent.created"]

    package init(stripe: StripeClient) { self.stripe = stripe }

    package func succeed(
        _ operation: OperationRecord, answer: [UInt8], in tx: StoreTransaction
    ) async throws -> String? {
        let intent = try StripeAnswer(status: 200, body: answer).decode(PaymentIntentResource.self)
        let order = try await tx.lockOrder(of: operation)
        guard order.payable.operation == operation.id else {
            if intent.status.isCancelable { _ = try await tx.enqueueCanceling(intent.id, of: order, inline: false) }
            return intent.id.rawValue
        }
        var changed = order
        if order.payable.state == .creating { changed.open() }
        changed.payable.paymentIntent = intent.id
        if order.payable.state == .creating {
            changed.payable.clientSecret = intent.clientSecret
        } else if intent.status.isCancelable, order.status == .canceled || order.status == .expired {
            // Canceled before the payment intent was there.
            _ = try await tx.enqueueCanceling(intent.id, of: order, inline: false)
        } else if order.payable.state == .open, order.payable.clientSecret == nil {
            changed.payable.clientSecret = intent.clientSecret
        }
        try await tx.save(changed, was: order)
        return intent.id.rawValue
    }

    package func refuse(
        _ operation: OperationRecord, _ refusal: OperationRefusal, in tx: StoreTransaction
    ) async throws -> AfterRefusal {
        try await tx.forgetPayable(madeBy: operation)
        return .fail(because: "Stripe refused to begin the payment: \(refusal.message)")
    }

    package func lookUp(_ operation: OperationRecord) async throws -> LookUpResult {
        try await stripe.findCreated(by: operation, in: ListPaymentIntents(), tellingBy: \.metadata) {
            RetrievePaymentIntent($0.id).request
        }
    }
}

extension StoreTransaction {
    /// Stripe made nothing: the order can be tried again.
    fileprivate func forgetPayable(madeBy operation: OperationRecord) async throws {
        let order = try await lockOrder(of: operation)
        guard order.payable.operation == operation.id, order.payable.state == .creating else { return }
        var changed = order
        changed.payable.state = .none
        try await save(changed, was: order)
    }
}

extension StripePaymentIntentStatus {
    /// Stripe takes a cancellation in these states.
    var isCancelable: Bool {
        [.requiresPaymentMethod, .requiresConfirmation, .requiresAction, .requiresCapture].contains(self)
    }
}

extension OrderRecord {
    /// A buyer can pay now. A new try begins only here, so that one which Stripe refuses leaves the status as it was; what
    /// an event has told of the payment already counts more.
    fileprivate mutating func open() {
        payable.state = .open
        if payable.paymentIntent == nil, let begun = try? status.applying(.newTry) { status = begun }
    }
}

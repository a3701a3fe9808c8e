import Domain
import Sellers
package import Store
import StripeAPI

extension OperationKind {
    package static let createCheckoutSession = OperationKind(rawValue: "create_checkout_session")
    package static let createPaymentIntent = OperationKind(rawValue: "create_payment_intent")
    package static let expireCheckoutSession = OperationKind(rawValue: "expire_checkout_session")
    package static let cancelPaymentIntent = OperationKind(rawValue: "cancel_payment_intent")
    package static let capturePaymentIntent = OperationKind(rawValue: "capture_payment_intent")
    package static let refundCharge = OperationKind(rawValue: "refund_charge")
    package static let refundApplicationFee = OperationKind(rawValue: "refund_application_fee")
    package static let reverseTransfer = OperationKind(rawValue: "reverse_transfer")
}

extension StoreTransaction {
    /// Writes down the call that lets the buyer pay, and ties it to the locked order.
    func enqueuePayable(_ order: inout OrderRecord, _ requests: PayableRequests) async throws -> ID<Operation> {
        let kind: OperationKind = order.payment == .checkout ? .createCheckoutSession : .createPaymentIntent
        let unmade = order
        let operation = try await enqueue(
            NewOperation(
                kind: kind, subject: order.id.rawValue, uniqueKey: "pay:\(order.id):\(order.payable.tryNumber)",
                startsInline: true)
        ) { requests.request(for: unmade, operation: $0) }
        order.payable.operation = operation
        return operation
    }

    /// Writes down the call after which nobody can pay for the locked order any more.
    /// - Returns: nil if nobody can already, as far as we know.
    func enqueueClosing(_ order: OrderRecord, inline: Bool) async throws -> ID<Operation>? {
        let payable = order.payable
        if let intent = payable.paymentIntent, order.status == .authorized || payable.checkoutSession == nil {
            return try await enqueueCanceling(intent, of: order, inline: inline)
        }
        guard payable.state == .open, let session = payable.checkoutSession else { return nil }
        return try await enqueueExpiring(session, of: order, inline: inline)
    }

    func enqueueExpiring(
        _ session: StripeCheckoutSessionID, of order: OrderRecord, inline: Bool
    ) async throws -> ID<Operation> {
        try await enqueue(
            NewOperation(
                kind: .expireCheckoutSession, subject: order.id.rawValue,
                uniqueKey: "expire_checkout_session:\(session)", startsInline: inline)
        ) { _ in OperationRequest(ExpireCheckoutSession(session).request) }
    }

    func enqueueCanceling(
        _ intent: StripePaymentIntentID, of order: OrderRecord, inline: Bool
    ) async throws -> ID<Operation> {
        try await enqueue(
            NewOperation(
                kind: .cancelPaymentIntent, subject: order.id.rawValue,
                uniqueKey: "cancel_payment_intent:\(intent)", startsInline: inline)
        ) { _ in OperationRequest(PaymentCalls.cancel(intent)) }
    }

    /// The order that an operation is for, locked.
    func lockOrder(of operation: OperationRecord) async throws -> OrderRecord {
        guard let id = ID<Order>(operation.subject), let order = try await lockOrder(id) else {
            throw OrderError.orderMissing(operation.subject)
        }
        return order
    }
}

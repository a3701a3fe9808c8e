package import Domain
import Sellers
package import Store

/// Takes what the buyer's bank holds for an order that was placed with manual capture.
package struct CaptureOrder: Sendable {
    let store: Store
    let engine: OperationEngine

    package init(store: Store, engine: OperationEngine) {
        self.store = store
        self.engine = engine
    }

    /// - Returns: the order; still authorized, with its operation, when Stripe is away.
    /// - Throws: `illegal_transition` unless it is authorized, `parameter_invalid` for another amount than the whole,
    ///   `stripe_refused` with Stripe's own reason.
    package func callAsFunction(
        _ id: ID<Order>, amount: Int64?, by caller: Caller
    ) async throws -> OrderRecord {
        let operation = try await store.transaction { tx in
            try await tx.beginCapturing(id, amount: amount, by: caller)
        }
        guard let operation else { return try await store.requireOrder(id) }
        let outcome = try await engine.perform(operation)
        guard outcome.state != .failed else {
            throw Refusal(.stripeRefused, outcome.reason ?? "Stripe refused the capture.")
        }
        return try await store.requireOrder(id)
    }
}

extension StoreTransaction {
    /// - Returns: nil for an order that was captured before: asking twice is no mistake.
    fileprivate func beginCapturing(
        _ id: ID<Order>, amount: Int64?, by caller: Caller
    ) async throws -> ID<Operation>? {
        let order = try await requireLockedOrder(id)
        if let amount, amount != order.amount.minorUnits {
            throw Refusal(
                .parameterInvalid,
                amount > order.amount.minorUnits || amount <= 0
                    ? "At most \(order.amount) can be captured."
                    : "Capturing less than the whole order is not available yet. Leave amount out.",
                parameter: "amount")
        }
        if order.capture == .manual, order.status.isPaid { return nil }
        guard order.status == .authorized, let intent = order.payable.paymentIntent else {
            throw Refusal(
                .illegalTransition,
                "Only an authorized order can be captured; the order \(id) is \(order.status.rawValue).")
        }
        if order.cancelRequestedAt != nil {
            throw Refusal(.illegalTransition, "The order \(id) is being canceled.")
        }
        try await audit("order.capture", subject: id.rawValue, by: caller)
        return try await enqueue(
            NewOperation(
                kind: .capturePaymentIntent, subject: id.rawValue, uniqueKey: "capture_payment_intent:\(intent)",
                startsInline: true)
        ) { _ in OperationRequest(PaymentCalls.capture(intent)) }
    }
}

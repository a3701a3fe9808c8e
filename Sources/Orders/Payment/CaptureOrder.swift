package import Domain
import Postgres
import Sellers
package import Store

/// Takes what the buyer's bank holds for an order that was placed with manual capture, or a part of it: the rest is
/// released, and fee and shares are those of the part.
package struct CaptureOrder: Sendable {
    let store: Store
    let engine: OperationEngine

    package init(store: Store, engine: OperationEngine) {
        self.store = store
        self.engine = engine
    }

    /// - Returns: the order; still authorized, with its operation, when Stripe is away.
    /// - Throws: `illegal_transition` unless it is authorized, or where another amount was or is being captured; what
    ///   `OrderRecord.division(capturing:)` refuses; `stripe_refused` with Stripe's own reason.
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
        let wanted = Money(amount ?? order.amount.minorUnits, order.currency)
        if order.capture == .manual, order.status.isPaid {
            guard amount == nil || wanted == order.amountCaptured else { throw Refusal.captured(order) }
            return nil
        }
        guard order.status == .authorized, let intent = order.payable.paymentIntent else {
            throw Refusal(
                .illegalTransition,
                "Only an authorized order can be captured; the order \(id) is \(order.status.rawValue).")
        }
        if order.cancelRequestedAt != nil {
            throw Refusal(.illegalTransition, "The order \(id) is being canceled.")
        }
        let division = try order.division(capturing: wanted)
        let call =
            wanted == order.amount
            ? PaymentCalls.capture(intent)
            : PaymentCalls.capture(
                intent, amount: wanted,
                // A zero fee is sent as no fee, unless there was one that Stripe would keep.
                fee: order.destination == nil || order.applicationFee.isZero
                    ? nil : try division.applicationFeeAmount())
        let request = OperationRequest(call)
        let operation = try await enqueue(
            NewOperation(
                kind: .capturePaymentIntent, subject: id.rawValue, uniqueKey: "capture_payment_intent:\(intent)",
                startsInline: true)
        ) { _ in request }
        // One that is under way already may take another amount.
        let body = try await query("SELECT body FROM stripe_operations WHERE id = \(operation)").first
        guard try body?.get("body", as: [UInt8]?.self) == request.body else {
            throw Refusal(
                .illegalTransition,
                "Another amount of the order \(id) is being captured. GET /v1/orders/\(id) shows what comes of it.")
        }
        try await audit("order.capture", subject: id.rawValue, by: caller, details: ["amount": "\(wanted)"])
        return operation
    }
}

extension Refusal {
    fileprivate static func captured(_ order: OrderRecord) -> Refusal {
        Refusal(
            .illegalTransition,
            "\(order.amountCaptured) of the order \(order.id) was captured, and the rest was released. An authorization is "
                + "captured once.")
    }
}

import Domain
import Ledger
package import Store
package import StripeAPI

/// Sees `expire_checkout_session` to its end: Stripe's answer is the proof that nobody can pay on the page any more.
package struct FinishSessionExpiry: OperationHandler {
    let stripe: StripeClient
    package let kind = OperationKind.expireCheckoutSession

    package init(stripe: StripeClient) { self.stripe = stripe }

    package func succeed(
        _ operation: OperationRecord, answer: [UInt8], in tx: StoreTransaction
    ) async throws -> String? {
        let session = try StripeAnswer(status: 200, body: answer).decode(CheckoutSessionResource.self)
        try await tx.apply(session)
        return session.id.rawValue
    }

    package func refuse(
        _ operation: OperationRecord, _ refusal: OperationRefusal, in tx: StoreTransaction
    ) async throws -> AfterRefusal {
        // The page is not open: it was paid, or it ran out. Whoever asked reads which.
        .fail(because: "Stripe did not close the payment page: \(refusal.message)")
    }

    package func lookUp(_ operation: OperationRecord) async throws -> LookUpResult {
        guard let id = operation.target(in: "/v1/checkout/sessions/", before: "/expire") else {
            return .impossible(because: "the operation names no session")
        }
        let answer = try await stripe.answer(
            to: PaymentCalls.retrieve(StripeCheckoutSessionID(id)), priority: .operation)
        let session = try answer.decode(CheckoutSessionResource.self)
        return session.status == .open ? .notFound : .found(answer.body)
    }
}

/// Sees `cancel_payment_intent` to its end.
package struct FinishIntentCancellation: OperationHandler {
    let stripe: StripeClient
    package let kind = OperationKind.cancelPaymentIntent

    package init(stripe: StripeClient) { self.stripe = stripe }

    package func succeed(
        _ operation: OperationRecord, answer: [UInt8], in tx: StoreTransaction
    ) async throws -> String? {
        let intent = try StripeAnswer(status: 200, body: answer).decode(PaymentIntentResource.self)
        _ = try await tx.apply(intent)
        return intent.id.rawValue
    }

    package func refuse(
        _ operation: OperationRecord, _ refusal: OperationRefusal, in tx: StoreTransaction
    ) async throws -> AfterRefusal {
        .fail(because: "Stripe did not cancel the payment: \(refusal.message)")
    }

    package func lookUp(_ operation: OperationRecord) async throws -> LookUpResult {
        guard let id = operation.target(in: "/v1/payment_intents/", before: "/cancel") else {
            return .impossible(because: "the operation names no payment")
        }
        let answer = try await stripe.answer(to: PaymentCalls.retrieve(StripePaymentIntentID(id)), priority: .operation)
        let intent = try answer.decode(PaymentIntentResource.self)
        return intent.status.isCancelable ? .notFound : .found(answer.body)
    }
}

/// Sees `capture_payment_intent` to its end: what the buyer's bank held is taken.
package struct FinishCapture: OperationHandler {
    let stripe: StripeClient
    package let kind = OperationKind.capturePaymentIntent

    package init(stripe: StripeClient) { self.stripe = stripe }

    package func succeed(
        _ operation: OperationRecord, answer: [UInt8], in tx: StoreTransaction
    ) async throws -> String? {
        let intent = try StripeAnswer(status: 200, body: answer).decode(PaymentIntentResource.self)
        _ = try await tx.apply(intent)
        return intent.id.rawValue
    }

    package func refuse(
        _ operation: OperationRecord, _ refusal: OperationRefusal, in tx: StoreTransaction
    ) async throws -> AfterRefusal {
        .fail(because: "Stripe did not capture the payment: \(refusal.message)")
    }

    package func lookUp(_ operation: OperationRecord) async throws -> LookUpResult {
        guard let id = operation.target(in: "/v1/payment_intents/", before: "/capture") else {
            return .impossible(because: "the operation names no payment")
        }
        let answer = try await stripe.answer(to: PaymentCalls.retrieve(StripePaymentIntentID(id)), priority: .operation)
        let intent = try answer.decode(PaymentIntentResource.self)
        return intent.status == .requiresCapture ? .notFound : .found(answer.body)
    }
}

import Domain
import Transport
package import Store
package import StripeAPI

/// Sends operations through the Stripe client, one try at a time, and sorts what came back.
package struct StripeOperationSender: OperationSender {
    let stripe: StripeClient

    package init(stripe: StripeClient) { self.stripe = stripe }

    package func send(
        _ request: OperationRequest, idempotencyKey: String, sinceFirstSend: Duration,
        latestStart: ContinuousClock.Instant
    ) async -> SendOutcome {
        guard let method = StripeRequest.Method(rawValue: request.method) else {
            return .keyConflict(because: "the stored method '\(request.method)' is none of Stripe's")
        }
        let stored = StripeRequest(
            storedMethod: method, path: request.path, body: request.body, account: request.account,
            idempotencyKey: idempotencyKey, version: request.stripeVersion)
        let answer: StripeAnswer
        do throws(TransportError) {
            answer = try await stripe.sendOnce(stored, priority: .operation, startingBefore: latestStart)
        } catch {
            return .unknown(because: "no answer from Stripe: \(error.message)", retryAfter: nil)
        }
        let error = answer.isSuccess ? nil : StripeError(answer)
        switch OperationOutcome(answer, sinceFirstSend: sinceFirstSend) {
        case .succeeded: return .succeeded(answer.body)
        case .definiteRefusal: return .refused(OperationRefusal(answer.status, error))
        case .indefinite:
            return .unknown(
                because: Explanation(error?.explanation ?? "Stripe answered \(answer.status)").description,
                retryAfter: answer.retryAfter)
        case .idempotencyBug:
            return .keyConflict(
                because: Explanation(error?.explanation ?? "the key was used with other bytes").description)
        case .replayed5xx:
            let reason = error?.explanation ?? "Stripe answered \(answer.status)"
            return .replayedServerError(because: Explanation("Stripe repeats a stored answer. \(reason)").description)
        }
    }
}

extension OperationRefusal {
    fileprivate init(_ status: Int, _ error: StripeError?) {
        self.init(
            status: status, type: error?.type?.rawValue ?? "unknown", code: error?.stripeCode?.rawValue,
            declineCode: error?.declineCode?.rawValue,
            message: Explanation(error?.stripeMessage ?? "Stripe gave no reason.").description,
            requestID: error?.requestID)
    }
}

package import Transport

/// What one attempt of an operation tells about its effect. Decides whether a new attempt, under a new key, is allowed.
package enum OperationOutcome: Hashable, Sendable {
    /// The effect exists and the answer describes it.
    case succeeded
    /// Stripe decided against it and did nothing: a new attempt with other parameters is allowed.
    case definiteRefusal
    /// The effect may exist. The attempt keeps its key and is repeated, or looked up.
    case indefinite
    /// The key was used before with other bytes: a fault of ours that a person must see.
    case idempotencyBug
    /// Stripe failed while it carried the request out and will repeat this answer for ever: look the effect up.
    case replayed5xx

    /// How long an answer still proves a refusal: Stripe forgets keys after 24 hours, and then a late repetition of the
    /// request is a new one.
    package static let window: Duration = .seconds(23 * 3600)

    /// - Parameters:
    ///   - answer: what came back.
    ///   - sinceFirstSend: from the attempt's first send to this answer.
    package init(_ answer: StripeAnswer, sinceFirstSend: Duration) {
        if answer.isSuccess {
            self = .succeeded
            return
        }
        let error = StripeError(answer)
        // Without Stripe's own error object a refusal is not Stripe's word: a proxy answers 403 too.
        switch answer.status {
        case _ where error.type == .idempotency: self = .idempotencyBug
        case 400, 402, 403, 404:
            self = error.type != nil && sinceFirstSend < Self.window ? .definiteRefusal : .indefinite
        case 500...599 where answer.isReplay: self = .replayed5xx
        default: self = .indefinite
        }
    }

    /// No answer: what never left this process is as unknown as the rest, since an earlier send of the same attempt may
    /// have arrived.
    package init(_ error: TransportError) { self = .indefinite }
}

package import Transport

/// When a request is repeated under the same key, and after what pause. The rules of Stripe's own libraries, and one
/// more: a `rate_limit` is waited out too.
package struct RetryPolicy: Sendable {
    /// Repetitions after the first try.
    package var maximum: Int

    package init(maximum: Int = 2) { self.maximum = maximum }

    /// - Parameters:
    ///   - answer: what came back.
    ///   - retriesDone: how often it was repeated already.
    ///   - jitter: 0 to 1, evenly distributed.
    /// - Returns: the pause before the next repetition; nil if there shall be none.
    package func pause(after answer: StripeAnswer, retriesDone: Int, jitter: Double) -> Duration? {
        guard retriesDone < maximum, !answer.isSuccess else { return nil }
        switch answer.shouldRetry {
        case false: return nil
        case true: break
        default:
            guard answer.status == 409 || answer.status == 429 || answer.status >= 500 else { return nil }
            // A stored failure is stored for good: repeating the key repeats the answer.
            guard !answer.isReplay else { return nil }
        }
        let own = answer.status == 429 ? backoff(retriesDone, jitter) * 2 : backoff(retriesDone, jitter)
        return max(own, answer.retryAfter ?? .zero)
    }

    package func pause(after error: TransportError, retriesDone: Int, jitter: Double) -> Duration? {
        guard retriesDone < maximum else { return nil }
        switch error.kind {
        case .resolve, .connect, .timeout, .connectionLost, .protocol: return backoff(retriesDone, jitter)
        case .addressRefused, .tls, .tooLarge, .canceled, .invalidRequest, .shutDown: return nil
        }
    }

    /// min(0.5 s · 2^n, 5 s) × (0.5 … 1), never under half a second.
    private func backoff(_ retriesDone: Int, _ jitter: Double) -> Duration {
        let full = min(500 << min(retriesDone, 10), 5000)
        return .milliseconds(max(500, full / 2 + Int(Double(full / 2) * min(max(jitter, 0), 1))))
    }
}

package import Domain

/// What may be done next with an operation that somebody holds the lease of: a pure rule over what is written down.
package enum OperationPlan: Hashable, Sendable {
    /// Compute its request.
    case prepare
    case send
    case lookUp
    case nothing

    /// Stripe keeps an idempotency key for at least 24 hours; an hour is left for the send itself and for clocks.
    package static let keyLifetime: Duration = .seconds(23 * 3600)

    /// An effect counts as absent only when two look-ups this far apart have not found it.
    package static let lookUpGap: Duration = .seconds(600)

    package static func next(for operation: OperationRecord, at now: Timestamp) -> OperationPlan {
        switch operation.state {
        case .held: return .prepare
        case .pending: return .send
        case .sent:
            guard operation.lookUpSince == nil, let firstSentAt = operation.firstSentAt else { return .lookUp }
            return firstSentAt.duration(to: now) < keyLifetime ? .send : .lookUp
        case .succeeded, .failed, .needsReview: return .nothing
        }
    }

    /// Pause before the next send of an operation whose end is not known: quick at first, since most outages are short.
    package static func pause(afterSends sends: Int) -> Duration {
        let seconds: [Int] = [1, 2, 5, 15, 60, 300]
        return .seconds(sends < 1 ? 1 : seconds[min(sends, seconds.count) - 1])
    }
}

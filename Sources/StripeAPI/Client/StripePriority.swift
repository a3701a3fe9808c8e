/// Who gets the next request when there are more than Stripe allows. Callers wait for an answer, so they come first.
package enum StripePriority: Int, CaseIterable, Sendable, Comparable {
    case caller
    case operation
    case event
    case sweep
    case reconciliation

    package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }

    /// The part of a full bucket that is left for those who come before: a long reconciliation never takes the last
    /// request from somebody who waits at a checkout.
    var reserve: Int { rawValue * 10 }
}

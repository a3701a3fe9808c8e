/// How many requests a caller may make: steadily so many a second, and at once what gathers in ten seconds of silence.
package struct RateLimit: Hashable, Sendable {
    /// At least one, so that who is refused waits a second at most.
    package let perSecond: Int

    package static let windowSeconds = 10
    package var quota: Int { perSecond * Self.windowSeconds }

    /// - Parameter perSecond: nil or 0 for no limit.
    package init?(perSecond: Int?) {
        guard let perSecond, perSecond > 0 else { return nil }
        self.perSecond = perSecond
    }

    /// A bucket of tokens, kept as one number: how long until it is full again. Time is given, so that this is pure.
    struct Bucket: Hashable, Sendable {
        private(set) var fullAt: Duration = .zero

        /// Takes one request's token if there is one.
        mutating func take(_ limit: RateLimit, at now: Duration) -> Standing {
            let token = Duration.nanoseconds(1_000_000_000 / Int64(limit.perSecond))
            let window = Duration.seconds(RateLimit.windowSeconds)
            let after = max(fullAt - now, .zero) + token
            guard after <= window else {
                return Standing(limit: limit, isAdmitted: false, remaining: 0, seconds: (after - window).secondsUp)
            }
            fullAt = now + after
            let remaining = (window - after).wholeNanoseconds / token.wholeNanoseconds
            return Standing(limit: limit, isAdmitted: true, remaining: remaining, seconds: after.secondsUp)
        }
    }

    /// Where a caller stands after a request.
    struct Standing: Hashable, Sendable {
        let limit: RateLimit
        let isAdmitted: Bool
        let remaining: Int64
        /// Until the bucket is full again; for who is refused, until the next request is taken.
        let seconds: Int64
    }
}

extension Duration {
    fileprivate var secondsUp: Int64 { (wholeNanoseconds + 999_999_999) / 1_000_000_000 }
}

import Domain
import Hummingbird
import Metrics
import Synchronization

/// What a deployment allows its callers.
package struct RateLimits: Sendable {
    let perKey: RateLimit?
    let perAddress: RateLimit?
    let trustedProxies: Int

    /// - Parameters:
    ///   - perKey: requests a second of one API key; 0 for no limit.
    ///   - perAddress: requests a second without a valid key, of one address; 0 for no limit.
    ///   - trustedProxies: how many proxies of the operator's own stand before Souk, each of which adds to
    ///     `X-Forwarded-For` whom it serves.
    package init(perKey: Int = 500, perAddress: Int = 100, trustedProxies: Int = 0) {
        self.perKey = RateLimit(perSecond: perKey)
        self.perAddress = RateLimit(perSecond: perAddress)
        self.trustedProxies = trustedProxies
    }

    func limit(of caller: LimitedCaller) -> RateLimit? {
        switch caller {
        case .key: perKey
        case .address: perAddress
        }
    }
}

/// Who is counted.
enum LimitedCaller: Hashable, Sendable {
    case key(ID<APIKey>)
    case address(String)

    /// The policy's name in `RateLimit-Policy`, and in the metric.
    var policy: String {
        switch self {
        case .key: "key"
        case .address: "address"
        }
    }

    /// What is counted, for the refusal.
    var requests: String {
        switch self {
        case .key: "requests with this API key"
        case .address: "requests without a valid API key from this address"
        }
    }
}

/// Counts requests, and refuses those that are too many. The buckets are this process's own: see
/// docs/adr/0018-rate-limits-in-the-process.md.
final class CallerLimits: Sendable {
    /// Past so many callers at once all are forgotten: memory stays bounded, and limits by address are no help then.
    static let maximumCallers = 100_000

    let limits: RateLimits
    private let start = ContinuousClock.now
    private let state = Mutex(State())

    private struct State {
        var buckets: [LimitedCaller: RateLimit.Bucket] = [:]
        var sweepAt = 1024
    }

    init(_ limits: RateLimits) { self.limits = limits }

    /// Counts a request of this caller. The answer's headers say where the caller stands.
    /// - Throws: `rate_limited`.
    func admit(_ caller: LimitedCaller, _ context: SoukContext) throws(Refusal) {
        guard let limit = limits.limit(of: caller) else { return }
        let standing = take(caller, limit, at: ContinuousClock.now - start)
        context.notes.note { $0.rateLimit = (caller.policy, standing) }
        guard !standing.isAdmitted else { return }
        Counter(label: "souk_rate_limited_total", dimensions: [("policy", caller.policy)]).increment()
        throw Refusal(
            .rateLimited,
            """
            Too many \(caller.requests): \(limit.perSecond) a second are taken, and \(limit.quota) at once. \
            Repeat after the seconds in Retry-After.
            """)
    }

    func take(_ caller: LimitedCaller, _ limit: RateLimit, at now: Duration) -> RateLimit.Standing {
        state.withLock { state in
            let standing = state.buckets[caller, default: RateLimit.Bucket()].take(limit, at: now)
            if state.buckets.count >= state.sweepAt {
                // A full bucket is as good as none.
                state.buckets = state.buckets.filter { $0.value.fullAt > now }
                if state.buckets.count >= Self.maximumCallers { state.buckets = [:] }
                state.sweepAt = min(max(1024, 2 * state.buckets.count), Self.maximumCallers)
            }
            return standing
        }
    }

    /// How many callers are remembered.
    var callers: Int { state.withLock { $0.buckets.count } }
}

/// Counts the requests of a route that takes no key by the address that they come from.
struct AddressLimitMiddleware: RouterMiddleware {
    let limits: CallerLimits

    func handle(
        _ request: Request, context: SoukContext, next: @concurrent (Request, SoukContext) async throws -> Response
    ) async throws -> Response {
        try limits.admit(limits.address(of: request, context), context)
        return try await next(request, context)
    }
}

extension HTTPFields {
    /// `RateLimit` and `RateLimit-Policy`, as draft-ietf-httpapi-ratelimit-headers-10 writes them.
    mutating func show(_ standing: RateLimit.Standing, policy: String) {
        set("RateLimit-Policy", "\"\(policy)\";q=\(standing.limit.quota);w=\(RateLimit.windowSeconds)")
        set("RateLimit", "\"\(policy)\";r=\(standing.remaining);t=\(standing.seconds)")
    }
}

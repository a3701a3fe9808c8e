import StripeAPI
import Testing

@Suite struct TokenBucketTests {
    /// Lets waiters of one class go as fast as the bucket allows and says how many went by then.
    private func count(_ bucket: inout TokenBucket, _ priority: StripePriority, until end: Duration) -> Int {
        var now = Duration.zero
        var gone = 0
        while true {
            let ticket = bucket.enter(priority)
            while case .wait(let pause) = bucket.decide(ticket, now: now) {
                now += pause
                if now > end {
                    bucket.leave(ticket)
                    return gone
                }
            }
            gone += 1
        }
    }

    @Test("one second's worth at once, then the steady rate", arguments: [1, 22, 90, 1000])
    func rate(perSecond: Int) {
        var bucket = TokenBucket(requestsPerSecond: perSecond, now: .zero)
        let gone = count(&bucket, .caller, until: .seconds(10))
        #expect((10 * perSecond...11 * perSecond).contains(gone), "\(gone)")
    }

    @Test(
        "every class gets through an idle bucket, and leaves a share for those before it",
        arguments: StripePriority.allCases)
    func reserve(priority: StripePriority) {
        var bucket = TokenBucket(requestsPerSecond: 100, now: .zero)
        let burst = count(&bucket, priority, until: .zero)
        #expect(burst == 100 - 10 * priority.rawValue)
        var small = TokenBucket(requestsPerSecond: 1, now: .zero)
        #expect(count(&small, priority, until: .seconds(20)) >= 10)
    }

    @Test("with an empty bucket a caller goes before those who waited longer")
    func order() {
        var bucket = TokenBucket(requestsPerSecond: 10, now: .zero)
        _ = count(&bucket, .caller, until: .zero)
        let sweep = bucket.enter(.sweep)
        let event = bucket.enter(.event)
        let first = bucket.enter(.caller)
        let second = bucket.enter(.caller)
        let now = Duration.milliseconds(100)
        for late in [sweep, event, second] { #expect(bucket.decide(late, now: now) != .go) }
        #expect(bucket.decide(first, now: now) == .go)
        #expect(bucket.decide(second, now: now) != .go)
        #expect(bucket.decide(second, now: .milliseconds(200)) == .go)
        #expect(bucket.decide(sweep, now: .milliseconds(600)) != .go, "an event is before it and a share is kept")
        #expect(bucket.decide(event, now: .milliseconds(600)) == .go)
        #expect(bucket.decide(sweep, now: .milliseconds(600)) != .go, "the share is kept")
        #expect(bucket.decide(sweep, now: .milliseconds(700)) == .go)
    }

    @Test("whoever gives up holds nobody back")
    func leaving() {
        var bucket = TokenBucket(requestsPerSecond: 10, now: .zero)
        _ = count(&bucket, .caller, until: .zero)
        let first = bucket.enter(.caller)
        let second = bucket.enter(.caller)
        bucket.leave(first)
        #expect(bucket.decide(second, now: .milliseconds(100)) == .go)
    }

    @Test("a pause holds everybody until its end")
    func pause() {
        var bucket = TokenBucket(requestsPerSecond: 10, now: .zero)
        bucket.pause(until: .seconds(2))
        bucket.pause(until: .seconds(1))
        let ticket = bucket.enter(.caller)
        #expect(bucket.decide(ticket, now: .seconds(1)) == .wait(.seconds(1)))
        #expect(bucket.decide(ticket, now: .seconds(2)) == .go)
    }
}

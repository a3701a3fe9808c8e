import StripeAPI
import Testing
import Transport

@Suite struct RetryTests {
    private let policy = RetryPolicy()

    @Test("what is repeated", arguments: [409, 429, 500, 502, 503, 504])
    func repeated(status: Int) {
        #expect(policy.pause(after: answer(status), retriesDone: 0, jitter: 1) != nil)
        #expect(policy.pause(after: answer(status), retriesDone: 1, jitter: 1) != nil)
        #expect(policy.pause(after: answer(status), retriesDone: 2, jitter: 1) == nil, "twice, then no more")
        let forbidden = answer(status, "", [("Stripe-Should-Retry", "false")])
        #expect(policy.pause(after: forbidden, retriesDone: 0, jitter: 1) == nil)
    }

    @Test("what is not repeated unless Stripe asks for it", arguments: [400, 401, 402, 403, 404, 424])
    func notRepeated(status: Int) {
        #expect(policy.pause(after: answer(status), retriesDone: 0, jitter: 1) == nil)
        let wanted = answer(status, "", [("Stripe-Should-Retry", "true")])
        #expect(policy.pause(after: wanted, retriesDone: 0, jitter: 1) != nil)
    }

    @Test("a success is never repeated, a stored failure neither")
    func never() {
        let wanted = [("Stripe-Should-Retry", "true")]
        #expect(policy.pause(after: answer(200, "", wanted), retriesDone: 0, jitter: 1) == nil)
        #expect(
            policy.pause(after: answer(500, "", [("Idempotent-Replayed", "true")]), retriesDone: 0, jitter: 1) == nil)
    }

    @Test(
        "pauses grow from half a second to five, with jitter below",
        arguments: [(0, 500), (1, 1000), (2, 2000), (3, 4000), (4, 5000), (9, 5000)])
    func growth(retriesDone: Int, milliseconds: Int) {
        let patient = RetryPolicy(maximum: 100)
        let longest = patient.pause(after: answer(500), retriesDone: retriesDone, jitter: 1)
        let shortest = patient.pause(after: answer(500), retriesDone: retriesDone, jitter: 0)
        #expect(longest == .milliseconds(milliseconds))
        #expect(shortest == .milliseconds(max(500, milliseconds / 2)))
        #expect(
            patient.pause(after: answer(429), retriesDone: retriesDone, jitter: 1) == .milliseconds(2 * milliseconds))
    }

    @Test("Retry-After is a lower bound; nonsense in it is not believed")
    func retryAfter() {
        func pause(_ text: String) -> Duration? {
            policy.pause(after: answer(503, "", [("Retry-After", text)]), retriesDone: 0, jitter: 1)
        }
        #expect(pause("7") == .seconds(7))
        #expect(pause("0") == .milliseconds(500))
        #expect(pause("3600") == .milliseconds(500))
        #expect(pause("-1") == .milliseconds(500))
        #expect(pause("Wed, 21 Oct 2026 07:28:00 GMT") == .milliseconds(500))
    }

    @Test("failures of the way are repeated, failures of trust and of ours are not")
    func transport() {
        let all: [TransportError.Kind] = [
            .resolve, .connect, .addressRefused, .tls, .timeout, .tooLarge, .canceled, .connectionLost, .protocol,
            .invalidRequest, .shutDown,
        ]
        let repeated = all.filter { kind in
            let error = TransportError(kind, requestMayHaveBeenSent: true, message: "")
            return policy.pause(after: error, retriesDone: 0, jitter: 0) != nil
        }
        #expect(repeated == [.resolve, .connect, .timeout, .connectionLost, .protocol])
    }
}

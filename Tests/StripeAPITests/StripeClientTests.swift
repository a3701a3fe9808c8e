import Domain
import LocalHTTP
import Logging
import StripeAPI
import Testing
import Transport

@Suite(.timeLimit(.minutes(1))) struct StripeClientTests {
    private static let balance =
        #"{"object":"balance","available":[{"amount":-5,"currency":"usd"}],"pending":[],"livemode":false}"#
    private static let ok = LocalServer.Reply.answer(status: 200, headers: [("Request-Id", "req_ok")], body: balance)
    private static let link =
        LocalServer.Reply.answer(status: 200, body: #"{"object":"login_link","url":"https://x","created":1}"#)

    private static func failure(_ status: Int, _ headers: [(String, String)] = []) -> LocalServer.Reply {
        .answer(status: status, headers: headers, body: #"{"error":{"type":"api_error","message":"m"}}"#)
    }

    @Test("a read carries version, key and account, and no idempotency key")
    func read() async throws {
        let stripe = try ScriptedStripe([Self.ok])
        defer { stripe.server.stop() }
        let balance = try await stripe.client.send(RetrieveBalance(account: "acct_1"))
        #expect(balance.available.first?.amount == -5)
        let seen = try #require(stripe.server.received.first)
        #expect(seen.method == "GET" && seen.target == "/v1/balance")
        #expect(seen["Stripe-Version"] == "2026-10-28.endive" && seen["Stripe-Account"] == "acct_1")
        #expect(seen["Authorization"] == "Bearer \(ScriptedStripe.key)" && seen["Idempotency-Key"] == nil)
    }

    @Test("every POST has a key; two calls have two")
    func keys() async throws {
        let stripe = try ScriptedStripe([Self.link])
        defer { stripe.server.stop() }
        _ = try await stripe.client.send(CreateLoginLink(account: "acct_1"))
        _ = try await stripe.client.send(CreateLoginLink(account: "acct_1"))
        _ = try await stripe.client.send(CreateLoginLink(account: "acct_1"), idempotencyKey: "souk_opn_1")
        let keys = stripe.server.received.compactMap { $0["idempotency-key"] }
        #expect(Set(keys).count == 3 && keys.last == "souk_opn_1")
        #expect(stripe.server.received.allSatisfy { $0["content-type"] == "application/x-www-form-urlencoded" })
    }

    @Test(
        "a failure is repeated under the same key with the same bytes",
        arguments: [
            LocalServer.Reply.drop, failure(500), failure(503), failure(409), failure(429),
            failure(400, [("Stripe-Should-Retry", "true")]),
        ])
    func repetition(reply: LocalServer.Reply) async throws {
        let stripe = try ScriptedStripe([reply, reply, Self.link])
        defer { stripe.server.stop() }
        let answer = try await stripe.client.send(
            CreateAccountLink(account: "acct_1", refreshURL: "https://a", returnURL: "https://b")
                .answering(LoginLinkResource.self))
        #expect(answer.url == "https://x")
        let seen = stripe.server.received
        #expect(seen.count == 3)
        #expect(Set(seen.map { $0["idempotency-key"] ?? "none" }).count == 1)
        #expect(Set(seen.map(\.body)).count == 1 && Set(seen.map(\.target)) == ["/v1/account_links"])
        #expect(stripe.clock.sleeps.count == 2)
        #expect(stripe.clock.sleeps.allSatisfy { $0 >= .milliseconds(500) })
    }

    @Test("the answer is lost after the effect: the repetition gets it as a replay")
    func lostAnswer() async throws {
        let stripe = try ScriptedStripe([
            .rawThenClose("HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{"),
            .answer(
                status: 200, headers: [("Idempotent-Replayed", "true")],
                body: #"{"object":"login_link","url":"https://first","created":1}"#),
        ])
        defer { stripe.server.stop() }
        #expect(try await stripe.client.send(CreateLoginLink(account: "acct_1")).url == "https://first")
        #expect(Set(stripe.server.received.compactMap { $0["idempotency-key"] }).count == 1)
    }

    @Test("Retry-After is waited for")
    func retryAfter() async throws {
        let stripe = try ScriptedStripe([Self.failure(503, [("Retry-After", "9")]), Self.ok])
        defer { stripe.server.stop() }
        _ = try await stripe.client.send(RetrieveBalance())
        #expect(stripe.clock.sleeps == [.seconds(9)])
    }

    @Test("Stripe-Should-Retry: false is obeyed")
    func shouldNotRetry() async throws {
        let stripe = try ScriptedStripe([Self.failure(500, [("Stripe-Should-Retry", "false")]), Self.ok])
        defer { stripe.server.stop() }
        await #expect(throws: StripeError.self) { _ = try await stripe.client.send(RetrieveBalance()) }
        #expect(stripe.server.received.count == 1)
    }

    @Test("repetitions end")
    func bounded() async throws {
        let stripe = try ScriptedStripe([Self.failure(500)])
        defer { stripe.server.stop() }
        await #expect(throws: StripeError.self) { _ = try await stripe.client.send(RetrieveBalance()) }
        #expect(stripe.server.received.count == 3)
        let silent = try ScriptedStripe([.drop])
        defer { silent.server.stop() }
        let error = await #expect(throws: StripeUnavailable.self) {
            _ = try await silent.client.send(RetrieveBalance())
        }
        #expect(error?.cause.kind == .connectionLost && silent.server.received.count == 3)
    }

    @Test("a global rate limit makes everybody wait")
    func rateLimited() async throws {
        let limited = Self.failure(429, [("Stripe-Rate-Limited-Reason", "global-rate"), ("Retry-After", "4")])
        let stripe = try ScriptedStripe([limited, Self.ok], maximumRetries: 0)
        defer { stripe.server.stop() }
        await #expect(throws: StripeError.self) { _ = try await stripe.client.send(RetrieveBalance()) }
        _ = try await stripe.client.send(RetrieveBalance())
        #expect(stripe.clock.sleeps == [.seconds(4)])
    }

    @Test("sendOnce repeats nothing and changes nothing", arguments: [failure(500), failure(429), failure(402)])
    func once(reply: LocalServer.Reply) async throws {
        let stripe = try ScriptedStripe([reply])
        defer { stripe.server.stop() }
        let stored = StripeRequest(
            storedMethod: .post, path: "/v1/transfers", body: Array("amount=1&metadata[a]=%5B".utf8), account: nil,
            idempotencyKey: "souk_opn_1_1", version: "2025-09-30.clover")
        let answer = try await stripe.client.sendOnce(stored, startingBefore: .now + .seconds(30))
        #expect(answer.status >= 400 && stripe.server.received.count == 1)
        let seen = try #require(stripe.server.received.first)
        #expect(seen.body == stored.body && seen["Stripe-Version"] == "2025-09-30.clover")
        #expect(seen["Idempotency-Key"] == "souk_opn_1_1" && seen["Stripe-Account"] == nil)
    }

    @Test("sendOnce says whether the request may have arrived")
    func onceLost() async throws {
        let stripe = try ScriptedStripe([.drop])
        let request = CreateLoginLink(account: "acct_1").request
        let lost = await #expect(throws: TransportError.self) {
            _ = try await stripe.client.sendOnce(request, startingBefore: .now + .seconds(30))
        }
        #expect(lost?.requestMayHaveBeenSent == true && stripe.server.received.count == 1)
        stripe.server.stop()
        let refused = await #expect(throws: TransportError.self) {
            _ = try await stripe.client.sendOnce(request, startingBefore: .now + .seconds(30))
        }
        #expect(refused?.requestMayHaveBeenSent == false)
    }

    @Test("sendOnce sends nothing when its turn would come too late, and leaves the queue")
    func onceTooLate() async throws {
        let stripe = try ScriptedStripe([.answer(status: 200, body: "{}")], requestsPerSecond: 1)
        defer { stripe.server.stop() }
        let request = CreateLoginLink(account: "acct_1").request
        _ = try await stripe.client.sendOnce(request, startingBefore: .now + .seconds(30))
        // The next turn comes in a second.
        let late = await #expect(throws: TransportError.self) {
            _ = try await stripe.client.sendOnce(request, startingBefore: .now + .milliseconds(500))
        }
        #expect(late?.kind == .timeout && late?.requestMayHaveBeenSent == false)
        // A turn that is free, but past the time: the process was stopped in between.
        stripe.clock.pass(.seconds(5))
        await #expect(throws: TransportError.self) {
            _ = try await stripe.client.sendOnce(request, startingBefore: .now - .milliseconds(1))
        }
        #expect(stripe.server.received.count == 1)
        stripe.clock.pass(.seconds(5))
        _ = try await stripe.client.sendOnce(request, startingBefore: .now + .milliseconds(500))
        #expect(stripe.server.received.count == 2)
    }

    @Test("logs have request ids, never keys, personal data or client secrets")
    func logs() async throws {
        let stripe = try ScriptedStripe([
            .answer(
                status: 400, headers: [("Request-Id", "req_bad")],
                body: #"{"error":{"type":"invalid_request_error","message":"No such email: buyer@example.com"}}"#)
        ])
        defer { stripe.server.stop() }
        let call = CreateAccount(email: "buyer@example.com", businessProfile: AccountProfile(name: "Jane Buyer"))
        await #expect(throws: StripeError.self) { _ = try await stripe.client.send(call) }
        await #expect(throws: StripeError.self) { _ = try await stripe.client.send(ListRefunds(charge: "ch_private")) }
        let lines = stripe.logs.lines.joined(separator: "\n")
        #expect(lines.contains("req_bad") && lines.contains("/v1/accounts"))
        for secret in [ScriptedStripe.key, "buyer", "Jane", "souk_call_", "ch_private"] {
            #expect(!lines.contains(secret), "\(secret) in \(lines)")
        }
    }

    @Test("a success that lacks what we need is reported with its request")
    func unreadable() async throws {
        let stripe = try ScriptedStripe([.answer(status: 200, headers: [("Request-Id", "req_7")], body: "{}")])
        defer { stripe.server.stop() }
        let error = await #expect(throws: StripeAnswerUnreadable.self) {
            _ = try await stripe.client.send(RetrieveBalance())
        }
        #expect(error?.requestID == "req_7")
    }

    @Test("a list is read to its end by cursor")
    func pages() async throws {
        func page(_ ids: [String], more: Bool) -> LocalServer.Reply {
            let data = ids.map {
                #"{"id":"\#($0)","type":"x","livemode":false,"created":1,"data":{"object":{"object":"balance"}}}"#
            }
            return .answer(
                status: 200,
                body: #"{"object":"list","has_more":\#(more),"data":[\#(data.joined(separator: ","))]}"#)
        }
        let stripe = try ScriptedStripe([page(["evt_3", "evt_2"], more: true), page(["evt_1"], more: false)])
        defer { stripe.server.stop() }
        var ids: [String] = []
        let call = ListEvents(types: ["a.b"], page: StripePage(limit: 2))
        for try await page in stripe.client.pages(of: call, priority: .sweep) { ids += page.map(\.cursor) }
        #expect(ids == ["evt_3", "evt_2", "evt_1"])
        #expect(
            stripe.server.received.map(\.target) == [
                "/v1/events?types[0]=a.b&limit=2", "/v1/events?types[0]=a.b&limit=2&starting_after=evt_2",
            ])
    }
}

extension StripeCall {
    /// The same request, its answer read as something else.
    fileprivate func answering<Other: Decodable & Sendable>(_ type: Other.Type) -> ReadAs<Other> {
        ReadAs(request: request)
    }
}

private struct ReadAs<Answer: Decodable & Sendable>: StripeCall {
    let request: StripeRequest
}

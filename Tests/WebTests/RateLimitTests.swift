import Domain
import Postgres
import Store
import TestSupport
import Testing
import Transport

@testable import Web

@Suite struct RateLimitRuleTests {
    private let limit = RateLimit(perSecond: 5)

    @Test("a full bucket serves ten seconds' worth at once, then the steady rate, and who is refused loses nothing")
    func bucket() throws {
        let limit = try #require(limit)
        var bucket = RateLimit.Bucket()
        for index in 1...50 {
            let standing = bucket.take(limit, at: .zero)
            #expect(standing.isAdmitted && standing.remaining == 50 - Int64(index))
        }
        for _ in 1...3 {
            let refused = bucket.take(limit, at: .zero)
            #expect(!refused.isAdmitted && refused.remaining == 0 && refused.seconds == 1)
        }
        #expect(!bucket.take(limit, at: .milliseconds(199)).isAdmitted)
        #expect(bucket.take(limit, at: .milliseconds(200)).isAdmitted)
        #expect(!bucket.take(limit, at: .milliseconds(201)).isAdmitted)
        let rested = bucket.take(limit, at: .seconds(60))
        #expect(rested.isAdmitted && rested.remaining == 49 && rested.seconds == 1)
    }

    @Test func zeroIsNoLimit() { #expect(RateLimit(perSecond: 0) == nil && RateLimit(perSecond: nil) == nil) }

    @Test("callers whose buckets are full again are forgotten, so that memory does not grow with strangers")
    func forgotten() throws {
        let limit = try #require(limit)
        let limits = CallerLimits(RateLimits())
        for index in 1...5000 {
            _ = limits.take(.address("10.0.\(index / 250).\(index % 250)"), limit, at: .seconds(index))
        }
        #expect(limits.callers < 1100)
        let crowd = CallerLimits(RateLimits())
        var most = 0
        for index in 1...(3 * CallerLimits.maximumCallers) {
            _ = crowd.take(.address("\(index)"), limit, at: .zero)
            most = max(most, crowd.callers)
        }
        #expect(most <= CallerLimits.maximumCallers)
    }

    @Test(
        "the address that counts is the connection's, or what the trusted proxies added; of IPv6 its network",
        arguments: [
            ("203.0.113.7", "", 0, "203.0.113.7"), ("203.0.113.7", "198.51.100.1", 0, "203.0.113.7"),
            ("10.0.0.1", "198.51.100.1", 1, "198.51.100.1"), ("10.0.0.1", "1.2.3.4, 198.51.100.1", 1, "198.51.100.1"),
            ("10.0.0.1", "1.2.3.4, 198.51.100.1, 10.0.0.2", 2, "198.51.100.1"), ("10.0.0.1", "", 1, "10.0.0.1"),
            ("10.0.0.1", "198.51.100.1", 2, "10.0.0.1"), ("10.0.0.1", "nonsense", 1, "10.0.0.1"),
            ("2001:db8:1:2:3:4:5:6", "", 0, "2001:db8:1:2::/64"), ("2001:db8::1", "", 0, "2001:db8:0:0::/64"),
            ("::ffff:203.0.113.7", "", 0, "203.0.113.7"), ("::1", "", 0, "0:0:0:0::/64"),
        ])
    func addresses(_ connection: String, _ forwarded: String, _ proxies: Int, _ counted: String) {
        let address = clientAddress(connection: connection, forwardedFor: forwarded, trustedProxies: proxies)
        #expect(address == counted)
    }
}

@Suite(.database) struct RateLimitTests {
    private func key(_ served: ServedAPI, _ scopes: Set<Scope> = [.ordersWrite]) async throws -> String {
        try await served.keys.create(name: "test", scopes: scopes, expiresAt: nil, by: .shell).key.text
    }

    @Test("each API key has its own limit; the headers say what is left, and 429 when to come back; nothing is done")
    func keys() async throws {
        try await ServedAPI.run(rateLimits: RateLimits(perKey: 1, perAddress: 1)) { served in
            let client = TestClient(served.address, key: try await key(served))
            let first = try await client.get("/v1/things/1")
            #expect(first.status == 200 && first.rateLimitPolicy == "\"key\";q=10;w=10")
            #expect(first.rateLimit == "\"key\";r=9;t=1")
            var refused = first
            for _ in 1...100 where refused.status != 429 { refused = try await client.get("/v1/things/1") }
            #expect(refused.status == 429 && refused.error?.code == "rate_limited" && refused.retryAfter == "1")
            #expect(refused.error?.type == "rate_limit_error" && refused.rateLimit == "\"key\";r=0;t=1")
            print("rate_limited: \(refused.error?.message ?? "")")
            // Another key is another caller; a refusal of its scope counts as well, and says where it stands.
            let stranger = TestClient(served.address, key: try await key(served, [.feesRead]))
            let forbidden = try await stranger.get("/v1/things/1")
            #expect(forbidden.status == 403 && forbidden.rateLimit == "\"key\";r=9;t=1")
        }
    }

    @Test("calls without a valid key are limited by address and hinder nobody who has one; some routes have no limit")
    func addresses() async throws {
        try await ServedAPI.run(rateLimits: RateLimits(perKey: 1000, perAddress: 1)) { served in
            let guesser = TestClient(served.address, key: "souk_test_" + String(repeating: "0", count: 43))
            var answers: [Seen] = []
            for _ in 1...100 where answers.last?.status != 429 { answers.append(try await guesser.get("/v1/things/1")) }
            #expect(answers.first?.status == 401 && answers.first?.rateLimit == "\"address\";r=9;t=1")
            #expect(answers.last?.error?.code == "rate_limited" && answers.last?.retryAfter == "1")
            let holder = TestClient(served.address, key: try await key(served))
            #expect(try await holder.get("/v1/things/1").status == 200)
            var page = try await TestClient(served.address, key: nil).get("/open")
            for _ in 1...100 where page.status != 429 {
                page = try await TestClient(served.address, key: nil).get("/open")
            }
            #expect(page.status == 429)
            for _ in 1...20 {
                let seen = try await TestClient(served.address, key: nil).get("/unlimited")
                #expect(seen.status == 200 && seen.rateLimit == nil)
            }
        }
    }

    @Test("an answer that is good once is not kept: the same key asked again does the work again")
    func singleUse() async throws {
        try await ServedAPI.run { served in
            let client = TestClient(served.address, key: try await key(served))
            let first = try await client.post("/v1/doors", "", idempotencyKey: "k")
            let second = try await client.post("/v1/doors", "", idempotencyKey: "k")
            #expect(first.status == 201 && second.status == 201 && !second.isReplay && first.body != second.body)
            let kept = try await served.store.query("SELECT count(*) AS rows FROM idempotency_keys")
            #expect(try kept[0].get("rows", as: Int64.self) == 0)
        }
    }
}

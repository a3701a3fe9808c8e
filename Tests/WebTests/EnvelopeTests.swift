import Domain
import Postgres
import Store
import TestSupport
import Testing
import Transport
import Web

@Suite(.database) struct EnvelopeTests {
    private func withClient(_ body: @Sendable (TestClient) async throws -> Void) async throws {
        try await ServedAPI.run { served in
            let made = try await served.keys.create(name: "test", scopes: [.admin], expiresAt: nil, by: .shell)
            try await body(TestClient(served.address, key: made.key.text))
        }
    }

    @Test("every refusal of the HTTP layer has the envelope, a request id and an address that explains it")
    func refusals() async throws {
        try await withClient { client in
            let good = "{\"name\":\"a\",\"amount\":1}"
            let seen: [(Seen, Int, String)] = [
                (try await client.get("/nowhere"), 404, "route_not_found"),
                (try await client.get("/v1/things/1/nowhere"), 404, "route_not_found"),
                (try await client.send(.delete, "/v1/things"), 405, "method_not_allowed"),
                (try await client.post("/open", "{}"), 405, "method_not_allowed"),
                (try await client.post("/v1/things", "{"), 400, "malformed_json"),
                (try await client.post("/v1/things", "{\"name\":\"a\",\"amount\":1.0}"), 400, "parameter_invalid"),
                (try await client.post("/v1/things", "{\"name\":\"a\"}"), 400, "parameter_missing"),
                (
                    try await client.post("/v1/things", "{\"name\":\"a\",\"amount\":1,\"b\":2}"), 400,
                    "parameter_unknown"
                ),
                (
                    try await client.post(
                        "/v1/things", "{\"name\":\"\(String(repeating: "a", count: 1 << 20))\",\"amount\":1}"), 413,
                    "body_too_large"
                ),
                (
                    try await client.send(
                        .post, "/v1/things", headers: [("Content-Type", "text/plain")], body: Array(good.utf8)), 415,
                    "unsupported_media_type"
                ),
                (try await client.get("/v1/admin/api_keys?limit=0"), 400, "parameter_invalid"),
                (try await client.get("/v1/admin/api_keys/ord_1"), 404, "api_key_not_found"),
                (try await client.get("/v1/things/%ff"), 400, "parameter_invalid"),
                (try await client.get("/v1/broken"), 503, "database_unavailable"),
                (try await client.get("/crash"), 500, "internal_error"),
            ]
            for (seen, status, code) in seen {
                let error = try #require(seen.error, "\(seen.status) \(seen.text)")
                #expect(seen.status == status && error.code == code, "\(seen.text)")
                #expect(error.requestID == seen.requestID && error.requestID.hasPrefix("req_"))
                #expect(error.docURL == "https://souk.test/docs/errors#\(code)")
                #expect(error.message.hasSuffix("."))
                #expect(!seen.text.contains("secret"))
            }
            #expect(seen[2].0.allow == "POST" && seen[3].0.allow == "GET, HEAD")
            #expect(seen[13].0.retryAfter == "2")
            #expect(seen[5].0.error?.param == "amount")
        }
    }

    @Test func ordinaryAnswersCarryARequestID() async throws {
        try await withClient { client in
            let seen = try await client.get("/open")
            #expect(seen.status == 200 && seen.text == "open" && seen.requestID?.hasPrefix("req_") == true)
            #expect(try await client.get("/v1/things/a%2Fb").text == "a/b")
        }
    }

    @Test("a database that is away is a 503 that says when to come back")
    func databaseAway() async throws {
        try await withClient { client in
            TestDatabase.current.postgres.shutDown()
            let seen = try await client.get("/v1/things/1")
            #expect(seen.status == 503 && seen.error?.code == "database_unavailable" && seen.retryAfter == "2")
        }
    }
}

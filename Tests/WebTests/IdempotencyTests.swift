import Domain
import Postgres
import Store
import TestSupport
import Testing
import Transport
import Web

@Suite(.database) struct IdempotencyTests {
    private static let body = "{\"name\":\"table\",\"amount\":5}"

    private func client(_ served: ServedAPI, scopes: Set<Scope> = [.ordersWrite]) async throws -> TestClient {
        let made = try await served.keys.create(name: "test", scopes: scopes, expiresAt: nil, by: .shell)
        return TestClient(served.address, key: made.key.text)
    }

    private func count(of action: String, in store: Store) async throws -> Int {
        try await store.query("SELECT count(*) AS rows FROM audit_log WHERE action = \(action)")[0].get("rows")
    }

    @Test("two equal POSTs at the same instant, 200 times: one effect; the other waits or gets the same bytes")
    func twins() async throws {
        try await ServedAPI.run { served in
            let client = try await client(served)
            var replays = 0
            var conflicts = 0
            for round in 1...200 {
                async let left = client.post("/v1/things", Self.body, idempotencyKey: "k\(round)")
                async let right = client.post("/v1/things", Self.body, idempotencyKey: "k\(round)")
                let both = try await [left, right]
                let firsts = both.filter { $0.status == 201 && !$0.isReplay }
                let first = try #require(firsts.first)
                #expect(firsts.count == 1)
                for other in both where other != first {
                    if other.status == 409 {
                        conflicts += 1
                        #expect(other.error?.code == "idempotency_key_in_use" && other.retryAfter != nil)
                    } else {
                        replays += 1
                        #expect(other.status == 201 && other.isReplay && other.body == first.body)
                    }
                }
                let again = try await client.post("/v1/things", Self.body, idempotencyKey: "k\(round)")
                #expect(again.isReplay && again.status == 201 && again.body == first.body)
            }
            print("twins: \(replays) replays, \(conflicts) conflicts")
            #expect(try await count(of: "thing.make", in: served.store) == 200)
        }
    }

    @Test("the same key with another body, or on another object's path, is refused and changes nothing")
    func reused() async throws {
        try await ServedAPI.run { served in
            let client = try await client(served)
            #expect(try await client.post("/v1/things", Self.body, idempotencyKey: "k").status == 201)
            let other = try await client.post("/v1/things", "{\"name\":\"chair\",\"amount\":5}", idempotencyKey: "k")
            #expect(other.status == 409 && other.error?.code == "idempotency_key_reused")
            #expect(try await client.post("/v1/things/a/parts", Self.body, idempotencyKey: "k").status == 201)
            let elsewhere = try await client.post("/v1/things/b/parts", Self.body, idempotencyKey: "k")
            #expect(elsewhere.error?.code == "idempotency_key_reused")
            // Another API key is another caller.
            let stranger = try await self.client(served)
            let own = try await stranger.post("/v1/things", Self.body, idempotencyKey: "k")
            #expect(own.status == 201 && !own.isReplay)
            #expect(try await count(of: "thing.make", in: served.store) == 3)
        }
    }

    @Test("while the first runs, the second is told to wait; after that it gets the answer")
    func running() async throws {
        let gate = Gate()
        gate.set(.wait)
        try await ServedAPI.run(gate: gate) { served in
            let client = try await client(served)
            async let first = client.post("/v1/things", Self.body, idempotencyKey: "k")
            try await gate.entered.wait()
            let second = try await client.post("/v1/things", Self.body, idempotencyKey: "k")
            #expect(second.status == 409 && second.error?.code == "idempotency_key_in_use")
            #expect(second.retryAfter == "1")
            await gate.opened.raise()
            let answer = try await first
            #expect(answer.status == 201)
            let third = try await client.post("/v1/things", Self.body, idempotencyKey: "k")
            #expect(third.isReplay && third.body == answer.body)
        }
    }

    @Test("an answer of 500 and above is not stored: the next call continues with what the first made")
    func continuesAfterFailure() async throws {
        let gate = Gate()
        gate.set(.failAfterwards)
        try await ServedAPI.run(gate: gate) { served in
            let client = try await client(served)
            let first = try await client.post("/v1/things", Self.body, idempotencyKey: "k")
            #expect(first.status == 503 && first.error?.code == "stripe_unavailable" && first.retryAfter == "5")
            let second = try await client.post("/v1/things", Self.body, idempotencyKey: "k")
            #expect(second.status == 201 && !second.isReplay && second.text.contains("\"resumed\":true"))
            let third = try await client.post("/v1/things", Self.body, idempotencyKey: "k")
            #expect(third.isReplay && third.body == second.body)
            #expect(try await count(of: "thing.make", in: served.store) == 1)
        }
    }

    @Test("after its lease a try that still runs is overtaken, and can make nothing any more")
    func overtaken() async throws {
        let gate = Gate()
        gate.set(.wait)
        try await ServedAPI.run(lease: .zero, gate: gate) { served in
            let client = try await client(served)
            async let slow = client.post("/v1/things", Self.body, idempotencyKey: "k")
            try await gate.entered.wait()
            gate.set(.succeed)
            let quick = try await client.post("/v1/things", Self.body, idempotencyKey: "k")
            #expect(quick.status == 201)
            await gate.opened.raise()
            let late = try await slow
            #expect(late.status == 409 && late.error?.code == "idempotency_key_in_use")
            let again = try await client.post("/v1/things", Self.body, idempotencyKey: "k")
            #expect(again.isReplay && again.body == quick.body)
            #expect(try await count(of: "thing.make", in: served.store) == 1)
        }
    }

    @Test("a refusal by the facts is stored; a request that was not understood frees its key")
    func refusals() async throws {
        try await ServedAPI.run { served in
            let client = try await client(served)
            let nothing = "{\"name\":\"table\",\"amount\":0}"
            let refused = try await client.post("/v1/things", nothing, idempotencyKey: "a")
            #expect(refused.status == 409 && refused.error?.code == "illegal_transition")
            let again = try await client.post("/v1/things", nothing, idempotencyKey: "a")
            #expect(again.isReplay && again.body == refused.body)
            let misspelt = try await client.post("/v1/things", "{\"nam\":\"table\",\"amount\":5}", idempotencyKey: "b")
            #expect(misspelt.status == 400)
            #expect(try await client.post("/v1/things", Self.body, idempotencyKey: "b").status == 201)
        }
    }

    @Test("keys are 1 to 255 printable characters")
    func keyForm() async throws {
        try await ServedAPI.run { served in
            let client = try await client(served)
            let longest = String(repeating: "k", count: 255)
            #expect(try await client.post("/v1/things", Self.body, idempotencyKey: longest).status == 201)
            let tooLong = try await client.post("/v1/things", Self.body, idempotencyKey: longest + "k")
            #expect(tooLong.status == 400 && tooLong.error?.param == "Idempotency-Key")
            let twice = try await client.send(
                .post, "/v1/things",
                headers: [("Idempotency-Key", "a"), ("Idempotency-Key", "b"), ("Content-Type", "application/json")],
                body: Array(Self.body.utf8))
            #expect(twice.status == 400)
        }
    }

    @Test("stored answers cannot be read from the database, and expired ones go")
    func sealedAndExpired() async throws {
        try await ServedAPI.run { served in
            let client = try await client(served, scopes: [.admin])
            let body = "{\"name\":\"storefront\",\"scopes\":[\"orders:write\"]}"
            let made = try await client.post("/v1/admin/api_keys", body, idempotencyKey: "k")
            #expect(made.status == 201 && made.text.contains("\"key\":\"souk_test_"))
            let again = try await client.post("/v1/admin/api_keys", body, idempotencyKey: "k")
            #expect(again.isReplay && again.body == made.body)
            let sealed: [UInt8] = try await served.store.query("SELECT sealed_body FROM idempotency_keys")[0].get(0)
            #expect(!String(decoding: sealed, as: UTF8.self).contains("souk_test_"))
            try await served.store.execute("UPDATE idempotency_keys SET expires_at = now() - interval '1 second'")
            let fresh = try await client.post("/v1/admin/api_keys", body, idempotencyKey: "k")
            #expect(fresh.status == 201 && !fresh.isReplay && fresh.body != made.body)
            try await served.store.execute("UPDATE idempotency_keys SET expires_at = now() - interval '1 second'")
            #expect(try await served.store.deleteExpiredIdempotencyKeys() == 1)
        }
    }
}

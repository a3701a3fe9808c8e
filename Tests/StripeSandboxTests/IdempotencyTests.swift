import StripeSandbox
import Testing
import Transport

/// What a key of `Idempotency-Key` keeps, for whom, and what it does not keep.
@Suite struct IdempotencyTests {
    @Test("Two equal posts at one instant have one effect; the other is the replay, byte for byte")
    func atOneInstant() async throws {
        try await SandboxWorld.run { world in
            for round in 0..<50 {
                let answers = try await withThrowingTaskGroup(of: SandboxWorld.Answer.self) { group in
                    for _ in 0..<4 {
                        group.addTask {
                            try await world.send(
                                .post, "/v1/customers", [("email", "\(round)@example.com")], key: "k\(round)")
                        }
                    }
                    return try await group.reduce(into: []) { $0.append($1) }
                }
                #expect(answers.allSatisfy { $0.status == 200 && $0.bytes == answers[0].bytes })
                #expect(answers.count { $0.headers["Idempotent-Replayed"] == "true" } == 3)
                let found = try await world.get("/v1/customers", [("email", "\(round)@example.com")])
                #expect(found["data"].array.count == 1)
            }
        }
    }

    @Test("A replay names its key and the request that it repeats, and says that it is one")
    func headers() async throws {
        try await SandboxWorld.run { world in
            let first = try await world.send(.post, "/v1/customers", [("name", "A")], key: "k")
            #expect(first.headers["Idempotent-Replayed"] == nil)
            #expect(first.headers["Idempotency-Key"] == "k")
            #expect(first.headers["Original-Request"] == first.headers["Request-Id"])
            let again = try await world.send(.post, "/v1/customers", [("name", "A")], key: "k")
            #expect(again.headers["Idempotent-Replayed"] == "true")
            #expect(again.headers["Original-Request"] == first.headers["Request-Id"])
            #expect(again.headers["Request-Id"] != first.headers["Request-Id"])
        }
    }

    @Test("Kept: what an execution answered, be it 200, a decline or a refusal by state")
    func kept() async throws {
        try await SandboxWorld.run { world in
            let declined = [
                ("amount", "2000"), ("currency", "usd"), ("confirm", "true"), ("return_url", "https://shop.example"),
                ("payment_method", "pm_card_chargeDeclined"),
            ]
            let seller = try await world.seller()
            let broke = [("amount", "5"), ("currency", "usd"), ("destination", seller)]
            for (path, form, status) in [
                ("/v1/payment_intents", declined, 402), ("/v1/transfers", broke, 400), ("/v1/customers", [], 200),
            ] {
                let first = try await world.send(.post, path, form, key: path)
                let again = try await world.send(.post, path, form, key: path)
                #expect(first.status == status && again.bytes == first.bytes)
                #expect(again.headers["Idempotent-Replayed"] == "true", "\(path)")
            }
            #expect(try await world.get("/v1/charges")["data"].array.count == 1)
            // The cause is gone, and the key still says what it said.
            _ = try await world.pay(10000, method: "pm_card_bypassPending")
            #expect(try await world.refusal("/v1/transfers", broke, key: "/v1/transfers") == "400 balance_insufficient")
            #expect(try await world.send(.post, "/v1/transfers", broke, key: "new").status == 200)
        }
    }

    @Test("Kept: a failure of Stripe's own after the effect; the same key then answers it again")
    func keptFailure() async throws {
        try await SandboxWorld.run { world in
            try await world.control(
                .put, "faults",
                #"{"seed":1,"rules":[{"match":"POST /v1/customers","kind":"status","status":500,"after_effect":true,"times":1}]}"#
            )
            let first = try await world.send(.post, "/v1/customers", [("name", "A")], key: "k")
            #expect(first.status == 500)
            let again = try await world.send(.post, "/v1/customers", [("name", "A")], key: "k")
            #expect(again.status == 500 && again.headers["Idempotent-Replayed"] == "true")
            #expect(try await world.get("/v1/customers")["data"].array.count == 1)
        }
    }

    @Test("Not kept: refused parameters, a wrong key of the API, the rate limit, and a failure before the work")
    func notKept() async throws {
        try await SandboxWorld.run { world in
            #expect(try await world.send(.post, "/v1/customers", [("emial", "x")], key: "a").status == 400)
            #expect(try await world.send(.post, "/v1/customers", [("email", "no address")], key: "a").status == 400)
            #expect(
                try await world.send(.post, "/v1/customers", [("name", "A")], key: "a", authorization: "Bearer x")
                    .status == 401)
            for status in [429, 500, 503] {
                try await world.control(
                    .put, "faults",
                    #"{"seed":1,"rules":[{"match":"POST /v1/customers","kind":"status","status":\#(status),"times":1}]}"#
                )
                let answer = try await world.send(.post, "/v1/customers", [("name", "A")], key: "a")
                #expect(answer.status == status)
                #expect((answer.headers["Stripe-Rate-Limited-Reason"] != nil) == (status == 429))
            }
            let done = try await world.send(.post, "/v1/customers", [("name", "A")], key: "a")
            #expect(done.status == 200 && done.headers["Idempotent-Replayed"] == nil)
        }
    }

    @Test("While the first is running, the same key is refused with 409, and free again afterwards")
    func inFlight() async throws {
        try await SandboxWorld.run { world in
            try await world.control(
                .put, "faults",
                #"{"seed":1,"rules":[{"match":"POST /v1/customers","kind":"delay","milliseconds":15000,"times":1}]}"#)
            async let slow = world.send(.post, "/v1/customers", [("name", "A")], key: "k")
            var struck: Int64 = 0
            for _ in 0..<5000 where struck == 0 {
                struck = try await world.control(.get, "faults").json["struck"][0].int ?? 0
            }
            let other = try await world.send(.post, "/v1/customers", [("name", "A")], key: "k")
            let answers = [try await slow, other]
            #expect(Set(answers.map(\.status)) == [200, 409])
            let refused = try #require(answers.first { $0.status == 409 })
            #expect(refused.code == "idempotency_key_in_use")
            let replay = try await world.send(.post, "/v1/customers", [("name", "A")], key: "k")
            #expect(replay.headers["Idempotent-Replayed"] == "true")
        }
    }

    @Test("A key serves one request: other parameters or another path are refused, another order or spelling is not")
    func otherRequest() async throws {
        try await SandboxWorld.run { world in
            let form = [("name", "A B"), ("metadata[one]", "1"), ("metadata[two]", "2")]
            let first = try await world.send(.post, "/v1/customers", form, key: "k")
            for (path, other) in [
                ("/v1/customers", [("name", "B")]), ("/v1/customers", form + [("email", "a@example.com")]),
                ("/v1/customers/\(first.json.id)", form), ("/v1/topups", form),
            ] {
                let answer = try await world.send(.post, path, other, key: "k")
                #expect(answer.status == 400)
                #expect(answer.json["error"]["type"].string == "idempotency_error")
                #expect(answer.json["error"]["message"].string?.contains("'k'") == true)
            }
            let reordered = try await world.send(.post, "/v1/customers", form.reversed(), key: "k")
            #expect(reordered.bytes == first.bytes)
            let long = String(repeating: "k", count: 256)
            #expect(try await world.send(.post, "/v1/customers", form, key: long).status == 400)
            #expect(try await world.send(.post, "/v1/customers", form, key: String(long.dropLast())).status == 200)
        }
    }

    @Test(
        "A key belongs to the account that the call acts as, or to all of them",
        arguments: SandboxBehaviour.KeyScope.allCases)
    func scope(scope: SandboxBehaviour.KeyScope) async throws {
        var behaviour = SandboxBehaviour()
        behaviour.keyScope = scope
        try await SandboxWorld.run(behaviour: behaviour) { world in
            let seller = try await world.seller()
            let own = try await world.send(.post, "/v1/customers", [("name", "A")], key: "k")
            let other = try await world.send(.post, "/v1/customers", [("name", "A")], account: seller, key: "k")
            #expect(own.status == 200)
            if scope == .account {
                #expect(other.status == 200 && other.json.id != own.json.id)
            } else {
                #expect(other.json["error"]["type"].string == "idempotency_error")
            }
        }
    }

    @Test("Only posts take a key; after a day it is a new request")
    func methodsAndAge() async throws {
        try await SandboxWorld.run { world in
            let first = try await world.send(.post, "/v1/customers", [("name", "A")], key: "k")
            let read = try await world.send(.get, "/v1/customers", key: "k")
            #expect(read.status == 200 && read.headers["Idempotency-Key"] == nil)
            let gone = try await world.send(.delete, "/v1/customers/\(first.json.id)", key: "k")
            #expect(gone.status == 200 && gone.headers["Idempotent-Replayed"] == nil)
            try await world.advance(hours: 23)
            #expect(
                try await world.send(.post, "/v1/customers", [("name", "A")], key: "k").headers["Idempotent-Replayed"]
                    == "true")
            try await world.advance(hours: 2)
            let fresh = try await world.send(.post, "/v1/customers", [("name", "A")], key: "k")
            #expect(fresh.headers["Idempotent-Replayed"] == nil && fresh.json.id != first.json.id)
        }
    }

    @Test("An answer can be lost after its effect; the same key then replays it")
    func lostAnswer() async throws {
        try await SandboxWorld.run { world in
            try await world.control(
                .put, "faults", #"{"seed":1,"rules":[{"match":"POST /v1/customers","kind":"drop_answer","times":1}]}"#)
            await #expect(throws: (any Error).self) {
                _ = try await world.send(.post, "/v1/customers", [("name", "A")], key: "once")
            }
            let again = try await world.send(.post, "/v1/customers", [("name", "A")], key: "once")
            #expect(again.headers["Idempotent-Replayed"] == "true")
            #expect(try await world.get("/v1/customers")["data"].array.count == 1)
        }
    }
}

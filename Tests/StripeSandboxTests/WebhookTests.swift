import Domain
import Glibc
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import StripeAPI
import StripeSandbox
import TestSupport
import Testing
import Transport

/// Events on their way to endpoints: who gets what, signed how, repeated when.
@Suite struct WebhookTests {
    /// What an endpoint received, and what it answers.
    actor Inbox {
        struct Delivery: Sendable {
            let path: String
            let signature: String
            let body: [UInt8]
            let event: JSON
        }

        private(set) var deliveries: [Delivery] = []
        private var refusals: Int
        private let refusal: Int

        init(refusals: Int = 0, with refusal: Int = 500) {
            self.refusals = refusals
            self.refusal = refusal
        }

        func take(_ delivery: Delivery) -> Int {
            deliveries.append(delivery)
            guard refusals > 0 else { return 200 }
            refusals -= 1
            return refusal
        }

        func types(at path: String) -> [String] {
            deliveries.filter { $0.path == path }.compactMap { $0.event["type"].string }
        }
    }

    /// Runs a receiver on a free port beside a sandbox.
    private static func withReceiver(
        _ inbox: Inbox, _ body: @escaping @Sendable (SandboxWorld, String) async throws -> Void
    ) async throws {
        let (ports, announce) = AsyncStream.makeStream(of: Int.self)
        let router = Router()
        router.post("/:path") { request, context in
            let bytes = Array(buffer: try await request.body.collect(upTo: 1 << 20))
            let delivery = Inbox.Delivery(
                path: request.uri.path,
                signature: HTTPField.Name("Stripe-Signature").flatMap { request.headers[$0] } ?? "",
                body: bytes, event: try JSON(bytes: bytes))
            return HTTPTypes.HTTPResponse.Status(code: await inbox.take(delivery))
        }
        var logger = Logger(label: "receiver")
        logger.logLevel = .critical
        let application = Application(
            router: router, configuration: ApplicationConfiguration(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { channel in
                announce.yield(channel.localAddress?.port ?? 0)
                announce.finish()
            }, logger: logger)
        try await withServices(logger: logger) { services in
            await services.start(application)
            var port = 0
            for await value in ports { port = value }
            let address = "http://127.0.0.1:\(port)"
            try await SandboxWorld.run { world in try await body(world, address) }
        }
    }

    @Test("The platform's events and the sellers' go to their own endpoints, each signed with its own secret")
    func routing() async throws {
        let inbox = Inbox()
        try await Self.withReceiver(inbox) { world, receiver in
            let own = try await world.post(
                "/v1/webhook_endpoints", [("url", receiver + "/own"), ("enabled_events[]", "*")])
            let connect = try await world.post(
                "/v1/webhook_endpoints",
                [("url", receiver + "/connect"), ("enabled_events[]", "account.updated"), ("connect", "true")])
            let seller = try await world.seller()
            _ = try await world.pay(
                10000, [("application_fee_amount", "1000"), ("transfer_data[destination]", seller)])
            let settled = try await world.control(.post, "settle")
            #expect(settled.json["settled"] == .bool(true))

            let platform = await inbox.types(at: "/own")
            #expect(
                Set(platform) == [
                    "payment_intent.created", "charge.succeeded", "payment_intent.succeeded", "transfer.created",
                    "application_fee.created",
                ])
            let sellers = await inbox.types(at: "/connect")
            #expect(!sellers.isEmpty && sellers.allSatisfy { $0 == "account.updated" })
            for delivery in await inbox.deliveries {
                let secret = (delivery.path == "/own" ? own : connect)["secret"].string ?? ""
                #expect((delivery.event["account"].string == seller) == (delivery.path == "/connect"))
                try WebhookSignature.verify(
                    header: delivery.signature, body: delivery.body, secrets: [secret],
                    now: Timestamp(seconds: Int64(time(nil))))
            }
            let hidden = try await world.get("/v1/webhook_endpoints/\(own.id)")
            #expect(hidden["secret"] == .null)
        }
    }

    @Test("An endpoint that answers 500 gets the event again, and pending_webhooks falls to zero")
    func retries() async throws {
        let inbox = Inbox(refusals: 2)
        try await Self.withReceiver(inbox) { world, receiver in
            try await world.post(
                "/v1/webhook_endpoints", [("url", receiver + "/own"), ("enabled_events[]", "customer.created")])
            let customer = try await world.post("/v1/customers", [("name", "A")])
            try await world.control(.post, "settle", #"{"within_seconds":60}"#)
            #expect(await inbox.types(at: "/own").count == 3)
            let event = try await world.get("/v1/events")["data"][0]
            #expect(event["data"]["object"].id == customer.id)
            #expect(event["pending_webhooks"].int == 0)
        }
    }

    @Test("A lost delivery shows in delivery_success, a doubled one arrives twice")
    func faults() async throws {
        let inbox = Inbox()
        try await Self.withReceiver(inbox) { world, receiver in
            try await world.post(
                "/v1/webhook_endpoints", [("url", receiver + "/own"), ("enabled_events[]", "customer.created")])
            try await world.control(.put, "faults", #"{"seed":1,"webhooks":{"lose":1}}"#)
            try await world.post("/v1/customers", [("name", "lost")])
            try await world.control(.post, "settle")
            #expect(await inbox.deliveries.isEmpty)
            let missed = try await world.get("/v1/events", [("delivery_success", "false")])
            #expect(missed["data"].array.count == 1)
            try await world.control(.put, "faults", #"{"seed":1,"webhooks":{"duplicate":1}}"#)
            try await world.post("/v1/customers", [("name", "twice")])
            try await world.control(.post, "settle")
            let events = await inbox.deliveries.map(\.event.id)
            #expect(events.count == 2 && Set(events).count == 1)
        }
    }

    /// An account endpoint for new customers -> the endpoint, with its secret.
    private static func listen(_ world: SandboxWorld, _ url: String, to types: [String] = ["customer.created"])
        async throws -> JSON
    {
        try await world.post(
            "/v1/webhook_endpoints",
            [("url", url)] + types.enumerated().map { ("enabled_events[\($0.offset)]", $0.element) })
    }

    @Test("What is not answered with 2xx is repeated after each pause of the schedule, and then given up")
    func schedule() async throws {
        let inbox = Inbox(refusals: 100, with: 302)
        try await Self.withReceiver(inbox) { world, receiver in
            try await world.control(.put, "behaviour", #"{"retry_pauses":[3600,18000,72000]}"#)
            _ = try await Self.listen(world, receiver + "/own")
            try await world.post("/v1/customers", [("name", "A")])
            var counts: [Int] = []
            for pause: Int64 in [60, 3400, 300, 17_800, 400, 71_000, 2000, 90_000] {
                try await world.advance(seconds: pause)
                try await world.control(.post, "settle", #"{"within_seconds":0}"#)
                counts.append(await inbox.deliveries.count)
            }
            #expect(counts == [1, 1, 2, 2, 3, 3, 4, 4])
            let delivery = try await world.control(.get, "deliveries").json["data"][0]
            #expect(delivery["status"].string == "failed")
            #expect(delivery["attempts"].array.map { $0["status"].int } == [302, 302, 302, 302])
            let missed = try await world.get("/v1/events", [("delivery_success", "false")])
            #expect(missed["data"].array.count == 1)
        }
    }

    @Test("Every attempt is signed anew over the same event, with the secret of its endpoint and no other's")
    func signatures() async throws {
        let inbox = Inbox(refusals: 1)
        try await Self.withReceiver(inbox) { world, receiver in
            let first = try await Self.listen(world, receiver + "/first")
            let second = try await Self.listen(world, receiver + "/second")
            try await world.post("/v1/customers", [("name", "A")])
            try await world.control(.post, "settle", #"{"within_seconds":60}"#)
            let deliveries = await inbox.deliveries
            #expect(deliveries.count == 3)
            #expect(Set(deliveries.map(\.event.id)).count == 1)
            let now = Timestamp(seconds: Int64(time(nil)))
            for delivery in deliveries {
                let (own, other) = delivery.path == "/first" ? (first, second) : (second, first)
                try WebhookSignature.verify(
                    header: delivery.signature, body: delivery.body, secrets: [own["secret"].string ?? ""], now: now)
                #expect(throws: (any Error).self) {
                    try WebhookSignature.verify(
                        header: delivery.signature, body: delivery.body, secrets: [other["secret"].string ?? ""],
                        now: now)
                }
            }
        }
    }

    @Test(
        "An endpoint that is disabled or deleted gets nothing more of what was still to be tried",
        arguments: [true, false])
    func stopped(deletes: Bool) async throws {
        let inbox = Inbox(refusals: 1)
        try await Self.withReceiver(inbox) { world, receiver in
            try await world.control(.put, "behaviour", #"{"retry_pauses":[3600,3600]}"#)
            let endpoint = try await Self.listen(world, receiver + "/own")
            try await world.post("/v1/customers", [("name", "A")])
            let before = try await world.control(.post, "settle").json
            #expect(before["pending_retries"].int == 1)
            let path = "/v1/webhook_endpoints/\(endpoint.id)"
            if deletes {
                #expect(try await world.send(.delete, path).json["deleted"] == .bool(true))
            } else {
                #expect(try await world.post(path, [("disabled", "true")])["status"].string == "disabled")
                try await world.post("/v1/customers", [("name", "nobody listens")])
                #expect(try await world.post(path, [("disabled", "false")])["status"].string == "enabled")
            }
            try await world.advance(hours: 3)
            let after = try await world.control(.post, "settle").json
            #expect(after["pending_retries"].int == 0)
            #expect(await inbox.deliveries.count == 1)
            #expect(try await world.control(.get, "deliveries").json["data"][0]["status"].string == "stopped")
            guard !deletes else { return }
            try await world.post("/v1/customers", [("name", "heard again")])
            try await world.control(.post, "settle")
            #expect(await inbox.deliveries.last?.event["data"]["object"]["name"].string == "heard again")
        }
    }

    @Test("An endpoint gets the types that it names, all for a star, and from then on what it names later")
    func enabledEvents() async throws {
        let inbox = Inbox()
        try await Self.withReceiver(inbox) { world, receiver in
            let one = try await Self.listen(world, receiver + "/one", to: ["customer.created", "customer.deleted"])
            _ = try await Self.listen(world, receiver + "/all", to: ["*"])
            let customer = try await world.post("/v1/customers", [("name", "A")])
            try await world.post("/v1/customers/\(customer.id)", [("name", "B")])
            try await world.post("/v1/webhook_endpoints/\(one.id)", [("enabled_events[]", "customer.updated")])
            try await world.post("/v1/customers/\(customer.id)", [("name", "C")])
            _ = try await world.send(.delete, "/v1/customers/\(customer.id)")
            try await world.control(.post, "settle")
            #expect(await inbox.types(at: "/one").sorted() == ["customer.created", "customer.updated"])
            #expect(
                await inbox.types(at: "/all").sorted() == [
                    "customer.created", "customer.deleted", "customer.updated", "customer.updated",
                ])
            let events = try await world.get("/v1/events")["data"].array
            #expect(events.allSatisfy { $0["api_version"].string == events[0]["api_version"].string })
            #expect(events[0]["request"]["id"].string?.hasPrefix("req_") == true)
        }
    }

    @Test("A direct charge is told to Connect endpoints with its account, its fee to the platform's")
    func directCharge() async throws {
        let inbox = Inbox()
        try await Self.withReceiver(inbox) { world, receiver in
            let seller = try await world.seller()
            for (path, connect) in [("/own", "false"), ("/connect", "true")] {
                try await world.post(
                    "/v1/webhook_endpoints",
                    [("url", receiver + path), ("enabled_events[]", "*"), ("connect", connect)])
            }
            _ = try await world.pay(10000, [("application_fee_amount", "1000")], account: seller)
            try await world.control(.post, "settle")
            #expect(await inbox.types(at: "/own") == ["application_fee.created"])
            #expect(
                await Set(inbox.types(at: "/connect")).isSuperset(of: [
                    "payment_intent.created", "charge.succeeded", "payment_intent.succeeded",
                ]))
            for delivery in await inbox.deliveries {
                #expect(delivery.event["account"].string == (delivery.path == "/connect" ? seller : nil))
            }
            try await world.control(.post, "accounts/\(seller)/deauthorize")
            try await world.control(.post, "settle")
            let gone = try #require(await inbox.deliveries.last)
            #expect(gone.event["type"].string == "account.application.deauthorized")
            #expect(gone.event["data"]["object"]["object"].string == "application")
            #expect(gone.event["account"].string == seller)
        }
    }

    @Test("Deliveries can be shuffled: all arrive, in another order than they were made")
    func shuffled() async throws {
        let inbox = Inbox()
        try await Self.withReceiver(inbox) { world, receiver in
            let seller = try await world.seller()
            _ = try await Self.listen(world, receiver + "/own", to: ["*"])
            try await world.control(.put, "faults", #"{"seed":5,"webhooks":{"reorder":0.5}}"#)
            // Each sale tells five events at one instant.
            for _ in 0..<8 { _ = try await world.destination(seller) }
            try await world.control(.post, "settle")
            let made = try await world.get("/v1/events", [("limit", "100")])["data"].array.reversed().map(\.id)
            let arrived = await inbox.deliveries.map(\.event.id)
            #expect(arrived.count == 40 && Set(arrived) == Set(made))
            #expect(arrived != made)
        }
    }

    @Test("There are at most sixteen endpoints, and a secret is shown once")
    func limits() async throws {
        try await SandboxWorld.run { world in
            var secrets: Set<String> = []
            for number in 0..<16 {
                let endpoint = try await Self.listen(world, "http://127.0.0.1:9/\(number)")
                let secret = try #require(endpoint["secret"].string)
                #expect(secret.hasPrefix("whsec_") && secrets.insert(secret).inserted)
            }
            #expect(
                try await world.send(
                    .post, "/v1/webhook_endpoints", [("url", "http://127.0.0.1:9/x"), ("enabled_events[]", "*")]
                ).status == 400)
            let list = try await world.get("/v1/webhook_endpoints", [("limit", "16")])["data"].array
            #expect(list.count == 16 && list.allSatisfy { $0["secret"] == .null })
        }
    }
}

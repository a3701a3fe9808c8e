import Domain
import Glibc
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import StripeAPI
import StripeSandbox
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

        init(refusals: Int = 0) { self.refusals = refusals }

        func take(_ delivery: Delivery) -> Int {
            deliveries.append(delivery)
            guard refusals > 0 else { return 200 }
            refusals -= 1
            return 500
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
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await application.run() }
            var port = 0
            for await value in ports { port = value }
            let address = "http://127.0.0.1:\(port)"
            try await SandboxWorld.run { world in try await body(world, address) }
            group.cancelAll()
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
}

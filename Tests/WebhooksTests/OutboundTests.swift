import Cryptography
import Domain
import Hummingbird
import Postgres
import Store
import StripeAPI
import Synchronization
import TestSupport
import Testing
import Transport
import Web
import Webhooks

/// Seals under a fixed key, as App does under configured ones.
private struct TestBox: SecretBox {
    private let key = [UInt8](repeating: 7, count: 32)
    func seal(_ plaintext: [UInt8], for subject: String) throws -> [UInt8] {
        try AESGCM.seal(plaintext, key: key, context: Array(subject.utf8))
    }
    func open(_ sealed: [UInt8], for subject: String) throws -> [UInt8] {
        try AESGCM.open(sealed, key: key, context: Array(subject.utf8))
    }
}

/// The marketplace's own server.
private final class Marketplace: Sendable {
    struct Received: Sendable {
        let path: String
        let signature: String?
        let body: [UInt8]
    }

    let received = Mutex<[Received]>([])
    /// What the next answers are; then 200.
    let answers = Mutex<[Response]>([])
    let slowAnswers = Signal("slow answers may go")

    var router: Router<SoukContext> {
        let router = Router(context: SoukContext.self)
        router.post("/**") { request, _ in
            let body = Array(buffer: try await request.body.collect(upTo: 1 << 20))
            let name = HTTPFields.Element.Name("Stripe-Signature")
            self.received.withLock {
                $0.append(
                    Received(path: request.uri.path, signature: name.flatMap { request.headers[$0] }, body: body))
            }
            if request.uri.path == "/slow" { try await self.slowAnswers.wait() }
            return self.answers.withLock { $0.isEmpty ? Response(status: .ok) : $0.removeFirst() }
        }
        return router
    }

    var count: Int { received.withLock { $0.count } }
}

private struct Thing: Encodable {
    let id: String
    let object = "order"
    let amountRefunded: Int64
    let metadata: [String: String]

    private enum CodingKeys: String, CodingKey { case id, object, amountRefunded, metadata }
}

@Suite(.database, .serialized) struct OutboundTests {
    private struct World: Sendable {
        let store = Store(postgres: TestDatabase.current.postgres, clock: TestClock())
        let rules: DestinationRules
        var outbox: Outbox { Outbox(store: store) }

        init(allowsPrivate: Bool = true) { rules = DestinationRules(allowsPrivate: allowsPrivate) }

        var router: Router<SoukContext> {
            let api = apiRoutes()
            EventRoutes(outbox: outbox, livemode: false).register(on: api)
            EventDestinationRoutes(outbox: outbox, secrets: TestBox(), rules: rules).register(on: api)
            return api.router
        }

        func worker(
            http: HTTPClient = HTTPClient(), rules: DestinationRules? = nil,
            _ adjust: (inout DeliveryWorker.Configuration) -> Void = { _ in }
        ) -> DeliveryWorker {
            var configuration = DeliveryWorker.Configuration()
            configuration.pollInterval = .milliseconds(20)
            configuration.schedule = RetrySchedule(pauses: [.milliseconds(30)])
            adjust(&configuration)
            return DeliveryWorker(
                outbox: outbox, secrets: TestBox(), rules: rules ?? self.rules, http: http, livemode: false,
                configuration: configuration, logger: quiet)
        }

        @discardableResult
        func announce(_ type: String, about: String = "ord_1") async throws -> ID<OutboxEvent> {
            try await store.transaction { tx in
                try await tx.announce(
                    type, about: about, Thing(id: about, amountRefunded: 500, metadata: ["aB": "é\"\n"]))
            }
        }

        func count(_ table: String, where condition: String) async throws -> Int64 {
            let rows = try await store.postgres.query(
                "SELECT count(*) AS n FROM \(unescaped: table) WHERE \(unescaped: condition)")
            return try rows[0].get("n")
        }
    }

    /// Souk's API and the marketplace's server, both over HTTP.
    private func meeting(
        _ world: World, _ marketplace: Marketplace,
        _ body: @escaping @Sendable (_ souk: Delivery, _ shop: String) async throws -> Void
    ) async throws {
        try await serving(world.router) { souk in
            try await serving(marketplace.router) { shop in
                let delivery = Delivery(base: souk)
                defer { delivery.http.shutdown() }
                try await body(delivery, shop)
            }
        }
    }

    private func value(_ name: String, in text: String) -> String {
        guard let start = text.firstRange(of: "\"\(name)\":\"") else { return "" }
        return String(text[start.upperBound...].prefix { $0 != "\"" })
    }

    @Test("a change is announced with its transaction: delivered signed, once, as the API shows it")
    func delivered() async throws {
        let world = World()
        let marketplace = Marketplace()
        try await meeting(world, marketplace) { (souk, shop) async throws in
            let made = try await souk.call(
                .post, "/v1/event_destinations", #"{"url":"\#(shop)/hooks","enabled_events":["order.*"]}"#)
            #expect(made.status == 201)
            let secret = value("secret", in: made.text)
            #expect(secret.hasPrefix("whsec_") && secret.utf8.count == 70)
            let list = try await souk.call(.get, "/v1/event_destinations")
            #expect(!list.text.contains(secret) && list.text.contains(#""secret":null"#))
            let sealed: [UInt8] = try await world.store.postgres.query(
                "SELECT sealed_secret FROM event_destinations")[0].get("sealed_secret")
            #expect(!String(decoding: sealed, as: UTF8.self).contains(secret.dropFirst(6)))

            let id = try await world.announce("order.refunded")
            try await world.announce("seller.updated", about: "sel_1")
            struct GivenUp: Error {}
            await #expect(throws: GivenUp.self) {
                try await world.store.transaction { tx in
                    try await tx.announce("order.paid", about: "ord_2", json: Array("{}".utf8))
                    throw GivenUp()
                }
            }
            try await running([world.worker()]) {
                try await eventually("delivered") { try await world.outbox.isIdle() && marketplace.count == 1 }
            }
            let received = try #require(marketplace.received.withLock { $0.first })
            #expect(received.path == "/hooks")
            try WebhookSignature.verify(
                header: received.signature, body: received.body, secrets: [secret], now: WallClock.now())
            let read = try await souk.call(.get, "/v1/events/\(id)")
            #expect(read.body == received.body)
            #expect(read.text.contains(#""type":"order.refunded""#))
            #expect(read.text.contains(#""amount_refunded":500,"metadata":{"aB":"é\"\n"}"#))
            let deliveries = try await souk.call(.get, "/v1/events/\(id)/deliveries")
            #expect(deliveries.text.contains(#""state":"delivered""#) && deliveries.text.contains(#""status":200"#))

            let events = try await souk.call(.get, "/v1/events?limit=1")
            #expect(events.text.contains("seller.updated") && events.text.contains(#""has_more":true"#))
            #expect(try await souk.call(.get, "/v1/events?type=order.refunded").text.contains("\(id)"))
            #expect(try await !souk.call(.get, "/v1/events?created[lt]=1000").text.contains("evt_"))
            #expect(try await souk.call(.get, "/v1/events?created[near]=1").status == 400)
            #expect(try await souk.call(.get, "/v1/events/evt_none").status == 404)

            #expect(try await souk.call(.post, "/v1/events/\(id)/replay").text.contains(#""deliveries":1"#))
            try await running([world.worker()]) {
                try await eventually("delivered again") { marketplace.count == 2 }
            }
            let destination = value("id", in: made.text)
            #expect(try await souk.call(.delete, "/v1/event_destinations/\(destination)").status == 200)
            #expect(try await souk.call(.delete, "/v1/event_destinations/\(destination)").status == 404)
            #expect(try await souk.call(.post, "/v1/events/\(id)/replay").text.contains(#""deliveries":0"#))
        }
    }

    @Test("failures and redirects are tried again, every attempt readable, until three days are over")
    func retried() async throws {
        let world = World()
        let marketplace = Marketplace()
        marketplace.answers.withLock {
            $0 = [
                Response(status: .internalServerError), Response(status: .found, headers: [.location: "/elsewhere"]),
                Response(status: .serviceUnavailable),
            ]
        }
        try await meeting(world, marketplace) { (souk, shop) async throws in
            _ = try await souk.call(.post, "/v1/event_destinations", #"{"url":"\#(shop)/hooks"}"#)
            let id = try await world.announce("order.paid")
            try await running([world.worker()]) {
                try await eventually("delivered at last") {
                    try await world.count("outbox_deliveries", where: "state = 'delivered'") == 1
                }
            }
            #expect(marketplace.received.withLock { $0.map(\.path) } == ["/hooks", "/hooks", "/hooks", "/hooks"])
            let attempts = try await world.outbox.deliveries(of: id).first?.attempts.map(\.status)
            #expect(attempts == [500, 302, 503, 200])

            marketplace.answers.withLock { $0 = [Response(status: .internalServerError)] }
            try await world.announce("order.paid", about: "ord_2")
            _ = try await world.store.postgres.execute(
                "UPDATE outbox_deliveries SET started_at = now() - interval '3 days' WHERE state = 'waiting'")
            try await running([world.worker()]) {
                try await eventually("given up") {
                    try await world.count("outbox_deliveries", where: "state = 'failed'") == 1
                }
            }
            #expect(marketplace.count == 5)
        }
    }

    @Test("a slow destination does not delay another")
    func slow() async throws {
        let world = World()
        let marketplace = Marketplace()
        try await meeting(world, marketplace) { (souk, shop) async throws in
            _ = try await souk.call(.post, "/v1/event_destinations", #"{"url":"\#(shop)/slow"}"#)
            _ = try await souk.call(.post, "/v1/event_destinations", #"{"url":"\#(shop)/fast"}"#)
            for number in 0..<20 { try await world.announce("order.paid", about: "ord_\(number)") }
            try await running([
                world.worker {
                    $0.total = 6; $0.perDestination = 3
                }
            ]) {
                try await eventually("the fast one has all") {
                    marketplace.received.withLock { $0.filter { $0.path == "/fast" }.count } == 20
                }
                #expect(marketplace.received.withLock { $0.filter { $0.path == "/slow" }.count } == 3)
                await marketplace.slowAnswers.raise()
                try await eventually("the slow one has all") {
                    try await world.count("outbox_deliveries", where: "state = 'delivered'") == 40
                }
            }
        }
    }

    @Test("a name that leads to a private address is refused when Souk connects")
    func refusedAtConnect() async throws {
        let world = World()
        let marketplace = Marketplace()
        try await meeting(world, marketplace) { (souk, shop) async throws in
            let port = shop.split(separator: ":").last ?? ""
            // "localhost" stands for a public name that was pointed here after it had been accepted.
            _ = try await souk.call(.post, "/v1/event_destinations", #"{"url":"http://localhost:\#(port)/hooks"}"#)
            let id = try await world.announce("order.paid")
            let http = HTTPClient(configuration: .init(peers: .publicOnly))
            try await running([world.worker(http: http)]) {
                try await eventually("it is attempted") {
                    try await world.outbox.deliveries(of: id).first?.attempts.isEmpty == false
                }
            }
            let error = try await world.outbox.deliveries(of: id).first?.attempts.first?.error
            #expect(error?.contains("addressRefused") == true)
            #expect(marketplace.count == 0)
        }
    }
}

@Suite struct DestinationRulesTests {
    @Test(
        "addresses that are not of the open internet are refused when they are given",
        arguments: [
            ("http://example.com/", "address_refused"), ("https://127.0.0.1/", "address_refused"),
            ("https://10.1.2.3/", "address_refused"), ("https://169.254.169.254/latest", "address_refused"),
            ("https://[::1]/", "address_refused"), ("https://[fe80::1]/", "address_refused"),
            ("https://[::ffff:10.0.0.1]/", "address_refused"), ("https://localhost/", "address_refused"),
            ("https://shop.local/", "address_refused"), ("https://db.internal/", "address_refused"),
            ("https://2130706433/", "address_refused"), ("https://0x7f.1/", "address_refused"),
            ("https://0177.0.0.1/", "address_refused"), ("https://shop/", "address_refused"),
            ("https://user:pw@shop.com/", "parameter_invalid"), ("https://shop.com:99999/", "parameter_invalid"),
            ("https://shop.com/#x", "parameter_invalid"), ("shop.com", "parameter_invalid"),
            ("https://", "parameter_invalid"), ("https://shop.com\\@10.0.0.1/", "parameter_invalid"),
            ("ftp://shop.com/", "address_refused"),
        ])
    func refusedAddresses(url: String, code: String) throws {
        let refusal = #expect(throws: Refusal.self) { try DestinationRules(allowsPrivate: false).check(url) }
        #expect(refusal?.code.rawValue == code)
        #expect(throws: Never.self) {
            try DestinationRules(allowsPrivate: false).check("https://hooks.shop.com:8443/a?b=1")
        }
    }
}

import Domain
import Hummingbird
import Store
import StripeAPI
import Synchronization
import Testing
import TestSupport
import Transport
import Web
import Webhooks

/// Stripe's webhook endpoints, as much as is needed to make, read, change and delete them.
private final class EndpointServer: Sendable {
    struct Stored: Sendable {
        var url: String
        var version: String
        var events: [String]
        var isConnect: Bool
    }

    let stored = Mutex<[(id: String, endpoint: Stored)]>([])
    private let count = Mutex(0)

    var router: Router<SoukContext> {
        let router = Router(context: SoukContext.self)
        router.get("/v1/webhook_endpoints") { _, _ in
            let all = self.stored.withLock { $0.map { Self.json($0.id, $0.endpoint, secret: nil) } }
            return #"{"object":"list","has_more":false,"data":[\#(all.joined(separator: ","))]}"#
        }
        router.post("/v1/webhook_endpoints") { request, _ in
            let form = try await Self.form(request)
            let id = self.count.withLock { count in
                count += 1
                return "we_\(count)"
            }
            let endpoint = Stored(
                url: form["url"] ?? "", version: form["api_version"] ?? "", events: Self.events(form),
                isConnect: form["connect"] == "true")
            self.stored.withLock { $0.append((id, endpoint)) }
            return Self.json(id, endpoint, secret: "whsec_\(id)")
        }
        router.post("/v1/webhook_endpoints/{id}") { request, context in
            let form = try await Self.form(request)
            let id = context.parameters["id"].map { String($0) } ?? ""
            return self.stored.withLock { stored in
                guard let place = stored.firstIndex(where: { $0.id == id }) else { return "{}" }
                stored[place].endpoint.events = Self.events(form)
                return Self.json(id, stored[place].endpoint, secret: nil)
            }
        }
        router.delete("/v1/webhook_endpoints/{id}") { _, context in
            let id = context.parameters["id"].map { String($0) } ?? ""
            self.stored.withLock { $0.removeAll { $0.id == id } }
            return #"{"id":"\#(id)","object":"webhook_endpoint","deleted":true}"#
        }
        return router
    }

    private static func events(_ form: [String: String]) -> [String] {
        (0..<100).compactMap { form["enabled_events[\($0)]"] }
    }

    private static func form(_ request: Request) async throws -> [String: String] {
        let text = String(buffer: try await request.body.collect(upTo: 1 << 20))
        var form: [String: String] = [:]
        for pair in text.split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1).map { $0.removingPercentEncoding ?? "" }
            if parts.count == 2 { form[parts[0]] = parts[1] }
        }
        return form
    }

    private static func json(_ id: String, _ endpoint: Stored, secret: String?) -> String {
        let events = endpoint.events.map { "\"\($0)\"" }.joined(separator: ",")
        let secret = secret.map { #","secret":"\#($0)""# } ?? ""
        return
            #"{"id":"\#(id)","object":"webhook_endpoint","api_version":"\#(endpoint.version)","url":"\#(endpoint.url)","status":"enabled","enabled_events":[\#(events)],"metadata":{},"livemode":false,"created":1\#(secret)}"#
    }
}

extension Substring {
    fileprivate var removingPercentEncoding: String? {
        var bytes: [UInt8] = []
        var rest = utf8.makeIterator()
        while let byte = rest.next() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = rest.next(), let low = rest.next(),
                let value = UInt8(String(decoding: [high, low], as: UTF8.self), radix: 16)
            else { return nil }
            bytes.append(value)
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

@Suite struct WebhookEndpointsTests {
    @Test("two endpoints are made from the handled types, then kept, corrected, renewed, or made beside an old version")
    func ensure() async throws {
        let server = EndpointServer()
        try await serving(server.router) { (base) async throws in
            let stripe = StripeClient(
                configuration: .init(secretKey: "sk_test_x", baseURL: base), http: HTTPClient(), logger: quiet)
            let handlers = InboxWorld.handlers { _ in }
            let endpoints = WebhookEndpoints(stripe: stripe, handlers: handlers, publicURL: "https://pay.shop.com")

            let made = try await endpoints.ensure()
            #expect(made.map(\.outcome) == [.created, .created])
            #expect(made.map(\.secret) == ["whsec_we_1", "whsec_we_2"])
            let stored = server.stored.withLock { $0.map(\.endpoint) }
            #expect(
                stored.map(\.url) == [
                    "https://pay.shop.com/webhooks/stripe", "https://pay.shop.com/webhooks/stripe/connect",
                ])
            #expect(stored.map(\.isConnect) == [false, true])
            #expect(stored.map(\.version) == [StripeAPIVersion.pinned, StripeAPIVersion.pinned])
            #expect(stored[0].events == ["charge.refunded", "charge.updated"])
            #expect(stored[1].events == ["account.updated", "charge.refunded", "charge.updated"])

            #expect(try await endpoints.ensure().map(\.outcome) == [.unchanged, .unchanged])

            server.stored.withLock { $0[0].endpoint.events = ["charge.updated", "charge.expired"] }
            let corrected = try await endpoints.ensure()
            #expect(
                corrected[0].outcome
                    == .updated(added: ["charge.refunded"], removed: ["charge.expired"], enabled: false))
            #expect(try await endpoints.ensure().map(\.outcome) == [.unchanged, .unchanged])

            let renewed = try await endpoints.ensure(renewing: true)
            #expect(renewed.map(\.secret) == ["whsec_we_3", "whsec_we_4"])
            #expect(server.stored.withLock { $0.map(\.id) } == ["we_3", "we_4"])

            server.stored.withLock { $0[1].endpoint.version = "2024-12-18.acacia" }
            let beside = try await endpoints.ensure()
            #expect(beside.map(\.outcome) == [.unchanged, .createdBeside(oldVersion: "2024-12-18.acacia")])
            #expect(server.stored.withLock { $0.count } == 3)
        }
    }

    @Test("endpoints that Souk made at other addresses are deleted, and nobody else's")
    func deleteElsewhere() async throws {
        let server = EndpointServer()
        try await serving(server.router) { (base) async throws in
            let stripe = StripeClient(
                configuration: .init(secretKey: "sk_test_x", baseURL: base), http: HTTPClient(), logger: quiet)
            func endpoints(_ address: String) -> WebhookEndpoints {
                WebhookEndpoints(
                    stripe: stripe, handlers: InboxWorld.handlers { _ in }, publicURL: "http://127.0.0.1:\(address)")
            }
            for port in ["8080", "8081", "8080/elsewhere"] { _ = try await endpoints(port).ensure() }
            server.stored.withLock { $0[5].endpoint.url = "http://127.0.0.1:9000/events" }

            try await endpoints("8081").deleteElsewhere()
            #expect(
                server.stored.withLock { $0.map(\.endpoint.url) } == [
                    "http://127.0.0.1:8081/webhooks/stripe", "http://127.0.0.1:8081/webhooks/stripe/connect",
                    "http://127.0.0.1:9000/events",
                ])
        }
    }
}

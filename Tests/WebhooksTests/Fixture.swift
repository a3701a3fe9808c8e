import Domain
import Hummingbird
import Logging
import Postgres
import ServiceLifecycle
import Store
import StripeAPI
import Synchronization
import TestSupport
import Transport
import Web
import Webhooks

// Hummingbird brings types of the same names, for servers.
typealias HTTPRequest = Transport.HTTPRequest
typealias HTTPResponse = Transport.HTTPResponse

extension StripeID: ExpressibleByStringLiteral {
    public init(stringLiteral value: String) { self.init(value) }
}

/// Wall time, moved by hand where a test wants it.
final class TestClock: BusinessClock {
    private let shift = Mutex<Int64>(0)

    func now() -> Timestamp { Timestamp(milliseconds: WallClock.now().milliseconds + shift.withLock { $0 }) }
    func advance(_ duration: Duration) { shift.withLock { $0 += duration.components.seconds * 1000 } }
}

/// Every key may do everything.
struct TestKeys: APIKeyChecking {
    func principal(presenting key: String) -> Principal {
        Principal(apiKeyID: nil, scopes: [.admin], livemode: false)
    }
}

struct NoIdempotency: RouterMiddleware {
    func handle(
        _ request: Request, context: SoukContext, next: @concurrent (Request, SoukContext) async throws -> Response
    ) async throws -> Response { try await next(request, context) }
}

let quiet: Logger = {
    var logger = Logger(label: "tests")
    logger.logLevel = .critical
    return logger
}()

func apiRoutes() -> APIRoutes {
    APIRoutes(
        settings: WebSettings(livemode: false, publicURL: "http://127.0.0.1"), keys: TestKeys(),
        idempotency: NoIdempotency())
}

/// Runs services until the body is done, then shuts them down as a process does.
func running<Value: Sendable>(
    _ services: [any Service], _ body: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    let group = ServiceGroup(
        configuration: ServiceGroupConfiguration(services: services, gracefulShutdownSignals: [], logger: quiet))
    return try await withThrowingTaskGroup(of: Void.self) { tasks in
        tasks.addTask { try await group.run() }
        do {
            let value = try await body()
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
            return value
        } catch {
            await group.triggerGracefulShutdown()
            try? await tasks.waitForAll()  // the first error is the one to see
            throw error
        }
    }
}

/// A server with these routes on a free port of this machine.
func serving<Value: Sendable>(
    _ router: Router<SoukContext>, with services: [any Service] = [],
    _ body: @escaping @Sendable (_ base: String) async throws -> Value
) async throws -> Value {
    let port = Mutex<Int?>(nil)
    let listening = Signal("the server listens")
    let application = Application(
        router: router, configuration: .init(address: .hostname("127.0.0.1", port: 0)),
        onServerRunning: { channel in
            port.withLock { $0 = channel.localAddress?.port }
            await listening.raise()
        }, logger: quiet)
    return try await running(services + [application]) {
        try await listening.wait()
        return try await body("http://127.0.0.1:\(port.withLock { $0 } ?? 0)")
    }
}

let platformSecret = "whsec_platform"
let rolledSecret = "whsec_platform_rolled"
let connectSecret = "whsec_connect"

/// A server that takes Stripe's events, and someone who sends them as Stripe would.
struct Delivery: Sendable {
    let base: String
    let http = HTTPClient(configuration: .init(maximumConnectionsPerHost: 64))

    func post(
        _ body: [UInt8], secret: String = platformSecret, path: String = "/webhooks/stripe",
        header: String? = nil, at time: Timestamp = WallClock.now()
    ) async throws -> HTTPResponse {
        let header = header ?? WebhookSignature.sign(body: body, secret: secret, at: time)
        var headers = [("Content-Type", "application/json")]
        if !header.isEmpty { headers.append(("Stripe-Signature", header)) }
        return try await http.execute(
            HTTPRequest(method: .post, url: base + path, headers: headers, body: body, timeout: .seconds(60)))
    }
}

func event(
    _ id: String, type: String = "charge.updated", object: String = "ch_1", account: String? = nil,
    created: Int64 = 1_790_000_000, livemode: Bool = false, key: String? = nil, more: String = ""
) -> [UInt8] {
    let account = account.map { #""account":"\#($0)","# } ?? ""
    let key = key.map { #""\#($0)""# } ?? "null"
    return Array(
        """
        {"id":"\(id)","object":"event",\(account)"api_version":"\(StripeAPIVersion.pinned)","created":\(created),
        "data":{"object":{"id":"\(object)","object":"charge","metadata":{"id":"decoy","type":"decoy"}\(more)}},
        "livemode":\(livemode),"pending_webhooks":1,"request":{"id":null,"idempotency_key":\(key)},"type":"\(type)"}
        """.utf8)
}

/// An inbox with its intake, and what its use cases were called with.
struct InboxWorld: Sendable {
    let store: Store
    let inbox: Inbox
    let intake: WebhookIntake
    let arrivals = WakeSignal()
    let secrets = WebhookSecrets([.platform: [rolledSecret, platformSecret], .connect: [connectSecret]])

    init(_ store: Store, handlers: EventHandlers = Self.handlers { _ in }) {
        self.store = store
        inbox = Inbox(store: store)
        intake = WebhookIntake(
            inbox: inbox, handlers: handlers, livemode: false, apiVersion: StripeAPIVersion.pinned,
            arrivals: arrivals, logger: quiet)
    }

    init(handlers: EventHandlers = Self.handlers { _ in }) {
        self.init(Store(postgres: TestDatabase.current.postgres, clock: TestClock()), handlers: handlers)
    }

    static func handlers(_ useCase: @escaping EventHandlers.UseCase) -> EventHandlers {
        var handlers = EventHandlers()
        handlers.on(["charge.updated", "charge.refunded"], from: [.platform, .connect], do: "RefreshCharge", useCase)
        handlers.on(["account.updated"], from: [.connect], do: "RefreshSeller", useCase)
        return handlers
    }

    func receiving<Value: Sendable>(
        _ body: @escaping @Sendable (Delivery) async throws -> Value
    ) async throws -> Value {
        let api = apiRoutes()
        StripeWebhookRoutes(intake: intake, secrets: secrets).register(on: api)
        InboxRoutes(inbox: inbox, arrivals: arrivals).register(on: api)
        return try await serving(api.router, with: [intake]) { (base) async throws in
            let delivery = Delivery(base: base)
            defer { delivery.http.shutdown() }
            return try await body(delivery)
        }
    }

    func worker(
        _ handlers: EventHandlers, _ adjust: (inout InboxWorker.Configuration) -> Void = { _ in }
    ) -> InboxWorker {
        var configuration = InboxWorker.Configuration()
        configuration.pollInterval = .milliseconds(50)
        adjust(&configuration)
        return InboxWorker(
            inbox: inbox, handlers: handlers, arrivals: arrivals, configuration: configuration, logger: quiet)
    }

    /// Puts events in as if Stripe had delivered them.
    func take(_ bodies: [[UInt8]]) async throws {
        try await running([intake]) {
            for body in bodies { _ = try await intake.accept(body, at: .platform) }
        }
    }

    func count(_ table: String, where condition: String = "true") async throws -> Int64 {
        let rows = try await store.postgres.query(
            "SELECT count(*) AS n FROM \(unescaped: table) WHERE \(unescaped: condition)")
        return try rows[0].get("n")
    }

    func state(_ id: String) async throws -> String? {
        try await inbox.record(StripeEventID(id))?.state.rawValue
    }
}

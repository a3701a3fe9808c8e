import Domain
import FoundationEssentials
import Hummingbird
import Logging
import Postgres
import Sellers
import ServiceLifecycle
import Store
import StripeAPI
import StripeSandbox
import Synchronization
import TestSupport
import Testing
import Transport
import Web

/// Souk's seller routes on a real database, and the sandbox, both over HTTP on loopback.
struct SellerWorld: Sendable {
    let store: Store
    let stripe: StripeClient
    let engine: OperationEngine
    let worker: OperationWorker
    let refreshAccount: RefreshAccount
    let recordConnection: RecordConnection
    let clock: SteppedClock
    let souk: String
    let sandbox: String
    let http: HTTPClient
    /// What Souk asked of Stripe.
    let wiretap: Wiretap

    static let key = "souk_test_" + String(repeating: "k", count: 40)

    /// Starts both, runs the test, stops both.
    static func run(_ body: @Sendable (SellerWorld) async throws -> Void) async throws {
        let logger = TestDatabase.logger
        let http = HTTPClient()
        defer { http.shutdown() }
        let sandbox = try Server(configuration: SandboxConfiguration(port: 0, seed: 7), logger: logger)
        try await withServices(logger: logger) { services in
            await services.start(sandbox)
            let port = try #require(await sandbox.boundPort())
            let sandboxURL = "http://127.0.0.1:\(port)"
            let wiretap = Wiretap(before: sandboxURL, http: http)
            let tapped = try await serve(in: services) { wiretap.application(onRunning: $0, logger: logger) }

            let clock = SteppedClock()
            let store = Store(postgres: TestDatabase.current.postgres, clock: clock)
            let stripe = StripeClient(
                configuration: .init(
                    secretKey: "sk_test_sellers", baseURL: tapped, retries: RetryPolicy(maximum: 0)),
                http: http, logger: logger)
            let engine = OperationEngine(
                store: store, sender: StripeSender(stripe: stripe),
                handlers: [FinishAccountCreation(stripe: stripe), FinishRejection(stripe: stripe)], logger: logger)
            let refreshAccount = RefreshAccount(store: store, copies: ObjectCopies(store: store), stripe: stripe)
            try await makeKey(in: store)
            let settings = WebSettings(livemode: false, publicURL: "https://souk.example")
            let api = APIRoutes(
                settings: settings, keys: APIKeyAuthenticator(store: store, livemode: false),
                idempotency: IdempotencyMiddleware(store: store, publicURL: settings.publicURL))
            SellerRoutes(
                store: store, engine: engine, stripe: stripe, refreshAccount: refreshAccount, settings: settings
            ).register(on: api)
            let souk = try await serve(in: services) { running in
                Application(
                    responder: api.router.buildResponder(),
                    configuration: .init(address: .hostname("127.0.0.1", port: 0)),
                    onServerRunning: { channel in running(channel.localAddress?.port ?? 0) }, logger: logger)
            }
            let world = SellerWorld(
                store: store, stripe: stripe, engine: engine, worker: OperationWorker(engine: engine, logger: logger),
                refreshAccount: refreshAccount, recordConnection: RecordConnection(store: store), clock: clock,
                souk: souk, sandbox: sandboxURL, http: http, wiretap: wiretap)
            try await body(world)
        }
    }

    /// Starts an application on a free port.
    /// - Returns: its address.
    private static func serve(
        in services: ServiceGroup,
        _ make: (@escaping @Sendable (Int) -> Void) -> some ApplicationProtocol
    ) async throws -> String {
        let (bound, announce) = AsyncStream.makeStream(of: Int.self)
        let application = make { announce.yield($0) }
        await services.start(application)
        for await port in bound { return "http://127.0.0.1:\(port)" }
        throw CancellationError()
    }

    private static func makeKey(in store: Store) async throws {
        let text = try #require(APIKeyText(key))
        try await store.transaction { tx in
            _ = try await tx.insert(
                NewAPIKey(
                    id: tx.makeID(APIKey.self), name: "tests", hash: text.hash, hint: text.hint,
                    scopes: [.sellersWrite], livemode: false, expiresAt: nil))
        }
    }
}

/// Business time that a test moves; a millisecond passes with each look, so that ids keep their order.
final class SteppedClock: BusinessClock {
    private let time = Mutex(WallClock.now())

    func now() async throws -> Timestamp {
        time.withLock {
            $0 = $0.advanced(by: .milliseconds(1))
            return $0
        }
    }

    func advance(by duration: Duration) { time.withLock { $0 = $0.advanced(by: duration) } }
}

/// Sends operations as the composition root does.
struct StripeSender: OperationSender {
    let stripe: StripeClient

    func send(
        _ request: OperationRequest, idempotencyKey: String, sinceFirstSend: Duration,
        latestStart: ContinuousClock.Instant
    ) async -> SendOutcome {
        guard let method = StripeRequest.Method(rawValue: request.method) else {
            return .keyConflict(because: "the method \(request.method) is not Stripe's")
        }
        let stored = StripeRequest(
            storedMethod: method, path: request.path, body: request.body, account: request.account,
            idempotencyKey: idempotencyKey, version: request.stripeVersion)
        let answer: StripeAnswer
        do throws(TransportError) {
            answer = try await stripe.sendOnce(stored, startingBefore: latestStart)
        } catch {
            return .unknown(because: "\(error)", retryAfter: nil)
        }
        let error = answer.isSuccess ? nil : StripeError(answer)
        switch OperationOutcome(answer, sinceFirstSend: sinceFirstSend) {
        case .succeeded: return .succeeded(answer.body)
        case .definiteRefusal:
            return .refused(
                OperationRefusal(
                    status: answer.status, type: error?.type?.rawValue ?? "", code: error?.stripeCode?.rawValue,
                    declineCode: nil, message: error?.stripeMessage ?? "no reason", requestID: answer.requestID))
        case .indefinite: return .unknown(because: "Stripe answered \(answer.status)", retryAfter: nil)
        case .idempotencyBug: return .keyConflict(because: error?.stripeMessage ?? "")
        case .replayed5xx: return .replayedServerError(because: "Stripe answered \(answer.status)")
        }
    }
}

// MARK: Talking to Souk and to the sandbox

/// An answer, with its JSON as far as tests look into it.
struct Answer: Sendable {
    let status: Int
    let headers: HTTPHeaders
    let json: JSON
    let text: String
}

extension SellerWorld {
    func call(
        _ method: Transport.HTTPRequest.Method, _ path: String, _ body: String? = nil, key: String? = SellerWorld.key,
        headers: [(String, String)] = [], at base: String? = nil
    ) async throws -> Answer {
        var all = headers
        if let key { all.append(("Authorization", "Bearer \(key)")) }
        if body != nil { all.append(("Content-Type", "application/json")) }
        let response = try await http.execute(
            Transport.HTTPRequest(
                method: method, url: (base ?? souk) + path, headers: all, body: Array((body ?? "").utf8)))
        let text = String(decoding: response.body, as: UTF8.self)
        if base == nil {
            try await APIDescription.check(
                method.rawValue, path, status: response.status, headers: response.headers.fields, body: text)
        }
        return Answer(
            status: response.status, headers: response.headers, json: JSON(text) ?? .null, text: text)
    }

    func post(_ path: String, _ body: String, headers: [(String, String)] = []) async throws -> Answer {
        try await call(.post, path, body, headers: headers)
    }

    func get(_ path: String) async throws -> Answer { try await call(.get, path) }

    /// A control call of the sandbox, which must succeed.
    func control(
        _ method: Transport.HTTPRequest.Method, _ path: String, _ body: String = "{}"
    ) async throws {
        let answer = try await call(method, "/_sandbox" + path, body, key: nil, at: sandbox)
        try #require(answer.status == 200, "\(path): \(answer.text)")
    }

    func makeSeller(
        _ externalID: String = "shop-1", country: String = "US"
    ) async throws -> (id: String, account: StripeAccountID) {
        let answer = try await post(
            "/v1/sellers", #"{"external_id":"\#(externalID)","email":"a@example.com","country":"\#(country)"}"#)
        try #require(answer.status == 201, "\(answer.text)")
        let account = try #require(answer.json["stripe_account"].string)
        return (try #require(answer.json["id"].string), StripeAccountID(account))
    }

    func onboard(_ account: StripeAccountID, _ outcome: String) async throws {
        try await control(.post, "/accounts/\(account)/onboard", #"{"outcome":"\#(outcome)"}"#)
    }

    /// The account's events at Stripe, oldest first, as the inbox would hand them over.
    func events(of account: StripeAccountID) async throws -> [InboundEvent] {
        var found: [InboundEvent] = []
        let answer = try await stripe.answer(
            to: StripeRequest(.get, "/v1/events?limit=100", account: account))
        let list = try #require(JSON(String(decoding: answer.body, as: UTF8.self))?["data"].array)
        for event in list.reversed() {
            found.append(
                InboundEvent(
                    id: StripeEventID(try #require(event["id"].string)), type: try #require(event["type"].string),
                    account: account, objectID: event["data"]["object"]["id"].string,
                    objectType: event["data"]["object"]["object"].string,
                    created: Timestamp(seconds: Int64(try #require(event["created"].int))), livemode: false,
                    apiVersion: nil, idempotencyKey: nil, body: Array(event.text.utf8)))
        }
        return found
    }

    /// Applies every event of the account, as the one table of the composition root does.
    func applyEvents(of account: StripeAccountID, shuffled: Bool = false) async throws {
        var events = try await events(of: account)
        if shuffled { events = (events + events).shuffled() }
        for event in events {
            switch event.type {
            case "account.application.deauthorized", "account.application.authorized":
                try await recordConnection(event)
            default: try await refreshAccount(event)
            }
        }
    }

    /// How many accounts Stripe has whose metadata name this seller.
    func accountsAtStripe(of seller: String) async throws -> Int {
        var count = 0
        for try await page in stripe.pages(of: ListAccounts()) {
            count += page.count { $0.metadata["souk_seller"] == seller }
        }
        return count
    }

    func announced(_ seller: String) async throws -> [String] {
        try await store.query("SELECT type FROM outbox_events WHERE about = \(seller) ORDER BY id").map {
            try $0.get("type")
        }
    }

    func audited(_ seller: String) async throws -> [String] {
        try await store.query("SELECT action FROM audit_log WHERE subject = \(seller) ORDER BY id").map {
            try $0.get("action")
        }
    }
}

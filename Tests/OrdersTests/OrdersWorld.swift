import Domain
import Hummingbird
import Logging
import Orders
import Postgres
import ServiceLifecycle
import Store
import StripeAPI
import Synchronization
import TestSupport
import Testing
import Transport
import Web

/// Souk's order routes on a real database and over HTTP, with a Stripe that does only what the test says.
struct OrdersWorld: Sendable {
    let store: Store
    let engine: OperationEngine
    let worker: OperationWorker
    let orders: OrdersFeature
    let stripe: ScriptedStripe
    let clock: SteppedClock
    let souk: String
    let http: HTTPClient

    static let key = "souk_test_" + String(repeating: "k", count: 40)
    static let account = StripeAccountID("acct_A")

    static func run(_ body: @Sendable (OrdersWorld) async throws -> Void) async throws {
        let logger = TestDatabase.logger
        let http = HTTPClient()
        defer { http.shutdown() }
        try await withServices(logger: logger) { services in
            let scripted = ScriptedStripe()
            let address = try await serve(in: services) { scripted.application(onRunning: $0, logger: logger) }
            let clock = SteppedClock()
            let store = Store(postgres: TestDatabase.current.postgres, clock: clock)
            let client = StripeClient(
                configuration: .init(secretKey: "sk_test_orders", baseURL: address, retries: RetryPolicy(maximum: 0)),
                http: http, logger: logger)
            let engine = OperationEngine(
                store: store, sender: StripeSender(stripe: client), handlers: OrdersFeature.handlers(stripe: client),
                logger: logger)
            let feature = OrdersFeature(
                store: store, engine: engine, copies: ObjectCopies(store: store), stripe: client,
                publicURL: "https://souk.example", fraudWarnings: .none)
            try await makeKey(in: store)
            let api = APIRoutes(
                settings: WebSettings(livemode: false, publicURL: "https://souk.example"),
                keys: APIKeyAuthenticator(store: store, livemode: false),
                idempotency: IdempotencyMiddleware(store: store, publicURL: "https://souk.example"))
            feature.register(on: api)
            let souk = try await serve(in: services) { running in
                Application(
                    responder: api.router.buildResponder(),
                    configuration: .init(address: .hostname("127.0.0.1", port: 0)),
                    onServerRunning: { channel in running(channel.localAddress?.port ?? 0) }, logger: logger)
            }
            let world = OrdersWorld(
                store: store, engine: engine, worker: OperationWorker(engine: engine, logger: logger),
                orders: feature, stripe: scripted, clock: clock, souk: souk, http: http)
            try await body(world)
        }
    }

    private static func serve(
        in services: ServiceGroup,
        _ make: (@escaping @Sendable (Int) -> Void) -> some ApplicationProtocol
    ) async throws -> String {
        let (bound, announce) = AsyncStream.makeStream(of: Int.self)
        let application = make { announce.yield($0) }
        await services.start(application)
        for await port in bound { return "http://127.0.0.1:\(port)" }
        throw ServerDidNotStart()
    }

    private static func makeKey(in store: Store) async throws {
        let text = try #require(APIKeyText(key))
        try await store.transaction { tx in
            _ = try await tx.insert(
                NewAPIKey(
                    id: tx.makeID(APIKey.self), name: "tests", hash: text.hash, hint: text.hint,
                    scopes: [.ordersWrite, .feesWrite, .refundsWrite, .admin], livemode: false, expiresAt: nil))
        }
    }
}

struct ServerDidNotStart: Error {}

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
        let stored = StripeRequest(
            storedMethod: .post, path: request.path, body: request.body, account: request.account,
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

// MARK: Talking to Souk

struct Answer: Sendable {
    let status: Int
    let json: JSON
    let text: String

    var code: String? { json["error"]["code"].string }
}

extension OrdersWorld {
    func call(
        _ method: Transport.HTTPRequest.Method, _ path: String, _ body: String? = nil,
        headers: [(String, String)] = []
    ) async throws -> Answer {
        var all = headers + [("Authorization", "Bearer \(Self.key)")]
        if body != nil { all.append(("Content-Type", "application/json")) }
        let response = try await http.execute(
            Transport.HTTPRequest(method: method, url: souk + path, headers: all, body: Array((body ?? "").utf8)))
        let text = String(decoding: response.body, as: UTF8.self)
        try await APIDescription.check(
            method.rawValue, path, status: response.status, headers: response.headers.fields, body: text)
        return Answer(status: response.status, json: JSON(text) ?? .null, text: text)
    }

    func post(_ path: String, _ body: String = "{}", headers: [(String, String)] = []) async throws -> Answer {
        try await call(.post, path, body, headers: headers)
    }

    func get(_ path: String) async throws -> Answer { try await call(.get, path) }

    /// A seller who can be charged for; `status` and the flags say otherwise where a test needs it.
    func makeSeller(_ name: String = "A", ready: Bool = true) async throws -> String {
        let facts = AccountFacts(
            country: "US", defaultCurrency: "usd", email: nil, businessType: nil, chargesEnabled: ready,
            payoutsEnabled: ready, detailsSubmitted: ready,
            capabilities: ["transfers": ready ? .active : .inactive, "card_payments": ready ? .active : .inactive],
            requirements: .none, futureRequirements: .none)
        return try await store.transaction { tx in
            let id = tx.makeID(Seller.self)
            try await tx.execute(
                """
                INSERT INTO sellers
                    (id, external_id, country, creation, origin, livemode, stripe_account, account, status, created_at,
                     updated_at)
                VALUES (\(id), \(name), 'US', '{}', 'souk', false, \("acct_" + name),
                    \(try PostgresJSON(encoding: facts)), \(ready ? "active" : "onboarding"), \(tx.now), \(tx.now))
                """)
            return id.rawValue
        }
    }

    /// The default policy of 10 %, a seller and an order of 100 dollars.
    func placeOrder(_ extra: String = "", amount: Int = 10_000) async throws -> (answer: Answer, id: String) {
        let sellers = try await store.query("SELECT id FROM sellers LIMIT 1")
        let seller: String
        if let row = sellers.first {
            seller = try row.get("id")
        } else {
            seller = try await makeSeller()
            let policy = try await post(
                "/v1/fee_policies", #"{"scope":"default","currency":"usd","percent_bps":1000}"#)
            try #require(policy.status == 201, "\(policy.text)")
        }
        let answer = try await post("/v1/orders", Self.order(of: seller, amount: amount, extra))
        return (answer, answer.json["id"].string ?? "")
    }

    static func order(of seller: String, amount: Int = 10_000, _ extra: String = "") -> String {
        """
        {"currency":"usd","lines":[{"seller":"\(seller)","description":"Oak table","unit_amount":\(amount)}]\(extra)}
        """
    }

    // MARK: Stripe's side of it

    /// What the buyer does on the page: the payment intent appears and succeeds.
    func pay(_ order: Answer) async throws -> String {
        let session = try #require(order.json["checkout_session"].string)
        let amount = try #require(order.json["amount"].int)
        return stripe.change { world in
            let intent = world.begin(in: session, amount: amount)
            let number = world.number()
            world.intents[intent]?.pay(number)
            world.sessions[session]?.status = "complete"
            return intent
        }
    }

    func complete(_ intent: String) {
        stripe.change { $0.intents[intent]?.charge?.isComplete = true }
    }

    /// Tells Souk of the payment as Stripe shows it now.
    func tell(_ type: String, about intent: String) async throws {
        let (object, id): (String, String) = try stripe.change { world in
            let found = try #require(world.intents[intent])
            let charge = found.charge
            if type.hasPrefix("charge."), let charge { return (charge.json(of: found), charge.id) }
            if type.hasPrefix("refund."), let charge, let refund = charge.refunds.last {
                let json = refund.json(of: charge.id).dropLast() + #","payment_intent":"\#(intent)"}"#
                return (String(json), refund.id)
            }
            return (found.json, intent)
        }
        try await orders.refresh(event(type, id, object))
    }

    func tellOfSession(_ type: String, _ session: String) async throws {
        let object = try stripe.change { world in
            try #require(world.sessions[session]).json(expanding: world.intents)
        }
        try await orders.refresh(event(type, session, object))
    }

    private func event(_ type: String, _ id: String, _ object: String) -> InboundEvent {
        let kind = JSON(object)?["object"].string
        return InboundEvent(
            id: StripeEventID("evt_\(type)_\(id)"), type: type, account: nil, objectID: id, objectType: kind,
            created: Timestamp(seconds: 1000), livemode: false, apiVersion: nil, idempotencyKey: nil,
            body: Array(#"{"data":{"object":\#(object)}}"#.utf8))
    }

    // MARK: What is in the database

    func status(_ order: String) async throws -> String? { try await get("/v1/orders/\(order)").json["status"].string }

    /// In the account's normal direction, in minor units of dollars.
    func balance(_ code: String) async throws -> Int64 {
        let rows = try await store.query(
            """
            SELECT CASE normal_side WHEN 'debit' THEN balance_minor ELSE -balance_minor END AS balance
            FROM ledger_accounts WHERE code = \(code) AND currency = 'usd'
            """)
        return try rows.first?.get("balance") ?? 0
    }

    func announced(_ order: String) async throws -> [String] {
        try await store.query("SELECT type FROM outbox_events WHERE about = \(order) ORDER BY id").map {
            try $0.get("type")
        }
    }

    func entries(_ prefix: String) async throws -> Int64 {
        let rows = try await store.query(
            "SELECT count(*) AS n FROM journal_entries WHERE cause LIKE \(prefix + "%")")
        return try rows.first?.get("n") ?? 0
    }
}

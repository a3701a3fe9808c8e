import Domain
import Hummingbird
import Logging
import ServiceLifecycle
import Store
import Synchronization
import TestSupport
import Web

/// A real server on a free port of loopback, over the leased database, with one route that makes things.
struct ServedAPI: Sendable {
    let address: String
    let store: Store
    let keys: ManageAPIKeys
    let things: ThingRoutes

    struct WallBusinessClock: BusinessClock {
        func now() async throws -> Timestamp { WallClock.now() }
    }

    /// Starts the server, runs `body`, stops the server.
    static func run(
        lease: Duration = .seconds(60), gate: Gate = Gate(), rateLimits: RateLimits = RateLimits(),
        _ body: @Sendable (ServedAPI) async throws -> Void
    ) async throws {
        let store = Store(postgres: TestDatabase.current.postgres, clock: WallBusinessClock())
        let settings = WebSettings(livemode: false, publicURL: "https://souk.test", rateLimits: rateLimits)
        let things = ThingRoutes(store: store, gate: gate)
        let api = APIRoutes(
            settings: settings, keys: APIKeyAuthenticator(store: store, livemode: false),
            idempotency: IdempotencyMiddleware(store: store, publicURL: settings.publicURL, lease: lease))
        AdminKeyRoutes(store: store, livemode: false).register(on: api)
        things.register(on: api)
        try await serve(api) { address in
            try await body(
                ServedAPI(
                    address: address, store: store, keys: ManageAPIKeys(store: store, livemode: false), things: things))
        }
    }

    static func serve(_ api: APIRoutes, _ body: @Sendable (String) async throws -> Void) async throws {
        let running = Signal("the server is running")
        let port = PortBox()
        let application = Application(
            router: api.router, configuration: .init(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { channel in
                port.set(channel.localAddress?.port)
                await running.raise()
            }, logger: TestDatabase.logger)
        let group = ServiceGroup(configuration: .init(services: [application], logger: TestDatabase.logger))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            try await running.wait()
            do {
                try await body("http://127.0.0.1:\(port.value ?? 0)")
            } catch {
                await group.triggerGracefulShutdown()
                throw error
            }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
    }
}

private final class PortBox: Sendable {
    private let port = Mutex<Int?>(nil)
    var value: Int? { port.withLock { $0 } }
    func set(_ value: Int?) { port.withLock { $0 = value } }
}

/// What a handler of `POST /v1/things` shall do, decided by the test.
final class Gate: Sendable {
    enum Behaviour: Sendable {
        case succeed
        /// Makes the thing and then fails, as a process does that loses its answer.
        case failAfterwards
        /// Waits for `opened` before it makes the thing.
        case wait
    }

    private let behaviour = Mutex(Behaviour.succeed)
    let entered = Signal("a handler waits at the gate")
    let opened = Signal("the gate is open")

    var current: Behaviour { behaviour.withLock { $0 } }
    func set(_ new: Behaviour) { behaviour.withLock { $0 = new } }
}

/// Makes an audit row for each thing, so that effects can be counted.
struct ThingRoutes: Sendable {
    let store: Store
    let gate: Gate

    struct Body: Decodable {
        let name: String
        let amount: Int64
    }

    struct Answer: ResponseEncodable {
        let id: String
        let object = "thing"
        let name: String
        let resumed: Bool
    }

    func register(on api: APIRoutes) {
        api.post("/v1/things", scope: .ordersWrite, use: make)
        api.post("/v1/things/{id}/parts", scope: .ordersWrite, use: make)
        api.get("/v1/things/{id}", scope: .ordersRead) { _, context in try context.pathText("id") }
        api.get("/v1/broken", scope: .ordersRead) { _, _ -> String in
            throw Refusal(.databaseUnavailable, "The database is away.")
        }
        api.post("/v1/doors", scope: .ordersWrite, keepsAnswer: false) { _, context in
            EditedResponse(status: .created, response: context.requestID.rawValue)
        }
        api.open(.get, "/open") { _, _ in "open" }
        api.open(.get, "/unlimited", isLimited: false) { _, _ in "unlimited" }
        api.open(.get, "/crash") { _, _ -> String in
            struct Secret: Error { let text = "whsec_secret" }
            throw Secret()
        }
    }

    @Sendable func make(_ request: Request, _ context: SoukContext) async throws -> EditedResponse<Answer> {
        let body = try await request.decode(as: Body.self, context: context)
        if let made = context.idempotency?.subject {
            return EditedResponse(status: .created, response: Answer(id: made, name: body.name, resumed: true))
        }
        let behaviour = gate.current
        if case .wait = behaviour {
            await gate.entered.raise()
            try await gate.opened.wait()
        }
        guard body.amount > 0 else { throw Refusal(.illegalTransition, "Nothing to make.", parameter: "amount") }
        let id = try await store.transaction { tx in
            let id = tx.makeID(Order.self).rawValue
            try await tx.bind(context.idempotency, to: id)
            try await tx.audit("thing.make", subject: id, by: context.caller, details: ["name": body.name])
            return id
        }
        if case .failAfterwards = behaviour { throw Refusal(.stripeUnavailable, "Stripe is away.") }
        return EditedResponse(status: .created, response: Answer(id: id, name: body.name, resumed: false))
    }
}

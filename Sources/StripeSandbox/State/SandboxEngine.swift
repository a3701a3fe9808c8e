import Logging

/// The one place where anything happens: requests, jobs and control calls run here one after another.
actor SandboxEngine {
    let routes: RouteTable
    let logger: Logger
    private(set) var behaviour: SandboxBehaviour
    var faults = FaultPlan()
    var faultsOfDeliveries = SplitMix64(seed: 0)
    private var world: World
    private var file: StateFile?
    private var compactedSize: Int64 = 0
    private var keysInFlight: Set<String> = []
    /// What the fault `hold` keeps until the plan is replaced.
    private var heldRequests: [AsyncStream<Never>.Continuation] = []
    private var requestCount: UInt64 = 0
    /// How often each route was called since this process began: what an integration costs in requests.
    private(set) var requestsByRoute: [String: Int64] = [:]
    /// Where this sandbox answers, `http://127.0.0.1:12111`; known once the socket is bound.
    private(set) var address = "http://127.0.0.1"
    private let deliveries: AsyncStream<String>.Continuation
    /// Deliveries that are with the courier now.
    var deliveriesUnderway = 0

    init(
        configuration: SandboxConfiguration, deliveries: AsyncStream<String>.Continuation, logger: Logger
    ) throws {
        routes = try RouteTable.stripe()
        behaviour = configuration.behaviour
        self.deliveries = deliveries
        self.logger = logger
        let world = World()
        if let folder = configuration.dataDirectory {
            file = try StateFile(folder: folder) { record in try world.apply(record) }
        }
        let isNew = world.platform.isEmpty
        if isNew {
            world.seed = configuration.seed ?? UInt64.random(in: 1...UInt64.max)
            world.latest = WallClock.milliseconds()
            let turn = Turn(
                world: world, behaviour: configuration.behaviour, account: "", milliseconds: world.latest,
                address: "")
            Platform.found(turn)
            try file?.append(world.heading() + turn.record())
        } else if let file {
            try file.replace(with: world.snapshot())
        }
        compactedSize = file?.size ?? 0
        self.world = world
        // What was on its way when the last process ended goes again.
        for entry in world.all(account: world.platform, type: "_delivery")
        where entry.value["status"] == "pending" {
            guard let id = entry.value["id"].string, world.jobs.jobs["attemptDelivery:\(id)"] == nil else { continue }
            deliveriesUnderway += 1
            deliveries.yield(id)
        }
    }

    func listens(at address: String) { self.address = address }

    // MARK: Time

    /// The sandbox's time in milliseconds since 1970.
    var now: Int64 { world.now() }

    /// Runs everything that is due, in order of time; answers when the next job is due, nil without one.
    func runDue() -> Int64? {
        runJobs(until: world.now())
        return world.jobs.next?.due
    }

    private func runJobs(until end: Int64) {
        while let job = world.jobs.next, job.due <= end {
            world.latest = max(world.latest, job.due)
            let turn = Turn(
                world: world, behaviour: behaviour, account: job.account, milliseconds: world.latest,
                address: address)
            turn.cancelJob(job.id)
            do {
                try Jobs.run(job, turn)
            } catch {
                logger.error(
                    "job refused", metadata: ["job": "\(job.id)", "error": "\(error.body["message"] ?? .null)"])
                turn.rollBack()
                turn.cancelJob(job.id)
            }
            do {
                try commit(turn)
            } catch {
                logger.critical("state not written", metadata: ["error": "\(error)"])
                return
            }
        }
    }

    /// Moves the clock forward; everything that becomes due meanwhile happens in order before this returns.
    func advance(milliseconds: Int64) throws {
        let end = world.now() + milliseconds
        runJobs(until: end)
        world.clockOffset += milliseconds
        world.latest = max(world.latest, end)
        try file?.append(WorldRecord(world: world, latest: world.latest).line)
    }

    /// Moves the clock to the next job if that is due within `milliseconds`; false when there is none.
    func advanceToNextJob(within milliseconds: Int64) throws -> Bool {
        let now = world.now()
        guard let job = world.jobs.next, job.due <= now + milliseconds else { return false }
        try advance(milliseconds: max(0, job.due - now))
        return true
    }

    // MARK: Turns

    /// Runs a piece of work as one turn: kept when it returns, undone when it throws.
    func turn<Result: Sendable>(
        as account: String? = nil, params: JSONObject = [:],
        _ body: @Sendable (Turn) throws(StripeFailure) -> Result
    ) throws -> Result {
        runJobs(until: world.now())
        let turn = makeTurn(account: account ?? world.platform, params: params, path: [:], origin: nil)
        do {
            let result = try body(turn)
            try commit(turn)
            return result
        } catch let failure as StripeFailure {
            if failure.keepsEffects { try commit(turn) } else { turn.rollBack() }
            throw failure
        }
    }

    private func makeTurn(
        account: String, params: JSONObject, path: [String: String], origin: Turn.Origin?
    ) -> Turn {
        world.latest = world.now()
        return Turn(
            world: world, behaviour: behaviour, account: account, milliseconds: world.latest, params: params,
            path: path, origin: origin, address: address)
    }

    private func commit(_ turn: Turn) throws {
        guard turn.hasChanges else { return }
        if let file {
            do {
                try file.append(turn.record())
            } catch {
                turn.rollBack()
                throw error
            }
            if file.size > max(64 << 20, compactedSize * 4) {
                try file.replace(with: world.snapshot())
                compactedSize = file.size
            }
        }
        for id in turn.newDeliveries {
            deliveriesUnderway += 1
            deliveries.yield(id)
        }
    }

    // MARK: Requests

    /// What the fault plan does to a request, drawn once before it runs; one that is to wait keeps its key to itself
    /// meanwhile.
    ///
    /// - Returns: nil while another request with the same idempotency key runs.
    func admit(_ request: SandboxRequest) -> FaultPlan.Outcome? {
        let key = request.method == "POST" ? request.scopedKey(world.platform, behaviour.keyScope) : nil
        if let key, keysInFlight.contains(key) { return nil }
        let fault = faults.strike(request.method, request.path)
        if let key, fault.takesTime { keysInFlight.insert(key) }
        return fault
    }

    func release(_ request: SandboxRequest) {
        if let key = request.scopedKey(world.platform, behaviour.keyScope) { keysInFlight.remove(key) }
    }

    func nextRequestID() -> String {
        requestCount += 1
        return "req_" + String(WallClock.milliseconds(), radix: 36) + String(requestCount, radix: 36)
    }

    /// Runs a request of Stripe's API as one turn and answers with the final bytes.
    func perform(_ request: SandboxRequest, fault: FaultPlan.Outcome) -> SandboxAnswer {
        let requestID = nextRequestID()
        let found = routes.find(request.method, request.path)
        requestsByRoute[found.map { "\($0.route.method) \($0.route.pattern)" } ?? "unknown", default: 0] += 1
        var answer: SandboxAnswer
        do {
            answer = try answerOrThrow(request, found, requestID: requestID, fault: fault)
        } catch let failure as StripeFailure {
            answer = SandboxAnswer(failure)
        } catch {
            logger.critical("state not written", metadata: ["error": "\(error)"])
            answer = SandboxAnswer(
                StripeFailure(500, type: "api_error", "The sandbox could not store the change: \(error)"))
        }
        answer.addHeaders(for: request, requestID: requestID)
        return answer
    }

    private func answerOrThrow(
        _ request: SandboxRequest, _ found: (route: Route, values: [String: String])?, requestID: String,
        fault: FaultPlan.Outcome
    ) throws -> SandboxAnswer {
        try request.authenticate()
        if let status = fault.status, !fault.afterEffect { throw StripeFailure.injected(status) }
        runJobs(until: world.now())
        let account = try actingAccount(request)
        let key = request.method == "POST" ? request.scopedKey(world.platform, behaviour.keyScope) : nil
        if let key, let replay = try replay(request, key) { return replay }
        guard let (route, values) = found else {
            throw StripeFailure(
                404, type: "invalid_request_error",
                "Unrecognized request URL (\(request.method): \(request.path)). If you are trying to list objects, "
                    + "remove the trailing slash. If you are trying to retrieve an object, make sure you passed a "
                    + "valid (non-empty) identifier in your code.")
        }
        if route.platformOnly, request.account != nil, account != world.platform {
            throw StripeFailure.state(
                "platform_account_required", "Only Stripe Connect platforms can do this, without Stripe-Account.")
        }
        let params = try route.schema.check(try request.parameters())
        let turn = makeTurn(
            account: account, params: params, path: values,
            origin: Turn.Origin(requestID: requestID, idempotencyKey: request.idempotencyKey))
        var answer: SandboxAnswer
        do {
            let value = try turn.expanded(try route.answer(turn))
            answer = SandboxAnswer(status: 200, body: JSONWriter.answer(value))
        } catch {
            if !error.keepsEffects { turn.rollBack() }
            guard error.isSaved else { throw error }
            answer = SandboxAnswer(error)
        }
        if let status = fault.status { answer = SandboxAnswer(StripeFailure.injected(status)) }
        if let key {
            turn.save(
                World.SavedAnswer(
                    fingerprint: request.fingerprint, status: answer.status,
                    body: String(decoding: answer.body, as: UTF8.self), requestID: requestID,
                    savedAt: turn.milliseconds), under: key)
        }
        try commit(turn)
        return answer
    }

    /// The stored answer of a key; nil where the key is new (docs/sandbox.md, "Idempotency").
    private func replay(_ request: SandboxRequest, _ key: String) throws(StripeFailure) -> SandboxAnswer? {
        guard (request.idempotencyKey ?? "").count <= 255 else {
            throw .parameter(nil, nil, "Idempotency keys can be at most 255 characters long.")
        }
        guard let saved = world.savedAnswers[key], saved.savedAt > world.now() - 86_400_000 else { return nil }
        guard saved.fingerprint == request.fingerprint else {
            var failure = StripeFailure(
                400, type: "idempotency_error",
                "Keys for idempotent requests can only be used with the same parameters they were first used with. "
                    + "Try using a key other than '\(request.idempotencyKey ?? "")' if you meant to execute a "
                    + "different request.")
            failure.isSaved = false
            throw failure
        }
        var answer = SandboxAnswer(status: saved.status, body: Array(saved.body.utf8))
        answer.headers.append(("Idempotent-Replayed", "true"))
        answer.originalRequest = saved.requestID
        return answer
    }

    private func actingAccount(_ request: SandboxRequest) throws(StripeFailure) -> String {
        guard let account = request.account, account != world.platform else { return world.platform }
        guard let entry = world[id: account], entry.type == "account", entry.value["deleted"] != true,
            entry.value["_deauthorized"] != true
        else {
            var failure = StripeFailure(
                403, type: "invalid_request_error", code: "account_invalid",
                "The provided key '\(request.shownKey)' does not have access to account '\(account)' (or that account "
                    + "does not exist). Application access may have been revoked.")
            failure.isSaved = false
            throw failure
        }
        return account
    }

    // MARK: Control

    func change(behaviour body: JSONObject) throws(StripeFailure) -> JSONValue {
        try behaviour.change(by: body)
        return behaviour.json
    }

    func setFaults(_ plan: FaultPlan) {
        faults = plan
        for request in heldRequests { request.finish() }
        heldRequests = []
    }

    func waitForNextPlan() async {
        let (plan, replaced) = AsyncStream.makeStream(of: Never.self)
        heldRequests.append(replaced)
        for await _ in plan {}
    }

    func deliveryEnded() { deliveriesUnderway -= 1 }

    /// Reads from the world; what it returns must not refer to it.
    func read<Result: Sendable>(_ body: @Sendable (World) -> Result) -> Result { body(world) }
}

extension StripeFailure {
    /// The refusals that the fault plan invents.
    static func injected(_ status: Int) -> StripeFailure {
        var failure =
            switch status {
            case 429:
                StripeFailure(
                    429, type: "invalid_request_error", code: "rate_limit",
                    "Too many requests hit the API too quickly. We recommend an exponential backoff of your requests.")
            case 409:
                StripeFailure(
                    409, type: "invalid_request_error", code: "idempotency_key_in_use",
                    "There is currently another in-progress request using this Idempotency Key (injected by the sandbox)."
                )
            default: StripeFailure(status, type: "api_error", "An unknown error occurred (injected by the sandbox).")
            }
        failure.isSaved = false
        return failure
    }
}

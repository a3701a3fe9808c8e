/// The sandbox's own calls under `/_sandbox/`: what a person does in a browser or Stripe does in its offices, for tests
/// and demonstrations. JSON in and out; refusals have Stripe's shape.
struct Control {
    let engine: SandboxEngine

    func answer(_ method: String, _ path: String, _ query: String, _ body: [UInt8]) async -> SandboxAnswer {
        do {
            let value = try await run(method, path, query, try Self.object(body))
            return SandboxAnswer(status: 200, body: JSONWriter.answer(value))
        } catch let failure as StripeFailure {
            return SandboxAnswer(failure)
        } catch {
            return SandboxAnswer(
                StripeFailure(500, type: "api_error", "The sandbox could not store the change: \(error)"))
        }
    }

    private static func object(_ body: [UInt8]) throws(StripeFailure) -> JSONObject {
        guard !body.isEmpty else { return [:] }
        let value: JSONValue
        do {
            value = try JSONParser.parse(body)
        } catch {
            throw .malformed("The body is not JSON: \(error)")
        }
        guard let object = value.object else { throw .malformed("The body must be a JSON object.") }
        return object
    }

    static func refuseUnknown(_ body: JSONObject, _ known: Set<String>) throws(StripeFailure) {
        for key in body.keys where !known.contains(key) {
            throw .parameter("parameter_unknown", key, "Received unknown parameter: \(key)")
        }
    }

    private func run(
        _ method: String, _ path: String, _ query: String, _ body: JSONObject
    ) async throws -> JSONValue {
        let parts = path.split(separator: "/").dropFirst().map(String.init)
        switch (method, parts.count, parts.first, parts.last) {
        case ("GET", 1, "clock", _): return await clock()
        case ("POST", 2, "clock", "advance"):
            try Self.refuseUnknown(body, ["seconds", "milliseconds"])
            let milliseconds = (body["seconds"]?.int ?? 0) * 1000 + (body["milliseconds"]?.int ?? 0)
            guard milliseconds > 0, milliseconds <= 10 * 366 * 86_400_000 else {
                throw StripeFailure.parameter(nil, "seconds", "The clock goes forward, by at most ten years at once.")
            }
            try await engine.advance(milliseconds: milliseconds)
            return await clock()
        case ("GET", 1, "behaviour", _): return await engine.behaviour.json
        case ("PUT", 1, "behaviour", _): return try await engine.change(behaviour: body)
        case ("GET", 1, "exchange", _): return await engine.read { Exchange.json($0) }
        case ("PUT", 1, "exchange", _):
            try Self.refuseUnknown(body, ["rates"])
            let rates = body["rates"]?.object ?? [:]
            return try await engine.turn { turn throws(StripeFailure) in
                try Exchange.change(by: rates, turn)
                return Exchange.json(turn.world)
            }
        case ("GET", 1, "faults", _): return await faults()
        case ("PUT", 1, "faults", _):
            await engine.setFaults(try FaultPlan(body))
            return await faults()
        case ("DELETE", 1, "faults", _):
            await engine.setFaults(FaultPlan())
            return await faults()
        case ("POST", 1, "settle", _): return try await settle(body)
        case ("GET", 1, "deliveries", _): return try await deliveries(query)
        case ("GET", 1, "objects", _): return try await objects(query)
        case ("POST", 1, "events", _): return try await emit(body)
        case ("GET", 1, "requests", _): return await requests()
        case ("GET", 1, "books", _): return await engine.read { Books.json($0) }
        case ("GET", 1, "platform", _):
            return await engine.read { ["account": .string($0.platform), "application": .string($0.application)] }
        case ("POST", 3, "accounts", "onboard"):
            try Self.refuseUnknown(body, ["outcome"])
            guard let outcome = Onboarding.Outcome(rawValue: body["outcome"]?.string ?? "complete") else {
                throw StripeFailure.parameter(nil, "outcome", "Must be one of complete, pending, partial, rejected")
            }
            return try await account(parts[1]) { turn, id throws(StripeFailure) in Onboarding.run(id, outcome, turn) }
        case ("POST", 3, "accounts", "require"):
            try Self.refuseUnknown(body, ["fields", "deadline", "past_due"])
            return try await account(parts[1]) { turn, id throws(StripeFailure) in
                Accounts.change(id, turn) { account in
                    let fields = body["fields"]?.array ?? []
                    var provided = account["_provided"].object ?? [:]
                    for field in fields { provided[field.string ?? ""] = nil }
                    account["_provided"] = .object(provided)
                    account["_extra_due"] = .array((account["_extra_due"].array ?? []) + fields)
                    account["_past_due"] = body["past_due"] ?? false
                    account["_deadline"] = body["deadline"] ?? .null
                }
            }
        case ("POST", 3, "accounts", "reject"):
            return try await account(parts[1]) { turn, id throws(StripeFailure) in
                Accounts.change(id, turn) {
                    $0["_rejected"] = .string(body["disabled_reason"]?.string ?? "rejected.fraud")
                }
            }
        case ("POST", 3, "accounts", "deauthorize"):
            return try await account(parts[1]) { turn, id throws(StripeFailure) in Accounts.deauthorized(id, turn) }
        case ("POST", 3, "accounts", "debit"):
            guard await engine.read({ $0[id: parts[1]]?.type }) == "account" else {
                throw StripeFailure.missing("account", parts[1])
            }
            return try await engine.turn(as: parts[1]) { turn throws(StripeFailure) in
                ["object": "list", "data": .array(try AutomaticPayouts.debit(turn))]
            }
        case ("POST", 3, "accounts", "authorize"):
            let id = parts[1]
            return try await engine.turn { turn throws(StripeFailure) in
                guard turn.find("account", id)?["_deauthorized"] == true else {
                    throw .missing("deauthorized account", id)
                }
                Accounts.authorized(id, turn)
                return turn.current(id)
            }
        default: return try await object(method, parts, body)
        }
    }

    /// Calls that act on one payment object, in whichever account it lives.
    private func object(_ method: String, _ parts: [String], _ body: JSONObject) async throws -> JSONValue {
        let action =
            parts.count == 3 ? "\(parts[0])/\(parts[2])" : parts.count == 4 ? "\(parts[0])/\(parts[1])/\(parts[3])" : ""
        let id = parts.count == 4 ? parts[2] : parts.count == 3 ? parts[1] : ""
        guard method == "POST", let act = PaymentControls.actions[action] else {
            throw StripeFailure(
                404, type: "invalid_request_error",
                "Unknown control call \(method) /_sandbox/\(parts.joined(separator: "/")).")
        }
        guard let owner = await engine.read({ $0[id: id]?.account }) else {
            throw StripeFailure.missing(parts[0].replacing("_", with: " "), id)
        }
        return try await engine.turn(as: owner, params: body) { turn throws(StripeFailure) in try act(turn, id) }
    }

    private func account(
        _ id: String, _ body: @escaping @Sendable (Turn, String) throws(StripeFailure) -> Void
    ) async throws -> JSONValue {
        try await engine.turn { turn throws(StripeFailure) in
            guard let account = turn.find("account", id), id != turn.world.platform, account["_deauthorized"] != true
            else { throw .missing("account", id) }
            try body(turn, id)
            return turn.current(id)
        }
    }

    /// Has an object's account tell of it once more, by an event of any type: what only happens in Stripe's offices.
    private func emit(_ body: JSONObject) async throws -> JSONValue {
        try Self.refuseUnknown(body, ["type", "object"])
        guard let type = body["type"]?.string, type.contains(".") else {
            throw StripeFailure.parameter("parameter_missing", "type", "Name the event's type, such as charge.updated.")
        }
        let id = body["object"]?.string ?? ""
        guard let owner = await engine.read({ $0[id: id]?.account }) else { throw StripeFailure.missing("object", id) }
        // An account's own events are events of that account, whoever made it.
        let teller = await engine.read { $0[id: id]?.type == "account" } ? id : owner
        return try await engine.turn(as: teller) { turn throws(StripeFailure) in
            turn.emit(type, turn.current(id))
            return ["type": .string(type), "object": .string(id), "account": .string(teller)]
        }
    }

    /// How often each route of Stripe's API was called since this process began.
    private func requests() async -> JSONValue {
        var counts = JSONObject()
        for (route, count) in await engine.requestsByRoute.sorted(by: { $0.key < $1.key }) {
            counts.append(route, .int(count))
        }
        return .object(counts)
    }

    private func clock() async -> JSONValue {
        let now = await engine.now
        return ["now": .int(now / 1000), "now_ms": .int(now)]
    }

    private func faults() async -> JSONValue {
        let plan = await engine.faults
        var shown = plan.source
        shown["struck"] = .array(plan.struck.map(JSONValue.int))
        return shown
    }

    /// Moves the clock over whatever is due within `within_seconds` and waits for the courier, until nothing is left.
    ///
    /// Answers `settled: false` after `timeout_seconds` of the machine's time. A delivery whose next attempt is later
    /// than `within_seconds` is not waited for and is counted in `pending_retries`.
    private func settle(_ body: JSONObject) async throws -> JSONValue {
        try Self.refuseUnknown(body, ["within_seconds", "timeout_seconds"])
        let within = body["within_seconds"]?.int ?? 5
        let end = ContinuousClock.now + .seconds(body["timeout_seconds"]?.int ?? 30)
        var isQuiet = false
        while !isQuiet, ContinuousClock.now < end {
            if try await engine.advanceToNextJob(within: within * 1000) { continue }
            isQuiet = await engine.deliveriesUnderway == 0
            if !isQuiet { try await Task.sleep(for: .milliseconds(5)) }
        }
        let pending = await engine.read { world in
            world.all(account: world.platform, type: "_delivery").count { $0.value["status"] == "pending" }
        }
        return ["settled": .bool(isQuiet), "pending_retries": .int(pending)]
    }

    /// Every object, in whichever account, whose metadata has the given values: `?souk_operation=…`.
    private func objects(_ query: String) async throws -> JSONValue {
        var wanted: [(String, String)] = []
        for pair in try FormDecoder.decode(query[...]) {
            if case .text(let text) = pair.value { wanted.append((pair.key, text)) }
        }
        guard !wanted.isEmpty else {
            throw StripeFailure.parameter("parameter_missing", nil, "Name at least one metadata key and its value.")
        }
        let chosen = wanted
        return await engine.read { world in
            let found = world.entries.values.filter { entry in
                entry.type != "event" && !entry.type.hasPrefix("_")
                    && chosen.allSatisfy { entry.value["metadata"][$0.0].string == $0.1 }
            }
            let shown = found.sorted { $0.position < $1.position }.map { entry -> JSONValue in
                ["id": entry.value["id"], "object": .string(entry.type), "account": .string(entry.account)]
            }
            return ["object": "list", "data": .array(shown)]
        }
    }

    private func deliveries(_ query: String) async throws -> JSONValue {
        let wanted = try FormDecoder.decode(query[...])
        var filters: [(String, String)] = []
        for pair in wanted {
            let (key, value) = (pair.key, pair.value)
            guard ["event", "endpoint", "status", "account", "type"].contains(key), case .text(let text) = value else {
                throw StripeFailure.parameter("parameter_unknown", key, "Received unknown parameter: \(key)")
            }
            filters.append((key, text))
        }
        let chosen = filters
        return await engine.read { world in
            let found = world.all(account: world.platform, type: "_delivery").map(\.value).filter { delivery in
                chosen.allSatisfy { delivery[$0.0].string == $0.1 }
            }
            return ["object": "list", "data": .array(found)]
        }
    }
}

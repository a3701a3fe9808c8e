/// What goes wrong on purpose, by rules and a seed: the same plan against the same requests fails in the same places.
struct FaultPlan: Sendable {
    enum Kind: String, Sendable {
        /// The effect happens, the answer does not arrive: the connection closes.
        case dropAnswer = "drop_answer"
        /// Answers with `status` (429, 409 or 5xx) instead of running, or after running with `"after_effect": true`.
        case status
        /// Runs after `milliseconds`.
        case delay
        /// Waits until the plan is replaced, before it runs, or with `"after_effect": true` before it answers.
        case hold
    }

    struct Rule: Sendable {
        let method: String
        let path: String
        let kind: Kind
        let rate: Double
        let status: Int
        let afterEffect: Bool
        let milliseconds: Int64
        var timesLeft: Int64?

        func matches(_ method: String, _ path: String) -> Bool {
            guard self.method == "*" || self.method == method else { return false }
            return FaultPlan.matches(path[...], self.path[...])
        }
    }

    /// What happens to one request.
    struct Outcome: Sendable {
        var dropsAnswer = false
        var status: Int?
        var afterEffect = false
        var delayMilliseconds: Int64 = 0
        var isHeldBefore = false
        var isHeldAfter = false

        /// Whether other requests come in between, so that the key must be kept for this one.
        var takesTime: Bool { delayMilliseconds > 0 || isHeldBefore }
    }

    struct Webhooks: Sendable {
        var duplicate = 0.0
        var reorder = 0.0
        var lose = 0.0
        var delayMilliseconds: Int64 = 0
    }

    private(set) var rules: [Rule] = []
    private(set) var webhooks = Webhooks()
    private var generator = SplitMix64(seed: 0)
    private(set) var source: JSONValue = ["rules": [], "webhooks": [:]]
    /// How often each rule struck, in the order of the rules.
    private(set) var struck: [Int64] = []

    init() {}

    init(_ body: JSONObject) throws(StripeFailure) {
        try Control.refuseUnknown(body, ["seed", "rules", "webhooks"])
        generator = SplitMix64(seed: UInt64(bitPattern: body["seed"]?.int ?? 0))
        for rule in body["rules"]?.array ?? [] { rules.append(try Self.rule(rule.object ?? [:])) }
        struck = Array(repeating: 0, count: rules.count)
        let hooks = body["webhooks"]?.object ?? [:]
        try Control.refuseUnknown(hooks, ["duplicate", "reorder", "lose", "delay_milliseconds"])
        webhooks.duplicate = try Self.rate(hooks["duplicate"] ?? 0)
        webhooks.reorder = try Self.rate(hooks["reorder"] ?? 0)
        webhooks.lose = try Self.rate(hooks["lose"] ?? 0)
        webhooks.delayMilliseconds = hooks["delay_milliseconds"]?.int ?? 0
        source = .object(body)
    }

    private static func rule(_ body: JSONObject) throws(StripeFailure) -> Rule {
        try Control.refuseUnknown(
            body, ["match", "kind", "rate", "status", "after_effect", "milliseconds", "times"])
        let match = body["match"]?.string ?? "* /v1/*"
        let halves = match.split(separator: " ")
        guard halves.count == 2 else {
            throw .parameter(nil, "rules[match]", "'match' is a method and a path, such as 'POST /v1/transfers'.")
        }
        guard let kind = body["kind"]?.string.flatMap(Kind.init) else {
            throw .parameter(nil, "rules[kind]", "'kind' must be one of drop_answer, status, delay, hold")
        }
        let status = body["status"]?.int ?? 500
        guard [409, 429, 500, 502, 503, 504].contains(status) else {
            throw .parameter(nil, "rules[status]", "'status' must be one of 409, 429, 500, 502, 503, 504")
        }
        return Rule(
            method: String(halves[0]), path: String(halves[1]), kind: kind, rate: try rate(body["rate"] ?? 1),
            status: Int(status), afterEffect: body["after_effect"]?.bool ?? false,
            milliseconds: body["milliseconds"]?.int ?? 1000, timesLeft: body["times"]?.int)
    }

    private static func rate(_ value: JSONValue) throws(StripeFailure) -> Double {
        let rate: Double? =
            switch value {
            case .int(let number): Double(number)
            case .number(let text): Double(text)
            default: nil
            }
        guard let rate, (0...1).contains(rate) else {
            throw .parameter(nil, "rate", "A rate is a number from 0 to 1.")
        }
        return rate
    }

    /// `*` stands for any number of characters.
    static func matches(_ text: Substring, _ pattern: Substring) -> Bool {
        guard let first = pattern.first else { return text.isEmpty }
        if first == "*" {
            let rest = pattern.dropFirst()
            if rest.isEmpty { return true }
            return text.indices.contains { matches(text[$0...], rest) }
        }
        guard text.first == first else { return false }
        return matches(text.dropFirst(), pattern.dropFirst())
    }

    mutating func strike(_ method: String, _ path: String) -> Outcome {
        var outcome = Outcome()
        for index in rules.indices where rules[index].matches(method, path) && rules[index].timesLeft != 0 {
            guard happens(rules[index].rate) else { continue }
            struck[index] += 1
            rules[index].timesLeft = rules[index].timesLeft.map { $0 - 1 }
            switch rules[index].kind {
            case .dropAnswer: outcome.dropsAnswer = true
            case .delay: outcome.delayMilliseconds += rules[index].milliseconds
            case .hold where rules[index].afterEffect: outcome.isHeldAfter = true
            case .hold: outcome.isHeldBefore = true
            case .status:
                outcome.status = rules[index].status
                outcome.afterEffect = rules[index].afterEffect
            }
        }
        return outcome
    }

    mutating func happens(_ rate: Double) -> Bool {
        rate > 0 && Double(generator.next() >> 11) / Double(1 << 53) < rate
    }
}

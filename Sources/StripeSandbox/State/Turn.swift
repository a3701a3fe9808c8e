/// One request or one job, run wholly or not at all: what it reads and changes, in which account, at which moment.
///
/// Every change goes through here, so that a refusal can be undone and a success becomes one record of the state file.
final class Turn {
    let world: World
    let behaviour: SandboxBehaviour
    /// The account that the request acts as: the platform, or the one of `Stripe-Account`.
    let account: String
    /// Milliseconds of the sandbox's clock; the whole turn happens at this moment.
    let milliseconds: Int64
    /// The parameters, typed and checked; `.null` means "unset".
    let params: JSONObject
    /// The `:names` of the route's path.
    let path: [String: String]
    /// The request that caused the turn; nil when the sandbox acts by itself.
    let origin: Origin?
    /// Where this sandbox answers, for the addresses of its pages.
    let address: String

    struct Origin {
        let requestID: String
        let idempotencyKey: String?
    }

    private(set) var newDeliveries: [String] = []
    private var touched: [String] = []
    private var before: [String: World.Entry?] = [:]
    private var jobsBefore: [String: Job?] = [:]
    private var saved: [String] = []

    init(
        world: World, behaviour: SandboxBehaviour, account: String, milliseconds: Int64, params: JSONObject = [:],
        path: [String: String] = [:], origin: Origin? = nil, address: String
    ) {
        self.world = world
        self.behaviour = behaviour
        self.account = account
        self.milliseconds = milliseconds
        self.params = params
        self.path = path
        self.origin = origin
        self.address = address
    }

    /// Seconds of the sandbox's clock.
    var now: Int64 { milliseconds / 1000 }
    var isPlatform: Bool { account == world.platform }

    // MARK: Parameters

    func string(_ key: String) -> String? { params[key]?.string }
    func int(_ key: String) -> Int64? { params[key]?.int }
    func bool(_ key: String) -> Bool? { params[key]?.bool }
    func has(_ key: String) -> Bool { params[key] != nil }

    /// The value of a required parameter, which the schema has already asked for.
    func required(_ key: String) throws(StripeFailure) -> String {
        guard let value = string(key) else {
            throw .parameter("parameter_missing", key, "Missing required param: \(key).")
        }
        return value
    }

    func requiredInt(_ key: String) throws(StripeFailure) -> Int64 {
        guard let value = int(key) else {
            throw .parameter("parameter_missing", key, "Missing required param: \(key).")
        }
        return value
    }

    // MARK: Objects

    /// The object of a type in the acting account, or in another one; nil for what is missing or deleted.
    func find(_ type: String, _ id: String, in account: String? = nil) -> JSONValue? {
        guard let entry = world[id: id], entry.type == type, entry.account == account ?? self.account,
            entry.value["deleted"] != true
        else { return nil }
        return entry.value
    }

    /// The object that the path names by `:name`; 404 as Stripe says it.
    func fromPath(
        _ name: String, _ type: String, kind: String? = nil, in account: String? = nil
    ) throws(StripeFailure) -> JSONValue {
        let id = path[name] ?? ""
        guard let value = find(type, id, in: account) else {
            throw .missing(kind ?? type.replacing(".", with: " "), id, param: name == "id" ? "id" : name)
        }
        return value
    }

    func insert(_ type: String, _ value: JSONValue, in account: String? = nil) -> JSONValue {
        let id = value["id"].string ?? ""
        world.counter += 1
        change(
            id,
            World.Entry(
                account: account ?? self.account, type: type, created: now, position: world.counter, value: value))
        return value
    }

    @discardableResult
    func update(_ id: String, _ body: (inout JSONValue) -> Void) -> JSONValue {
        guard var entry = world[id: id] else { return .null }
        body(&entry.value)
        change(id, entry)
        return entry.value
    }

    func remove(_ id: String) { change(id, nil) }

    func current(_ id: String?) -> JSONValue { id.flatMap { world[id: $0]?.value } ?? .null }

    private func change(_ id: String, _ entry: World.Entry?) {
        if before[id] == nil {
            before[id] = .some(world[id: id])
            touched.append(id)
        }
        world.set(id, entry)
    }

    // MARK: Ids

    private static let alphabet = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)

    /// A new id such as `pi_1Ab…`: a function of the seed and of how many were drawn before.
    func newID(_ prefix: String, length: Int = 24) -> String { prefix + "_" + random(length) }

    func random(_ length: Int) -> String {
        world.counter += 1
        var generator = SplitMix64(seed: world.seed ^ (world.counter &* 0x9E37_79B9_7F4A_7C15))
        var text: [UInt8] = []
        text.reserveCapacity(length)
        var pool = generator.next()
        for index in 0..<length {
            if index % 10 == 9 { pool = generator.next() }
            text.append(Self.alphabet[Int(pool % 62)])
            pool /= 62
        }
        return String(decoding: text, as: UTF8.self)
    }

    // MARK: Jobs

    /// Plans a job; one of the same id is replaced.
    func schedule(
        _ kind: Job.Kind, _ subject: String, at milliseconds: Int64, in account: String? = nil, id: String? = nil
    ) {
        world.counter += 1
        let job = Job(
            id: id ?? "\(kind.rawValue):\(subject)", kind: kind, due: milliseconds, sequence: world.counter,
            account: account ?? self.account, subject: subject)
        keepJob(job.id)
        world.jobs.insert(job)
    }

    func schedule(_ kind: Job.Kind, _ subject: String, after milliseconds: Int64, in account: String? = nil) {
        schedule(kind, subject, at: self.milliseconds + milliseconds, in: account)
    }

    func cancelJob(_ id: String) {
        guard world.jobs.jobs[id] != nil else { return }
        keepJob(id)
        world.jobs.remove(id)
    }

    private func keepJob(_ id: String) {
        if jobsBefore[id] == nil { jobsBefore[id] = .some(world.jobs.jobs[id]) }
    }

    // MARK: Answers

    func save(_ answer: World.SavedAnswer, under key: String) {
        world.savedAnswers[key] = answer
        saved.append(key)
    }

    func announce(delivery id: String) { newDeliveries.append(id) }

    // MARK: End

    func rollBack() {
        for id in touched.reversed() {
            if let entry = before[id] { world.set(id, entry) }
        }
        for (id, job) in jobsBefore {
            if let job { world.jobs.insert(job) } else { world.jobs.remove(id) }
        }
        for key in saved { world.savedAnswers[key] = nil }
        touched = []
        before = [:]
        jobsBefore = [:]
        saved = []
        newDeliveries = []
    }

    var hasChanges: Bool { !touched.isEmpty || !jobsBefore.isEmpty || !saved.isEmpty }

    /// What this turn changed, as one line of the state file.
    func record() -> [UInt8] {
        var record = WorldRecord(world: world, latest: milliseconds)
        for id in touched {
            if let entry = world[id: id] { record.put(id, entry) } else { record.delete(id) }
        }
        for id in jobsBefore.keys.sorted() {
            if let job = world.jobs.jobs[id] { record.put(job) } else { record.finish(job: id) }
        }
        for key in saved {
            if let answer = world.savedAnswers[key] { record.put(answer, under: key) }
        }
        return record.line
    }
}

/// Sebastiano Vigna's generator: small, and equal on every machine for the same seed.
struct SplitMix64: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

import Foundation
import Postgres
import Synchronization
import TestSupport
import Transport

/// `souk serve`, once or more often, beside `souk sandbox`: the real program in processes of their own, so that each can
/// be killed while the others live.
final class SoukBesideSandbox: Sendable {
    static let program = Repository.root + "/.build/debug/souk"

    let postgres: PostgresClient
    private let folder: URL
    private let sandboxPort: Int
    private let settings: [String: String]
    private let state: Mutex<State>
    /// One for each Souk, at its own address; all of them know the sandbox.
    let souks: [RunningSouk]
    /// The signing secrets of the two webhook endpoints.
    let secrets: [String: String]

    private struct State {
        var sandbox: ServerProcess?
        var souks: [ServerProcess?]
    }

    /// The first Souk.
    var souk: RunningSouk { souks[0] }
    /// The process of the first Souk, or of another one.
    func process(_ number: Int = 0) throws -> ServerProcess {
        guard let process = state.withLock({ $0.souks[number] }) else { throw NotRunning() }
        return process
    }
    var sandboxProcess: ServerProcess {
        get throws {
            guard let process = state.withLock({ $0.sandbox }) else { throw NotRunning() }
            return process
        }
    }

    struct NotRunning: Error {}

    /// Starts everything on a database that has Souk's schema.
    init(
        database: String = TestDatabase.current.connectionString,
        postgres: PostgresClient = TestDatabase.current.postgres, souks count: Int = 1
    ) async throws {
        self.postgres = postgres
        folder = FileManager.default.temporaryDirectory.appending(path: "souk-crash-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let ports = try Self.freePorts(count + 1)
        sandboxPort = ports[0]
        let sandbox = "http://127.0.0.1:\(ports[0])"
        let addresses = ports.dropFirst().map { "http://127.0.0.1:\($0)" }
        souks = addresses.map { RunningSouk(address: $0, sandbox: sandbox) }
        state = Mutex(State(sandbox: nil, souks: Array(repeating: nil, count: count)))
        let base = [
            "PATH": "/usr/bin:/bin", "DATABASE_URL": database, "STRIPE_API_BASE": sandbox,
            "STRIPE_SECRET_KEY": "sk_test_crash", "SOUK_PUBLIC_URL": addresses[0],
            "SOUK_ADMIN_KEY": RunningSouk.adminKey, "SOUK_DATA_DIR": folder.path,
            "SOUK_ENCRYPTION_KEYS": String(repeating: "0f", count: 32), "SOUK_LOG_LEVEL": "warning",
            "SOUK_ALLOW_PRIVATE_ADDRESSES": "1",
        ]
        let first = try Self.startSandbox(port: ports[0], in: folder)
        state.withLock { $0.sandbox = first }
        try await Self.answers(souks[0], sandbox + "/_sandbox/clock")
        let file = folder.path + "/secrets"
        try await Subprocess.run(Self.program, ["webhooks", "ensure", "--write", file], environment: base)
        var secrets: [String: String] = [:]
        for line in try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n") {
            let parts = line.split(separator: "=", maxSplits: 1).map(String.init)
            secrets[parts[0]] = parts[1]
        }
        self.secrets = secrets
        settings = base.merging(secrets) { $1 }
        for number in 0..<count { try await start(number) }
    }

    // MARK: Processes

    /// Starts a Souk, and returns once it is ready.
    func start(_ number: Int = 0) async throws {
        try launch(number)
        try await Self.answers(souks[number], souks[number].address + "/readyz")
    }

    /// Starts a Souk, whatever stands in its way.
    func launch(_ number: Int = 0) throws {
        let address = souks[number].address
        let port = address.drop { $0 != "/" }.split(separator: ":").last.map(String.init) ?? ""
        let process = try ServerProcess(
            Self.program, ["serve"], environment: settings.merging(["SOUK_PORT": port]) { $1 },
            log: folder.path + "/souk.log")
        state.withLock { $0.souks[number] = process }
    }

    func kill(_ number: Int = 0) async throws { try await process(number).kill() }

    func startSandbox() async throws {
        let process = try Self.startSandbox(port: sandboxPort, in: folder)
        state.withLock { $0.sandbox = process }
        try await Self.answers(souk, souk.sandbox + "/_sandbox/clock")
    }

    private static func startSandbox(port: Int, in folder: URL) throws -> ServerProcess {
        try ServerProcess(
            program, ["sandbox", "--port", "\(port)", "--data", folder.path + "/sandbox"],
            environment: ["PATH": "/usr/bin:/bin"], log: folder.path + "/sandbox.log")
    }

    /// Ends everything, and shows what the programs said if the test failed.
    private func end(showingLogs: Bool) async {
        for process in state.withLock({ $0.souks + [$0.sandbox] }).compactMap(\.self) { try? await process.kill() }
        if showingLogs {
            for name in ["souk.log", "sandbox.log"] {
                let text = (try? String(contentsOfFile: folder.path + "/" + name, encoding: .utf8)) ?? ""
                print("--- the end of \(name)\n\(text.suffix(6000))")
            }
        }
        try? FileManager.default.removeItem(at: folder)
    }

    /// Runs `body` beside it all, and ends it afterwards.
    static func with<Result>(
        souks count: Int = 1, database: String = TestDatabase.current.connectionString,
        postgres: PostgresClient = TestDatabase.current.postgres,
        _ body: (SoukBesideSandbox) async throws -> Result
    ) async throws -> Result {
        let world = try await SoukBesideSandbox(database: database, postgres: postgres, souks: count)
        do {
            let result = try await body(world)
            await world.end(showingLogs: false)
            return result
        } catch {
            await world.end(showingLogs: true)
            throw error
        }
    }

    /// Ports under those that the system hands out by itself, so that a server comes back on its own after a kill.
    private static func freePorts(_ count: Int) throws -> [Int] {
        var ports: Set<Int> = []
        for _ in 0..<1000 where ports.count < count {
            let port = Int.random(in: 20_000...32_000)
            if canBind(port) { ports.insert(port) }
        }
        guard ports.count == count else { throw NotRunning() }
        return Array(ports)
    }

    private static func canBind(_ port: Int) -> Bool {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }

    private static func answers(_ souk: RunningSouk, _ url: String) async throws {
        try await eventually("\(url) answers", atMost: .seconds(30)) {
            let response = try? await souk.http.execute(HTTPRequest(method: .get, url: url, timeout: .seconds(2)))
            return response?.status == 200
        }
    }

    // MARK: Stripe's side

    /// Replaces the sandbox's plan of faults; what the last one held goes on.
    func faults(_ rules: [JSON]) async throws { try await faults(plan: #"{"rules":\#(JSON.array(rules).text)}"#) }

    func faults(plan: String) async throws {
        let answer = try await souk.http.execute(
            HTTPRequest(
                method: .put, url: souk.sandbox + "/_sandbox/faults", headers: [("Content-Type", "application/json")],
                body: Array(plan.utf8)))
        guard answer.status == 200 else { throw Refused(answer: String(decoding: answer.body, as: UTF8.self)) }
    }

    struct Refused: Error { let answer: String }

    /// Moves both clocks, which are one: Souk's business time is the sandbox's.
    func advance(hours: Int = 0, seconds: Int = 0) async throws {
        _ = try await souk.control("POST", "/clock/advance", ["seconds": .int(hours * 3600 + seconds)]).expecting(200)
    }

    /// How many objects of a type at Stripe an operation has made.
    func objects(_ type: String, of operation: String) async throws -> Int {
        let found = try await souk.control("GET", "/objects?souk_operation=\(operation)").expecting(200)
        return found["data"].array?.count { $0["object"].string == type } ?? 0
    }

    // MARK: The database's side

    /// The one value of the one row.
    func value<Value: PostgresDecodable>(_ query: PostgresQuery, as type: Value.Type = Value.self) async throws -> Value
    {
        let rows = try await postgres.query(query)
        guard let row = rows.first else { throw NotRunning() }
        return try row.get("value")
    }

    func count(_ query: PostgresQuery) async throws -> Int {
        Int(try await value("SELECT count(*) AS value FROM (" + query + ") AS q", as: Int64.self))
    }

    /// The leases of a dead process end by the database's clock, which no test can move: it ends the leases instead.
    func endLeases() async throws {
        for statement in [
            "UPDATE stripe_operations SET lease_until = clock_timestamp() WHERE lease_until IS NOT NULL",
            "UPDATE balance_feeds SET lease_until = clock_timestamp() WHERE lease_until IS NOT NULL",
            "UPDATE inbox_leases SET leased_until = now()",
            "UPDATE outbox_deliveries SET leased_until = now() WHERE leased_until IS NOT NULL",
            "UPDATE idempotency_keys SET lease_until = now() WHERE status IS NULL",
        ] { try await postgres.execute(PostgresQuery(unescaped: statement)) }
    }
}

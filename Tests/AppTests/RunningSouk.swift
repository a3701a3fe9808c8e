import App
import Foundation
import Logging
import ServiceLifecycle
import TestSupport
import Testing
import Transport
import Web

/// A whole Souk with its sandbox, seen by who calls them: for tests that enter where callers enter.
final class RunningSouk: Sendable {
    static let adminKey = "souk_test_0123456789abcdef0123456789abcdef0123456789abcdef"
    /// What is counted by process, whichever Souk it was for. `GET /metrics` shows what one Souk measures of its database.
    static let processMetrics = Souk.collectMetrics()

    let address: String
    let sandbox: String
    let http = HTTPClient(configuration: HTTPClient.Configuration(maximumConnectionsPerHost: 256))

    init(address: String, sandbox: String) {
        self.address = address
        self.sandbox = sandbox
    }

    /// Runs `body` beside a Souk in this process, on the leased database, and stops it afterwards. `role` is who Souk is for
    /// PostgreSQL.
    static func with<Value: Sendable>(
        _ settings: [String: String] = [:], role: String? = nil,
        _ body: @Sendable @escaping (RunningSouk) async throws -> Value
    ) async throws -> Value {
        try await withTemporaryFolder { try await run(in: $0, settings, role: role, holdWorkers: nil, body) }
    }

    /// The same with workers that work only when `body` says so; its second argument makes new ones.
    static func withHeldWorkers<Value: Sendable>(
        in folder: URL, _ settings: [String: String] = [:],
        _ body: @Sendable @escaping (RunningSouk, @escaping @Sendable () -> HeldWorkers) async throws -> Value
    ) async throws -> Value {
        let (handed, hand) = AsyncStream.makeStream(of: (@Sendable () -> HeldWorkers).self)
        return try await run(in: folder, settings, holdWorkers: { hand.yield($0) }) { souk in
            guard let make = await handed.first(where: { _ in true }) else { throw CancellationError() }
            return try await body(souk, make)
        }
    }

    static func withTemporaryFolder<Value>(_ body: (URL) async throws -> Value) async throws -> Value {
        let folder = FileManager.default.temporaryDirectory.appending(path: "souk-app-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        return try await body(folder)
    }

    private static func run<Value: Sendable>(
        in folder: URL, _ settings: [String: String] = [:], role: String? = nil,
        holdWorkers: (@Sendable (@escaping @Sendable () -> HeldWorkers) -> Void)?,
        _ body: @Sendable @escaping (RunningSouk) async throws -> Value
    ) async throws -> Value {
        let configuration = try SoukConfiguration(
            environment: [
                "DATABASE_URL": TestDatabase.current.connectionString + (role.map { " user=\($0)" } ?? ""),
                "SOUK_SANDBOX": "1", "SOUK_PORT": "0",
                "SOUK_SANDBOX_PORT": "0", "SOUK_DATA_DIR": folder.path, "SOUK_ADMIN_KEY": adminKey,
                "SOUK_ALLOW_PRIVATE_ADDRESSES": "1", "SOUK_RATE_LIMIT": "1000000",
            ].merging(settings) { $1 })
        _ = processMetrics
        let (lines, announce) = AsyncStream.makeStream(of: String.self)
        let souk = Souk(
            configuration: configuration, resources: try ResourceFolder.find(program: Repository.root + "/souk"),
            metrics: PrometheusRegistry(), logger: TestDatabase.logger, announce: { announce.yield($0) },
            holdWorkers: holdWorkers)
        return try await withServices(logger: TestDatabase.logger) { services in
            await services.start(Process(souk: souk, announce: announce))
            return try await body(try await started(in: lines))
        }
    }

    private struct EndedAtStart: Error {}

    /// Waits until it has said its two addresses.
    private static func started(in lines: AsyncStream<String>) async throws -> RunningSouk {
        let found = try await within(.seconds(30), "Souk is up") {
            var found: [String] = []
            for await line in lines {
                if let address = line.split(separator: " ").last { found.append(String(address)) }
                if found.count == 2 { break }
            }
            return found
        }
        guard found.count == 2 else { throw EndedAtStart() }
        return RunningSouk(address: found[1], sandbox: found[0])
    }

    private struct Process: Service {
        let souk: Souk
        let announce: AsyncStream<String>.Continuation

        func run() async throws {
            defer { announce.finish() }
            try await souk.run()
        }
    }

    /// Calls Souk's API as an admin, or as whoever `authorization` says. Every answer must be as openapi/souk.yaml
    /// describes it.
    func call(
        _ method: String, _ path: String, _ body: JSON? = nil, key: String? = nil, authorization: String? = nil,
        accept: String? = nil
    ) async throws -> Answer {
        var headers = [("Authorization", authorization ?? "Bearer \(Self.adminKey)")]
        if let key { headers.append(("Idempotency-Key", key)) }
        if let accept { headers.append(("Accept", accept)) }
        let answer = try await send(method, address + path, headers: headers, body: body?.text)
        try await APIDescription.check(
            method, path, status: answer.status, headers: answer.headers.fields, body: answer.text)
        return answer
    }

    /// Calls the sandbox's control API.
    func control(_ method: String, _ path: String, _ body: JSON = [:]) async throws -> Answer {
        try await send(method, sandbox + "/_sandbox" + path, headers: [], body: method == "GET" ? nil : body.text)
    }

    /// Calls Stripe's own API with the platform's key, as Stripe's Dashboard and other programs do.
    func stripe(
        _ method: String, _ path: String, _ form: [(String, String)] = [], account: String? = nil
    ) async throws -> Answer {
        let plain = CharacterSet.alphanumerics
        func encoded(_ text: String) -> String { text.addingPercentEncoding(withAllowedCharacters: plain) ?? text }
        let body = form.map { "\(encoded($0.0))=\(encoded($0.1))" }.joined(separator: "&")
        return try await send(
            method, sandbox + path,
            headers: [("Authorization", "Bearer sk_test_dashboard")] + (account.map { [("Stripe-Account", $0)] } ?? []),
            body: method == "GET" ? nil : body, contentType: "application/x-www-form-urlencoded")
    }

    /// Returns once neither Stripe nor Souk has anything left to do.
    func settle() async throws {
        _ = try await control("POST", "/settle").expecting(200)
        _ = try await call("GET", "/readyz?idle=1").expecting(200)
        _ = try await control("POST", "/settle").expecting(200)
        _ = try await call("GET", "/readyz?idle=1").expecting(200)
    }

    private func send(
        _ method: String, _ url: String, headers: [(String, String)], body: String?,
        contentType: String = "application/json"
    ) async throws -> Answer {
        let content = body == nil ? [] : [("Content-Type", contentType)]
        let response = try await http.execute(
            HTTPRequest(
                method: try #require(HTTPRequest.Method(rawValue: method)), url: url, headers: headers + content,
                body: Array((body ?? "").utf8),
                timeout: .seconds(60)))
        return Answer(
            status: response.status, headers: response.headers, text: String(decoding: response.body, as: UTF8.self))
    }

    struct Answer: Sendable, CustomStringConvertible {
        let status: Int
        let headers: HTTPHeaders
        let text: String

        var description: String { "\(status) \(text)" }
        var json: JSON { JSON(text) ?? .null }

        func expecting(_ status: Int) throws -> Answer {
            guard self.status == status else { throw Unexpected(answer: self) }
            return self
        }

        /// A value of the answer: `answer["requirements", "currently_due"]`.
        subscript(path: String...) -> JSON { json[path] }

        func string(_ name: String) throws -> String {
            guard let text = self[name].string else { throw Unexpected(answer: self) }
            return text
        }
    }

    struct Unexpected: Error, CustomStringConvertible {
        let answer: Answer
        var description: String { "unexpected answer: \(answer)" }
    }
}

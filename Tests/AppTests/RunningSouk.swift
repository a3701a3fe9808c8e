import App
import Foundation
import Logging
import ServiceLifecycle
import TestSupport
import Transport
import Web

/// A whole Souk with its sandbox, in this process, on a database of its own: for tests that enter where callers enter.
final class RunningSouk: Sendable {
    static let adminKey = "souk_test_0123456789abcdef0123456789abcdef0123456789abcdef"
    private static let metrics = PrometheusRegistry()

    let address: String
    let sandbox: String
    let http = HTTPClient()

    private init(address: String, sandbox: String) {
        self.address = address
        self.sandbox = sandbox
    }

    /// Runs `body` beside a Souk on the leased database, and stops it afterwards.
    static func with<Result: Sendable>(
        _ body: @Sendable @escaping (RunningSouk) async throws -> Result
    ) async throws -> Result {
        let folder = FileManager.default.temporaryDirectory.appending(path: "souk-app-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let configuration = try SoukConfiguration(
            environment: [
                "DATABASE_URL": TestDatabase.current.connectionString, "SOUK_SANDBOX": "1", "SOUK_PORT": "0",
                "SOUK_SANDBOX_PORT": "0", "SOUK_DATA_DIR": folder.path, "SOUK_ADMIN_KEY": adminKey,
                "SOUK_ALLOW_PRIVATE_ADDRESSES": "1",
            ])
        let (lines, announce) = AsyncStream.makeStream(of: String.self)
        let souk = Souk(
            configuration: configuration, resources: try ResourceFolder.find(program: Repository.root + "/souk"),
            metrics: metrics, logger: TestDatabase.logger, announce: { announce.yield($0) })
        return try await withThrowingTaskGroup(of: Result?.self) { group in
            group.addTask {
                try await souk.run()
                return nil
            }
            group.addTask {
                let addresses = try await within(.seconds(30), "Souk is up") {
                    var found: [String] = []
                    for await line in lines {
                        if let address = line.split(separator: " ").last { found.append(String(address)) }
                        if found.count == 2 { break }
                    }
                    return found
                }
                return try await body(RunningSouk(address: addresses[1], sandbox: addresses[0]))
            }
            while let finished = try await group.next() {
                guard let result = finished else { continue }
                group.cancelAll()
                return result
            }
            throw CancellationError()
        }
    }

    /// Calls Souk's API as an admin.
    func call(_ method: String, _ path: String, _ body: JSON? = nil) async throws -> Answer {
        try await send(
            method, address + path, headers: [("Authorization", "Bearer \(Self.adminKey)")],
            body: body?.text)
    }

    /// Calls the sandbox's control API.
    func control(_ method: String, _ path: String, _ body: JSON = [:]) async throws -> Answer {
        try await send(method, sandbox + "/_sandbox" + path, headers: [], body: body.text)
    }

    /// Returns once neither Stripe nor Souk has anything left to do.
    func settle() async throws {
        _ = try await control("POST", "/settle").expecting(200)
        _ = try await call("GET", "/readyz?idle=1").expecting(200)
        _ = try await control("POST", "/settle").expecting(200)
        _ = try await call("GET", "/readyz?idle=1").expecting(200)
    }

    private func send(
        _ method: String, _ url: String, headers: [(String, String)], body: String?
    ) async throws -> Answer {
        let content = body == nil ? [] : [("Content-Type", "application/json")]
        let response = try await http.execute(
            HTTPRequest(
                method: method == "GET" ? .get : .post, url: url, headers: headers + content,
                body: Array((body ?? "").utf8),
                timeout: .seconds(60)))
        return Answer(status: response.status, text: String(decoding: response.body, as: UTF8.self))
    }

    struct Answer: Sendable, CustomStringConvertible {
        let status: Int
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

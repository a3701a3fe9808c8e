import Foundation
import TestSupport
import Transport

/// `souk serve` as a process of its own beside `souk sandbox` as another, so that one can be killed and the other lives.
final class SoukBesideSandbox: @unchecked Sendable {  // one test, one task at a time changes it
    private let folder: URL
    private var souk: Process?
    private let sandboxProcess: Process
    let sandbox: String
    let address: String
    private let http = HTTPClient()

    /// Ports under those that the system hands out by itself, so that Souk comes back on its own after it was killed.
    private static func freePort() throws -> Int {
        for _ in 0..<200 {
            let port = Int.random(in: 20_000...32_000)
            if canBind(port) { return port }
        }
        throw NothingFree()
    }

    struct NothingFree: Error {}

    private static func canBind(_ port: Int) -> Bool {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
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

    static let program = Repository.root + "/.build/debug/souk"

    init() async throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "souk-crash-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let port = try Self.freePort()
        let sandboxPort = try Self.freePort()
        address = "http://127.0.0.1:\(port)"
        sandbox = "http://127.0.0.1:\(sandboxPort)"
        sandboxProcess = try Self.start(
            ["sandbox", "--port", "\(sandboxPort)", "--data", folder.path + "/sandbox"], environment: [:], in: folder)
        var environment = [
            "DATABASE_URL": TestDatabase.current.connectionString, "STRIPE_API_BASE": sandbox,
            "STRIPE_SECRET_KEY": "sk_test_crash", "SOUK_PORT": "\(port)", "SOUK_PUBLIC_URL": address,
            "SOUK_ADMIN_KEY": RunningSouk.adminKey, "SOUK_DATA_DIR": folder.path,
            "SOUK_ENCRYPTION_KEYS": String(repeating: "0f", count: 32), "SOUK_LOG_LEVEL": "warning",
        ]
        settings = environment
        try await answers(sandbox + "/_sandbox/clock")
        _ = try await Subprocess.run(
            Self.program, ["webhooks", "ensure", "--write", folder.path + "/secrets"], environment: environment)
        for line in try String(contentsOfFile: folder.path + "/secrets", encoding: .utf8).split(separator: "\n") {
            let parts = line.split(separator: "=", maxSplits: 1).map(String.init)
            environment[parts[0]] = parts[1]
        }
        settings = environment
        try await startSouk()
    }

    private var settings: [String: String]

    private static func start(_ arguments: [String], environment: [String: String], in folder: URL) throws -> Process {
        let process = Process()
        process.executableURL = URL(filePath: program)
        process.arguments = arguments
        process.environment = environment.merging(["PATH": "/usr/bin:/bin"]) { own, _ in own }
        let log = folder.appending(path: "\(arguments[0]).log")
        if !FileManager.default.fileExists(atPath: log.path) { try Data().write(to: log) }
        let output = try FileHandle(forWritingTo: log)
        try output.seekToEnd()
        process.standardOutput = output
        process.standardError = output
        try process.run()
        return process
    }

    func startSouk() async throws {
        souk = try Self.start(["serve"], environment: settings, in: folder)
        try await answers(address + "/readyz")
    }

    /// SIGKILL, by pid; returns once the process is gone. Nothing here blocks a thread of the pool.
    func kill() async throws {
        guard let souk else { return }
        Foundation.kill(souk.processIdentifier, SIGKILL)
        try await eventually("the killed process is gone") { !souk.isRunning }
        self.souk = nil
    }

    func stop() {
        for process in [souk, sandboxProcess].compactMap(\.self) { Foundation.kill(process.processIdentifier, SIGKILL) }
        try? FileManager.default.removeItem(at: folder)
    }

    func call(_ method: HTTPRequest.Method, _ url: String, _ body: JSON? = nil) async throws -> (
        status: Int, json: JSON
    ) {
        let response = try await http.execute(
            HTTPRequest(
                method: method, url: url,
                headers: [("Authorization", "Bearer \(RunningSouk.adminKey)"), ("Content-Type", "application/json")],
                body: Array((body?.text ?? "").utf8), timeout: .seconds(60)))
        return (response.status, JSON(String(decoding: response.body, as: UTF8.self)) ?? .null)
    }

    private func answers(_ url: String) async throws {
        try await eventually("\(url) answers") { [http] in
            let response = try? await http.execute(HTTPRequest(method: .get, url: url, timeout: .seconds(2)))
            return response?.status == 200
        }
    }
}

import Glibc
import Logging
import StripeSandbox
import Testing

/// Not a test: with SANDBOX_SERVE_PORT set it serves a sandbox until the process is killed, for Tests/Conformance as
/// long as it is not given a `souk` binary.
@Test("Serves until killed", .enabled(if: getenv("SANDBOX_SERVE_PORT") != nil))
func serveForConformance() async throws {
    let port = try #require(getenv("SANDBOX_SERVE_PORT").flatMap { Int(String(cString: $0)) })
    let folder = getenv("SANDBOX_SERVE_DATA").map { String(cString: $0) }
    var logger = Logger(label: "sandbox")
    logger.logLevel = .warning
    try await Server(
        configuration: SandboxConfiguration(port: port, dataDirectory: folder, seed: 11), logger: logger
    ).run()
}

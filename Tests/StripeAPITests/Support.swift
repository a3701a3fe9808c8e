import FoundationEssentials
package import Domain
import LocalHTTP
import Logging
import StripeAPI
import Synchronization
import Testing
import Transport

/// A file below `Tests/`.
func testFile(_ path: String) throws -> Data {
    let tests = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    return try Data(contentsOf: tests.appending(path: path))
}

func decode<Value: Decodable>(_ type: Value.Type, _ json: String) throws -> Value {
    try JSONDecoder().decode(type, from: Data(json.utf8))
}

func answer(_ status: Int, _ body: String = "", _ headers: [(String, String)] = []) -> StripeAnswer {
    StripeAnswer(status: status, headers: HTTPHeaders(headers), body: Array(body.utf8))
}

/// A client whose back-offs take no time and are written down.
struct ScriptedStripe {
    let server: LocalServer
    let client: StripeClient
    let clock = TestClock()
    let logs = LogRecorder()

    static let key = "sk_test_not_a_secret"

    /// Replies in this order; the last one is repeated.
    init(_ replies: [LocalServer.Reply], maximumRetries: Int = 2, requestsPerSecond: Int? = nil) throws {
        let next = Mutex(0)
        server = try LocalServer { _ in
            next.withLock { index in
                defer { index += 1 }
                return replies[min(index, replies.count - 1)]
            }
        }
        let recorder = logs
        var logger = Logger(label: "test") { _ in recorder }
        logger.logLevel = .trace
        client = StripeClient(
            configuration: .init(
                secretKey: Self.key, baseURL: server.url, retries: RetryPolicy(maximum: maximumRetries),
                requestsPerSecond: requestsPerSecond, time: clock.time),
            http: HTTPClient(), logger: logger)
    }
}

/// Time that passes only by sleeping.
final class TestClock: Sendable {
    private let state = Mutex((now: Duration.zero, sleeps: [Duration]()))

    var sleeps: [Duration] { state.withLock { $0.sleeps } }

    func pass(_ duration: Duration) { state.withLock { $0.now += duration } }

    var time: StripeTime {
        StripeTime(
            now: { [self] in state.withLock { $0.now } },
            sleep: { [self] duration in
                try Task.checkCancellation()
                state.withLock { state in
                    state.now += duration
                    state.sleeps.append(duration)
                }
            })
    }
}

/// Keeps every log line with its metadata as text.
final class LogRecorder: LogHandler, Sendable {
    private let state = Mutex([String]())

    var lines: [String] { state.withLock { $0 } }
    var metadata: Logger.Metadata {
        get { [:] }
        set {}
    }
    var logLevel: Logger.Level {
        get { .trace }
        set {}
    }
    subscript(metadataKey _: String) -> Logger.Metadata.Value? {
        get { nil }
        set {}
    }

    func log(event: LogEvent) {
        let line = "\(event.level) \(event.message) \(event.metadata ?? [:])"
        state.withLock { $0.append(line) }
    }
}

extension StripeID: ExpressibleByStringLiteral {
    package init(stringLiteral value: String) { self.init(value) }
}

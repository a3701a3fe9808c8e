import Hummingbird
package import Logging
import NIOCore
import ServiceLifecycle

/// A stateful Stripe for one machine: the API under `/v1/`, its hosted pages, and its control calls under `/_sandbox/`.
///
/// It binds 127.0.0.1 only, whatever else is configured. `run()` serves until graceful shutdown; nothing has to be
/// saved then, since every answer was written to the state file before it was sent.
package final class Server: Service {
    private let configuration: SandboxConfiguration
    private let logger: Logger
    private let engine: SandboxEngine
    private let deliveries: AsyncStream<String>
    private let bound: AsyncStream<Int>
    private let announceBound: AsyncStream<Int>.Continuation

    /// Reads the state folder; throws when it cannot be read, written or locked.
    package init(configuration: SandboxConfiguration, logger: Logger) throws {
        self.configuration = configuration
        self.logger = logger
        let (deliveries, continuation) = AsyncStream.makeStream(of: String.self)
        self.deliveries = deliveries
        (bound, announceBound) = AsyncStream.makeStream(of: Int.self, bufferingPolicy: .bufferingNewest(1))
        engine = try SandboxEngine(configuration: configuration, deliveries: continuation, logger: logger)
    }

    /// The port that was bound, as soon as it accepts connections; nil when the server ended before. One caller only.
    package func boundPort() async -> Int? {
        for await port in bound { return port }
        return nil
    }

    /// The sandbox's time in milliseconds since 1970, for whoever lives in the same process.
    package func now() async -> Int64 { await engine.now }

    package func run() async throws {
        defer { announceBound.finish() }
        let application = Application(
            responder: SandboxResponder(engine: engine, pages: try Pages()),
            configuration: ApplicationConfiguration(
                address: .hostname("127.0.0.1", port: configuration.port), serverName: "souk-sandbox"),
            services: [
                WebhookCourier(engine: engine, deliveries: deliveries, logger: logger),
                ClockDriver(engine: engine),
            ],
            onServerRunning: { [engine, announceBound] channel in
                let port = channel.localAddress?.port ?? 0
                await engine.listens(at: "http://127.0.0.1:\(port)")
                announceBound.yield(port)
            },
            logger: logger)
        try await application.run()
    }
}

/// Lets what is due happen as time passes, even when nobody asks anything.
struct ClockDriver: Service {
    let engine: SandboxEngine

    func run() async throws {
        try? await cancelWhenGracefulShutdown {
            while true {
                let next = await engine.runDue()
                let pause = next.map { [now = await engine.now] in max(5, min($0 - now, 250)) } ?? 250
                try await Task.sleep(for: .milliseconds(pause))
            }
        }
    }
}

package import Logging
package import ServiceLifecycle
import Testing

/// Runs `body` beside the services that it starts, and then stops these as SIGTERM does, whatever came of it.
///
/// Canceled, an HTTP server would drop connections that it has accepted and not begun with, and for that SwiftNIO ends the
/// whole test process.
package func withServices<Value>(
    logger: Logger, _ body: (_ services: ServiceGroup) async throws -> Value
) async throws -> Value {
    var configuration = ServiceGroupConfiguration(services: [.init(service: UntilShutdown())], logger: logger)
    configuration.maximumGracefulShutdownDuration = .seconds(30)
    let services = ServiceGroup(configuration: configuration)
    return try await withThrowingTaskGroup(of: Void.self) { tasks in
        tasks.addTask { try await services.run() }
        let outcome: Result<Value, any Error>
        do {
            outcome = .success(try await body(services))
        } catch {
            outcome = .failure(error)
        }
        await services.triggerGracefulShutdown()
        do {
            try await tasks.waitForAll()
        } catch {
            // Of two failures this one is probably the cause.
            Issue.record(error, "a service of the test failed")
        }
        return try outcome.get()
    }
}

extension ServiceGroup {
    /// Starts a service beside those that run.
    package func start(_ service: some Service) async {
        await addServiceUnlessShutdown(ServiceGroupConfiguration.ServiceConfiguration(service: service))
    }
}

/// A group without a service would end at once.
private struct UntilShutdown: Service {
    func run() async throws { try await gracefulShutdown() }
}

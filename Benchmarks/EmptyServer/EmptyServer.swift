import Hummingbird

/// The least that answers over HTTP: what the framework alone costs in start-up time and memory.
@main struct EmptyServer {
    static func main() async throws {
        let port = CommandLine.arguments.dropFirst().first.flatMap { Int($0) } ?? 8080
        let router = Router()
        router.get("/readyz") { _, _ in "ready" }
        let application = Application(
            router: router, configuration: .init(address: .hostname("127.0.0.1", port: port)))
        try await application.runService()
    }
}

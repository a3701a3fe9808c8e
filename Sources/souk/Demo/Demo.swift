import App
import ArgumentParser
import Transport

struct Demo: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Runs a week of a marketplace through Souk's API and shows the books; status 1 if anything is wrong.",
        discussion: """
            Needs a running Souk with its Stripe sandbox (scripts/run starts both) and an admin key in SOUK_ADMIN_KEY. \
            It adds sellers, fee policies and orders to that Souk, moves the sandbox's clock by some days, and may be \
            repeated.
            """)

    @Option(help: "Where Souk answers; http://127.0.0.1 with SOUK_PORT, or 8080, unless given.") var url: String?
    @Option(
        name: .customLong("sandbox-url"),
        help: "Where the sandbox answers; http://127.0.0.1 with SOUK_SANDBOX_PORT, or 12111, unless given.")
    var sandboxURL: String?

    func run() async throws {
        try await reporting {
            let environment = ProcessEnvironment.all
            guard let key = environment["SOUK_ADMIN_KEY"], !key.isEmpty else {
                throw DemoError.cannotStart(
                    "SOUK_ADMIN_KEY is not set. Set it to the admin key of the Souk to show; scripts/run prints one.")
            }
            guard !key.hasPrefix("souk_live_") else {
                throw DemoError.cannotStart(
                    "SOUK_ADMIN_KEY is a live key. The demonstration makes up sellers and orders: use a trial Souk.")
            }
            let http = HTTPClient()
            defer { http.shutdown() }
            let market = Marketplace(
                souk: JSONService(
                    name: "Souk", url: url ?? "http://127.0.0.1:\(environment["SOUK_PORT"] ?? "8080")", key: key,
                    http: http),
                sandbox: JSONService(
                    name: "The sandbox",
                    url: sandboxURL ?? "http://127.0.0.1:\(environment["SOUK_SANDBOX_PORT"] ?? "12111")", key: nil,
                    http: http))
            let result = try await DemoRun(market: market, say: show).callAsFunction()
            show("\n" + DemoReport(result).text)
            guard result.checks.failures.isEmpty else { throw ExitCode.failure }
        }
    }
}

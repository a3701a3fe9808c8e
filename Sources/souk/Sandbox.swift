import App
import ArgumentParser
import Logging

struct Sandbox: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Runs the Stripe sandbox alone, on 127.0.0.1 only.",
        discussion: "Point any Stripe client at it: its base address is printed. Control calls are under /_sandbox/.")

    @Option(help: "The port; 0 takes a free one.") var port: Int = 12111
    @Option(name: .customLong("data"), help: "Where its state is kept; without it, in memory only.") var dataDirectory:
        String?
    @Option(help: "Makes ids repeatable.") var seed: UInt64?

    func run() async throws {
        try await reporting {
            try await runSandbox(
                port: port, dataDirectory: dataDirectory, seed: seed, logger: makeLogger(.notice)
            ) { line in show(line) }
        }
    }
}

import App
import ArgumentParser

struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Answers HTTP and works until it is told to stop.")

    @OptionGroup var flags: SettingFlags
    @Flag(help: "Show every setting with its value, secrets only as set or not set, and end.") var printConfig = false

    func run() async throws {
        try await reporting {
            let configuration = try flags.configuration()
            if printConfig { return print(configuration.printed) }
            try await Souk(
                configuration: configuration, resources: try ResourceFolder.find(program: CommandLine.arguments[0]),
                metrics: Souk.collectMetrics(), logger: makeLogger(configuration.logLevel), announce: show
            ).run()
        }
    }
}

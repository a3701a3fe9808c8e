import App
import ArgumentParser
import Logging

struct Keys: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "API keys.", subcommands: [Create.self])

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Makes an API key and prints it; it can never be read again.")

        @OptionGroup var flags: SettingFlags
        @Option(help: "Whose it is.") var name: String
        @Option(help: "What it may do, by comma: admin, sellers:write, orders:write, ledger:read, …") var scopes: String

        func run() async throws {
            try await reporting {
                print(
                    try await createKey(
                        try flags.configuration(), name: name, scopes: scopes, logger: makeLogger(.warning)))
            }
        }
    }
}

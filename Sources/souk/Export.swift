import App
import ArgumentParser
import Logging

struct Export: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Writes the ledger out, every entry once, for other programs and for accountants.",
        discussion: "Days are those of the effective time, in UTC. With --from, opening balances come first.")

    @OptionGroup var flags: SettingFlags
    @Option(help: "csv, jsonl, hledger or beancount.") var format: String
    @Option(help: "The first day, such as 2026-10-01.") var from: String?
    @Option(help: "The last day, itself included.") var to: String?
    @Option(help: "A file, which appears once it is whole; else standard output.") var output: String?

    func run() async throws {
        try await reporting {
            let said = try await exportLedger(
                try flags.configuration(), format: format, from: from, to: to, file: output,
                logger: makeLogger(.warning))
            if let said { print(said) }
        }
    }
}

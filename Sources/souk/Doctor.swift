import App
import ArgumentParser
import Logging

struct Doctor: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract:
            "Checks the books, and that sellers' money stays where it is; ends with status 1 if anything is wrong.")

    @OptionGroup var flags: SettingFlags
    @Flag(help: "Check the books against everything they were made of.") var books = false
    @Flag(help: "Check that Stripe does not pay sellers' money to the platform's bank.") var cash = false
    @Flag(help: "With --cash: have Stripe pay the platform's balance out only when asked.") var repair = false

    func validate() throws {
        guard books || cash else { throw ValidationError("Say what to check: --books, --cash.") }
        guard cash || !repair else { throw ValidationError("Say what to repair: --cash.") }
    }

    func run() async throws {
        try await reporting {
            let configuration = try flags.configuration()
            var reports: [Report] = []
            if books { reports.append(try await checkBooks(configuration, logger: makeLogger(.warning))) }
            if cash {
                reports.append(try await checkCash(configuration, repairing: repair, logger: makeLogger(.warning)))
            }
            print(reports.map(\.text).joined(separator: "\n"))
            if !reports.allSatisfy(\.isSound) { throw ExitCode.failure }
        }
    }
}

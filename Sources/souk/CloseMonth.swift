import App
import ArgumentParser
import Logging

struct CloseMonth: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "close-month",
        abstract: "Closes the books of a month that is over and proven; what becomes known later counts for the next.")

    @OptionGroup var flags: SettingFlags
    @Argument(help: "The month, such as 2026-10. Months before it are closed with it.") var month: String

    func run() async throws {
        try await reporting {
            print(try await closeMonth(try flags.configuration(), month: month, logger: makeLogger(.warning)))
        }
    }
}

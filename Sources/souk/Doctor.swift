import App
import ArgumentParser
import Logging

struct Doctor: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Checks the books against everything they were made of; ends with status 1 if anything is wrong.")

    @OptionGroup var flags: SettingFlags
    @Flag(help: "Check the books (so far the only check).") var books = false

    func validate() throws {
        guard books else { throw ValidationError("Say what to check: --books.") }
    }

    func run() async throws {
        try await reporting {
            let report = try await checkBooks(try flags.configuration(), logger: makeLogger(.warning))
            print(report.text)
            if !report.isSound { throw ExitCode.failure }
        }
    }
}

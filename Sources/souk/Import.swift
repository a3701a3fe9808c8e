import App
import ArgumentParser
import Logging

struct Import: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Opens the books of a platform that has sellers and a history at Stripe already.",
        discussion: """
            Shows what each balance at Stripe held when the day began, and with --write begins the books with it: the \
            connected accounts become sellers, and what Stripe booked before the day is not read. Once, before \
            `souk serve` runs for the first time.
            """)

    @OptionGroup var flags: SettingFlags
    @Option(help: "The first day of the books in UTC, such as 2026-10-01; at least 24 hours ago.") var from: String
    @Option(help: "A file of lines `acct_…,external id`: the accounts that take part. Without it: all of them.")
    var sellers: String?
    @Flag(help: "Write what is shown.") var write = false

    func run() async throws {
        try await reporting {
            print(
                try await importHistory(
                    try flags.configuration(), from: from, sellers: sellers, writing: write,
                    logger: makeLogger(.warning)))
        }
    }
}

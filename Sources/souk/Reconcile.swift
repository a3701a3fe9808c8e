import App
import ArgumentParser
import Logging

struct Reconcile: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Compares the books with Stripe and prints every difference; status 1 if there are any.")

    @OptionGroup var flags: SettingFlags
    @Option(help: "transfers, payouts, balances, clearing, operations or all.") var scope = "all"

    func run() async throws {
        try await reporting {
            let report = try await reconcile(try flags.configuration(), scope: scope, logger: makeLogger(.warning))
            print(report.text)
            if !report.isSound { throw ExitCode.failure }
        }
    }
}

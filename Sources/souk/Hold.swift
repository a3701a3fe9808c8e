import App
import ArgumentParser
import Logging

struct Hold: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract:
            "Holds everything that leaves (transfers, refunds, payouts), in every process at once, or lets it go again.",
        discussion: "Without --all-money-out and --release it shows how it stands.")

    @OptionGroup var flags: SettingFlags
    @Flag(help: "Hold all money out, from now on.") var allMoneyOut = false
    @Flag(help: "Lift the hold: what has waited goes by itself.") var release = false
    @Option(help: "Why, for the audit log and for whoever sees what waits.") var reason: String?

    func validate() throws {
        guard !(allMoneyOut && release) else { throw ValidationError("Say either --all-money-out or --release.") }
        guard !(allMoneyOut || release) || reason != nil else { throw ValidationError("Say why: --reason TEXT.") }
    }

    func run() async throws {
        let change: MoneyOutChange? =
            if let reason, allMoneyOut { .hold(reason) } else if let reason, release { .release(reason) } else { nil }
        try await reporting {
            print(try await holdMoneyOut(try flags.configuration(), change, logger: makeLogger(.warning)))
        }
    }
}

import Domain
import FoundationEssentials
import Ledger
package import Logging
import Postgres
import Settlement
import StripeAPI

/// Shows what the books of a platform with sellers and a history begin with, and opens them if asked to. `day` is their
/// first, in UTC; `file` names the accounts that take part, each with its seller's external id: without it all accounts of
/// the platform do.
/// - Returns: what was found, in words.
/// - Throws: `ConfigurationError` for what cannot be read, `OpeningError` where books cannot be opened.
package func importHistory(
    _ configuration: SoukConfiguration, from day: String, sellers file: String?, writing: Bool, logger: Logger
) async throws -> String {
    let day = try App.day(day)
    let externalIDs = try file.map(SellerFile.read)
    let parts = try Parts.forCommand(configuration, logger: logger)
    defer { parts.postgres.shutDown() }
    let plan = try await PlanOpening(store: parts.store, stripe: parts.stripe)(from: day, externalIDs: externalIDs)
    guard writing else {
        return plan.words + "\n\nNothing was written. The same command with --write opens the books like this."
    }
    try await OpenBooks(store: parts.store, livemode: configuration.livemode)(plan, by: .shell)
    return plan.words + "\n\nThe books are open. Start `souk serve`: it reads what was booked since."
}

extension OpeningPlan {
    fileprivate var words: String {
        var table = TextTable(
            "The books begin on \(day), at 00:00 UTC, with:",
            [
                .text("BALANCE"), .text("SELLER"), .text("CURRENCY"), .number("HELD"), .number("RESERVED"),
                .number("ON ITS WAY"),
            ])
        let sellers = Dictionary(uniqueKeysWithValues: accounts.map { (BalanceOwner.connected($0.id), $0) })
        for balance in balances {
            table.add([
                balance.owner.code, sellers[balance.owner].map { $0.externalID + ($0.isNew ? " (new)" : "") } ?? "",
                balance.currency.code.uppercased(), balance.held.decimal, balance.reserved?.decimal ?? "",
                balance.onItsWay.decimal,
            ])
        }
        if balances.isEmpty { table.add(["no balance holds anything", "", "", "", "", ""]) }
        let new = accounts.count(where: \.isNew)
        let empty = accounts.count { account in !balances.contains { $0.owner == .connected(account.id) } }
        return table.text + """


            Connected accounts: \(accounts.count) (new sellers: \(new), without any money: \(empty)). \
            Booked by Stripe since: \(rowsSince) balance transactions.
            """
    }
}

/// A file that says what the marketplace calls the seller of each account: lines `acct_…,external id`, with or without a
/// heading.
private enum SellerFile {
    static func read(_ path: String) throws -> [StripeAccountID: String] {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw ConfigurationError("\(path) cannot be read.")
        }
        return try parse(String(decoding: data, as: UTF8.self), name: path)
    }

    private static func parse(_ text: String, name: String) throws -> [StripeAccountID: String] {
        var externalIDs: [StripeAccountID: String] = [:]
        var taken: Set<String> = []
        for (index, line) in text.split(whereSeparator: \.isNewline).enumerated() {
            let cells = line.split(separator: ",", maxSplits: 1, omittingEmptySubsequences: false)
                .map { $0.trimmingPrefix(while: \.isWhitespace).trimmedEnd }
            if index == 0, cells.first == "stripe_account" { continue }
            guard cells.count == 2, cells[0].hasPrefix("acct_"), !cells[1].isEmpty else {
                throw ConfigurationError(
                    "\(name) has a line that is not `acct_…,external id`: '\(line.prefix(100))'.")
            }
            let account = StripeAccountID(cells[0])
            guard externalIDs[account] == nil else {
                throw ConfigurationError("\(name) names \(account) twice.")
            }
            guard taken.insert(cells[1]).inserted else {
                throw ConfigurationError("\(name) gives two accounts the external id '\(cells[1])'.")
            }
            externalIDs[account] = cells[1]
        }
        guard !externalIDs.isEmpty else { throw ConfigurationError("\(name) names no account.") }
        return externalIDs
    }
}

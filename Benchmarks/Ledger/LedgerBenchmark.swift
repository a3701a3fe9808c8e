import Domain
import Glibc
import Ledger
import Logging
import Postgres
import Store

/// Posts transfers from one hot platform account to many sellers' accounts the way the balance feed does: a page of
/// entries a transaction, through the store and its posting statement. Prints how many entries it posted a second.
/// Usage: `LedgerBenchmark WRITERS ENTRIES-A-TRANSACTION SECONDS SELLERS`.
@main struct LedgerBenchmark {
    private struct Unusable: Error { let description: String }

    private struct MachineClock: BusinessClock {
        func now() async throws -> Timestamp { WallClock.now() }
    }

    static func main() async throws {
        let numbers = CommandLine.arguments.dropFirst().compactMap { Int($0) }
        guard numbers.count == 4, let address = getenv("DATABASE_URL") else {
            throw Unusable(description: "four numbers and DATABASE_URL are wanted")
        }
        let (writers, batch, seconds) = (numbers[0], numbers[1], numbers[2])
        let postgres = try PostgresClient(
            configuration: PostgresConfiguration(
                connectionString: String(cString: address), applicationName: "souk-benchmark",
                maximumConnections: writers),
            logger: Logger(label: "benchmark"))
        defer { postgres.shutDown() }
        let store = Store(postgres: postgres, clock: MachineClock())
        let sellers = (0..<numbers[3]).map { _ in ID<Seller>.make() }
        let run = UInt32.random(in: 0 ... .max)
        let clock = ContinuousClock()
        let began = clock.now
        let posted = try await withThrowingTaskGroup(of: Int.self) { group in
            for writer in 0..<writers {
                group.addTask {
                    var posted = 0
                    while clock.now < began + .seconds(seconds) {
                        let entries = try (0..<batch).map { place in
                            try entry("transfer:bench:\(run):\(writer):\(posted + place)", sellers)
                        }
                        let new = try await store.transaction { try await $0.append(entries) }
                        guard new.count == batch else { throw Unusable(description: "an entry was not posted") }
                        posted += batch
                    }
                    return posted
                }
            }
            var total = 0
            for try await posted in group { total += posted }
            return total
        }
        print(Int(Double(posted) / ((clock.now - began) / .seconds(1))), posted)
    }

    private static func entry(_ cause: String, _ sellers: [ID<Seller>]) throws -> JournalEntry {
        guard let seller = sellers.randomElement() else { throw Unusable(description: "no sellers") }
        let amount = Money(Int64.random(in: 1...10_000), .usd)
        return try JournalEntry(
            cause: Cause(rawValue: cause), effectiveAt: WallClock.now(),
            dimensions: Dimensions(owner: .platform, seller: seller),
            postings: Posting.debit(.sellerPayable(seller), amount)
                + Posting.credit(.stripeBalance(.platform), amount))
    }
}

package import Domain
package import Postgres
import Store

/// Business time in production: the database's, so that every process has the same. Read again every few seconds and
/// carried forward by this machine's own clock in between.
package actor DatabaseClock: BusinessClock {
    private static let goodFor: Duration = .seconds(5)

    private let postgres: PostgresClient
    private var reading: (time: Timestamp, taken: ContinuousClock.Instant)?

    package init(postgres: PostgresClient) { self.postgres = postgres }

    /// - Throws: `StoreUnavailable` when the database does not tell.
    package func now() async throws -> Timestamp {
        if let reading {
            let age = ContinuousClock.now - reading.taken
            if age < Self.goodFor { return reading.time.advanced(by: age) }
        }
        let taken = ContinuousClock.now
        let rows = try await StoreUnavailable.translating { [postgres] in
            try await postgres.query("SELECT clock_timestamp() AS now")
        }
        guard let row = rows.first else { throw StoreUnavailable(reason: "it did not tell the time") }
        let time: Timestamp = try row.get("now")
        reading = (time, taken)
        return time.advanced(by: ContinuousClock.now - taken)
    }
}

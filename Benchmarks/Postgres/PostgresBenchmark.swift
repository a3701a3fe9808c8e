import Glibc
import Logging
import Postgres

/// Indexed reads of pgbench's accounts, one or several at a time on each connection, for some seconds; prints the rate
/// and the processor time of one. Usage: `PostgresBenchmark CONNECTIONS STATEMENTS-A-ROUND-TRIP SECONDS ACCOUNTS`.
@main struct PostgresBenchmark {
    private struct Unusable: Error { let description: String }

    static func main() async throws {
        let numbers = CommandLine.arguments.dropFirst().compactMap { Int($0) }
        guard numbers.count == 4, let address = getenv("DATABASE_URL") else {
            throw Unusable(description: "four numbers and DATABASE_URL are wanted")
        }
        let (connections, statements, seconds, accounts) = (numbers[0], numbers[1], numbers[2], Int32(numbers[3]))
        let postgres = try PostgresClient(
            configuration: PostgresConfiguration(
                connectionString: String(cString: address), applicationName: "souk-benchmark",
                maximumConnections: connections),
            logger: Logger(label: "benchmark"))
        defer { postgres.shutDown() }
        // Connections are opened and statements prepared before the clock starts, as pgbench reports it.
        let gate = Gate(count: connections)
        let clock = ContinuousClock()
        let total = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<connections {
                group.addTask {
                    try await postgres.withConnection { connection in
                        var random = Xorshift(state: .random(in: 1 ... .max))
                        _ = try await read(connection, statements, of: accounts, &random)
                        let end = await gate.opened() + .seconds(seconds)
                        var rows = 0
                        while clock.now < end {
                            rows += try await read(connection, statements, of: accounts, &random)
                        }
                        return rows
                    }
                }
            }
            var total = 0
            for try await rows in group { total += rows }
            return total
        }
        let (began, processorBefore) = await gate.start
        let nanoseconds = (clock.now - began) / .nanoseconds(1)
        let processor = processorMicroseconds() - processorBefore
        print(Int(Double(total) / nanoseconds * 1e9), Double(processor) / Double(max(1, total)))
    }

    /// Every answer must have its one row; only those are counted.
    private static func read(
        _ connection: PostgresConnection, _ statements: Int, of accounts: Int32, _ random: inout Xorshift
    ) async throws -> Int {
        func query() -> PostgresQuery {
            "SELECT abalance FROM pgbench_accounts WHERE aid = \(Int32.random(in: 1...accounts, using: &random))"
        }
        if statements == 1 {
            let rows = try await connection.query(query())
            guard rows.count == 1, try rows[0].get(0, as: Int32.self) == 0 else {
                throw Unusable(description: "not the row that was asked for")
            }
            return 1
        }
        let answers = try await connection.pipeline((0..<statements).map { _ in query() })
        guard answers.count == statements, answers.allSatisfy({ $0.count == 1 }) else {
            throw Unusable(description: "not the rows that were asked for")
        }
        return statements
    }

    static func processorMicroseconds() -> Int {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return [usage.ru_utime, usage.ru_stime].reduce(0) { $0 + $1.tv_sec * 1_000_000 + Int($1.tv_usec) }
    }
}

/// pgbench draws its numbers in the process too; the system's generator would be a system call for each.
private struct Xorshift: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state
    }
}

/// Opens when everybody is there.
private actor Gate {
    private let count: Int
    private var arrived: [CheckedContinuation<Void, Never>] = []
    private(set) var start = (ContinuousClock.now, 0)

    init(count: Int) { self.count = count }

    /// - Returns: when it opened.
    func opened() async -> ContinuousClock.Instant {
        if arrived.count + 1 == count {
            start = (.now, PostgresBenchmark.processorMicroseconds())
            for continuation in arrived { continuation.resume() }
        } else {
            await withCheckedContinuation { arrived.append($0) }
        }
        return start.0
    }
}

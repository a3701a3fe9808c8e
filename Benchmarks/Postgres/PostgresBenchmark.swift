import Postgres
import Synchronization
import TestSupport

/// Souk's PostgreSQL client beside pgbench on one cluster, runs alternating: one indexed read at a time on each of 32
/// connections, and the same in pipelines. `SOUK_BENCHMARKS=1 swift run -c release PostgresBenchmark [seconds]`.
@main struct PostgresBenchmark {
    private static let connections = 32
    private static let accounts = 1_000_000
    private static let pipelineLength = 16
    private static let runs = 5

    static func main() async throws {
        let seconds = CommandLine.arguments.dropFirst().first.flatMap { Int($0) } ?? 5
        var options = TestCluster.Options()
        options.fsync = true
        options.settings = ["shared_buffers": "256MB"]
        let cluster = try await TestCluster(options)
        let address = ["-h", cluster.folder, "-U", "souk"]
        try await cluster.run("pgbench", address + ["-i", "-q", "-s", "10", "postgres"])
        let version = try await cluster.run("pgbench", ["--version"])
        print(version, terminator: "")

        let plain =
            address + ["-n", "-S", "-M", "prepared", "-j", "2", "-c", "\(connections)", "-T", "\(seconds)", "postgres"]
        print("peer: pgbench \(plain.joined(separator: " "))")
        try await compare(cluster, seconds, peer: plain, statements: 1)

        let script = "\(cluster.folder)/pipeline.sql"
        let line = "\\set aid random(1, \(accounts))\nSELECT abalance FROM pgbench_accounts WHERE aid = :aid;\n"
        let text = "\\startpipeline\n" + String(repeating: line, count: pipelineLength) + "\\endpipeline\n"
        try await Subprocess.run("/usr/bin/tee", [script], input: text)
        let piped =
            address + [
                "-n", "-f", script, "-M", "prepared", "-j", "2", "-c", "\(connections)", "-T", "\(seconds)", "postgres",
            ]
        print("peer: pgbench \(piped.joined(separator: " "))  (\(pipelineLength) statements a pipeline)")
        try await compare(cluster, seconds, peer: piped, statements: pipelineLength)
        try await cluster.remove()
    }

    private static func compare(
        _ cluster: TestCluster, _ seconds: Int, peer: [String], statements: Int
    ) async throws {
        var theirs: [Double] = []
        var ours: [Double] = []
        for run in 1...runs {
            theirs.append(try await rate(ofPeer: cluster.run("pgbench", peer)) * Double(statements))
            ours.append(try await rateOfOurs(cluster, seconds, statements))
            print("run \(run): pgbench \(Int(theirs[run - 1])), souk \(Int(ours[run - 1])) statements/s")
        }
        let (their, our) = (theirs.sorted()[runs / 2], ours.sorted()[runs / 2])
        let ratio = (our / their * 100).rounded() / 100
        print(
            "median, \(statements) in flight on each of \(connections): pgbench \(Int(their)), souk \(Int(our)), ratio \(ratio)"
        )
    }

    private struct NoRate: Error { let output: String }

    private static func rate(ofPeer output: String) throws -> Double {
        guard let line = output.split(separator: "\n").first(where: { $0.hasPrefix("tps = ") }),
            let rate = line.split(separator: " ").dropFirst(2).first.flatMap({ Double($0) })
        else { throw NoRate(output: output) }
        return rate
    }

    private struct MissingRows: Error {}

    private final class Progress: Sendable {
        private let state = Mutex((ready: 0, beginning: ContinuousClock.Instant?.none))

        var beginning: ContinuousClock.Instant? { state.withLock { $0.beginning } }

        func addReady() -> Int {
            state.withLock { state in
                state.ready += 1
                return state.ready
            }
        }

        func begin(at instant: ContinuousClock.Instant) { state.withLock { $0.beginning = instant } }
    }

    /// Every answer must have its one row; only those are counted.
    private static func rateOfOurs(_ cluster: TestCluster, _ seconds: Int, _ statements: Int) async throws -> Double {
        var configuration = cluster.configuration()
        configuration.maximumConnections = connections
        let postgres = try PostgresClient(configuration: configuration, logger: TestDatabase.logger)
        defer { postgres.shutDown() }
        let clock = ContinuousClock()
        // Connections are opened before the clock starts, as pgbench does ("without initial connection time").
        let opened = Signal("all connections are open")
        let progress = Progress()
        let total = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<connections {
                group.addTask {
                    try await postgres.withConnection { connection in
                        _ = try await read(connection, statements)
                        if progress.addReady() == connections {
                            progress.begin(at: clock.now)
                            await opened.raise()
                        }
                        try await opened.wait()
                        let end = clock.now + .seconds(seconds)
                        var rows = 0
                        while clock.now < end { rows += try await read(connection, statements) }
                        return rows
                    }
                }
            }
            return try await group.reduce(0, +)
        }
        guard let begin = progress.beginning else { throw MissingRows() }
        let took = begin.duration(to: clock.now)
        let (whole, atto) = took.components
        return Double(total) / (Double(whole) + Double(atto) / 1e18)
    }

    private static func read(_ connection: PostgresConnection, _ statements: Int) async throws -> Int {
        func query() -> PostgresQuery {
            "SELECT abalance FROM pgbench_accounts WHERE aid = \(Int32.random(in: 1...Int32(accounts)))"
        }
        if statements == 1 {
            let rows = try await connection.query(query())
            guard rows.count == 1, try rows[0].get(0, as: Int32.self) == 0 else { throw MissingRows() }
            return 1
        }
        let answers = try await connection.pipeline((0..<statements).map { _ in query() })
        guard answers.count == statements, answers.allSatisfy({ $0.count == 1 }) else { throw MissingRows() }
        return statements
    }
}

import Foundation
import Postgres
import TestSupport
import Testing

/// Each test has a cluster of its own, which it maltreats.
@Suite(.serialized, .timeLimit(.minutes(3))) struct OutageTests {
    private func client(
        _ connectionString: String, _ adjust: (inout PostgresConfiguration) -> Void = { _ in }
    ) throws -> PostgresClient {
        var configuration = PostgresConfiguration(connectionString: connectionString, applicationName: "souk-tests")
        adjust(&configuration)
        return try PostgresClient(configuration: configuration, logger: TestDatabase.logger)
    }

    private var threadCount: Int {
        (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/task").count) ?? 0
    }

    /// The threads of the module itself: one for the sockets, at most four to connect and two to cancel.
    private var ownThreadCount: Int {
        let tasks = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/task")) ?? []
        return tasks.filter { task in
            let name = try? String(contentsOfFile: "/proc/self/task/\(task)/comm", encoding: .utf8)
            return name?.hasPrefix("souk-p") ?? false
        }.count
    }

    @Test("a server that hangs: 100 waiting requests cost no thread, other tasks go on, and all get their answer")
    func hangingServer() async throws {
        let cluster = try await TestCluster()
        let postgres = try client(cluster.connectionString()) { $0.maximumConnections = 20 }
        defer { postgres.shutDown() }
        // Every connection is open beforehand: what is counted are threads of waiting requests.
        let allOpen = Signal("20 connections are in use")
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<20 { group.addTask { try await postgres.withConnection { _ in try await allOpen.wait() } } }
            try await eventually("20 connections are open") { postgres.statistics.open == 20 }
            await allOpen.raise()
            try await group.waitForAll()
        }
        let before = threadCount
        try cluster.signalAll(SIGSTOP)
        let answers = Tally()
        let requests = (0..<100).map { n in
            Task {
                let answer: Int = try await postgres.query("SELECT \(n) AS n")[0].get("n")
                answers.add()
                return answer
            }
        }
        try await eventually("80 wait for one of 20 connections") { postgres.statistics.waiting == 80 }
        let sums = await withTaskGroup(of: Int.self) { group in
            for start in 0..<200 { group.addTask { (start..<(start + 1000)).reduce(0, +) } }
            return await group.reduce(0, +)
        }
        #expect(sums == (0..<200).reduce(0) { $0 + ($1..<($1 + 1000)).reduce(0, +) })
        #expect(answers.value == 0)
        // Other suites run meanwhile and may start the few helper threads; a thread for each request is 100.
        #expect(threadCount <= before + 4, "\(before) threads before, \(threadCount) with 100 waiting requests")
        #expect(ownThreadCount <= 7)
        try cluster.signalAll(SIGCONT)
        for (n, request) in requests.enumerated() { #expect(try await request.value == n) }
        try await cluster.remove()
    }

    @Test("a hanging server is given up after the statement time-out, and found again when it answers")
    func hangTimesOut() async throws {
        let cluster = try await TestCluster()
        let postgres = try client(cluster.connectionString()) {
            $0.statementTimeout = .milliseconds(300)
            $0.connectTimeout = .milliseconds(300)
            $0.acquireTimeout = .seconds(1)
        }
        defer { postgres.shutDown() }
        try await postgres.execute("SELECT 1")
        try cluster.signalAll(SIGSTOP)
        let error = try await #require(throws: PostgresError.self) { try await postgres.execute("SELECT 2") }
        #expect(error == .timeout(after: .milliseconds(300), mayHaveCommitted: true))
        let second = try await #require(throws: PostgresError.self) { try await postgres.execute("SELECT 3") }
        #expect(second.isUnavailable)
        try cluster.signalAll(SIGCONT)
        try await eventually("it answers again") { (try? await postgres.execute("SELECT 4")) != nil }
        try await cluster.remove()
    }

    @Test("stopped with -m immediate under load: what was answered is there, errors come at once, the pool recovers")
    func immediateStop() async throws {
        let cluster = try await TestCluster()
        let postgres = try client(cluster.connectionString()) { $0.maximumConnections = 8 }
        defer { postgres.shutDown() }
        try await postgres.execute("CREATE TABLE things (n bigint PRIMARY KEY)")
        let stored = StoredNumbers()
        let isStopping = Flag()
        let load = Task {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for worker in 0..<16 {
                    group.addTask {
                        var n = worker
                        while !isStopping.isRaised {
                            n += 16
                            let number = n
                            do {
                                try await postgres.transaction {
                                    try await $0.execute("INSERT INTO things VALUES (\(number))")
                                }
                                stored.append(number)
                            } catch let error as PostgresError {
                                guard error.isUnavailable else { throw error }
                                await Task.yield()
                            }
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
        for round in 1...3 {
            try await eventually("rows of round \(round)") { stored.count > round * 200 }
            try await cluster.stop(.immediate)
            let clock = ContinuousClock()
            let took = await clock.measure {
                await #expect(throws: PostgresError.self) { try await postgres.query("SELECT 1") }
            }
            #expect(took < .seconds(1))
            try await cluster.start()
            let count = stored.count
            try await eventually("rows after the restart") { stored.count > count }
        }
        isStopping.raise()
        try await load.value
        let missing = try await postgres.query(
            "SELECT n FROM unnest(\(stored.values)) AS n EXCEPT SELECT n FROM things")
        #expect(missing.isEmpty)
        try await cluster.remove()
    }

    @Test("a commit that the standby did not confirm is not durable, in a transaction and alone")
    func notDurable() async throws {
        var options = TestCluster.Options()
        options.settings = ["synchronous_standby_names": "nobody"]
        let cluster = try await TestCluster(options)
        let postgres = try client(cluster.connectionString())
        // Only this one does not wait for the standby that never comes.
        let admin = try client(cluster.connectionString() + " options='-c synchronous_commit=local'")
        defer {
            postgres.shutDown()
            admin.shutDown()
        }
        try await admin.execute("CREATE TABLE things (n bigint)")
        func interrupt(_ work: Task<Void, any Error>) async throws -> PostgresError {
            try await eventually("the commit waits") {
                try await admin.query(
                    """
                    SELECT count(pg_cancel_backend(pid)) > 0 FROM pg_stat_activity
                    WHERE wait_event = 'SyncRep'
                    """)[0].get(0)
            }
            return try await #require(throws: PostgresError.self) { try await work.value }
        }
        let inTransaction = try await interrupt(
            Task { try await postgres.transaction { _ = try await $0.execute("INSERT INTO things VALUES (1)") } })
        guard case .notDurable(let warning) = inTransaction else { throw inTransaction }
        #expect(warning.severity == "WARNING")
        let alone = try await interrupt(Task { try await postgres.execute("INSERT INTO things VALUES (2)") })
        guard case .notDurable = alone else { throw alone }
        let piped = try await interrupt(
            Task { try await postgres.pipeline(["INSERT INTO things VALUES (3)", "INSERT INTO things VALUES (4)"]) })
        guard case .notDurable = piped else { throw piped }
        // A warning that a statement itself raises is no reason to doubt it.
        try await admin.execute("DO $$ BEGIN RAISE WARNING 'only words'; END $$")
        try await cluster.remove()
    }

    @Test("two hosts: a promoted standby takes over under load, and no acknowledged row is lost")
    func failover() async throws {
        let primary = try await TestCluster()
        var options = TestCluster.Options()
        options.standbyOf = primary
        let standby = try await TestCluster(options)
        let setUp = try client(primary.connectionString())
        try await setUp.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
        try await setUp.execute("SELECT pg_reload_conf()")
        try await eventually("the standby is synchronous") {
            try await setUp.query("SELECT count(*) = 1 FROM pg_stat_replication WHERE sync_state = 'sync'")[0].get(0)
        }
        try await setUp.execute("CREATE TABLE things (n bigint PRIMARY KEY)")
        setUp.shutDown()

        let postgres = try client("host=\(standby.folder),\(primary.folder) user=souk dbname=postgres") {
            $0.maximumConnections = 8
            $0.connectTimeout = .seconds(1)
        }
        defer { postgres.shutDown() }
        #expect(try await postgres.query("SELECT pg_is_in_recovery()")[0].get(0) == false)
        let stored = StoredNumbers()
        let isStopping = Flag()
        let load = Task {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for worker in 0..<8 {
                    group.addTask {
                        var n = worker
                        while !isStopping.isRaised {
                            n += 8
                            let number = n
                            do {
                                try await postgres.transaction {
                                    try await $0.execute("INSERT INTO things VALUES (\(number))")
                                }
                                stored.append(number)
                            } catch let error as PostgresError {
                                guard error.isUnavailable || error.state == .readOnlyTransaction else { throw error }
                                await Task.yield()
                            }
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
        try await eventually("rows on the primary") { stored.count > 300 }
        try await primary.stop(.immediate)
        let count = stored.count
        let clock = ContinuousClock()
        let start = clock.now
        try await standby.promote()
        try await eventually("rows on the promoted standby") { stored.count > count }
        let took = start.duration(to: clock.now)
        isStopping.raise()
        try await load.value
        let missing = try await postgres.query(
            "SELECT n FROM unnest(\(stored.values)) AS n EXCEPT SELECT n FROM things")
        #expect(missing.isEmpty)
        FileHandle.standardError.write(Data("failover: writes again \(took) after the promotion began\n".utf8))
        try await standby.remove()
        try await primary.remove()
    }
}

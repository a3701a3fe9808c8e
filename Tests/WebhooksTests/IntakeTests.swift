import Domain
import Postgres
import Store
import StripeAPI
import TestSupport
import Testing
import Transport
import Webhooks

@Suite(.database, .serialized) struct IntakeTests {
    @Test("each address accepts each of its own secrets, and no other's")
    func secrets() async throws {
        let world = InboxWorld()
        try await world.receiving { (delivery) async throws in
            #expect(try await delivery.post(event("evt_1"), secret: platformSecret).status == 200)
            #expect(try await delivery.post(event("evt_2"), secret: rolledSecret).status == 200)
            #expect(try await delivery.post(event("evt_3"), secret: connectSecret).status == 400)
            let connect = "/webhooks/stripe/connect"
            #expect(try await delivery.post(event("evt_4"), secret: connectSecret, path: connect).status == 200)
            #expect(try await delivery.post(event("evt_5"), secret: platformSecret, path: connect).status == 400)
        }
        #expect(try await world.count("inbox_events") == 3)
        #expect(try await world.count("inbox_events", where: "endpoint = 'connect'") == 1)
    }

    @Test("what is not signed as it must be is refused with 400 and leaves nothing")
    func badSignatures() async throws {
        let world = InboxWorld()
        let body = event("evt_1")
        let now = WallClock.now()
        let good = WebhookSignature.sign(body: body, secret: platformSecret, at: now)
        try await world.receiving { (delivery) async throws in
            let refused = [
                try await delivery.post(body, header: ""),
                try await delivery.post(body, header: "t=,v1="),
                try await delivery.post(body, header: String(good.dropLast()) + (good.hasSuffix("0") ? "1" : "0")),
                try await delivery.post(body, header: good.replacing("v1=", with: "v0=")),
                try await delivery.post(body + [0x20], header: good),
                try await delivery.post(body, at: now.advanced(by: .seconds(-310))),
                try await delivery.post(body, at: now.advanced(by: .seconds(900))),
                try await delivery.post(body, secret: "whsec_other"),
            ]
            for answer in refused {
                #expect(answer.status == 400)
                #expect(String(decoding: answer.body, as: UTF8.self).contains("webhook_signature_invalid"))
            }
            let almostTooOld = WallClock.now().advanced(by: .seconds(-240))
            #expect(try await delivery.post(body, at: almostTooOld).status == 200)
        }
        #expect(try await world.count("inbox_event_ids") == 1)
    }

    @Test("more than a mebibyte is 413, what is no event 400")
    func badBodies() async throws {
        let world = InboxWorld()
        try await world.receiving { (delivery) async throws in
            let padding = String(repeating: "x", count: 1 << 20)
            let large = event("evt_large", more: #","description":"\#(padding)""#)
            #expect(try await delivery.post(large).status == 413)
            #expect(try await delivery.post(Array("[]".utf8)).status == 400)
            #expect(try await delivery.post([]).status == 400)
            let fits = event("evt_fits", more: #","description":"\#(padding.dropLast(2000))""#)
            #expect(try await delivery.post(fits).status == 200)
        }
        #expect(try await world.count("inbox_events") == 1)
    }

    @Test("the raw bytes are kept, byte for byte")
    func rawBytes() async throws {
        let world = InboxWorld()
        let body = event("evt_1", key: "souk_opn_1_1", more: #","note":"  caf\u00e9   é ""#)
        try await world.receiving { _ = try await $0.post(body) }
        #expect(try await world.inbox.load("evt_1")?.body == body)
        #expect(try await world.inbox.event(causedBy: "souk_opn_1_1")?.id == "evt_1")
        #expect(try await world.inbox.event(causedBy: "souk_opn_1_2") == nil)
    }

    @Test("the same event a hundred times at once is stored once, and each delivery is answered 200")
    func duplicates() async throws {
        let world = InboxWorld()
        try await world.receiving { (delivery) async throws in
            let statuses = try await inParallel(100) { _ in try await delivery.post(event("evt_1")).status }
            #expect(statuses.allSatisfy { $0 == 200 })
        }
        #expect(try await world.count("inbox_events") == 1)
        #expect(try await world.count("inbox_event_ids", where: "deliveries = 1") == 0)
    }

    @Test("events of the other mode and of unknown types are kept, answered 200 and never handled")
    func kept() async throws {
        let world = InboxWorld()
        try await world.receiving { (delivery) async throws in
            #expect(try await delivery.post(event("evt_live", livemode: true)).status == 200)
            #expect(try await delivery.post(event("evt_odd", type: "radar.review")).status == 200)
            #expect(try await delivery.post(event("evt_wrong_side", type: "account.updated")).status == 200)
        }
        #expect(try await world.state("evt_live") == "wrong_mode")
        #expect(try await world.state("evt_odd") == "unhandled")
        #expect(try await world.state("evt_wrong_side") == "unhandled")
        #expect(try await world.inbox.isIdle())
    }

    @Test("requests that wait together share a commit")
    func sharedCommit() async throws {
        let database = TestDatabase.current
        let count = 2000
        let before = try await commits(database)
        // A client of its own: a session tells its commits when it ends.
        let client = try database.makeClient { $0.maximumConnections = 4 }
        let world = InboxWorld(Store(postgres: client, clock: TestClock()))
        try await world.receiving { (delivery) async throws in
            let statuses = try await inParallel(64) { lane in
                var all: [Int] = []
                for number in 0..<(count / 64 + 1) {
                    all.append(try await delivery.post(event("evt_\(lane)_\(number)")).status)
                }
                return all
            }
            #expect(statuses.flatMap(\.self).allSatisfy { $0 == 200 })
        }
        let stored = try await world.count("inbox_events")
        client.shutDown()
        try await eventually("the sessions have ended") {
            let rows = try await database.postgres.query(
                "SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database()")
            return try rows[0].get("n", as: Int64.self) <= 8
        }
        try await eventually("their commits are counted") { try await commits(database) > before + 20 }
        let made = try await commits(database) - before
        print("shared commit: \(stored) events, \(made) commits")
        #expect(stored == Int64(64 * (count / 64 + 1)))
        #expect(made < stored / 2)
    }

    private func commits(_ database: TestDatabase) async throws -> Int64 {
        let rows = try await database.postgres.query(
            "SELECT xact_commit AS n FROM pg_stat_database WHERE datname = current_database()")
        return try rows[0].get("n")
    }

    @Test("a row that PostgreSQL refuses takes none of its neighbours down")
    func poisonRow() async throws {
        let world = InboxWorld()
        _ = try await world.store.postgres.execute(
            """
            ALTER TABLE inbox_events ADD CONSTRAINT no_poison CHECK (object_id IS DISTINCT FROM 'ch_poison')
            """)
        try await world.receiving { (delivery) async throws in
            let statuses = try await inParallel(64) { number in
                let object = number == 17 ? "ch_poison" : "ch_\(number)"
                return try await delivery.post(event("evt_\(number)", object: object)).status
            }
            for (number, status) in statuses.enumerated() {
                #expect(status == (number == 17 ? 500 : 200), "event \(number)")
            }
        }
        #expect(try await world.count("inbox_events") == 63)
        #expect(try await world.count("inbox_event_ids") == 63)
    }

    @Test("with PostgreSQL away nothing is acknowledged: 503 with Retry-After")
    func away() async throws {
        let cluster = try await TestCluster()
        let client = try PostgresClient(configuration: cluster.configuration(), logger: quiet)
        try await Migrator(client: client, folder: Repository.root + "/Migrations").migrate()
        let world = InboxWorld(Store(postgres: client, clock: TestClock()))
        try await world.receiving { (delivery) async throws in
            #expect(try await delivery.post(event("evt_1")).status == 200)
            try await cluster.stop(.immediate)
            let refused = try await delivery.post(event("evt_2"))
            #expect(refused.status == 503)
            #expect(refused.headers["Retry-After"] != nil)
            try await cluster.start()
            try await eventually("it is back") { try await delivery.post(event("evt_2")).status == 200 }
        }
        #expect(try await world.count("inbox_events") == 2)
        client.shutDown()
        try await cluster.remove()
    }
}

/// Runs the body with 0, 1, … at the same time and gives the results in that order.
func inParallel<Value: Sendable>(
    _ count: Int, _ body: @escaping @Sendable (Int) async throws -> Value
) async throws -> [Value] {
    try await withThrowingTaskGroup(of: (Int, Value).self) { group in
        for number in 0..<count { group.addTask { (number, try await body(number)) } }
        var results: [Int: Value] = [:]
        for try await (number, value) in group { results[number] = value }
        return (0..<count).compactMap { results[$0] }
    }
}

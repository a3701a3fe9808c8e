import Domain
import Foundation
import Postgres
import StripeAPI
import Synchronization
import TestSupport
import Testing
import Transport

extension CrashTests {
    /// What the real program depends on dies, hangs or says what nobody can apply, and two of it run at once.
    @Suite struct Outages {
        @Test(
            "PostgreSQL is stopped at once, three times under load: what was answered 200 is there, calls are finished")
        func databaseStopped() async throws {
            let (cluster, client) = try await Self.ownCluster()
            defer { client.shutDown() }
            try await SoukBesideSandbox.with(database: cluster.connectionString(), postgres: client) { world in
                try await world.faults([["match": "POST /v1/*", "kind": "delay", "milliseconds": 30]])
                let tally = Shared((acknowledged: Set<String>(), refused: 0, sellers: [JSON](), isStopped: false))
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for lane in 0..<12 {
                        group.addTask {
                            var number = 0
                            while !tally.value.withLock({ $0.isStopped }) {
                                number += 1
                                let id = "evt_\(lane)_\(number)"
                                let status = try? await world.deliver(
                                    .event(id, "charge.updated", "ch_\(lane)", "charge"))
                                tally.value.withLock {
                                    if status == 200 { $0.acknowledged.insert(id) } else { $0.refused += 1 }
                                }
                                // As Stripe would: later, not at once.
                                if status != 200 { try await Task.sleep(for: .milliseconds(20)) }
                            }
                        }
                    }
                    for lane in 0..<3 {
                        group.addTask {
                            var number = 0
                            while !tally.value.withLock({ $0.isStopped }) {
                                number += 1
                                let body = JSON.seller("shop-\(lane)-\(number)")
                                let answer = try? await world.souk.call("POST", "/v1/sellers", body)
                                tally.value.withLock { $0.sellers.append(body) }
                                if answer?.status != 201 { try await Task.sleep(for: .milliseconds(50)) }
                            }
                        }
                    }
                    var underWay: [Int] = []
                    for round in 1...3 {
                        let before = tally.value.withLock { $0.acknowledged.count }
                        try await eventually("round \(round): events are acknowledged, an operation is under way") {
                            guard tally.value.withLock({ $0.acknowledged.count }) > before + 100 else { return false }
                            let count = try await world.count("SELECT FROM stripe_operations WHERE state = 'sent'")
                            if count > 0 { underWay.append(count) }
                            return count > 0
                        }
                        let refused = tally.value.withLock { $0.refused }
                        try await cluster.stop(.immediate)
                        try await eventually("the loss is noticed") { tally.value.withLock { $0.refused } > refused }
                        try await cluster.start()
                    }
                    let before = tally.value.withLock { $0.acknowledged.count }
                    try await eventually("it goes on") { tally.value.withLock { $0.acknowledged.count } > before + 100 }
                    tally.value.withLock { $0.isStopped = true }
                    try await group.waitForAll()
                    print("PostgreSQL stopped with \(underWay) operations sent")
                }
                let (acknowledged, refused, sellers) = tally.value.withLock {
                    ($0.acknowledged, $0.refused, $0.sellers)
                }
                let there = try await world.count(
                    "SELECT FROM inbox_event_ids JOIN inbox_events USING (event_id) WHERE event_id = ANY (\(Array(acknowledged)))"
                )
                print(
                    "\(acknowledged.count) events acknowledged, \(refused) refused, \(acknowledged.count - there) missing"
                )
                #expect(there == acknowledged.count)
                try await world.faults([])
                // Some operations keep the lease that nobody could give back: its time is not waited for.
                try await world.endLeases()
                for seller in sellers {
                    let answer = try await world.souk.call("POST", "/v1/sellers", seller)
                    #expect((200...201).contains(answer.status), "\(answer)")
                }
                try await eventually("every operation has ended", atMost: .seconds(60)) {
                    try await world.count("SELECT FROM stripe_operations WHERE state <> 'succeeded'") == 0
                }
                try await world.expectOneObjectEach()
                try await world.souk.settle()
                try await world.souk.expectSoundBooks()
            }
            try await cluster.remove()
        }

        @Test(
            "the sandbox is killed with a call's effect done and its answer unsent: Souk goes on when it is back",
            .database)
        func sandboxKilled() async throws {
            try await SoukBesideSandbox.with { world in
                try await world.faults([
                    ["match": "POST /v1/accounts", "kind": "hold", "after_effect": true, "times": 1]
                ])
                let asked = Task { try await world.souk.call("POST", "/v1/sellers", .seller("shop-1")) }
                try await eventually("the call is held") {
                    try await world.souk.control("GET", "/faults")["struck"].array?.first?.int == 1
                }
                try await world.sandboxProcess.kill()
                // The caller learns that it is not done yet, and Souk lives.
                let answer = try await asked.value
                #expect(answer.status == 503 || answer["operation", "state"].string == "sent", "\(answer)")
                #expect(try await world.souk.call("GET", "/healthz").status == 200)
                // Souk starts without Stripe, too, and is ready when it is back.
                try await world.kill()
                try world.launch()
                try await eventually("it answers") {
                    (try? await world.souk.call("GET", "/healthz"))?.status == 200
                }
                try await world.endLeases()
                try await world.startSandbox()
                try await eventually("the operation is finished", atMost: .seconds(60)) {
                    try await world.count("SELECT FROM stripe_operations WHERE state = 'succeeded'") == 1
                }
                try await world.expectOneObjectEach()
                try await eventually("Souk is ready") { try await world.souk.call("GET", "/readyz").status == 200 }
                _ = try await world.souk.onboardedSeller("shop-2")
                try await world.souk.expectSoundBooks()
            }
        }

        @Test("a poison event blocks nothing: neither other objects nor later events of its own", .database)
        func poison() async throws {
            try await SoukBesideSandbox.with { world in
                let seller = try await world.souk.onboardedSeller("shop-1")
                let order = try await world.souk.placeOrder("order-1", seller: seller, amount: 10_000)
                // Somebody makes a payment in Stripe's Dashboard, says that it is for this order, and takes another amount.
                let alien = try await world.souk.stripe(
                    "POST", "/v1/payment_intents",
                    [
                        ("amount", "777"), ("currency", "usd"), ("confirm", "true"), ("payment_method", "pm_card_visa"),
                        ("automatic_payment_methods[enabled]", "true"),
                        ("automatic_payment_methods[allow_redirects]", "never"),
                        ("metadata[souk_order]", try order.string("id")),
                    ])
                let intent = try #require(alien["id"].string, "\(alien)")
                #expect(alien["status"].string == "succeeded")
                func tries(_ condition: PostgresQuery) async throws -> Int {
                    try await world.count(
                        "SELECT FROM inbox_event_ids JOIN inbox_events USING (event_id) WHERE object_id = \(intent) AND "
                            + condition)
                }
                try await eventually("its event cannot be applied") {
                    _ = try await world.souk.control("POST", "/settle")
                    return try await tries("state = 'waiting' AND attempts > 0") > 0
                }
                // A later event of the same object has its turn, though the first one waits.
                _ = try await world.souk.control(
                    "POST", "/events", ["type": "payment_intent.processing", "object": .string(intent)]
                ).expecting(200)
                try await eventually("the later one is tried") {
                    try await tries("type = 'payment_intent.processing' AND attempts > 0") == 1
                }
                // The order itself, other orders and the books go on.
                let other = try await world.souk.placeOrder("order-2", seller: seller, amount: 5000)
                for payable in [order, other] {
                    _ = try await world.souk.pay(payable).expecting(200)
                    _ = try await world.souk.control("POST", "/settle")
                    try await eventually("the order is paid") {
                        try await world.souk.call("GET", "/v1/orders/\(payable.string("id"))")["status"].string
                            == "paid"
                    }
                }
                #expect(try await tries("state = 'waiting'") > 0, "the poison is not swallowed")
                #expect(
                    try await world.count(
                        """
                        SELECT FROM inbox_event_ids JOIN inbox_events USING (event_id)
                        WHERE state = 'waiting' AND object_id NOT IN (\(intent), \(alien["latest_charge"].string ?? ""))
                            AND attempts > 0
                        """) == 0)
            }
        }

        @Test(
            "1 000 pairs of equal POSTs at the same instant, over two processes: one effect, the other 409 or the same bytes",
            .database)
        func pairs() async throws {
            try await SoukBesideSandbox.with(souks: 2) { world in
                let tally = Shared((refused: 0, replayed: 0))
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for lane in 0..<8 {
                        group.addTask {
                            for number in 0..<125 {
                                let name = "pair-\(lane)-\(number)"
                                // Every fifth calls Stripe; a key's answer holds a secret that is made anew each time.
                                let (path, body): (String, JSON) =
                                    number % 5 == 0
                                    ? ("/v1/sellers", .seller(name))
                                    : ("/v1/admin/api_keys", ["name": .string(name), "scopes": ["ledger:read"]])
                                async let one = world.souks[0].call("POST", path, body, key: name)
                                async let other = world.souks[1].call("POST", path, body, key: name)
                                let answers = try await [one, other]
                                let done = answers.filter { $0.status == 201 }
                                #expect(!done.isEmpty && Set(done.map(\.text)).count == 1, "\(name): \(answers)")
                                for refused in answers where refused.status != 201 {
                                    #expect(refused.status == 409, "\(name): \(answers)")
                                    #expect(refused["error", "code"].string == "idempotency_key_in_use")
                                }
                                tally.value.withLock {
                                    if done.count == 2 { $0.replayed += 1 } else { $0.refused += 1 }
                                }
                                let again = try await world.souks[number % 2].call("POST", path, body, key: name)
                                #expect(again.text == done.first?.text)
                            }
                        }
                    }
                    try await group.waitForAll()
                }
                print("1000 pairs: \(tally.value.withLock { "\($0.replayed) replayed, \($0.refused) refused" })")
                #expect(try await world.count("SELECT FROM api_keys WHERE name LIKE 'pair-%'") == 800)
                #expect(try await world.count("SELECT FROM sellers") == 200)
                #expect(try await world.count("SELECT FROM stripe_operations WHERE state = 'succeeded'") == 200)
                try await world.expectOneObjectEach()
            }
        }

        @Test("PostgreSQL and Stripe both hang: /healthz answers, and 100 waiting requests cost no thread")
        func nothingBlocks() async throws {
            let (cluster, client) = try await Self.ownCluster()
            defer { client.shutDown() }
            try await SoukBesideSandbox.with(database: cluster.connectionString(), postgres: client) { world in
                _ = try await world.souk.onboardedSeller("shop-1")
                func ask(_ number: Int) async throws -> Int {
                    number % 2 == 0
                        ? try await world.souk.call("GET", "/v1/sellers").status
                        : try await world.souk.call("POST", "/v1/sellers", .seller("waiting-\(number)")).status
                }
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for number in 0..<100 { group.addTask { _ = try await ask(number * 2) } }
                    try await group.waitForAll()
                }
                try await withThrowingTaskGroup(of: Void.self) { group in
                    try await world.sandboxProcess.pause()
                    try cluster.signalAll(SIGSTOP)
                    let before = try world.process().threads().count
                    for number in 0..<100 { group.addTask { _ = try? await ask(number) } }
                    var slowest: Duration = .zero
                    var most = 0
                    for _ in 0..<50 {
                        let start = ContinuousClock.now
                        #expect(try await world.souk.call("GET", "/healthz").status == 200)
                        slowest = max(slowest, ContinuousClock.now - start)
                        most = max(most, try world.process().threads().count)
                        try await Task.sleep(for: .milliseconds(40))
                    }
                    print("both hang: \(before) threads before, \(most) with 100 waiting; /healthz at most \(slowest)")
                    #expect(most <= before)
                    #expect(slowest < .seconds(2))
                    try cluster.signalAll(SIGCONT)
                    try world.sandboxProcess.resume()
                    try await group.waitForAll()
                }
                try await eventually("it goes on", atMost: .seconds(60)) {
                    try await world.souk.call("GET", "/readyz").status == 200
                }
            }
            try await cluster.remove()
        }

        /// A server of this test's own, with Souk's schema: it is stopped under everybody's feet.
        private static func ownCluster() async throws -> (TestCluster, PostgresClient) {
            let cluster = try await TestCluster()
            let client = try PostgresClient(configuration: cluster.configuration(), logger: TestDatabase.logger)
            try await Migrator(client: client, folder: Repository.root + "/Migrations").migrate()
            return (cluster, client)
        }
    }
}

/// What the tasks of one test count together.
private final class Shared<Value: Sendable>: Sendable {
    let value: Mutex<Value>
    init(_ value: Value) { self.value = Mutex(value) }
}

extension JSON {
    static func seller(_ externalID: String) -> JSON {
        [
            "external_id": .string(externalID), "email": "a@example.com", "country": "US",
            "business_type": "individual",
        ]
    }
}

extension [UInt8] {
    /// An event as Stripe would sign it.
    static func event(_ id: String, _ type: String, _ object: String, _ objectType: String) -> [UInt8] {
        Array(
            """
            {"id":"\(id)","object":"event","type":"\(type)","api_version":"\(StripeAPIVersion.pinned)",
            "created":\(WallClock.now().seconds),"livemode":false,
            "data":{"object":{"id":"\(object)","object":"\(objectType)"}}}
            """.utf8)
    }
}

import Domain
import Postgres
import Store
import Synchronization
import TestSupport
import Testing
import Transport
import Webhooks

private final class Tally: Sendable {
    let acknowledged = Mutex<Set<String>>([])
    let refused = Mutex(0)
    let stopped = Mutex(false)
}

@Suite struct CrashTests {
    @Test("PostgreSQL is stopped at once, three times under load: every event that was answered 200 is there")
    func everyAcknowledgedEventIsARow() async throws {
        let cluster = try await TestCluster()
        let client = try PostgresClient(configuration: cluster.configuration(), logger: quiet)
        try await Migrator(client: client, folder: Repository.root + "/Migrations").migrate()
        let world = InboxWorld(Store(postgres: client, clock: TestClock()))
        let tally = Tally()
        try await world.receiving { (delivery) async throws in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for lane in 0..<24 {
                    group.addTask {
                        var number = 0
                        while !tally.stopped.withLock({ $0 }) {
                            number += 1
                            let id = "evt_\(lane)_\(number)"
                            let status = try await delivery.post(event(id, object: "ch_\(lane)")).status
                            if status == 200 {
                                tally.acknowledged.withLock { _ = $0.insert(id) }
                            } else {
                                tally.refused.withLock { $0 += 1 }
                                // As Stripe would: later, not at once.
                                try await Task.sleep(for: .milliseconds(20))
                            }
                        }
                    }
                }
                for round in 1...3 {
                    let before = tally.acknowledged.withLock { $0.count }
                    try await eventually("round \(round): events are acknowledged") {
                        tally.acknowledged.withLock { $0.count } > before + 300
                    }
                    let refusedBefore = tally.refused.withLock { $0 }
                    try await cluster.stop(.immediate)
                    try await eventually("round \(round): the loss is noticed") {
                        tally.refused.withLock { $0 } > refusedBefore
                    }
                    try await cluster.start()
                }
                let before = tally.acknowledged.withLock { $0.count }
                try await eventually("it goes on") { tally.acknowledged.withLock { $0.count } > before + 300 }
                tally.stopped.withLock { $0 = true }
                try await group.waitForAll()
            }
        }
        let ids = tally.acknowledged.withLock { $0 }
        let missing = try await world.inbox.missing(of: ids.map { StripeEventID($0) })
        print("crash: \(ids.count) acknowledged, \(tally.refused.withLock { $0 }) refused, \(missing.count) missing")
        #expect(missing.isEmpty)
        // The narrow row and the body are one commit.
        #expect(
            try await world.count(
                "inbox_event_ids i FULL JOIN inbox_events e USING (event_id)",
                where: "i.object_key IS NULL OR e.type IS NULL") == 0)
        client.shutDown()
        try await cluster.remove()
    }
}

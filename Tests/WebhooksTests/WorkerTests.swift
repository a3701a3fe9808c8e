import Domain
import Postgres
import Store
import Synchronization
import TestSupport
import Testing
import Transport
import Webhooks

/// Remembers calls.
private final class Calls: Sendable {
    private let made = Mutex<[InboundEvent]>([])
    var all: [InboundEvent] { made.withLock { $0 } }
    var ids: [String] { all.map(\.id.rawValue) }
    func note(_ event: InboundEvent) { made.withLock { $0.append(event) } }
}

private struct Refused: Error, CustomStringConvertible {
    let description = "the use case refuses this one"
}

@Suite(.database, .serialized) struct WorkerTests {
    @Test("waiting events of one object share one call, with the newest; other objects have their own")
    func sharing() async throws {
        let calls = Calls()
        let handlers = InboxWorld.handlers { calls.note($0) }
        let world = InboxWorld(handlers: handlers)
        try await world.take([
            event("evt_b", object: "ch_1", created: 20), event("evt_c", object: "ch_1", created: 30),
            event("evt_a", object: "ch_1", created: 10), event("evt_d", object: "ch_2", created: 5),
            event("evt_e", object: "ch_1", account: "acct_1", created: 5),
        ])
        try await running([world.worker(handlers)]) {
            try await eventually("all are done") {
                try await world.count("inbox_event_ids", where: "state = 'done'") == 5
            }
        }
        #expect(Set(calls.ids) == ["evt_c", "evt_d", "evt_e"])
        #expect(calls.all.allSatisfy { !$0.body.isEmpty })
        #expect(try await world.inbox.isIdle())
        #expect(try await world.count("inbox_leases") == 0)
    }

    @Test("two use cases of one object each get their newest event")
    func useCasesApart() async throws {
        let calls = Calls()
        var handlers = EventHandlers()
        handlers.on(["charge.updated"], from: [.platform], do: "A") { calls.note($0) }
        handlers.on(["charge.refunded"], from: [.platform], do: "B") { calls.note($0) }
        let world = InboxWorld(handlers: handlers)
        try await world.take([
            event("evt_1", created: 1), event("evt_2", type: "charge.refunded", created: 2),
            event("evt_3", created: 3), event("evt_4", type: "charge.refunded", created: 1),
        ])
        try await running([world.worker(handlers)]) {
            try await eventually("all are done") {
                try await world.count("inbox_event_ids", where: "state = 'done'") == 4
            }
        }
        #expect(Set(calls.ids) == ["evt_2", "evt_3"])
    }

    @Test("events of one object are never handled at the same time, not by two workers either")
    func oneAtATime() async throws {
        let busy = Mutex<[String: Int]>([:])
        let overlaps = Mutex(0)
        let handled = Mutex(0)
        let handlers = InboxWorld.handlers { event in
            let object = event.objectID ?? ""
            busy.withLock { busy in
                busy[object, default: 0] += 1
                if busy[object] != 1 { overlaps.withLock { $0 += 1 } }
            }
            await Task.yield()
            handled.withLock { $0 += 1 }
            busy.withLock { $0[object, default: 0] -= 1 }
        }
        let world = InboxWorld(handlers: handlers)
        let (first, second) = (world.worker(handlers), world.worker(handlers))
        try await running([world.intake, first, second]) {
            _ = try await inParallel(16) { lane in
                for number in 0..<40 {
                    _ = try await world.intake.accept(
                        event("evt_\(lane)_\(number)", object: "ch_\(number % 5)"), at: .platform)
                }
            }
            try await eventually("all are done") {
                try await world.count("inbox_event_ids", where: "state = 'done'") == 640
            }
        }
        #expect(overlaps.withLock { $0 } == 0)
        #expect(handled.withLock { $0 } <= 640)
    }

    @Test("one that always fails blocks nothing: later events of its object and of others go through, and it parks")
    func poison() async throws {
        let calls = Calls()
        let handlers = InboxWorld.handlers { event in
            calls.note(event)
            if event.id == "evt_poison" { throw Refused() }
        }
        let world = InboxWorld(handlers: handlers)
        // The newest of its object by Stripe's time, so that it is tried first whenever it is due.
        try await world.take([event("evt_poison", created: 99), event("evt_older", created: 1)])
        let later = InboxWorld(handlers: handlers)
        let worker = later.worker(handlers) {
            $0.schedule = RetrySchedule(pauses: [.milliseconds(30), .milliseconds(30), .milliseconds(30)])
        }
        try await running([later.intake, worker]) {
            for number in 0..<20 {
                _ = try await later.intake.accept(event("evt_later_\(number)", created: 2), at: .platform)
                _ = try await later.intake.accept(
                    event("evt_other_\(number)", object: "ch_\(number + 2)"), at: .platform)
            }
            try await eventually("it is parked") { try await world.state("evt_poison") == "parked" }
            try await eventually("all others are done") {
                try await world.count("inbox_event_ids", where: "state = 'done'") == 41
            }
        }
        let record = try await world.inbox.record("evt_poison")
        #expect(record?.attempts == 4)
        #expect(record?.lastError == "the use case refuses this one")
        #expect(calls.ids.filter { $0 == "evt_poison" }.count == 4)
    }

    @Test("a use case that hangs is canceled and its event put off")
    func hangs() async throws {
        let handlers = InboxWorld.handlers { event in
            if event.id == "evt_hang" { try await Task.sleep(for: .seconds(600)) }
        }
        let world = InboxWorld(handlers: handlers)
        try await world.take([event("evt_hang", object: "ch_1"), event("evt_fine", object: "ch_2")])
        try await running([world.worker(handlers) { $0.timeLimit = .milliseconds(200) }]) {
            try await eventually("the other is done") { try await world.state("evt_fine") == "done" }
            try await eventually("it is put off") { try await world.inbox.record("evt_hang")?.attempts == 1 }
        }
        #expect(try await world.state("evt_hang") == "waiting")
    }

    @Test("a holder that dies loses its lease, another takes over, and the dead one's late word changes nothing")
    func takeover() async throws {
        let calls = Calls()
        let handlers = InboxWorld.handlers { calls.note($0) }
        let world = InboxWorld(handlers: handlers)
        try await world.take([event("evt_1")])
        let dead = try await world.inbox.claim(limit: 8, holder: "dead", lease: .milliseconds(300))
        #expect(dead.count == 1)
        #expect(try await world.inbox.claim(limit: 8, holder: "other", lease: .seconds(60)).isEmpty)
        #expect(try await !world.inbox.isIdle())
        try await running([world.worker(handlers)]) {
            try await eventually("it is handled") { try await world.state("evt_1") == "done" }
        }
        let lane = try #require(dead.first)
        try await world.inbox.settle([
            InboxSettlement(
                objectKey: lane.objectKey, fence: lane.fence,
                outcomes: [InboxOutcome("evt_1", .parked(error: "too late"))])
        ])
        #expect(try await world.state("evt_1") == "done")
        #expect(try await world.inbox.renew(fences: [lane.fence], lease: .seconds(60)).isEmpty)
    }

    @Test("a long use case keeps its lease")
    func renewal() async throws {
        let calls = Calls()
        let release = Signal("the test lets it go")
        let handlers = InboxWorld.handlers { event in
            calls.note(event)
            try await release.wait()
        }
        let world = InboxWorld(handlers: handlers)
        try await world.take([event("evt_1")])
        try await running([world.worker(handlers) { $0.lease = .seconds(2) }]) {
            try await eventually("it is at work") { !calls.ids.isEmpty }
            let before = try await world.store.postgres.query("SELECT now() + interval '5 seconds' AS later")
            let later: Timestamp = try before[0].get("later")
            try await eventually("more than two leases' time is over") {
                try await world.store.postgres.query("SELECT now() > \(later) AS over")[0].get("over")
            }
            #expect(try await world.inbox.claim(limit: 8, holder: "other", lease: .seconds(60)).isEmpty)
            await release.raise()
            try await eventually("it is done") { try await world.state("evt_1") == "done" }
        }
        #expect(calls.ids == ["evt_1"])
    }

    @Test("doubled and shuffled, events end in the same state", arguments: Seeds.make(defaultCount: 4))
    func shuffled(seed: UInt64) async throws {
        // What a use case that reads the truth does: the copy becomes what Stripe's object is now.
        let truth = Mutex<[String: Int]>([:])
        let copies = Mutex<[String: Int]>([:])
        let handlers = InboxWorld.handlers { event in
            guard let object = event.objectID else { return }
            let now = truth.withLock { $0[object] }
            copies.withLock { $0[object] = now }
        }
        var random = SeededGenerator(seed: seed)
        let world = InboxWorld(handlers: handlers)
        var bodies: [[UInt8]] = []
        for number in 0..<60 {
            let object = "ch_\(Int.random(in: 0..<7, using: &random))"
            truth.withLock { $0[object, default: 0] += 1 }
            let body = event("evt_\(number)", object: object, created: Int64(number + 1))
            bodies.append(body)
            if Bool.random(using: &random) { bodies.append(body) }
        }
        bodies.shuffle(using: &random)
        try await running([world.intake, world.worker(handlers)]) { [bodies] in
            _ = try await inParallel(8) { lane in
                for body in bodies[(lane * bodies.count / 8)..<((lane + 1) * bodies.count / 8)] {
                    _ = try await world.intake.accept(body, at: .platform)
                }
            }
            try await eventually("idle") { try await world.inbox.isIdle() }
        }
        #expect(try await world.count("inbox_events") == 60, "seed \(seed)")
        #expect(try await world.count("inbox_event_ids", where: "state = 'done'") == 60, "seed \(seed)")
        #expect(copies.withLock { $0 } == truth.withLock { $0 }, "seed \(seed)")
    }

    @Test("an operator reads, replays and dismisses events over HTTP, with a reason")
    func administration() async throws {
        let isBroken = Mutex(true)
        let handlers = InboxWorld.handlers { _ in if isBroken.withLock({ $0 }) { throw Refused() } }
        let world = InboxWorld(handlers: handlers)
        let worker = world.worker(handlers) { $0.schedule = RetrySchedule(pauses: []) }
        try await world.receiving { (delivery) async throws in
            try await running([worker]) {
                for number in 1...3 {
                    #expect(try await delivery.post(event("evt_\(number)", object: "ch_\(number)")).status == 200)
                }
                #expect(try await delivery.post(event("evt_live", livemode: true)).status == 200)
                try await eventually("all are parked") {
                    try await world.count("inbox_event_ids", where: "state = 'parked'") == 3
                }
                let parked = try await delivery.call(.get, "/v1/admin/webhook_events?state=parked&limit=2")
                #expect(parked.status == 200)
                #expect(parked.text.contains(#""has_more":true"#))
                #expect(parked.text.contains(#""last_error":"the use case refuses this one""#))
                isBroken.withLock { $0 = false }
                let path = "/v1/admin/webhook_events"
                #expect(
                    try await delivery.call(.post, "\(path)/evt_1/replay", #"{"reason":"deployed a fix"}"#).status
                        == 200)
                try await eventually("it is done") { try await world.state("evt_1") == "done" }
                #expect(try await delivery.call(.post, "\(path)/evt_2/dismiss", "{}").status == 400)
                let dismissed = try await delivery.call(.post, "\(path)/evt_2/dismiss", #"{"reason":"test data"}"#)
                #expect(dismissed.status == 200)
                #expect(dismissed.text.contains(#""state":"dismissed""#))
                #expect(try await delivery.call(.post, "\(path)/evt_1/dismiss", #"{"reason":"x"}"#).status == 409)
                #expect(try await delivery.call(.post, "\(path)/evt_live/replay", #"{"reason":"x"}"#).status == 409)
                #expect(try await delivery.call(.post, "\(path)/evt_none/replay", #"{"reason":"x"}"#).status == 404)
                let one = try await delivery.call(.get, "\(path)/evt_1")
                #expect(one.text.contains(#""reason":"deployed a fix""#))
                #expect(one.text.contains(#""payload":"{\"id\":\"evt_1\""#))
                #expect(try await delivery.call(.get, "\(path)?state=odd").status == 400)
            }
        }
    }

    @Test("partitions are made ahead, again and again, by several at once")
    func partitions() async throws {
        let world = InboxWorld()
        _ = try await inParallel(4) { _ in try await world.inbox.preparePartitions(monthsAhead: 6) }
        #expect(
            try await world.count(
                "pg_inherits", where: "inhparent = 'inbox_events'::regclass") == 8)
        try await world.take([event("evt_1")])
        #expect(try await world.count("inbox_events_default") == 0)
    }
}

extension Delivery {
    func call(
        _ method: HTTPRequest.Method, _ path: String, _ body: String = ""
    ) async throws -> HTTPResponse {
        try await http.execute(
            HTTPRequest(
                method: method, url: base + path,
                headers: [("Content-Type", "application/json"), ("Authorization", "Bearer souk_test_x")],
                body: Array(body.utf8)))
    }
}

extension HTTPResponse {
    var text: String { String(decoding: body, as: UTF8.self) }
}

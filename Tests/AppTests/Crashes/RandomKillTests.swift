import Foundation
import Postgres
import Synchronization
import TestSupport
import Testing
import Transport

extension CrashTests {
    /// Souk is killed again and again under a mixed load. `SOUK_KILLS` says how often.
    @Suite(.database) struct RandomKills {
        static let kills = ProcessInfo.processInfo.environment["SOUK_KILLS"].flatMap { Int($0) } ?? 51

        @Test("random kills under mixed load, each with an operation under way: nothing doubled, nothing lost")
        func underLoad() async throws {
            let seed = Seeds.make(defaultCount: 1)[0]
            try await SoukBesideSandbox.with { world in
                let seller = try await world.souk.onboardedSeller("shop-0")
                try await world.faults(
                    plan: """
                        {"seed": \(seed), "webhooks": {"duplicate": 0.1, "reorder": 0.1}, "rules": [
                            {"match": "POST /v1/*", "kind": "delay", "milliseconds": 40},
                            {"match": "POST /v1/*", "kind": "drop_answer", "rate": 0.1},
                            {"match": "POST /v1/*", "kind": "status", "status": 500, "after_effect": true, "rate": 0.1}]}
                        """)
                let load = MixedLoad(world.souk, seller: seller)
                var tally: [Moment: Int] = [:]
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for lane in 0..<6 { group.addTask { await load.run(lane, seed: seed) } }
                    for number in 0..<Self.kills {
                        let made = load.made
                        try await eventually("callers are served") { load.made >= made + 4 }
                        let aim = Moment.allCases[number % Moment.allCases.count]
                        tally[try await world.kill(aimingAt: aim), default: 0] += 1
                        try await world.start()
                    }
                    load.stop()
                    try await group.waitForAll()
                }
                try await world.faults([])
                print(
                    "random kills: "
                        + Moment.allCases.map { "\($0.rawValue) \(tally[$0] ?? 0)" }.joined(separator: ", ")
                        + "; calls made \(load.made), cut off \(load.cutOff.count); seed \(seed)")
                #expect(tally.values.reduce(0, +) == Self.kills)
                for moment in Moment.allCases { #expect((tally[moment] ?? 0) > 0, "no kill at: \(moment.rawValue)") }

                // The leases of the dead end by themselves: nobody helps here.
                try await eventually("every operation has ended", atMost: .seconds(120)) {
                    try await world.count(
                        "SELECT FROM stripe_operations WHERE state IN ('pending', 'sent', 'held')") == 0
                }
                for (path, body) in load.cutOff {
                    let answer = try await world.souk.call("POST", path, body)
                    #expect((200...201).contains(answer.status), "\(answer)")
                }
                try await world.expectOneObjectEach()
                // A balance is leased for two minutes: that is not waited for.
                try await world.endLeases()
                try await world.souk.settle()
                try await world.souk.expectSoundBooks()
                try await world.souk.expectZeroDifference()
            }
        }

        /// How far the operation was that was under way.
        enum Moment: String, CaseIterable {
            case pending
            case sentWithoutEffect = "sent and not yet done"
            case sentWithEffect = "sent and done"
        }
    }
}

/// Callers who never wait for those that were cut off.
private final class MixedLoad: Sendable {
    private struct State {
        var isStopped = false
        var made = 0
        var cutOff: [(String, JSON)] = []
    }

    private let souk: RunningSouk
    private let seller: String
    private let state = Mutex(State())

    init(_ souk: RunningSouk, seller: String) {
        self.souk = souk
        self.seller = seller
    }

    var made: Int { state.withLock { $0.made } }
    var cutOff: [(String, JSON)] { state.withLock { $0.cutOff } }
    func stop() { state.withLock { $0.isStopped = true } }

    func run(_ lane: Int, seed: UInt64) async {
        var random = SeededGenerator(seed: seed &+ UInt64(lane))
        var number = 0
        while !state.withLock({ $0.isStopped }) {
            number += 1
            let id = "\(lane)-\(number)"
            let call: (path: String, body: JSON) =
                switch Int.random(in: 0..<3, using: &random) {
                case 0:
                    (
                        "/v1/sellers",
                        [
                            "external_id": .string(id), "email": "a@example.com", "country": "US",
                            "business_type": "individual",
                        ]
                    )
                case 1: ("/v1/orders", .order(id, seller: seller, payment: "checkout"))
                default: ("/v1/orders", .order(id, seller: seller, payment: "payment_intent"))
                }
            do {
                let answer = try await souk.call("POST", call.path, call.body, key: id)
                guard answer.status == 201 else { throw RunningSouk.Unexpected(answer: answer) }
                state.withLock { $0.made += 1 }
                if call.path == "/v1/orders", Bool.random(using: &random) { try await pay(answer) }
            } catch {
                // Souk is dead or starting; a caller notes what he does not know the end of.
                if (error as? TransportError)?.requestMayHaveBeenSent != false {
                    state.withLock { $0.cutOff.append(call) }
                }
                try? await Task.sleep(for: .milliseconds(20))
            }
        }
    }

    private func pay(_ order: RunningSouk.Answer) async throws {
        if order["checkout_url"].string != nil {
            _ = try await souk.pay(order)
        } else if let intent = order["payment_intent"].string {
            _ = try await souk.control("POST", "/payment_intents/\(intent)/pay")
        }
    }
}

extension SoukBesideSandbox {
    /// Stops Souk, looks how far the operations of this process are, and kills it if one is where it is wanted; after some
    /// hundred looks, wherever one is.
    fileprivate func kill(aimingAt aim: CrashTests.RandomKills.Moment) async throws -> CrashTests.RandomKills.Moment {
        let old = try await underWay().map(\.id)
        var found: CrashTests.RandomKills.Moment?
        var looks = 0
        try await eventually("an operation is under way", atMost: .seconds(60)) {
            // Those of dead processes do not count.
            guard try await underWay().contains(where: { !old.contains($0.id) }) else { return false }
            try await process().pause()
            looks += 1
            for operation in try await underWay() where !old.contains(operation.id) {
                var moment = CrashTests.RandomKills.Moment.pending
                if operation.state == "sent" {
                    let made = try await souk.control("GET", "/objects?souk_operation=\(operation.id)")
                    moment = made["data"].array?.isEmpty == false ? .sentWithEffect : .sentWithoutEffect
                }
                found = moment
                if moment == aim { return true }
            }
            if found != nil, looks > 300 { return true }
            try process().resume()
            return false
        }
        try await kill()
        return try #require(found)
    }

    private func underWay() async throws -> [(id: String, state: String)] {
        try await postgres.query("SELECT id, state FROM stripe_operations WHERE state IN ('pending', 'sent')").map {
            (try $0.get("id"), try $0.get("state"))
        }
    }

    /// Each operation that made something made one thing.
    func expectOneObjectEach() async throws {
        let objects = [
            "create_account": "account", "create_checkout_session": "checkout.session",
            "create_payment_intent": "payment_intent",
        ]
        var counted = 0
        for row in try await postgres.query("SELECT id, kind, state FROM stripe_operations ORDER BY id") {
            let id: String = try row.get("id")
            guard let object = objects[try row.get("kind")] else { continue }
            #expect(try row.get("state", as: String.self) == "succeeded")
            #expect(try await self.objects(object, of: id) == 1, "\(object) of \(id)")
            counted += 1
        }
        print("\(counted) operations, one object each")
    }
}

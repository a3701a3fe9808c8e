import App
import Domain
import Foundation
import Postgres
import TestSupport
import Testing

/// Random worlds on the whole product, every invariant after every step. `SOUK_SEED` repeats one of them, `SOUK_WORLDS`
/// says how many there are: a hundred by default, since each takes some three seconds of a processor in a debug build.
@Suite(.serialized) struct WorldTests {
    static let stepsInWorld = 30
    /// Worlds under way at one time: each waits for others half of its time.
    static let width = 6

    @Test("whatever happens in whatever order, every invariant holds after every step")
    func worlds() async throws {
        let seeds = Seeds.make(defaultCount: 100)
        let tally = Tally()
        let begin = ContinuousClock.now
        let failures = try await withThrowingTaskGroup(of: String?.self) { group in
            var failures: [String] = []
            for (place, seed) in seeds.enumerated() {
                if place >= Self.width, let failure = try await group.next() ?? nil { failures.append(failure) }
                // Enough to see what is wrong.
                if failures.count >= 5 { break }
                group.addTask { await Self.live(seed, tally) }
            }
            for try await failure in group { if let failure { failures.append(failure) } }
            return failures
        }
        for failure in failures { Issue.record(Comment(rawValue: failure)) }
        Self.report(tally, took: ContinuousClock.now - begin)
        guard seeds.count >= 100 else { return }
        for choice in Switches.all {
            #expect(tally.count(of: choice, in: "unpublished behaviour of Stripe, worlds with") > 0, "never: \(choice)")
        }
        // Some are possible, and some faults strike, only a few times in a hundred worlds.
        let never = Step.allCases.filter { tally.count(of: $0.rawValue, in: "steps") == 0 }
        #expect(never.count <= (seeds.count >= 300 ? 0 : 3), "never: \(never.map(\.rawValue))")
        guard seeds.count >= 300 else { return }
        for fault in Fault.allCases where fault != .killedWorkers {
            #expect(tally.count(of: fault.rawValue, in: "faults met") > 0, "never: \(fault.rawValue)")
        }
        #expect(tally.count(of: "workers killed at work", in: "faults met") > 0)
    }

    /// - Returns: what went wrong, with the whole story.
    private static func live(_ seed: UInt64, _ tally: Tally) async -> String? {
        let box = FailureBox()
        do {
            try await TestDatabase.lend {
                try await RunningSouk.withTemporaryFolder { folder in
                    let policy = FraudWarningPolicy.ofWorld(seed)
                    tally.count(policy.rawValue, in: "policies for warnings of fraud, worlds with")
                    try await RunningSouk.withHeldWorkers(in: folder, ["SOUK_FRAUD_WARNINGS": policy.rawValue]) {
                        souk, makeWorkers in
                        let world = World(
                            seed: seed, souk: souk, makeWorkers: makeWorkers, postgres: TestDatabase.current.postgres,
                            tally: tally)
                        do {
                            try await world.live(steps: stepsInWorld)
                        } catch {
                            await box.set("seed \(seed): \(error)\n\(world.story.joined(separator: "\n"))")
                        }
                    }
                }
            }
        } catch {
            await box.set("seed \(seed): \(error)")
        }
        tally.count("worlds", in: "worlds")
        return await box.text
    }

    private static func report(_ tally: Tally, took: Duration) {
        let groups = [
            "worlds", "unpublished behaviour of Stripe, worlds with", "policies for warnings of fraud, worlds with",
            "steps", "refused requests", "refunds", "reserves",
            "faults met", "damages repaired",
            "invariants checked",
        ]
        Tally.print(groups.map(tally.report).joined() + "steps in all: \(tally.total(of: "steps")), in \(took)\n")
    }
}

private actor FailureBox {
    private(set) var text: String?
    func set(_ text: String) { self.text = self.text ?? text }
}

extension World {
    func live(steps: Int) async throws {
        try await Switches.draw(in: self)
        // A market opens with somebody who sells.
        let opening: [Step] = [.createSeller, .onboardComplete, .defaultPolicy]
        for number in 1...steps {
            do {
                if number <= opening.count { try await take(opening[number - 1]) } else { try await step() }
                try await check()
            } catch {
                throw Failure("step \(number): \(error)")
            }
        }
        try await checkStatements()
        try await countReserves()
    }

    /// What became of what was held back in this world.
    private func countReserves() async throws {
        let counts: PostgresQuery = """
            SELECT 'held back' AS what, count(*) AS number FROM reserves
            UNION ALL SELECT 'let go on their date', count(*) FROM reserves WHERE released_minor > 0
            UNION ALL SELECT 'gone with the rest of the share', count(DISTINCT l.order_id || l.seller_id) FROM order_lines l
                WHERE l.reserve_minor > 0 AND l.reserve_transfer_id IS NULL
            UNION ALL SELECT 'taken in whole', count(*) FROM reserves WHERE released_minor = 0
            UNION ALL SELECT 'moved by a transfer', count(*) FROM transfers WHERE purpose = 'reserve' AND state = 'paid'
            UNION ALL SELECT 'taken by a refund', count(*) FROM refund_lines WHERE reserve_minor > 0 AND NOT reserve_released
            UNION ALL SELECT 'taken by a refund after the date', count(*) FROM refund_lines WHERE reserve_released
            UNION ALL SELECT 'taken by a refund that was turned round', count(*)
                FROM refund_lines f JOIN refunds r ON r.id = f.refund_id WHERE f.reserve_minor > 0 AND NOT r.claims
            UNION ALL SELECT 'taken by a dispute', count(*) FROM dispute_lines WHERE reserve_minor > 0
            UNION ALL SELECT 'held back again after a dispute', count(*) FROM dispute_sellers WHERE returned_reserve_minor > 0
            """
        for row in try await query(counts) {
            tally.count(try row.get("what"), in: "reserves", by: Int(try row.get("number", as: Int64.self)))
        }
    }
}

extension FraudWarningPolicy {
    /// What a world's Souk does about warnings: half of them hold, since only few sales of those leave something to hold.
    fileprivate static func ofWorld(_ seed: UInt64) -> FraudWarningPolicy {
        [FraudWarningPolicy.holdRelease, .refund, .holdRelease, .none][Int(seed % 4)]
    }
}

/// What Stripe does not publish and the sandbox has a switch for: each world draws its own values.
enum Switches {
    private static let values: [(name: String, values: [JSON])] = [
        ("reversal", ["negative", "strict"]), ("fee_refund_row", ["negative_fee", "separate_row"]),
        ("short_refund", ["negative", "pending"]), ("asks_for_return_url", [true, false]),
        ("payout_lists_itself", [true, false]), ("payment_created_event", [true, false]),
        ("enrichment_milliseconds", [0, 1000, 4000]), ("verification_seconds", [60, 3600]),
        ("settlement_days", [1, 2, 7]),
    ]

    static let all = values.flatMap { pair in pair.values.map { "\(pair.name) \($0.text)" } }

    static func draw(in world: World) async throws {
        var chosen: [String: JSON] = [:]
        for (name, values) in values {
            guard let value = world.pick(values) else { continue }
            chosen[name] = value
            world.tally.count("\(name) \(value.text)", in: "unpublished behaviour of Stripe, worlds with")
        }
        _ = try await world.souk.control("PUT", "/behaviour", .object(chosen)).expecting(200)
        world.note("behaviour \(JSON.object(chosen).text)")
    }
}

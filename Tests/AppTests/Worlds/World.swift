import App
import Domain
import Foundation
import Postgres
import Settlement
import Store
import TestSupport
import Transport

/// A marketplace on a real Souk, a real PostgreSQL and the sandbox, in which a seed decides what people, banks and
/// networks do. Nothing of it works by itself: between two steps everything that could happen has happened.
final class World {
    let seed: UInt64
    let souk: RunningSouk
    let postgres: PostgresClient
    let tally: Tally
    var random: SeededGenerator
    /// What happened so far, for the message of a failure.
    private(set) var story: [String] = []

    private let makeWorkers: @Sendable () -> HeldWorkers
    private(set) var workers: HeldWorkers
    private var names: [String: Int] = [:]
    /// What was told of refunds before they were made, by their id.
    var previews: [String: JSON] = [:]
    /// The admin key with which everything is asked for; the one that has made it is another person's.
    private var clerk: String?
    /// Souk's workers stand still: only what it is called for happens.
    var isDeaf = false

    init(
        seed: UInt64, souk: RunningSouk, makeWorkers: @escaping @Sendable () -> HeldWorkers, postgres: PostgresClient,
        tally: Tally
    ) {
        self.seed = seed
        self.souk = souk
        self.makeWorkers = makeWorkers
        self.postgres = postgres
        self.tally = tally
        workers = makeWorkers()
        random = SeededGenerator(seed: seed)
    }

    func note(_ text: String) { story.append(text) }

    // MARK: Chance

    func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &random) < percent }

    func pick<Element>(_ choices: [Element]) -> Element? { choices.randomElement(using: &random) }

    func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }
    func number(_ range: Range<Int>) -> Int { Int.random(in: range, using: &random) }

    /// `shop-1`, `shop-2`, …: a name that this world has not used.
    func newName(_ kind: String) -> String {
        names[kind, default: 0] += 1
        return "\(kind)-\(names[kind, default: 0])"
    }

    // MARK: Calls

    /// Calls Souk's API. A refused call must have changed nothing (invariant 7). One that Stripe refused leaves a trace of
    /// the attempt on its order, but no other status, amount or payment.
    @discardableResult
    func call(
        _ method: String, _ path: String, _ body: JSON? = nil, authorization: String? = nil
    ) async throws -> RunningSouk.Answer {
        let before = try await standing()
        let clerk = try await clerkKey()
        let answer = try await souk.call(method, path, body, authorization: authorization ?? "Bearer \(clerk)")
        note("\(method) \(path) \(body?.text ?? "") -> \(answer.status) \(answer["error", "code"].string ?? "")")
        guard answer.status < 500 || answer.status == 503 else { throw Failure("\(method) \(path): \(answer)") }
        if answer.status >= 400 {
            let code = answer["error", "code"].string ?? "\(answer.status)"
            tally.count(code, in: "refused requests")
            let after = try await standing()
            let isSame =
                code == "stripe_refused" || code == "charge_disputed"
                ? before.money == after.money && before.seen.allSatisfy { after.seen[$0.key] == $0.value }
                : before == after
            guard isSame else {
                throw Failure("invariant 7: the refused call \(method) \(path) changed something: \(answer)")
            }
            tally.count("7 a refused request changes nothing", in: "invariants checked")
        }
        return answer
    }

    /// Does at Stripe what Souk has no part in. Stripe may refuse it, and its answer may get lost.
    /// - Returns: false if nothing came of it.
    @discardableResult
    func stripe(_ path: String, _ form: [(String, String)] = []) async throws -> Bool {
        let words = form.map { "\($0.0)=\($0.1)" }.joined(separator: "&")
        do {
            let answer = try await souk.stripe("POST", path, form)
            note("Stripe: POST \(path) \(words) -> \(answer.status) \(answer["error", "code"].string ?? "")")
            return answer.status == 200
        } catch let error as TransportError {
            note("Stripe: POST \(path) \(words) -> \(error.kind)")
            return true
        }
    }

    /// Reads an object at Stripe, through whatever goes wrong there.
    func stripeObject(_ path: String) async throws -> JSON {
        for _ in 0..<20 {
            guard let answer = try? await souk.stripe("GET", path), answer.status == 200 else { continue }
            return answer.json
        }
        throw Failure("\(path) cannot be read at Stripe")
    }

    @discardableResult
    func control(_ path: String, _ body: JSON = [:]) async throws -> RunningSouk.Answer {
        let answer = try await souk.control("POST", path, body)
        note("sandbox: \(path) \(body.text) -> \(answer.status) \(answer["error", "code"].string ?? "")")
        return answer
    }

    private func clerkKey() async throws -> String {
        if let clerk { return clerk }
        let made = try await souk.call("POST", "/v1/admin/api_keys", ["name": "clerk", "scopes": ["admin"]])
            .expecting(201).string("key")
        clerk = made
        return made
    }

    func query(_ query: PostgresQuery) async throws -> [PostgresRow] { try await postgres.query(query) }

    private struct Standing: Hashable {
        /// The journal and every movement of money.
        var money: String
        /// Whole rows of orders with their lines, by id, and what callers see of them.
        var orders: [String: String] = [:]
        var seen: [String: String] = [:]
    }

    private func standing() async throws -> Standing {
        // A payout that Stripe refused is no payout, and a refund no refund; what is left of them says why.
        let payouts = "(SELECT * FROM payouts WHERE stripe_id IS NOT NULL)"
        let refused = "SELECT id FROM refunds WHERE status = 'failed' AND stripe_id IS NULL"
        let refunds = "(SELECT * FROM refunds WHERE id NOT IN (\(refused)))"
        let lines = "(SELECT * FROM refund_lines WHERE refund_id NOT IN (\(refused)))"
        let tables = ["journal_entries", "postings", refunds, lines, "transfers", payouts]
        let parts = tables.map { "(SELECT coalesce(md5(string_agg(t::text, ',' ORDER BY t::text)), '') FROM \($0) t)" }
        let row = try await query(
            PostgresQuery(unescaped: "SELECT concat_ws(' ', \(parts.joined(separator: ", "))) AS money"))
        var standing = Standing(money: try row.first?.get("money") ?? "")
        let orders = try await query(
            """
            SELECT id, o::text || (SELECT string_agg(l::text, ',' ORDER BY l.id) FROM order_lines l WHERE l.order_id = o.id)
                AS whole, concat_ws(' ', status, amount_minor, amount_captured_minor,
                amount_refunded_minor, charge_id, canceled_at, paid_at) AS seen FROM orders o
            """)
        for order in orders {
            let id: String = try order.get("id")
            standing.orders[id] = try order.get("whole", as: String.self)
            standing.seen[id] = try order.get("seen", as: String.self)
        }
        return standing
    }

    // MARK: Time

    func advance(milliseconds: Int64) async throws {
        _ = try await souk.control("POST", "/clock/advance", ["milliseconds": .int(Int(milliseconds))]).expecting(200)
    }

    func now() async throws -> Timestamp {
        let clock = try await souk.control("GET", "/clock").expecting(200)
        return Timestamp(milliseconds: Int64(clock["now_ms"].int ?? 0))
    }

    /// Returns once neither Stripe nor Souk has anything left to do. What waits for a moment soon (a repeated call, a row
    /// that Stripe has yet to book) gets its moment.
    func settle() async throws {
        if isDeaf { return }
        for _ in 0..<500 {
            let quiet = try await souk.control("POST", "/settle").expecting(200)
            guard quiet["settled"].bool == true else { throw Failure("the sandbox does not come to rest") }
            if try await workers.workOnDue() > 0 { continue }
            guard let pause = try await pauseBeforeNextWork() else { return }
            if pause > 0 { try await advance(milliseconds: pause) }
        }
        throw Failure("Souk does not come to rest: \(try await waiting())")
    }

    /// Milliseconds; nil when nothing waits for a moment that is near.
    private func pauseBeforeNextWork() async throws -> Int64? {
        let now = try await now()
        let row = try await query(
            """
            SELECT least(
                (SELECT min(due_at) FROM stripe_operations
                 WHERE state IN ('pending', 'sent') AND due_at <= \(now.advanced(by: .seconds(7200)))),
                (SELECT min(due_at) FROM stripe_operations
                 WHERE state = 'held' AND due_at <= \(now.advanced(by: .seconds(10)))),
                (SELECT min(due_at) FROM balance_feeds
                 WHERE wanted AND frozen_reason IS NULL AND reads_since_request < 6),
                (SELECT \(now) FROM inbox_event_ids WHERE state = 'waiting' LIMIT 1)) AS due
            """
        ).first
        guard let due = try row?.get("due", as: Timestamp?.self) else { return nil }
        return max(0, due.milliseconds - now.milliseconds)
    }

    private func waiting() async throws -> [String] {
        try await query(
            """
            SELECT id || ' ' || kind || ' ' || state || ': ' || coalesce(reason, '') AS what FROM stripe_operations
            WHERE state IN ('pending', 'sent')
            UNION ALL SELECT event_id || ' ' || object_key || ': ' || coalesce(last_error, '') FROM inbox_event_ids
            WHERE state = 'waiting'
            """
        ).map { try $0.get("what") }
    }

    // MARK: Killing

    /// Ends the workers wherever they are, lets their leases run out, and starts new ones.
    func killWorkers(after pause: Duration) async throws {
        let doomed = workers
        let work = Task { try await doomed.workOnDue() }
        // Wherever this falls is where they die.
        try await Task.sleep(for: pause)
        work.cancel()
        if case .success = await work.result {
            tally.count("workers ended between two pieces of work", in: "faults met")
        } else {
            tally.count("workers killed at work", in: "faults met")
        }
        try await postgres.withConnection { connection in
            try await connection.executeScript(
                """
                UPDATE inbox_leases SET leased_until = now() - interval '1 second';
                UPDATE stripe_operations SET lease_until = now() - interval '1 second' WHERE lease_until IS NOT NULL;
                UPDATE balance_feeds SET lease_until = now() - interval '1 second' WHERE lease_until IS NOT NULL;
                UPDATE reconciliations SET lease_until = now() - interval '1 second' WHERE lease_until IS NOT NULL;
                """)
        }
        workers = makeWorkers()
    }

    struct Failure: Error, CustomStringConvertible {
        let description: String
        init(_ description: String) { self.description = description }
    }
}

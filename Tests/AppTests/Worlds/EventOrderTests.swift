import App
import Domain
import Foundation
import Postgres
import Store
import TestSupport
import Testing
import Webhooks

/// The same events, delivered in order once, or each twice and all of them shuffled: the same end.
@Suite struct EventOrderTests {
    private struct Event: Sendable {
        let endpoint: InboxEndpoint
        let body: [UInt8]
        let created: Int
    }

    @Test(
        "every event doubled and all of them shuffled ends where each of them once and in order ends",
        arguments: Seeds.make(defaultCount: 6))
    func order(seed: UInt64) async throws {
        try await TestDatabase.lend {
            let original = TestDatabase.current
            try await RunningSouk.withTemporaryFolder { folder in
                let (events, end) = try await Self.unheard(seed, in: folder.appending(path: "first"), on: original)
                try #require(events.count >= 10, "seed \(seed)")
                let whole = try await Self.deliver(events.map { [$0] }, until: end, seed, copying: folder, of: original)
                for shuffle in 1...2 {
                    var random = SeededGenerator(seed: seed &+ UInt64(shuffle))
                    var rest = (events + events).shuffled(using: &random)[...]
                    var portions: [[Event]] = []
                    while !rest.isEmpty {
                        portions.append(Array(rest.prefix(Int.random(in: 1...9, using: &random))))
                        rest = rest.dropFirst(portions.last?.count ?? 1)
                    }
                    let other = try await Self.deliver(portions, until: end, seed, copying: folder, of: original)
                    for (place, part) in whole.enumerated() where other[place] != part {
                        Issue.record("seed \(seed), shuffle \(shuffle): in order\n\(part)\nshuffled\n\(other[place])")
                    }
                }
            }
        }
    }

    /// A world of which Souk hears nothing once its sellers are there.
    /// - Returns: every event that Stripe has of it, oldest first, and a moment after all that Stripe does in between.
    private static func unheard(
        _ seed: UInt64, in folder: URL, on database: TestDatabase
    ) async throws -> (events: [Event], end: Timestamp) {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        return try await RunningSouk.withHeldWorkers(in: folder) { souk, makeWorkers in
            let postgres = try database.makeClient()
            defer { postgres.shutDown() }
            let world = World(seed: seed, souk: souk, makeWorkers: makeWorkers, postgres: postgres, tally: Tally())
            try await Switches.draw(in: world)
            try await world.begin()
            _ = try await souk.control("PUT", "/faults", ["webhooks": ["lose": 1]]).expecting(200)
            world.isDeaf = true
            let known = Set(
                try await postgres.query("SELECT event_id FROM inbox_event_ids").map {
                    try $0.get("event_id", as: String.self)
                })
            for _ in 0..<20 { try await world.silentStep() }
            // Some worlds begin slowly: there must be something to shuffle.
            for _ in 0..<100 where try await Self.list(souk, account: nil, without: known).count < 10 {
                try await world.silentStep()
            }
            // Whatever is still to happen at Stripe by itself happens here, once: what it makes has other ids each time.
            let day = 86_400, now = Int(try await world.now().seconds)
            let isJustBeforeMidnight = (now + 6 * 3600) % day > day - 1800
            let pause = 6 * 3600 + (isJustBeforeMidnight ? 3600 : 0)
            _ = try await souk.control("POST", "/clock/advance", ["seconds": .int(pause)]).expecting(200)
            _ = try await souk.control("POST", "/settle").expecting(200)
            _ = try await souk.control("DELETE", "/faults").expecting(200)
            var events = try await list(souk, account: nil, without: known)
            for seller in try await world.sellers() {
                if let account = seller.account { events += try await list(souk, account: account, without: known) }
            }
            return (events.sorted { $0.created < $1.created }, try await world.now().advanced(by: .seconds(900)))
        }
    }

    /// Oldest first.
    private static func list(_ souk: RunningSouk, account: String?, without known: Set<String>) async throws -> [Event]
    {
        var events: [Event] = []
        var after = ""
        while true {
            let page = try await souk.stripe("GET", "/v1/events?limit=100\(after)", account: account).expecting(200)
            let data = page["data"].array ?? []
            for event in data where !known.contains(event["id"].string ?? "") {
                events.append(
                    Event(
                        endpoint: account == nil ? .platform : .connect, body: Array(event.text.utf8),
                        created: event["created"].int ?? 0))
            }
            guard page["has_more"].bool == true, let last = data.last?["id"].string else { return events.reversed() }
            after = "&starting_after=\(last)"
        }
    }

    /// Starts a Souk and a sandbox where those of the first world ended, and delivers portion by portion. Stripe's clock
    /// goes on meanwhile, in one world longer than in another, so that all are looked at in the same moment.
    /// - Returns: the end state, part by part.
    private static func deliver(
        _ portions: [[Event]], until end: Timestamp, _ seed: UInt64, copying folder: URL, of original: TestDatabase
    ) async throws -> [String] {
        let copy = folder.appending(path: "copy-\(UUID().uuidString)")
        try FileManager.default.copyItem(at: folder.appending(path: "first"), to: copy)
        let result = Box()
        try await TestDatabase.lend(copying: original.name) {
            try await RunningSouk.withHeldWorkers(in: copy) { souk, makeWorkers in
                let world = World(
                    seed: seed, souk: souk, makeWorkers: makeWorkers, postgres: TestDatabase.current.postgres,
                    tally: Tally())
                for portion in portions {
                    for event in portion { _ = try await world.workers.intake.accept(event.body, at: event.endpoint) }
                    while try await world.workers.workOnDue() > 0 {}
                }
                try await world.settle()
                try await world.advance(milliseconds: end.milliseconds - world.now().milliseconds)
                try await world.settle()
                try await world.check()
                await result.set(try await world.endState())
            }
        }
        return await result.parts
    }

    private actor Box {
        var parts: [String] = []
        func set(_ parts: [String]) { self.parts = parts }
    }
}

extension World {
    /// Two sellers who can be charged for, and fees.
    fileprivate func begin() async throws {
        for _ in 0..<2 {
            try await take(.createSeller)
            try await take(.onboardComplete)
        }
        for _ in 0..<3 { try await take(.defaultPolicy) }
        try await take(.sellerPolicy)
        for _ in 0..<4 { try await take(pick([.orderByCheckout, .orderByIntent]) ?? .orderByIntent) }
    }

    /// Something that needs no knowledge of Souk's: it has heard of nothing.
    fileprivate func silentStep() async throws {
        switch number(0..<100) {
        case 0..<8: try await take(.orderByCheckout)
        case 8..<16: try await take(.orderByIntent)
        case 16..<21: try await take(.orderWithManualCapture)
        case 21..<25: try await take(.createSeller)
        case 25..<29:
            try await take(pick([.onboardPending, .onboardPartial, .onboardComplete]) ?? .onboardPartial)
        case 29..<55: try await take(.payAccepted)
        case 55..<60: try await take(.payDeclined)
        case 60..<66: try await take(.payWithAuthentication)
        case 66..<71:
            guard
                let intent = try await pickAtStripe(
                    "payment_intents", where: { $0["status"].string == "requires_action" })
            else { return }
            try await control(
                "/payment_intents/\(intent["id"].string ?? "")/authenticate",
                ["outcome": .string(chance(70) ? "succeed" : "fail")])
        case 71..<74: try await take(.expirePage)
        case 74..<88:
            guard
                let charge = try await pickAtStripe(
                    "charges", where: { $0["amount_captured"].int ?? 0 > $0["amount_refunded"].int ?? 0 })
            else { return }
            _ = try await refund(charge, whole: chance(40))
        default: try await take(chance(50) ? .advanceHours : .advanceDays)
        }
    }

    private func pickAtStripe(_ list: String, where condition: (JSON) -> Bool) async throws -> JSON? {
        let page = try await souk.stripe("GET", "/v1/\(list)?limit=100").expecting(200)
        return pick((page["data"].array ?? []).filter(condition))
    }

    /// Everything that a marketplace or an accountant can see, without times and without ids of ours.
    fileprivate func endState() async throws -> [String] {
        let parts: [PostgresQuery] = [
            """
            SELECT concat_ws(' ', external_id, status, amount_minor, application_fee_minor, amount_captured_minor,
                amount_refunded_minor, payable, checkout_session, payment_intent, charge_id, last_payment_error,
                dispute_status) AS t FROM orders
            """,
            "SELECT concat_ws(' ', code, currency, balance_minor) AS t FROM ledger_accounts WHERE balance_minor <> 0",
            """
            SELECT concat_ws(' ', e.cause, a.code, a.currency, p.amount_minor, p.subject) AS t
            FROM journal_entries e JOIN postings p ON p.entry_id = e.id JOIN ledger_accounts a ON a.id = p.account_id
            """,
            """
            SELECT concat_ws(' ', external_id, status, stripe_account, account->'charges_enabled',
                account->'payouts_enabled') AS t FROM sellers
            """,
            """
            SELECT concat_ws(' ', stripe_id, status, amount_minor, currency, returned_after_paid, failure_code) AS t
            FROM payouts
            """,
            """
            SELECT concat_ws(' ', r.stripe_id, r.status, r.origin, r.amount_minor, l.line_id, l.amount_minor, l.seller_minor)
                AS t
            FROM refunds r LEFT JOIN refund_lines l ON l.refund_id = r.id
            """,
            "SELECT concat_ws(' ', stripe_id, amount_minor, amount_reversed_minor, currency) AS t FROM transfers",
            "SELECT concat_ws(' ', stripe_id, charge_id, fraud_type, actionable, action) AS t FROM fraud_warnings",
            "SELECT concat_ws(' ', stripe_account, id, category, net_minor, subject_id) AS t FROM balance_transactions",
        ]
        var state: [String] = []
        for part in parts {
            state.append(
                try await query(part).map { try $0.get("t", as: String.self) }.sorted().joined(separator: "\n"))
        }
        return state
    }
}

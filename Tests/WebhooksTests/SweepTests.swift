import Domain
import Hummingbird
import Store
import StripeAPI
import Synchronization
import TestSupport
import Testing
import Transport
import Web
import Webhooks

/// As much of Stripe as the sweep and the endpoints need: lists of events by type and time, and webhook endpoints.
private final class EventSource: Sendable {
    struct Stored: Sendable {
        let id: String
        let account: String?
        let type: String
        let created: Int64
    }

    let events = Mutex<[Stored]>([])
    let calls = Mutex<[String]>([])
    let endpoints = Mutex<[String: String]>([:])

    func add(_ id: String, account: String? = nil, type: String = "charge.updated", created: Int64) {
        events.withLock { $0.append(Stored(id: id, account: account, type: type, created: created)) }
    }

    var router: Router<SoukContext> {
        let router = Router(context: SoukContext.self)
        router.get("/v1/events") { request, _ in
            self.calls.withLock { $0.append(request.uri.string) }
            let query = request.uri.queryParameters
            let types = (0..<20).compactMap { query["types[\($0)]"].map(String.init) }
            let from = Int64(query["created[gte]"] ?? "") ?? 0
            let before = Int64(query["created[lt]"] ?? "") ?? .max
            guard let name = HTTPFields.Element.Name("Stripe-Account") else { return Response(status: .badRequest) }
            let account = request.headers[name]
            var found = self.events.withLock { $0 }
                .filter {
                    $0.account == account && types.contains($0.type) && $0.created >= from && $0.created < before
                }
                .sorted { ($0.created, $0.id) > ($1.created, $1.id) }
            if let after = query["starting_after"], let place = found.firstIndex(where: { $0.id == after }) {
                found = Array(found[(place + 1)...])
            }
            let data = found.prefix(3).map {
                String(
                    decoding: event(
                        $0.id, type: $0.type, object: "ch_\($0.id)", account: $0.account, created: $0.created),
                    as: UTF8.self)
            }
            let json = #"{"object":"list","data":[\#(data.joined(separator: ",\n"))],"has_more":\#(found.count > 3)}"#
            return Response(status: .ok, body: ResponseBody(byteBuffer: ByteBuffer(string: json)))
        }
        return router
    }
}

@Suite(.database, .serialized) struct SweepTests {
    private func sweep(
        _ world: InboxWorld, _ base: String, handlers: EventHandlers, accounts: [StripeAccountID] = []
    ) -> GapSweep {
        let stripe = StripeClient(
            configuration: .init(secretKey: "sk_test_x", baseURL: base), http: HTTPClient(), logger: quiet)
        var configuration = GapSweep.Configuration()
        configuration.interval = .milliseconds(100)
        return GapSweep(
            inbox: world.inbox, intake: world.intake, handlers: handlers, stripe: stripe, accounts: { accounts },
            configuration: configuration, logger: quiet)
    }

    @Test("what never arrived is found, on the platform and on connected accounts, and only that")
    func finds() async throws {
        let source = EventSource()
        let now = WallClock.now().seconds
        let handlers = InboxWorld.handlers { _ in }
        let world = InboxWorld(handlers: handlers)
        for number in 0..<10 { source.add("evt_p\(number)", created: now - 1000 + Int64(number)) }
        for number in 0..<4 {
            source.add("evt_c\(number)", account: "acct_1", type: "account.updated", created: now - 500)
        }
        source.add("evt_unhandled", type: "review.opened", created: now - 500)
        source.add("evt_young", created: now - 5)
        source.add("evt_ancient", created: now - 40 * 24 * 3600)
        try await serving(source.router, with: [world.intake]) { (base) async throws in
            for number in 0..<5 {
                _ = try await world.intake.accept(event("evt_p\(number)", created: now), at: .platform)
            }
            let sweep = sweep(world, base, handlers: handlers, accounts: ["acct_1"])
            let report = try await sweep.sweep()
            #expect(
                Set(report.missing.map(\.rawValue))
                    == Set((5..<10).map { "evt_p\($0)" } + (0..<4).map { "evt_c\($0)" }))
            #expect(report.seen == 14)
            let again = try await sweep.sweep()
            #expect(again.missing.isEmpty)
            // A late delivery of what the sweep found is a duplicate.
            let receipt = try await world.intake.accept(event("evt_p7"), at: .platform)
            #expect(receipt == InboxReceipt(isNew: false, firstSource: .sweep))
        }
        #expect(try await world.count("inbox_event_ids", where: "source = 'sweep'") == 9)
        #expect(try await world.count("inbox_events", where: "account = 'acct_1' AND endpoint = 'connect'") == 4)
    }

    @Test("of twenty-five handled types one call names at most twenty")
    func manyTypes() async throws {
        let source = EventSource()
        var handlers = EventHandlers()
        let types = (0..<25).map { "family.event_\($0)" }
        handlers.on(types, from: [.platform], do: "A") { _ in }
        let world = InboxWorld(handlers: handlers)
        let now = WallClock.now().seconds
        for (number, type) in types.enumerated() { source.add("evt_\(number)", type: type, created: now - 100) }
        try await serving(source.router, with: [world.intake]) { [handlers] (base) async throws in
            let report = try await sweep(world, base, handlers: handlers).sweep()
            #expect(report.missing.count == 25)
        }
    }

    @Test("the running service recovers a lost event by itself")
    func service() async throws {
        let source = EventSource()
        let handled = Signal("the lost event is handled")
        let handlers = InboxWorld.handlers { _ in await handled.raise() }
        let world = InboxWorld(handlers: handlers)
        try await serving(source.router, with: [world.intake]) { (base) async throws in
            try await running([sweep(world, base, handlers: handlers), world.worker(handlers)]) {
                source.add("evt_lost", created: WallClock.now().seconds - 60)
                try await handled.wait()
            }
        }
    }
}

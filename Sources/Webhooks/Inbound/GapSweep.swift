package import Domain
package import Logging
import Metrics
import ServiceLifecycle
package import Store
package import StripeAPI

/// Finds events that Stripe has and that never arrived: after start, every few minutes, and when it is told to.
///
/// It asks for exactly the handled types, of the platform and of connected accounts, and puts what is missing into the
/// inbox, where it goes the way of any delivery. Stripe keeps events for 30 days.
package final class GapSweep: Service {
    package struct Configuration: Sendable {
        /// Wall time between two sweeps.
        package var interval: Duration = .seconds(300)
        /// Younger events may still be on their way.
        package var grace: Duration = .seconds(30)
        /// How far each sweep looks back behind the last one: events may appear in the list late.
        package var overlap: Duration = .seconds(3600)
        /// How far back the first sweep of an account looks.
        package var firstReach: Duration = .seconds(24 * 3600)
        /// Connected accounts in one sweep, those that were swept longest ago first.
        package var accountsPerSweep = 50

        package init() {}
    }

    package struct Report: Sendable, Hashable {
        package var accounts = 0
        package var seen = 0
        /// The events that had not arrived, now in the inbox.
        package var missing: [StripeEventID] = []
    }

    /// More types than this Stripe does not take in one call.
    private static let typesPerCall = 20

    private let inbox: Inbox
    private let intake: WebhookIntake
    private let handlers: EventHandlers
    private let stripe: StripeClient
    private let accounts: @Sendable () async throws -> [StripeAccountID]
    private let configuration: Configuration
    private let logger: Logger
    private let wake = WakeSignal()
    private let missingEvents = Counter(label: "souk_webhook_events_missing_total")

    /// `accounts` names the connected accounts whose events matter.
    package init(
        inbox: Inbox, intake: WebhookIntake, handlers: EventHandlers, stripe: StripeClient,
        accounts: @escaping @Sendable () async throws -> [StripeAccountID],
        configuration: Configuration = Configuration(), logger: Logger
    ) {
        self.inbox = inbox
        self.intake = intake
        self.handlers = handlers
        self.stripe = stripe
        self.accounts = accounts
        self.configuration = configuration
        self.logger = logger
    }

    /// Has the running service sweep now.
    package func sweepSoon() { wake.raise() }

    package func run() async throws {
        await withTaskCancellationOrGracefulShutdownHandler {
            while !Task.isCancelled, !Task.isShuttingDownGracefully {
                do {
                    try await inbox.preparePartitions()
                    let report = try await sweep()
                    if !report.missing.isEmpty {
                        logger.warning(
                            "events had not arrived", metadata: ["count": "\(report.missing.count)"])
                    }
                } catch {
                    logger.warning("the sweep for missing events failed", metadata: ["error": "\(error)"])
                }
                guard !Task.isCancelled, !Task.isShuttingDownGracefully else { return }
                await wake.wait(atMost: configuration.interval)
            }
        } onCancelOrGracefulShutdown: {
            self.wake.raise()
        }
    }

    /// Compares now, and returns when everything missing is in the inbox. An account whose events cannot be listed does
    /// not keep the others from their turn; the next sweep begins where its last whole one ended.
    package func sweep() async throws -> Report {
        var report = Report()
        let until = try await inbox.store.clock.now().advanced(by: .zero - configuration.grace)
        try await sweep(nil, until: until, into: &report)
        let due = try await inbox.leastRecentlySwept(
            of: try await accounts(), limit: configuration.accountsPerSweep)
        for account in due {
            do {
                try await sweep(account, until: until, into: &report)
            } catch let error as StripeError {
                // Gone, or no longer ours: it must not come first for ever.
                try await inbox.recordSweep(of: account, until: Timestamp(milliseconds: 0), missing: 0)
                logger.warning(
                    "an account's events cannot be listed", metadata: ["account": "\(account)", "error": "\(error)"])
            }
        }
        return report
    }

    private func sweep(_ account: StripeAccountID?, until: Timestamp, into report: inout Report) async throws {
        let endpoint: InboxEndpoint = account == nil ? .platform : .connect
        let types = handlers.types(of: endpoint)
        guard !types.isEmpty else { return }
        let last = try await inbox.sweptUntil(account)
        let from =
            last.flatMap { $0.milliseconds > 0 ? $0.advanced(by: .zero - configuration.overlap) : nil }
            ?? until.advanced(by: .zero - configuration.firstReach)
        report.accounts += 1
        var missing = 0
        for start in stride(from: 0, to: types.count, by: Self.typesPerCall) {
            let call = Array(types[start..<min(start + Self.typesPerCall, types.count)])
            var cursor: String?
            repeat {
                let page = try await page(of: account, types: call, from: from, until: until, after: cursor)
                report.seen += page.events.count
                let found = try await take(page, at: endpoint)
                report.missing += found
                missing += found.count
                cursor = page.next
            } while cursor != nil
        }
        try await inbox.recordSweep(of: account, until: until, missing: missing)
        missingEvents.increment(by: missing)
    }

    /// Puts those of a page into the inbox that it does not hold.
    private func take(_ page: EventPage, at endpoint: InboxEndpoint) async throws -> [StripeEventID] {
        guard !page.events.isEmpty else { return [] }
        let missing = try await inbox.missing(of: page.events.map(\.id))
        var taken: [StripeEventID] = []
        for event in page.events where missing.contains(event.id) {
            let receipt = try await intake.accept(event.body, at: endpoint, from: .sweep)
            if receipt.isNew { taken.append(event.id) }
        }
        return taken
    }

    private func page(
        of account: StripeAccountID?, types: [String], from: Timestamp, until: Timestamp, after cursor: String?
    ) async throws -> EventPage {
        let call = ListEvents(
            types: types, account: account,
            page: StripePage(startingAfter: cursor, createdFrom: from, createdBefore: until))
        let answer = try await stripe.answer(to: call.request, priority: .sweep)
        guard answer.isSuccess else { throw StripeError(answer) }
        return try EventPage(answer.body)
    }
}

/// A page of `GET /v1/events`, with each event's own bytes.
struct EventPage {
    let events: [(id: StripeEventID, body: [UInt8])]
    /// Where the next page begins; nil after the last.
    let next: String?

    init(_ bytes: [UInt8]) throws(MalformedEvent) {
        var places: [Range<Int>] = []
        var hasMore = false
        do {
            var scanner = JSONScanner(bytes)
            try scanner.object { (key, scanner) throws(JSONScanner.Fault) in
                switch key {
                case "data": try scanner.elements { places.append($0) }
                case "has_more": hasMore = try scanner.bool() ?? false
                default: try scanner.skipValue()
                }
            }
        } catch {
            throw MalformedEvent(reason: "the list of events is broken: \(error.message)")
        }
        var events: [(id: StripeEventID, body: [UInt8])] = []
        for place in places {
            let body = Array(bytes[place])
            events.append((StripeEventID(try EventEnvelope(scanning: body).id), body))
        }
        self.events = events
        next = hasMore ? events.last?.id.rawValue : nil
    }
}

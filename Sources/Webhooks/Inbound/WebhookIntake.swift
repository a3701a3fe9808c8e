import Domain
package import Logging
import Metrics
import ServiceLifecycle
package import Store

/// Takes verified events in: reads their envelope, stores them durably together with others that arrive at the same
/// moment, and says so only then.
package final class WebhookIntake: Service {
    /// Two writers: one gathers a batch while the other waits for its commit.
    private static let writers = 2

    private let inbox: Inbox
    private let handlers: EventHandlers
    private let livemode: Bool
    private let apiVersion: String
    private let arrivals: WakeSignal
    private let logger: Logger
    private let commits = SharedCommit<InboxArrival, InboxReceipt>(
        batchItems: 256, batchWeight: 8 << 20, maximumWeight: 64 << 20)
    private let metrics = IntakeMetrics()

    /// What `handlers` does not name, and what is not of this deployment's `livemode`, is kept without effect; another
    /// `apiVersion` than our endpoints' is counted; `arrivals` is raised when there is something to handle.
    package init(
        inbox: Inbox, handlers: EventHandlers, livemode: Bool, apiVersion: String, arrivals: WakeSignal,
        logger: Logger
    ) {
        self.inbox = inbox
        self.handlers = handlers
        self.livemode = livemode
        self.apiVersion = apiVersion
        self.arrivals = arrivals
        self.logger = logger
    }

    /// Stores the event whose bytes these are. The signature has been checked before.
    /// - Returns: once it is committed.
    /// - Throws: `malformed_json` for what is no event, `database_unavailable`; then nothing may be acknowledged.
    package func accept(
        _ body: [UInt8], at endpoint: InboxEndpoint, from source: InboxArrival.Source = .delivery
    ) async throws -> InboxReceipt {
        let arrival: InboxArrival
        do {
            arrival = try self.arrival(body, endpoint, source)
        } catch {
            metrics.count(.malformed, endpoint)
            throw error
        }
        let receipt: InboxReceipt
        do {
            receipt = try await commits.submit(arrival, weight: body.count + 256)
        } catch {
            metrics.count(error is any CodedError ? .unavailable : .refused, endpoint)
            throw error
        }
        metrics.count(receipt.isNew ? arrival.state.outcome : .duplicate, endpoint)
        if receipt.isNew {
            if let version = arrival.event.apiVersion, version != apiVersion { metrics.countForeignVersion() }
        } else if source == .delivery, receipt.firstSource == .sweep {
            metrics.countLate()
        }
        if receipt.isNew, arrival.state == .waiting { arrivals.raise() }
        return receipt
    }

    private func arrival(
        _ body: [UInt8], _ endpoint: InboxEndpoint, _ source: InboxArrival.Source
    ) throws(MalformedEvent) -> InboxArrival {
        let envelope = try EventEnvelope(scanning: body)
        let event = InboundEvent(
            id: StripeEventID(envelope.id), type: envelope.type,
            account: envelope.account.map { StripeAccountID($0) }, objectID: envelope.objectID,
            objectType: envelope.objectType, created: envelope.created ?? WallClock.now(),
            livemode: envelope.livemode, apiVersion: envelope.apiVersion,
            idempotencyKey: envelope.idempotencyKey, body: body)
        let state: InboxState =
            if event.livemode != livemode {
                .wrongMode
            } else if handlers.handles(event.type, from: endpoint) {
                .waiting
            } else {
                .unhandled
            }
        return InboxArrival(event: event, endpoint: endpoint, source: source, state: state)
    }

    /// Writes until the process shuts down, then what still waits.
    package func run() async throws {
        await withTaskCancellationOrGracefulShutdownHandler {
            await commits.run(writers: Self.writers) { await self.store($0[...]) }
        } onCancelOrGracefulShutdown: {
            self.commits.finish()
        }
    }

    /// Stores a batch. When PostgreSQL refuses it for the data of a row, both halves are tried apart, and so on, until
    /// the row is alone.
    private func store(_ batch: ArraySlice<InboxArrival>) async -> [Result<InboxReceipt, any Error>] {
        do {
            // boundary: before_event_commit
            let receipts = try await inbox.accept(Array(batch))
            // boundary: after_event_commit
            metrics.recordBatch(batch.count)
            var seen: Set<StripeEventID> = []
            return batch.map { arrival in
                guard let receipt = receipts[arrival.event.id] else {
                    return .failure(SharedCommitRefusal.unanswered)
                }
                let isFirst = seen.insert(arrival.event.id).inserted
                return .success(
                    InboxReceipt(isNew: receipt.isNew && isFirst, firstSource: receipt.firstSource))
            }
        } catch  where Inbox.isDataError(error) && batch.count > 1 {
            let middle = batch.startIndex + batch.count / 2
            let first = await store(batch[..<middle])
            return first + (await store(batch[middle...]))
        } catch {
            for arrival in batch {
                logger.error(
                    "an event could not be stored",
                    metadata: ["event": "\(arrival.event.id)", "type": "\(arrival.event.type)", "error": "\(error)"])
            }
            return batch.map { _ in .failure(error) }
        }
    }
}

extension InboxState {
    fileprivate var outcome: IntakeMetrics.Outcome {
        switch self {
        case .wrongMode: .wrongMode
        case .unhandled: .unhandled
        case .waiting, .done, .parked, .dismissed: .stored
        }
    }
}

/// What became of deliveries, as counters.
struct IntakeMetrics: Sendable {
    enum Outcome: String, CaseIterable {
        case stored, duplicate, unhandled, malformed, unavailable
        case wrongMode = "wrong_mode"
        /// PostgreSQL refused this row, and only this one.
        case refused
        case badSignature = "bad_signature"
        case tooLarge = "too_large"
    }

    private let counters: [InboxEndpoint: [Outcome: Counter]]
    private let late = Counter(label: "souk_webhook_events_late_total")
    private let foreignVersion = Counter(label: "souk_webhook_events_foreign_version_total")
    private let batches = Recorder(label: "souk_webhook_batch_size")

    init() {
        var counters: [InboxEndpoint: [Outcome: Counter]] = [:]
        for endpoint in InboxEndpoint.allCases {
            for outcome in Outcome.allCases {
                counters[endpoint, default: [:]][outcome] = Counter(
                    label: "souk_webhook_events_total",
                    dimensions: [("endpoint", endpoint.rawValue), ("outcome", outcome.rawValue)])
            }
        }
        self.counters = counters
    }

    func count(_ outcome: Outcome, _ endpoint: InboxEndpoint) { counters[endpoint]?[outcome]?.increment() }
    /// Delivered after the sweep had found it.
    func countLate() { late.increment() }
    func countForeignVersion() { foreignVersion.increment() }
    func recordBatch(_ size: Int) { batches.record(size) }
}

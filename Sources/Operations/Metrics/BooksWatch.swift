import Domain
package import Logging
package import Metrics
import ServiceLifecycle
import Settlement
package import Store

/// Proves the books again and again, apart from any reading of `/metrics`, and shows the last result there.
///
/// A check reads the whole journal, so the pause after it grows with its cost: it takes at most a fiftieth of the time.
package struct BooksWatch: Service {
    package struct Configuration: Sendable {
        package var firstPause: Duration = .seconds(1)
        package var shortestPause: Duration = .seconds(300)
        package var pausePerCost = 50
        /// A fault that is gone after this long was a glimpse of something under way.
        package var confirmAfter: Duration = .seconds(10)

        package init() {}
    }

    let store: Store
    let metrics: any MetricsFactory
    let configuration: Configuration
    let logger: Logger

    package init(
        store: Store, metrics: any MetricsFactory, configuration: Configuration = Configuration(), logger: Logger
    ) {
        self.store = store
        self.metrics = metrics
        self.configuration = configuration
        self.logger = logger
    }

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            var pause = configuration.firstPause
            while !Task.isCancelled {
                do { try await Task.sleep(for: pause) } catch { return }
                let begin = ContinuousClock.now
                do {
                    try await check()
                } catch {
                    Counter(label: "souk_books_check_failures_total", factory: metrics).increment()
                    logger.warning("the books could not be checked: \(error)")
                }
                let cost = ContinuousClock.now - begin
                gauge("souk_books_check_seconds").record(cost.seconds)
                pause = max(configuration.shortestPause, cost * configuration.pausePerCost)
            }
        }
    }

    private func check() async throws {
        let check = BooksCheck(store: store)
        var faults = try await check()
        if !faults.isEmpty {
            try await Task.sleep(for: configuration.confirmAfter)
            let again = Set(try await check().map(Named.init))
            faults.removeAll { !again.contains(Named($0)) }
        }
        var counts: [Int: Int] = [:]
        for fault in faults { counts[fault.kind.invariant, default: 0] += 1 }
        for invariant in 1...10 {
            gauge("souk_books_faults", [("invariant", "\(invariant)")]).record(counts[invariant] ?? 0)
        }
        let now = try await store.clock.now()
        gauge("souk_books_checked_timestamp_seconds").record(now.milliseconds / 1000)
        if let first = faults.first {
            // The object's id, never its detail: that goes to people with a key.
            logger.error(
                "the books have faults",
                metadata: ["count": "\(faults.count)", "first": "\(first.kind.rawValue) \(first.object)"])
        }
    }

    /// A fault by what it is about: its detail may hold a balance that moves.
    private struct Named: Hashable {
        let kind: BooksFault.Kind
        let object: String

        init(_ fault: BooksFault) {
            kind = fault.kind
            object = fault.object
        }
    }

    private func gauge(_ label: String, _ dimensions: [(String, String)] = []) -> Recorder {
        Recorder(label: label, dimensions: dimensions, aggregate: false, factory: metrics)
    }
}

extension Duration {
    fileprivate var seconds: Double {
        let (seconds, attoseconds) = components
        return Double(seconds) + Double(attoseconds) / 1e18
    }
}

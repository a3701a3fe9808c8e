import Domain
import Ledger
package import Logging
import Metrics
import Postgres
import ServiceLifecycle
package import Store

/// Asks Stripe for payouts that should have arrived and of which nothing was heard: the event of their end may be lost.
package struct PayoutSweep: Service {
    /// After the day of arrival, whose hour nobody knows.
    static let grace: Duration = .seconds(24 * 3600)
    /// A bank may be late for days: how long after one answer the next is asked for.
    static let pauseForEach: Duration = .seconds(6 * 3600)
    private static let limit = 100

    let store: Store
    let refresh: RefreshPayout
    let logger: Logger
    let interval: Duration

    package init(store: Store, refresh: RefreshPayout, logger: Logger, interval: Duration = .seconds(600)) {
        self.store = store
        self.refresh = refresh
        self.logger = logger
        self.interval = interval
    }

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                do {
                    _ = try await sweep()
                    try await Task.sleep(for: interval)
                } catch is CancellationError {
                    return
                } catch {
                    logger.warning("the sweep of payouts waits: \(error)")
                    try? await Task.sleep(for: .seconds(1))
                }
            }
        }
    }

    /// Reads each overdue payout once. One that cannot be read is left to the next sweep.
    /// - Returns: how many there were.
    package func sweep() async throws -> Int {
        let overdue = try await overdue()
        for (id, owner) in overdue {
            do {
                try await refresh.refresh(id, of: owner)
            } catch is CancellationError {
                throw CancellationError()
            } catch {
                logger.warning(
                    "an overdue payout could not be read", metadata: ["payout": "\(id)", "error": "\(error)"])
            }
        }
        Counter(label: "souk_payouts_swept_total").increment(by: overdue.count)
        return overdue.count
    }

    private func overdue() async throws -> [(StripePayoutID, BalanceOwner)] {
        let now = try await store.clock.now()
        return try await store.query(
            """
            SELECT p.stripe_id, p.stripe_account FROM payouts p
            LEFT JOIN stripe_objects o ON o.stripe_account = p.stripe_account AND o.id = p.stripe_id
            LEFT JOIN balance_feeds f ON f.stripe_account = p.stripe_account
            WHERE p.status IN ('pending', 'in_transit') AND p.arrives_at < \(now.advanced(by: .zero - Self.grace))
                AND (o.refreshed_at IS NULL OR o.refreshed_at < \(now.advanced(by: .zero - Self.pauseForEach)))
                AND f.frozen_reason IS NULL
            ORDER BY p.arrives_at LIMIT \(Self.limit)
            """
        ).map { (try $0.get("stripe_id"), BalanceOwner(code: try $0.get("stripe_account"))) }
    }
}

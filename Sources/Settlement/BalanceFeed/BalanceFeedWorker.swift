import Domain
import Ledger
package import Logging
import Metrics
import Postgres
import ServiceLifecycle
package import Store
import StripeAPI

/// Keeps the books up with Stripe: reads a balance as soon as something touched it, again until the rows that must
/// follow are there, and all others in a slow round.
package struct BalanceFeedWorker: Service {
    /// A balance that moved in the last week is read hourly even if nothing is known to have touched it; others daily.
    static let activeRound: Duration = .seconds(3600)
    static let quietRound: Duration = .seconds(24 * 3600)
    private static let leaseSeconds = 120

    let store: Store
    let read: ReadBalanceFeed
    let follow: FollowRows
    let itemize: ItemizePayouts
    let logger: Logger
    let concurrency: Int
    let idlePause: Duration

    package init(
        store: Store, read: ReadBalanceFeed, follow: FollowRows, itemize: ItemizePayouts, logger: Logger,
        concurrency: Int = 4, idlePause: Duration = .milliseconds(250)
    ) {
        self.store = store
        self.read = read
        self.follow = follow
        self.itemize = itemize
        self.logger = logger
        self.concurrency = concurrency
        self.idlePause = idlePause
    }

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                do {
                    if try await readDue() == 0 { try await Task.sleep(for: idlePause) }
                } catch is CancellationError {
                    return
                } catch {
                    logger.warning("balance feeds wait: \(error)")
                    try? await Task.sleep(for: .seconds(1))
                }
            }
        }
    }

    /// Reads each balance that is due, once.
    /// - Returns: how many there were.
    package func readDue() async throws -> Int {
        let leases = try await store.leaseFeeds(
            at: try await store.clock.now(), seconds: Self.leaseSeconds, limit: concurrency)
        await withTaskGroup(of: Void.self) { group in
            for lease in leases { group.addTask { await readLeased(lease) } }
        }
        return leases.count
    }

    private func readLeased(_ lease: FeedLease) async {
        do {
            let new = try await read(lease.owner, thorough: !lease.wanted)
            // boundary: after_rows_commit
            Counter(label: "souk_balance_rows_booked_total").increment(by: new)
            try await follow(lease.owner)
            try await itemize(lease.owner)
            try await store.reschedule(lease, new: new)
        } catch let error as StripeError where error.status == 403 || error.status == 404 {
            logger.notice(
                "a balance can no longer be read",
                metadata: ["account": "\(lease.owner)", "reason": "\(error.code.rawValue)"])
            await recordFailure { try await store.freeze(lease, because: error.description) }
        } catch {
            logger.warning("a balance could not be read", metadata: ["account": "\(lease.owner)", "error": "\(error)"])
            await recordFailure { try await store.postpone(lease) }
        }
    }

    /// If even this cannot be written, the lease runs out by itself and the balance is read again.
    private func recordFailure(_ write: () async throws -> Void) async {
        do { try await write() } catch { logger.warning("a balance feed keeps its lease until it ends: \(error)") }
    }
}

/// A balance that this process reads now.
struct FeedLease: Sendable {
    let owner: BalanceOwner
    let wanted: Bool
    let requests: Int64
    /// Before this one.
    let readsSinceRequest: Int
    let number: Int64
}

extension Store {
    fileprivate func leaseFeeds(at now: Timestamp, seconds: Int, limit: Int) async throws -> [FeedLease] {
        try await query(
            """
            UPDATE balance_feeds SET lease_until = clock_timestamp() + \(seconds) * interval '1 second',
                lease_number = lease_number + 1, reads_since_request = reads_since_request + 1
            WHERE stripe_account IN (
                SELECT stripe_account FROM balance_feeds
                WHERE due_at <= \(now) AND frozen_reason IS NULL
                    AND (lease_until IS NULL OR lease_until < clock_timestamp())
                ORDER BY due_at LIMIT \(limit) FOR UPDATE SKIP LOCKED)
            RETURNING stripe_account, wanted, requests, reads_since_request - 1 AS reads_since_request, lease_number
            """
        ).map { row in
            FeedLease(
                owner: BalanceOwner(code: try row.get("stripe_account")), wanted: try row.get("wanted"),
                requests: try row.get("requests"), readsSinceRequest: try row.get("reads_since_request"),
                number: try row.get("lease_number"))
        }
    }

    /// The next read: at once if it was asked for meanwhile; soon while something of it is missing; else in its round.
    fileprivate func reschedule(_ lease: FeedLease, new: Int) async throws {
        try await transaction { tx in
            try await tx.crossOffAwaitedRows(of: lease.owner)
            try await tx.crossOffAwaitedEntries(of: lease.owner)
            let waiting = try await tx.isWaitingForRows(lease.owner)
            let soon = tx.now.advanced(by: FeedSchedule.pause(afterReads: lease.readsSinceRequest))
            let wanted = waiting && lease.readsSinceRequest < FeedSchedule.patientReads
            try await tx.execute(
                """
                UPDATE balance_feeds f SET
                    lease_until = NULL, last_read_at = \(tx.now),
                    last_row_created_at = (
                        SELECT max(created_at) FROM balance_transactions b WHERE b.stripe_account = f.stripe_account),
                    wanted = f.requests <> \(lease.requests) OR \(wanted),
                    due_at = CASE
                        WHEN f.requests <> \(lease.requests) THEN \(tx.now)
                        WHEN \(wanted) THEN \(soon)
                        WHEN f.last_row_created_at > \(tx.now.advanced(by: .seconds(-7 * 86400))) OR \(new > 0)
                            THEN \(tx.now.advanced(by: BalanceFeedWorker.activeRound))
                        ELSE \(tx.now.advanced(by: BalanceFeedWorker.quietRound)) END
                WHERE stripe_account = \(lease.owner.code) AND lease_number = \(lease.number)
                """)
        }
    }

    fileprivate func postpone(_ lease: FeedLease) async throws {
        try await transaction { tx in
            try await tx.execute(
                """
                UPDATE balance_feeds SET lease_until = NULL,
                    due_at = \(tx.now.advanced(by: FeedSchedule.pause(afterReads: lease.readsSinceRequest + 1)))
                WHERE stripe_account = \(lease.owner.code) AND lease_number = \(lease.number)
                """)
        }
    }

    fileprivate func freeze(_ lease: FeedLease, because reason: String) async throws {
        try await execute(
            """
            UPDATE balance_feeds SET lease_until = NULL, wanted = false, frozen_reason = \(reason)
            WHERE stripe_account = \(lease.owner.code) AND lease_number = \(lease.number)
            """)
    }

    /// Balances that are due, asked for and due soon, or being read: zero when the books are as far as they can be.
    package func balanceFeedsUnderWay() async throws -> Int64 {
        let now = try await clock.now()
        let rows = try await query(
            """
            SELECT count(*) AS n FROM balance_feeds
            WHERE frozen_reason IS NULL
                AND (lease_until > clock_timestamp() OR due_at <= \(now)
                    OR wanted AND due_at <= \(now.advanced(by: .seconds(5))))
            """)
        return try rows.first?.get("n") ?? 0
    }
}

/// How long a balance waits for rows that must come: Stripe books most within seconds, some within a day.
package enum FeedSchedule {
    /// After this many reads, some 25 hours, what is missing is left to the slow round and shows as a fault.
    static let patientReads = 110

    static func pause(afterReads reads: Int) -> Duration {
        let seconds: [Int] = [1, 1, 2, 4, 8, 15, 30, 60, 120, 300, 600]
        return .seconds(reads < seconds.count ? seconds[max(0, reads)] : 900)
    }
}

extension StoreTransaction {
    /// Whether something of this balance must still come: awaited rows and entries, what explains a payout, or objects that
    /// wait in a clearing account.
    fileprivate func isWaitingForRows(_ owner: BalanceOwner) async throws -> Bool {
        let rows = try await query(
            """
            SELECT EXISTS (SELECT 1 FROM awaited_rows WHERE stripe_account = \(owner.code))
                OR EXISTS (SELECT 1 FROM awaited_entries WHERE stripe_account = \(owner.code))
                OR EXISTS (
                    SELECT 1 FROM payouts
                    WHERE stripe_account = \(owner.code) AND itemized_at IS NULL AND stripe_id IS NOT NULL
                        AND (NOT automatic OR reconciliation_status = 'completed' OR returned_at IS NOT NULL))
                OR EXISTS (
                SELECT 1 FROM ledger_subjects s JOIN ledger_accounts a ON a.id = s.account_id
                WHERE s.balance_minor <> 0 AND (
                    \(owner == .platform) AND a.code IN ('clearing:charge', 'clearing:refund', 'clearing:application_fee')
                    OR a.code = 'clearing:payout' AND EXISTS (
                        SELECT 1 FROM payouts p WHERE p.stripe_id = s.subject AND p.stripe_account = \(owner.code)))
            ) AS waiting
            """)
        return try rows.first?.get("waiting") ?? false
    }
}

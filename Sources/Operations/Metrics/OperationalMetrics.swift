import Domain
import Ledger
package import Logging
package import Metrics
import Postgres
import ServiceLifecycle
package import Store
import Synchronization

/// What waits, and for how long: measured every few seconds from small indexed parts of the tables.
///
/// Labels hold kinds and reasons, never an id or a name: their number is bounded however large the marketplace is.
package final class OperationalMetrics: Service {
    private let store: Store
    private let metrics: any MetricsFactory
    private let logger: Logger
    private let pause: Duration
    /// Series that were shown before: one whose count is gone is shown as zero, not as it was.
    private let shown = Mutex<[String: Set<[String]>]>([:])

    package init(store: Store, metrics: any MetricsFactory, logger: Logger, pause: Duration = .seconds(15)) {
        self.store = store
        self.metrics = metrics
        self.logger = logger
        self.pause = pause
    }

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                do {
                    try await self.measure()
                } catch {
                    self.logger.debug("what waits could not be measured: \(error)")
                }
                do { try await Task.sleep(for: self.pause) } catch { return }
            }
        }
    }

    package func measure() async throws {
        let now = try await store.clock.now()
        try await measureClearing(now)
        try await measureOperations(now)
        try await measureMoneyOut()
        try await measureFeeds(now)
        try await measureDifferences()
    }

    /// Ages of the oldest object that waits in each clearing account, of what is awaited, and of open receivables.
    private func measureClearing(_ now: Timestamp) async throws {
        let open = try await store.query(
            """
            SELECT a.code, extract(epoch FROM \(now) - min(s.opened_at))::bigint AS age, count(*) AS objects
            FROM ledger_subjects s JOIN ledger_accounts a ON a.id = s.account_id
            WHERE s.balance_minor <> 0 AND (a.code LIKE 'clearing:%' OR a.code IN ('fx:conversion', 'suspense'))
            GROUP BY a.code
            """)
        var ages: [[String]: Int64] = [:]
        var counts: [[String]: Int64] = [:]
        for kind in Self.clearingKinds { (ages[[kind]], counts[[kind]]) = (0, 0) }
        for row in open {
            let kind = Self.kind(of: try row.get("code"))
            ages[[kind]] = max(0, try row.get("age"))
            counts[[kind]] = try row.get("objects")
        }
        show("souk_clearing_oldest_seconds", ["kind"], ages)
        show("souk_clearing_open", ["kind"], counts)
        let awaited = try await store.query(
            """
            SELECT 'row' AS what, count(*) AS n, coalesce(extract(epoch FROM \(now) - min(since)), 0)::bigint AS age
            FROM awaited_rows
            UNION ALL
            SELECT 'entry', count(*), coalesce(extract(epoch FROM \(now) - min(since)), 0)::bigint FROM awaited_entries
            """)
        var awaitedCounts: [[String]: Int64] = [:]
        var awaitedAges: [[String]: Int64] = [:]
        for row in awaited {
            let what: String = try row.get("what")
            awaitedCounts[[what]] = try row.get("n")
            awaitedAges[[what]] = max(0, try row.get("age"))
        }
        show("souk_awaited", ["what"], awaitedCounts)
        show("souk_awaited_oldest_seconds", ["what"], awaitedAges)
    }

    private static let clearingKinds =
        LedgerAccount.Clearing.allCases.map(\.rawValue) + ["fx_conversion", "suspense"]

    private static func kind(of code: String) -> String {
        code.hasPrefix("clearing:") ? String(code.dropFirst("clearing:".count)) : code.replacing(":", with: "_")
    }

    /// How many reasons are told apart; the rarest are counted together.
    private static let reasons = 20

    private func measureOperations(_ now: Timestamp) async throws {
        // A reason begins with its class, and may go on with Stripe's sentence and ids.
        let rows = try await store.query(
            """
            SELECT state, kind, CASE WHEN place <= \(Self.reasons) THEN class ELSE 'other' END AS class,
                sum(n)::bigint AS n, max(age)::bigint AS age
            FROM (
                SELECT state, kind, class, count(*) AS n, extract(epoch FROM \(now) - min(created_at)) AS age,
                    row_number() OVER (ORDER BY count(*) DESC) AS place
                FROM (
                    SELECT state, kind, created_at, btrim(regexp_replace(
                        split_part(coalesce(reason, 'none'), ':', 1), '\\S*[0-9_=@/]\\S*', '', 'g')) AS class
                    FROM stripe_operations WHERE state IN ('held', 'needs_review')
                ) AS waiting
                GROUP BY state, kind, class
            ) AS ranked
            GROUP BY 1, 2, 3
            """)
        var counts: [[String]: Int64] = [:]
        var ages: [[String]: Int64] = [["held"]: 0, ["needs_review"]: 0]
        for row in rows {
            let state: String = try row.get("state")
            counts[[state, try row.get("kind"), try row.get("class")]] = try row.get("n")
            ages[[state]] = max(ages[[state]] ?? 0, try row.get("age"))
        }
        show("souk_operations_waiting", ["state", "kind", "reason"], counts)
        show("souk_operations_waiting_oldest_seconds", ["state"], ages)
        let underWay = try await store.query(
            """
            SELECT count(*) AS n, coalesce(extract(epoch FROM \(now) - min(created_at)), 0)::bigint AS age
            FROM stripe_operations WHERE state IN ('pending', 'sent')
            """)
        show("souk_operations_under_way", [], [[]: try underWay.first?.get("n") ?? 0])
        show("souk_operations_under_way_oldest_seconds", [], [[]: max(0, try underWay.first?.get("age") ?? 0)])
    }

    /// Whether everything that leaves is held, and how much waits for a second person.
    private func measureMoneyOut() async throws {
        let rows = try await store.query(
            """
            SELECT (SELECT count(*) FROM money_out_switch WHERE held_at IS NOT NULL) AS held,
                (SELECT count(*) FROM money_out m JOIN stripe_operations o ON o.id = m.operation_id
                 WHERE m.approval = 'needed' AND o.state = 'held') AS needing_approval
            """)
        show("souk_money_out_held", [], [[]: try rows.first?.get("held") ?? 0])
        show("souk_money_out_needing_approval", [], [[]: try rows.first?.get("needing_approval") ?? 0])
    }

    /// How far the reading of Stripe's books is behind, for the platform's balance and for those of sellers.
    private func measureFeeds(_ now: Timestamp) async throws {
        var lags: [[String]: Int64] = [["platform"]: 0, ["connected"]: 0]
        var frozen: [[String]: Int64] = lags
        let rows = try await store.query(
            """
            SELECT CASE WHEN stripe_account = 'platform' THEN 'platform' ELSE 'connected' END AS class,
                coalesce(max(extract(epoch FROM \(now) - due_at)) FILTER (WHERE frozen_reason IS NULL), 0)::bigint AS lag,
                count(*) FILTER (WHERE frozen_reason IS NOT NULL) AS frozen
            FROM balance_feeds GROUP BY 1
            """)
        for row in rows {
            let account: String = try row.get("class")
            lags[[account]] = max(0, try row.get("lag"))
            frozen[[account]] = try row.get("frozen")
        }
        show("souk_balance_feed_lag_seconds", ["account"], lags)
        show("souk_balance_feeds_frozen", ["account"], frozen)
    }

    /// What the last whole comparison with Stripe came to, and what waits for a person.
    private func measureDifferences() async throws {
        let last = try await store.query(
            """
            SELECT extract(epoch FROM finished_at)::bigint AS finished, d.key AS currency, d.value::bigint AS amount
            FROM (
                SELECT finished_at, difference FROM reconciliations
                WHERE status = 'completed' AND scope IN ('balances', 'all') AND seller_id IS NULL
                ORDER BY id DESC LIMIT 1
            ) AS run LEFT JOIN LATERAL jsonb_each_text(run.difference) AS d ON true
            """)
        var differences: [[String]: Int64] = [:]
        for row in last {
            if let currency: String = try row.get("currency") { differences[[currency]] = try row.get("amount") }
        }
        show("souk_stripe_difference_minor", ["currency"], differences)
        show("souk_stripe_compared_timestamp_seconds", [], [[]: try last.first?.get("finished") ?? 0])
        let findings = try await store.query(
            "SELECT kind, count(*) AS n FROM reconciliation_findings WHERE status = 'open' GROUP BY kind")
        var open: [[String]: Int64] = [:]
        for row in findings { open[[try row.get("kind")]] = try row.get("n") }
        show("souk_findings_open", ["kind"], open)
    }

    private func show(_ name: String, _ labels: [String], _ values: [[String]: Int64]) {
        let gone = shown.withLock { shown in
            let before = shown[name] ?? []
            shown[name] = before.union(values.keys)
            return before.subtracting(values.keys)
        }
        for (series, value) in values { gauge(name, labels, series).record(value) }
        for series in gone { gauge(name, labels, series).record(0) }
    }

    private func gauge(_ name: String, _ labels: [String], _ values: [String]) -> Recorder {
        Recorder(label: name, dimensions: Array(zip(labels, values)), aggregate: false, factory: metrics)
    }
}

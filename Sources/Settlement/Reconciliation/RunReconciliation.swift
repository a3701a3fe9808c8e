package import Domain
import Ledger
package import Logging
import Postgres
package import Store
package import StripeAPI
import Web

/// Compares the books with Stripe and writes down every difference. Both sides are read in order, so that memory does not
/// grow with the number of objects. A run that a process left behind starts again from the beginning.
package struct RunReconciliation: Sendable {
    static let leaseSeconds = 60

    let store: Store
    let stripe: StripeClient
    let logger: Logger
    /// Objects in a window, at least: few enough to hold, and enough for a question to the database to be worth its way.
    let windowSize: Int

    package init(store: Store, stripe: StripeClient, logger: Logger, windowSize: Int = 2000) {
        self.store = store
        self.stripe = stripe
        self.logger = logger
        self.windowSize = windowSize
    }

    /// Writes a new run down; `work` or the worker carries it out.
    package func start(
        _ scope: ReconciliationScope, seller: ID<Seller>? = nil, from: Timestamp? = nil, to: Timestamp? = nil
    ) async throws -> ReconciliationRecord {
        let run = try await insert(scope, seller: seller, from: from, to: to, scheduledFor: nil)
        guard let run else { throw Refusal(.internalError, "The run was not written down.") }
        return run
    }

    /// Writes down the run of this day, if now is its time and no process has done so.
    /// - Returns: nil outside of the window, and when it was there before.
    package func startScheduled(in window: DailyWindow) async throws -> ReconciliationRecord? {
        guard let opening = window.opening(at: try await store.clock.now()) else { return nil }
        return try await insert(.all, seller: nil, from: nil, to: nil, scheduledFor: opening)
    }

    /// - Returns: nil if there is one for this opening of the window.
    private func insert(
        _ scope: ReconciliationScope, seller: ID<Seller>?, from: Timestamp?, to: Timestamp?, scheduledFor: Timestamp?
    ) async throws -> ReconciliationRecord? {
        try await store.transaction { tx in
            try await tx.query(
                """
                INSERT INTO reconciliations (id, scope, seller_id, period_from, period_to, status, scheduled_for,
                    created_at)
                VALUES (\(tx.makeID(Reconciliation.self)), \(scope.rawValue), \(seller), \(from), \(to), 'running',
                    \(scheduledFor), \(tx.now))
                ON CONFLICT (scheduled_for) DO NOTHING
                RETURNING \(unescaped: ReconciliationRecord.columns)
                """
            ).first.map(ReconciliationRecord.init)
        }
    }

    /// Carries out one run that nobody works on.
    /// - Returns: false if there is none.
    package func work() async throws -> Bool {
        let leased = try await store.query(
            """
            UPDATE reconciliations
            SET lease_until = clock_timestamp() + \(Self.leaseSeconds) * interval '1 second'
            WHERE id = (
                SELECT id FROM reconciliations
                WHERE status = 'running' AND (lease_until IS NULL OR lease_until < clock_timestamp())
                ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED)
            RETURNING \(unescaped: ReconciliationRecord.columns)
            """)
        guard let row = leased.first else { return false }
        let run = try ReconciliationRecord(row: row)
        do {
            try await carryOut(run)
        } catch let error where !(error is CancellationError) {
            logger.error("a reconciliation failed", metadata: ["run": "\(run.id)", "error": "\(error)"])
            let reason = (error as? any CodedError)?.message ?? "an error in Souk: \(type(of: error))"
            try await finish(run, as: .failed, Tally(), because: reason)
        }
        return true
    }

    private func carryOut(_ run: ReconciliationRecord) async throws {
        try await store.execute("DELETE FROM reconciliation_findings WHERE reconciliation_id = \(run.id)")
        var tally = Tally()
        let began = ContinuousClock.now
        for part in run.scope.parts {
            switch part {
            case .transfers: try await compareTransfers(run, &tally)
            case .payouts: try await comparePayouts(run, &tally)
            case .balances: try await compareBalances(run, &tally)
            case .clearing:
                try await compareRows(run, &tally)
                try await compareClearing(run, &tally)
            case .operations: try await compareOperations(run, &tally)
            case .all: break
            }
            try await extendLease(run)
        }
        tally.comparing = ContinuousClock.now - began - tally.fetching
        try await finish(run, as: .completed, tally, because: nil)
    }

    func extendLease(_ run: ReconciliationRecord) async throws {
        try await store.execute(
            """
            UPDATE reconciliations
            SET lease_until = clock_timestamp() + \(Self.leaseSeconds) * interval '1 second' WHERE id = \(run.id)
            """)
    }

    func report(_ findings: [FindingFacts], of run: ReconciliationRecord, _ tally: inout Tally) async throws {
        guard !findings.isEmpty else { return }
        tally.findings += Int64(findings.count)
        try await store.transaction { tx in
            try await tx.execute(
                """
                INSERT INTO reconciliation_findings (id, reconciliation_id, part, kind, stripe_account, object_id,
                    parent_id, operation_id, currency, expected_minor, actual_minor, detail, created_at)
                SELECT given.*, \(tx.now)
                FROM unnest(
                    \(findings.map { _ in tx.makeID(Finding.self) }), \(findings.map { _ in run.id }),
                    \(findings.map(\.part.rawValue)), \(findings.map(\.kind.rawValue)),
                    \(findings.map(\.stripeAccount)), \(findings.map(\.object)), \(findings.map(\.parent)),
                    \(findings.map(\.operation)), \(findings.map(\.currency)), \(findings.map(\.expected)),
                    \(findings.map(\.actual)), \(findings.map(\.detail))) AS given
                ON CONFLICT DO NOTHING
                """)
        }
    }

    /// Ends the run, and closes findings of earlier runs that this one no longer sees.
    private func finish(
        _ run: ReconciliationRecord, as status: ReconciliationStatus, _ tally: Tally, because failure: String?
    ) async throws {
        let parts = run.scope.parts.map(\.rawValue)
        let difference = String(decoding: try JSONWriter.encode(tally.difference), as: UTF8.self)
        try await store.transaction { tx in
            try await tx.execute(
                """
                UPDATE reconciliations
                SET status = \(status.rawValue), matched = \(tally.matched), findings_count = \(tally.findings),
                    difference = \(difference)::text::jsonb, failure = \(failure), lease_until = NULL,
                    fetching_ms = \(tally.fetching.milliseconds), comparing_ms = \(tally.comparing.milliseconds),
                    finished_at = \(tx.now)
                WHERE id = \(run.id)
                """)
            guard status == .completed, run.seller == nil, run.from == nil, run.to == nil else { return }
            try await tx.execute(
                """
                UPDATE reconciliation_findings old
                SET status = 'closed', closed_at = \(tx.now), look_again_at = NULL
                WHERE old.status = 'open' AND old.reconciliation_id <> \(run.id) AND old.part = ANY (\(parts))
                    AND NOT EXISTS (
                        SELECT 1 FROM reconciliation_findings new
                        WHERE new.reconciliation_id = \(run.id) AND new.part = old.part AND new.kind = old.kind
                            AND new.stripe_account = old.stripe_account AND new.object_id = old.object_id
                            AND new.currency IS NOT DISTINCT FROM old.currency)
                """)
        }
    }

    /// What a run has come to so far.
    struct Tally: Sendable {
        var matched: Int64 = 0
        var findings: Int64 = 0
        var difference: [String: Int64] = [:]
        /// Waiting for Stripe's lists, and everything else.
        var fetching: Duration = .zero
        var comparing: Duration = .zero
    }
}

extension Duration {
    fileprivate var milliseconds: Int64 {
        let (seconds, attoseconds) = components
        return seconds * 1000 + attoseconds / 1_000_000_000_000_000
    }
}

import Domain
import Ledger
package import Logging
package import Orders
import Postgres
package import Store
package import StripeAPI

/// Repairs what an admin approved: through the reads, feeds, adoptions and operations that events go through too, so that a
/// repair can do nothing that they could not. Then it looks at Stripe again, and closes the finding where nothing differs.
package struct RepairFinding: Sendable {
    /// Pauses before further looks at what did not agree at once: an operation is looked up twice, ten minutes apart. After
    /// the last one the finding stays open until a run agrees.
    static let pauses: [Duration] = [
        .seconds(60), .seconds(660), .seconds(3600), .seconds(6 * 3600), .seconds(24 * 3600),
    ]

    let store: Store
    let stripe: StripeClient
    let engine: OperationEngine
    let reconciliation: RunReconciliation
    let payments: RefreshOrderPayment
    let disputes: RefreshDispute
    let payouts: RefreshPayout
    let itemize: ItemizePayouts
    let follow: FollowRows
    let logger: Logger

    package init(
        store: Store, stripe: StripeClient, engine: OperationEngine, reconciliation: RunReconciliation,
        payments: RefreshOrderPayment, disputes: RefreshDispute, payouts: RefreshPayout, itemize: ItemizePayouts,
        follow: FollowRows, logger: Logger
    ) {
        self.store = store
        self.stripe = stripe
        self.engine = engine
        self.reconciliation = reconciliation
        self.payments = payments
        self.disputes = disputes
        self.payouts = payouts
        self.itemize = itemize
        self.follow = follow
        self.logger = logger
    }

    var feed: ReadBalanceFeed { ReadBalanceFeed(store: store, stripe: stripe, priority: .caller) }

    /// What differs at this moment. Changes nothing.
    func preview(_ id: ID<Finding>) async throws -> (finding: FindingRecord, differences: [FindingFacts]) {
        let finding = try await store.requireFinding(id)
        return (finding, finding.isOpen ? try await reconciliation.look(at: finding) : [])
    }

    /// Repairs and looks again. A finding that is closed already stays as it is.
    /// - Returns: the finding, and what differs after the repair.
    /// - Throws: `finding_not_found`, `parameter_invalid` for a repair that does not fit the finding, and what Stripe says
    ///   when it does not answer: the repair may then be asked for again.
    func callAsFunction(
        _ id: ID<Finding>, _ repair: Repair, because reason: String, by caller: Caller
    ) async throws -> (finding: FindingRecord, differences: [FindingFacts]) {
        let finding = try await store.requireFinding(id)
        guard finding.isOpen else { return (finding, []) }
        guard repair == .markReviewed || repair == finding.plan.repair else {
            let choices = [finding.plan.repair, .markReviewed].compactMap { $0?.rawValue }.joined(separator: ", ")
            throw Refusal(
                .parameterInvalid,
                "The finding \(id) cannot be repaired by '\(repair.rawValue)'. Choose from: \(choices).",
                parameter: "repair")
        }
        try await approve(finding, repair, because: reason, by: caller)
        guard repair != .markReviewed else { return (try await store.requireFinding(id), []) }
        let recounted = try await carryOut(repair, finding)
        let differences = try await reconciliation.look(at: finding)
        try await conclude(finding, differences, recounted, by: caller)
        return (try await store.requireFinding(id), differences)
    }

    /// Looks at repaired differences whose time has come, once each.
    /// - Returns: how many there were.
    package func lookAgain() async throws -> Int {
        let now = try await store.clock.now()
        let due = try await store.query(
            """
            SELECT \(unescaped: FindingRecord.columns) FROM reconciliation_findings
            WHERE look_again_at <= \(now) ORDER BY look_again_at LIMIT 20
            """
        ).map(FindingRecord.init)
        for finding in due {
            do {
                let differences = try await reconciliation.look(at: finding)
                try await conclude(finding, differences, [], by: .souk)
            } catch let error where !(error is CancellationError) {
                logger.warning("a repaired finding waits", metadata: ["finding": "\(finding.id)", "error": "\(error)"])
                try await store.execute(
                    """
                    UPDATE reconciliation_findings SET look_again_at = \(now.advanced(by: .seconds(600)))
                    WHERE id = \(finding.id) AND look_again_at IS NOT NULL
                    """)
            }
        }
        return due.count
    }

    private func approve(
        _ finding: FindingRecord, _ repair: Repair, because reason: String, by caller: Caller
    ) async throws {
        try await store.transaction { tx in
            let changed = try await tx.execute(
                """
                UPDATE reconciliation_findings SET repair = \(repair.rawValue), approved_at = \(tx.now)
                WHERE id = \(finding.id) AND status = 'open'
                """)
            guard changed == 1 else { return }
            guard repair == .markReviewed else {
                return try await tx.audit(
                    "finding.repair_approved", subject: finding.id.rawValue, by: caller,
                    details: ["reason": reason, "repair": repair.rawValue, "object": finding.object])
            }
            try await tx.close(finding, everywhere: false)
            try await tx.audit(
                "finding.reviewed", subject: finding.id.rawValue, by: caller, details: ["reason": reason])
        }
    }

    /// Closes a finding that nothing differs of any more, and every other of the same object; else says when to look next.
    private func conclude(
        _ finding: FindingRecord, _ differences: [FindingFacts], _ recounted: [RecountedSum], by caller: Caller
    ) async throws {
        let looks = finding.looks ?? 0
        try await store.transaction { tx in
            for sum in recounted {
                try await tx.audit(
                    "ledger.recounted", subject: sum.name, by: caller,
                    details: [
                        "finding": finding.id.rawValue, "currency": sum.currency, "before": String(sum.before),
                        "after": String(sum.after),
                    ])
            }
            guard !differences.isEmpty else {
                try await tx.close(finding, everywhere: true)
                return try await tx.audit(
                    "finding.repaired", subject: finding.id.rawValue, by: caller,
                    details: ["repair": finding.repair?.rawValue ?? finding.plan.repair?.rawValue ?? ""])
            }
            let pause = looks < Self.pauses.count ? Self.pauses[looks] : nil
            try await tx.execute(
                """
                UPDATE reconciliation_findings
                SET looks = \(looks + 1), look_again_at = \(pause.map { tx.now.advanced(by: $0) })
                WHERE id = \(finding.id) AND status = 'open'
                """)
        }
    }
}

extension StoreTransaction {
    /// `everywhere`: with what other runs found of the same object in the same part.
    fileprivate func close(_ finding: FindingRecord, everywhere: Bool) async throws {
        try await execute(
            """
            UPDATE reconciliation_findings SET status = 'closed', closed_at = \(now), look_again_at = NULL
            WHERE status = 'open' AND (id = \(finding.id) OR \(everywhere) AND object_id = \(finding.object)
                AND stripe_account = \(finding.stripeAccount) AND part = \(finding.part?.rawValue)
                AND currency IS NOT DISTINCT FROM \(finding.currency))
            """)
    }
}

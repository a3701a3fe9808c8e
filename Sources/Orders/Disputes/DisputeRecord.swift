package import Domain
package import Ledger
package import Postgres
import Store
import StripeAPI
import Web

/// A dispute as Souk keeps it: Stripe's last word, and the moments at which the books moved.
package struct DisputeRecord: Hashable, Sendable {
    package let id: ID<Dispute>
    package let stripeID: StripeDisputeID
    package let order: ID<Order>
    let charge: StripeChargeID
    /// Stripe's word.
    var status: String
    var reason: String
    let amount: Money
    var isChargeRefundable: Bool
    /// Nil when it cannot be contested.
    var evidenceDueAt: Timestamp?
    var hasEvidence: Bool
    var submissions: Int
    /// When Stripe took the money.
    var withdrawnAt: Timestamp?
    /// When Stripe gave it back.
    var reinstatedAt: Timestamp?
    /// When it was given up for lost; an appeal may still win it.
    var lostAt: Timestamp?
    /// What Stripe took, and gave back, in the currency of the platform's balance; nil where nothing was converted.
    var taken: Money?
    var returned: Money?
    /// What those bear who had the money; nil while nothing is claimed from them.
    var claim: DisputeClaim?
    let createdAt: Timestamp

    var stage: DisputeStage? { DisputeStage(status: status) }

    /// Stripe takes evidence now: it asks for it, and nothing has been submitted.
    var takesEvidence: Bool { Self.statusesAskingForEvidence.contains(status) }

    static let statusesAskingForEvidence = [
        StripeDisputeStatus.warningNeedsResponse, .needsResponse, .appealNeedsResponse,
    ].map(\.rawValue)

    static let stored = """
        id, stripe_id, order_id, charge_id, status, reason, currency, amount_minor, is_charge_refundable, \
        evidence_due_at, has_evidence, submissions, withdrawn_at, reinstated_at, lost_at, created_at, \
        settled_currency, taken_minor, returned_minor
        """

    package static let columns = stored + ", " + DisputeClaim.columns

    package init(row: PostgresRow) throws {
        id = try row.get("id")
        stripeID = try row.get("stripe_id")
        order = try row.get("order_id")
        charge = try row.get("charge_id")
        status = try row.get("status")
        reason = try row.get("reason")
        amount = Money(try row.get("amount_minor"), try row.get("currency"))
        isChargeRefundable = try row.get("is_charge_refundable")
        evidenceDueAt = try row.get("evidence_due_at")
        hasEvidence = try row.get("has_evidence")
        submissions = try row.get("submissions")
        withdrawnAt = try row.get("withdrawn_at")
        reinstatedAt = try row.get("reinstated_at")
        lostAt = try row.get("lost_at")
        if let currency: Currency = try row.get("settled_currency") {
            taken = Money(try row.get("taken_minor"), currency)
            let minorUnits: Int64? = try row.get("returned_minor")
            returned = minorUnits.map { Money($0, currency) }
        }
        claim = try DisputeClaim(row: row)
        createdAt = try row.get("created_at")
    }

    /// What Souk sees for the first time; `following` fills in the rest.
    init(_ remote: DisputeResource, id: ID<Dispute>, order: ID<Order>) {
        self.id = id
        stripeID = remote.id
        self.order = order
        charge = remote.charge.id
        status = remote.status.rawValue
        reason = remote.reason
        amount = Money(remote.amount, remote.currency)
        isChargeRefundable = remote.isChargeRefundable
        hasEvidence = false
        submissions = 0
        createdAt = remote.created
    }

    /// Moves along the dispute's life as Stripe tells it. The rows that come with it say whether money moved, never the
    /// status: an inquiry that is lost took nothing.
    func following(_ remote: DisputeResource, at now: Timestamp) -> DisputeRecord {
        var next = self
        next.status = remote.status.rawValue
        next.reason = remote.reason
        next.isChargeRefundable = remote.isChargeRefundable
        next.evidenceDueAt = remote.evidenceDetails.dueBy.flatMap { $0.seconds > 0 ? $0 : nil }
        next.hasEvidence = remote.evidenceDetails.hasEvidence
        next.submissions = remote.evidenceDetails.submissionCount
        func first(_ category: String) -> BalanceTransactionResource? {
            remote.balanceTransactions.first { $0.reportingCategory == category }
        }
        let (taking, returning) = (first("dispute"), first("dispute_reversal"))
        next.withdrawnAt = withdrawnAt ?? taking?.created
        guard next.withdrawnAt != nil else { return next }
        next.reinstatedAt = reinstatedAt ?? returning?.created
        if let taking, taking.currency != amount.currency {
            next.taken = Money(-taking.amount, taking.currency)
            if let returning, returning.currency == taking.currency {
                next.returned = Money(returning.amount, returning.currency)
            }
        }
        if remote.status == .lost, next.reinstatedAt == nil { next.lostAt = lostAt ?? now }
        return next
    }

    /// Every entry that the dispute has caused so far: a repeat of what is booked changes nothing.
    package func entries(_ dimensions: Dimensions) throws -> [JournalEntry] {
        let facts = DisputeRules.Facts(
            id: stripeID, amount: amount, dimensions: dimensions, taken: taken, returned: returned)
        var entries: [JournalEntry] = []
        if let withdrawnAt { entries.append(try DisputeRules.withdrawn(facts, at: withdrawnAt)) }
        if let claim {
            entries += [try DisputeRules.claimed(facts, claim.taken, at: claim.at)].compactMap(\.self)
        }
        if let lostAt { entries += [try DisputeRules.lost(facts, claim: claim?.taken, at: lostAt)].compactMap(\.self) }
        if let reinstatedAt {
            entries.append(
                try DisputeRules.won(facts, wasLost: lostAt != nil, claim: claim?.returned, at: reinstatedAt))
        }
        return entries
    }

    /// The rows that Stripe's books must have for it.
    var awaitedRows: [AwaitedRow] {
        var rows: [AwaitedRow] = []
        if withdrawnAt != nil {
            rows.append(AwaitedRow(owner: .platform, category: "dispute", object: stripeID.rawValue))
        }
        if reinstatedAt != nil {
            rows.append(AwaitedRow(owner: .platform, category: "dispute_reversal", object: stripeID.rawValue))
        }
        return rows
    }
}

extension StoreTransaction {
    /// Brings our row of a dispute up to what Stripe shows, books what follows, and tells the marketplace.
    /// - Returns: false if the charge is none that Souk knows.
    func follow(_ remote: DisputeResource) async throws -> Bool {
        guard
            let id: ID<Order> = try await query(
                "SELECT order_id FROM charges WHERE id = \(remote.charge.id)"
            ).first?.get("order_id"), let order = try await lockOrder(id),
            let charge = try await charge(remote.charge.id)
        else { return false }
        let known = try await dispute(where: "stripe_id = \(remote.id)")
        let before = known ?? DisputeRecord(remote, id: makeID(Dispute.self), order: id)
        let after = before.following(remote, at: now)
        guard after != known else { return true }
        try await save(after)
        if after.reinstatedAt != nil, known?.reinstatedAt == nil { try await giveBack(after) }
        let booked = try await dispute(where: "id = \(after.id)") ?? after
        try await append(try booked.entries(charge.dimensions))
        if after.withdrawnAt != known?.withdrawnAt || after.reinstatedAt != known?.reinstatedAt
            || after.submissions != known?.submissions
        {
            try await awaitRows(after.awaitedRows)
            // Submitting evidence costs a fee, which no row of ours waits for.
            try await requestFeed(of: .platform)
        }
        if charge.purpose == .sale {
            var changed = order
            changed.disputeStage = DisputeStage.of(order: try await disputeStages(of: id))
            if changed.disputeStage != order.disputeStage { try await save(changed, was: order) }
            // What is frozen while it is open goes by itself, and what was taken is given again.
            try await returnToSellers(of: changed)
        }
        if known?.status != after.status { try await announce(after, isNew: known == nil) }
        return true
    }

    func dispute(where condition: PostgresQuery) async throws -> DisputeRecord? {
        try await disputes(where: condition).first
    }

    /// `condition` may end with an order.
    func disputes(where condition: PostgresQuery) async throws -> [DisputeRecord] {
        try await query("SELECT \(unescaped: DisputeRecord.columns) FROM disputes WHERE " + condition)
            .map(DisputeRecord.init)
    }

    private func disputeStages(of order: ID<Order>) async throws -> [DisputeStage] {
        try await query(
            """
            SELECT d.status FROM disputes d JOIN charges c ON c.id = d.charge_id
            WHERE d.order_id = \(order) AND c.purpose = 'sale'
            """
        ).compactMap { DisputeStage(status: try $0.get("status")) }
    }

    private func save(_ dispute: DisputeRecord) async throws {
        try await execute(
            """
            INSERT INTO disputes (\(unescaped: DisputeRecord.stored), updated_at)
            VALUES (\(dispute.id), \(dispute.stripeID), \(dispute.order), \(dispute.charge), \(dispute.status),
                \(dispute.reason), \(dispute.amount.currency), \(dispute.amount.minorUnits),
                \(dispute.isChargeRefundable), \(dispute.evidenceDueAt), \(dispute.hasEvidence),
                \(dispute.submissions), \(dispute.withdrawnAt), \(dispute.reinstatedAt), \(dispute.lostAt),
                \(dispute.createdAt), \(dispute.taken?.currency), \(dispute.taken?.minorUnits),
                \(dispute.returned?.minorUnits), \(now))
            ON CONFLICT (stripe_id) DO UPDATE
                SET status = excluded.status, reason = excluded.reason,
                    is_charge_refundable = excluded.is_charge_refundable, evidence_due_at = excluded.evidence_due_at,
                    -- An inquiry that becomes a chargeback has another deadline, of which nobody was reminded.
                    reminded_at = CASE WHEN disputes.evidence_due_at IS NOT DISTINCT FROM excluded.evidence_due_at
                        THEN disputes.reminded_at END,
                    has_evidence = excluded.has_evidence, submissions = excluded.submissions,
                    withdrawn_at = excluded.withdrawn_at, reinstated_at = excluded.reinstated_at,
                    lost_at = excluded.lost_at, settled_currency = excluded.settled_currency,
                    taken_minor = excluded.taken_minor, returned_minor = excluded.returned_minor,
                    updated_at = excluded.updated_at
            """)
    }

    /// Tells the marketplace. The draft of the evidence, which names the buyer, is left out.
    private func announce(_ dispute: DisputeRecord, isNew: Bool) async throws {
        let hasEnded = ["won", "lost", "warning_closed", "prevented"].contains(dispute.status)
        let type = isNew ? "dispute.opened" : hasEnded ? "dispute.closed" : "dispute.updated"
        try await announce(type, about: dispute.id.rawValue, DisputeBody(dispute))
    }
}

import Domain
import Postgres
import Store
import StripeAPI
import Web

/// A bank's warning of an order's payment, as Souk keeps it: Stripe's last word, and what was done about it.
struct FraudWarningRecord: Hashable, Sendable {
    let id: ID<FraudWarning>
    let stripeID: StripeFraudWarningID
    let order: ID<Order>
    let charge: StripeChargeID
    /// Stripe's word.
    var fraudType: String
    /// Neither wholly refunded nor disputed, by Stripe.
    var isActionable: Bool
    /// The policy when it became known.
    let policy: FraudWarningPolicy
    let action: FraudWarningAction
    let refund: ID<Refund>?
    /// When a person let the shares go that it held.
    var releasedAt: Timestamp?
    var releaseReason: String?
    let createdAt: Timestamp

    /// Transfers of the order wait because of it.
    var holdsRelease: Bool { action == .hold && isActionable && releasedAt == nil }
    /// The same for a query.
    static let holdingRelease: PostgresQuery = "(action = 'hold' AND actionable AND released_at IS NULL)"

    static let columns = """
        id, stripe_id, order_id, charge_id, fraud_type, actionable, policy, action, refund_id, released_at, \
        release_reason, created_at
        """

    init(row: PostgresRow) throws {
        id = try row.get("id")
        stripeID = try row.get("stripe_id")
        order = try row.get("order_id")
        charge = try row.get("charge_id")
        fraudType = try row.get("fraud_type")
        isActionable = try row.get("actionable")
        policy = try row.known("policy")
        action = try row.known("action")
        refund = try row.get("refund_id")
        releasedAt = try row.get("released_at")
        releaseReason = try row.get("release_reason")
        createdAt = try row.get("created_at")
    }

    fileprivate init(
        _ remote: FraudWarningResource, id: ID<FraudWarning>, order: ID<Order>, policy: FraudWarningPolicy,
        action: FraudWarningAction, refund: ID<Refund>?
    ) {
        self.id = id
        stripeID = remote.id
        self.order = order
        charge = remote.charge.id
        fraudType = remote.fraudType
        isActionable = remote.actionable
        self.policy = policy
        self.action = action
        self.refund = refund
        createdAt = remote.created
    }
}

/// What came of a look at a warning.
enum FollowedWarning: Hashable, Sendable {
    case followed
    /// It is new, and its payment must be read before anything is decided.
    case unread(StripeChargeID)
    /// Its charge is none of an order's.
    case notOurs
}

extension StoreTransaction {
    /// Brings our row of a warning up to what Stripe shows. One that is new is answered as the policy says, in the same
    /// transaction and under the order's lock, so that money moves at most once for it.
    ///
    /// `isPaymentRead` says that the payment was read just before, so that what is decided about it follows every refund
    /// that Stripe has.
    func follow(
        _ remote: FraudWarningResource, by policy: FraudWarningPolicy, isPaymentRead: Bool
    ) async throws -> FollowedWarning {
        let owner = try await orderWarned(of: remote)
        guard let owner, let order = try await lockOrder(owner) else {
            return isPaymentRead ? .notOurs : .unread(remote.charge.id)
        }
        if let known = try await fraudWarnings(where: "stripe_id = \(remote.id)").first {
            try await follow(remote, known, of: order)
            return .followed
        }
        guard isPaymentRead else { return .unread(remote.charge.id) }
        let action = policy.action(on: try await facts(of: remote, about: order))
        let refund = action == .refund ? try await refundRest(of: order, because: .fraudulent) : nil
        let warning = FraudWarningRecord(
            remote, id: makeID(FraudWarning.self), order: order.id, policy: policy, action: action, refund: refund)
        try await save(warning)
        try await announce("fraud_warning.created", warning)
        return .followed
    }

    private func follow(
        _ remote: FraudWarningResource, _ known: FraudWarningRecord, of order: OrderRecord
    ) async throws {
        var warning = known
        warning.fraudType = remote.fraudType
        warning.isActionable = remote.actionable
        guard warning != known else { return }
        try await save(warning)
        if known.holdsRelease, !warning.holdsRelease { try await wakeTransfers(of: order.id) }
        try await announce("fraud_warning.updated", warning)
    }

    /// A charge that is only authorized is not among ours yet: its payment names the order.
    private func orderWarned(of remote: FraudWarningResource) async throws -> ID<Order>? {
        try await query(
            """
            SELECT order_id FROM charges WHERE id = \(remote.charge.id)
            UNION ALL SELECT id FROM orders WHERE payment_intent = \(remote.paymentIntent?.id)
            LIMIT 1
            """
        ).first?.get("order_id")
    }

    private func facts(of remote: FraudWarningResource, about order: OrderRecord) async throws -> FraudWarningFacts {
        let charge = try await charge(remote.charge.id)
        return FraudWarningFacts(
            isActionable: remote.actionable, paysOrder: charge.map { $0.purpose == .sale } ?? (order.charge == nil),
            order: order.status, shape: order.shape, dispute: order.disputeStage,
            left: RefundAllocation.remaining(of: try await refundableLines(of: order), in: order.currency))
    }

    /// `condition` may end with an order and a limit.
    func fraudWarnings(where condition: PostgresQuery) async throws -> [FraudWarningRecord] {
        try await query("SELECT \(unescaped: FraudWarningRecord.columns) FROM fraud_warnings WHERE " + condition)
            .map(FraudWarningRecord.init)
    }

    /// A warning that keeps an order's shares with the platform; nil where none does. Asked under the order's lock.
    func warningHoldingRelease(of order: OrderRecord) async throws -> FraudWarningRecord? {
        guard order.shape == .separate else { return nil }
        return try await fraudWarnings(
            where: "order_id = \(order.id) AND \(FraudWarningRecord.holdingRelease) ORDER BY id LIMIT 1"
        ).first
    }

    func save(_ warning: FraudWarningRecord) async throws {
        try await execute(
            """
            INSERT INTO fraud_warnings (\(unescaped: FraudWarningRecord.columns), updated_at)
            VALUES (\(warning.id), \(warning.stripeID), \(warning.order), \(warning.charge), \(warning.fraudType),
                \(warning.isActionable), \(warning.policy.rawValue), \(warning.action.rawValue), \(warning.refund),
                \(warning.releasedAt), \(warning.releaseReason), \(warning.createdAt), \(now))
            ON CONFLICT (stripe_id) DO UPDATE
                SET fraud_type = excluded.fraud_type, actionable = excluded.actionable,
                    released_at = excluded.released_at, release_reason = excluded.release_reason,
                    updated_at = excluded.updated_at
            """)
    }

    func announce(_ type: String, _ warning: FraudWarningRecord) async throws {
        try await announce(type, about: warning.id.rawValue, FraudWarningBody(warning))
    }
}

extension FraudWarningRecord {
    /// Why a transfer of the order waits.
    var reasonToHold: String {
        "the buyer's bank warns of fraud (\(id), \(fraudType)), until an admin releases it or the payment is refunded or "
            + "disputed"
    }
}

import Domain
import Ledger
import Postgres
import Sellers
import Store
import StripeAPI

/// Refunds an order, wholly, by amount or by line.
///
/// What it takes from whom is decided under the order's lock and written down with the call that Stripe is asked, so that
/// refunds made at one moment never take more than was paid. The fee and the seller's part follow by calls of their own.
struct RefundOrder: Sendable {
    let store: Store
    let engine: OperationEngine

    init(store: Store, engine: OperationEngine) {
        self.store = store
        self.engine = engine
    }

    /// - Returns: the refund, and whether this call made it; with its operations when Stripe is away.
    /// - Throws: `order_not_found`, `illegal_transition` for an order of which nothing can be refunded, what
    ///   `RefundAllocation` refuses, `external_id_taken` for other facts, `charge_disputed`, and `stripe_refused` with
    ///   Stripe's own reason.
    func callAsFunction(
        _ order: ID<Order>, _ body: RefundRequestBody, by caller: Caller, claim: IdempotencyClaim? = nil
    ) async throws -> (refund: RefundRecord, isNew: Bool) {
        let extent = try body.extent()
        let (id, isNew) = try await store.transaction { tx -> (ID<Refund>, Bool) in
            if let earlier = claim?.subject.flatMap({ ID<Refund>($0) }) { return (earlier, false) }
            let locked = try await tx.requireLockedOrder(order)
            if let known = try await tx.refund(askedBy: body, of: order) { return (known, false) }
            let decision = try await tx.decideRefund(extent, of: locked, currency: body.currency)
            guard let made = try await tx.insert(decision, body, by: caller) else {
                // Another call with the same external_id was quicker, for another order.
                throw Refusal.externalIDTaken(body.externalID ?? "")
            }
            try await tx.bind(claim, to: made.rawValue)
            return (made, true)
        }
        return (try await begin(id), isNew)
    }

    private func begin(_ id: ID<Refund>) async throws -> RefundRecord {
        var refund = try await store.requireRefund(id)
        guard let operation = refund.operation else { return refund }
        // A second time where the one call became three, because the seller's balance was too low for it.
        for _ in 1...2 where refund.status == .requested {
            _ = try await engine.perform(operation)
            refund = try await store.requireRefund(id)
        }
        guard !refund.isRefused else {
            throw Refusal.refused(refund, because: try await store.operation(operation)?.reason)
        }
        return refund
    }
}

/// Shows what a refund would do, by the same decision. Writes nothing and asks Stripe nothing.
struct PreviewRefund: Sendable {
    let store: Store

    init(store: Store) { self.store = store }

    func callAsFunction(_ order: ID<Order>, _ body: RefundRequestBody) async throws -> RefundPreviewBody {
        let extent = try body.extent()
        return try await store.transaction { tx in
            let locked = try await tx.requireLockedOrder(order)
            return RefundPreviewBody(try await tx.decideRefund(extent, of: locked, currency: body.currency))
        }
    }
}

/// What a refund takes from whom, and what Stripe will be asked for.
struct RefundDecision: Sendable {
    struct Call: Hashable, Sendable {
        let kind: OperationKind
        let amount: Money
        let seller: ID<Seller>?
        /// Which of the order's transfers it takes from; nil for the one that Stripe made with a destination charge.
        let transfer: ID<Transfer>?
    }

    let order: OrderRecord
    let charge: ChargeRecord
    /// What could be refunded before.
    let refundable: Money
    let allocation: RefundAllocation
    /// Out of what each seller's part comes.
    let sellers: [SeparateDivision.Part]
    /// What of it is held back, line by line.
    let reserves: [ID<OrderLine>: ReservePart]
    /// Nil for a separate charge, of which Stripe keeps no fee back.
    let plan: DestinationRefundPlan?
    /// What is taken back of transfers, unless one call does everything.
    let recoveries: [RecoveryPart]

    /// In the order in which they are made.
    var calls: [Call] {
        let refund = Call(kind: .refundCharge, amount: allocation.total.amount, seller: nil, transfer: nil)
        var fees: [Call] = []
        if let plan, !plan.isOneCall, plan.feeRefund.isPositive {
            fees = [
                Call(
                    kind: .refundApplicationFee, amount: plan.feeRefund, seller: charge.destination?.seller,
                    transfer: nil)
            ]
        }
        return [refund] + fees
            + recoveries.map {
                Call(kind: .reverseTransfer, amount: $0.amount, seller: $0.seller, transfer: $0.transfer)
            }
    }

    /// What comes out of transfers in all, whatever the calls.
    fileprivate func reversal() throws(MoneyError) -> Money {
        if let plan, plan.isOneCall { return plan.reversal }
        return try Money.sum(recoveries.map(\.amount), in: charge.amount.currency)
    }
}

extension StoreTransaction {
    /// Decides a refund of a locked order.
    func decideRefund(
        _ extent: RefundExtent, of order: OrderRecord, currency: Currency?
    ) async throws -> RefundDecision {
        if let currency, currency != order.currency {
            throw Refusal(
                .parameterInvalid, "The order \(order.id) is in \(order.currency): it is refunded in that currency.",
                parameter: "currency")
        }
        guard order.status.isPaid, order.status != .failedAfterPayment, let id = order.charge,
            let charge = try await charge(id)
        else {
            throw Refusal(
                .illegalTransition,
                "The order \(order.id) is \(order.status.rawValue): only what was paid can be refunded.")
        }
        // What a dispute has claimed of everyone is not refunded beside it.
        let claimed = try await disputes(
            where: "charge_id = \(id) AND claimed_at IS NOT NULL AND reinstated_at IS NULL")
        if claimed.contains(where: { !$0.isChargeRefundable }) { throw Refusal.disputed(charge.id) }
        let lines = try await refundableLines(of: order)
        let allocation = try RefundAllocation(of: extent, over: lines, in: order.currency)
        var plan: DestinationRefundPlan?
        let shares = allocation.shares.map { (line: $0.line, sellerAmount: $0.parts.sellerAmount) }
        let reserves = try await reserveParts(of: shares, in: order)
        var sellers = try order.parts(of: shares, reserves)
        let sources = try await reversibleTransfers(of: charge)
        if let destination = charge.destination {
            plan = try DestinationRefundPlan(
                of: allocation.total, charge: charge.amount,
                after: try await returns(
                    of: charge, transferLeft: Money.sum(sources.map { $0.left }, in: order.currency)))
            if let converted = charge.isConvertedBecause, plan?.isOneCall != true {
                throw Refusal(
                    .illegalTransition,
                    "\(converted): it can be refunded as a whole, as long as nothing of it has gone back. Refund a part, "
                        + "and what the seller gives of it, in Stripe's Dashboard.")
            }
            sellers = [
                SeparateDivision.Part(
                    seller: destination.seller, payable: .zero(order.currency),
                    receivable: allocation.total.sellerAmount)
            ]
        }
        var recoveries: [RecoveryPart] = []
        if plan?.isOneCall != true {
            let debts = try await debts(ofSellersIn: order)
            for part in sellers {
                let wanted: [ID<Transfer>?: Money] =
                    if let plan { [nil: plan.reversal] } else {
                        try order.transferredParts(try shares.less(reserves), of: part.seller)
                    }
                let debt = try (debts[part.seller] ?? .zero(order.currency)).adding(part.receivable)
                    .adding(plan?.feeRefund ?? .zero(order.currency))
                recoveries += try Self.recoveries(of: wanted, from: sources, seller: part.seller, debt: debt)
            }
        }
        return RefundDecision(
            order: order, charge: charge, refundable: RefundAllocation.remaining(of: lines, in: order.currency),
            allocation: allocation, sellers: sellers, reserves: reserves, plan: plan, recoveries: recoveries)
    }

    /// What is taken of which transfer of one seller. `wanted` says what each transfer moved of what goes back.
    static func recoveries(
        of wanted: [ID<Transfer>?: Money], from sources: [(seller: ID<Seller>, transfer: ID<Transfer>?, left: Money)],
        seller: ID<Seller>, debt: Money
    ) throws(MoneyError) -> [RecoveryPart] {
        let zero = Money.zero(debt.currency)
        let own = sources.filter { $0.seller == seller }.map {
            RecoveryPlan.Source(transfer: $0.transfer, wanted: wanted[$0.transfer] ?? zero, left: $0.left)
        }
        // A transfer that moved nothing has nothing to give; the seller owes its part all the same.
        let known = Set(own.map(\.transfer))
        let missing = wanted.filter { !known.contains($0.key) }.map {
            RecoveryPlan.Source(transfer: $0.key, wanted: $0.value, left: zero)
        }
        return try RecoveryPlan(over: own + missing, debt: debt).parts.map {
            RecoveryPart(seller: seller, transfer: $0.transfer, amount: $0.amount)
        }
    }

    private func returns(
        of charge: ChargeRecord, transferLeft: Money
    ) async throws -> DestinationRefundPlan.Before {
        let currency = charge.amount.currency
        let ours = try await refunds(where: "charge_id = \(charge.id) AND claims AND origin = 'souk'")
        let known = try await refunds(where: "charge_id = \(charge.id) AND stripe_id IS NOT NULL LIMIT 1")
        let row = try await query(
            """
            SELECT
                (SELECT coalesce(sum(amount_minor), 0)::bigint FROM transfer_reversals WHERE charge_id = \(charge.id))
                    AS reversed,
                (SELECT coalesce(sum(amount_minor), 0)::bigint FROM fee_refunds WHERE charge_id = \(charge.id))
                    AS fee_refunded,
                (SELECT coalesce(sum(f.amount_minor), 0)::bigint
                 FROM fee_refunds f JOIN refunds r ON r.id = f.refund_id
                 WHERE r.charge_id = \(charge.id) AND NOT r.claims) AS idle_fee_refunded,
                (SELECT coalesce(sum(greatest(0, r.fee_refund_minor - f.made)), 0)::bigint
                 FROM refunds r CROSS JOIN LATERAL (
                    SELECT coalesce(sum(amount_minor), 0) AS made FROM fee_refunds WHERE refund_id = r.id) f
                 WHERE r.charge_id = \(charge.id) AND r.claims) AS fee_refunds_open
            """
        ).first
        func money(_ column: String) throws -> Money { Money(try row?.get(column) ?? 0, currency) }
        let reversed = try money("reversed")
        let feeRefunded = try money("fee_refunded")
        let idleFee = try money("idle_fee_refunded")
        // What was taken for a refund that does not count any more is given to the seller again, less the fee that the
        // seller has had for it, or not taken anew: the seller's debt says which. So it does not count here.
        return DestinationRefundPlan.Before(
            refunded: try MoneyParts.sum(ours.map(\.parts), in: currency),
            reversed: try Money.sum(ours.map(\.reversal) + [idleFee], in: currency),
            feeRefunded: try Money.sum(ours.map(\.feeRefund) + [idleFee], in: currency),
            transferLeft: transferLeft,
            feeLeft: try charge.applicationFee.subtracting(feeRefunded).subtracting(try money("fee_refunds_open")),
            isUntouched: ours.isEmpty && known.isEmpty && reversed.isZero && feeRefunded.isZero)
    }

    /// The refund that an earlier call with this `external_id` made.
    /// - Throws: `external_id_taken` unless it asked for the same.
    fileprivate func refund(askedBy body: RefundRequestBody, of order: ID<Order>) async throws -> ID<Refund>? {
        guard let externalID = body.externalID else { return nil }
        let rows = try await query("SELECT id, order_id, request FROM refunds WHERE external_id = \(externalID)")
        guard let row = rows.first else { return nil }
        let asked = try row.get("request", as: PostgresJSON?.self)?.read(as: RefundRequestBody.self)
        guard try row.get("order_id", as: ID<Order>.self) == order, asked == body else {
            throw Refusal.externalIDTaken(externalID)
        }
        return try row.get("id")
    }

    /// Refunds all that remains of a locked order by a rule of Souk's: no key asks for it, so that no limit of a key holds
    /// it, and nobody waits for it: workers make the calls.
    func refundRest(of order: OrderRecord, because reason: RefundRequestBody.Reason) async throws -> ID<Refund>? {
        let body = RefundRequestBody(
            amount: nil, lines: nil, currency: nil, reason: reason, externalID: nil, metadata: nil)
        let decision = try await decideRefund(.rest, of: order, currency: nil)
        return try await insert(decision, body, by: .souk, isAwaited: false)
    }

    /// Writes the refund down, with what it takes and the calls that will be made. `isAwaited` says that a caller waits for
    /// the first of them.
    /// - Returns: nil if another refund has the external id.
    fileprivate func insert(
        _ decision: RefundDecision, _ body: RefundRequestBody, by caller: Caller, isAwaited: Bool = true
    ) async throws -> ID<Refund>? {
        let id = makeID(Refund.self)
        let charge = decision.charge
        let (parts, plan) = (decision.allocation.total, decision.plan)
        let operation = try await enqueue(
            lettingOut: parts.amount, as: .refund, by: caller,
            NewOperation(
                kind: .refundCharge, subject: id.rawValue, uniqueKey: "refund_charge:\(id)", startsInline: isAwaited)
        ) {
            OperationRequest(
                RefundCalls.refund(
                    id, charge, amount: parts.amount, reason: body.reason?.rawValue,
                    isOneCall: plan?.isOneCall ?? false, operation: $0))
        }
        let inserted = try await execute(
            """
            INSERT INTO refunds
                (id, order_id, charge_id, status, origin, operation_id, external_id, request, reason, metadata, currency,
                 amount_minor, seller_minor, platform_fee_minor, tax_minor, platform_sales_minor,
                 platform_discount_minor, one_call, fee_refund_minor, reversal_minor, created_at, updated_at)
            VALUES (\(id), \(decision.order.id), \(charge.id), \(RefundRecord.Status.requested.rawValue), 'souk',
                \(operation), \(body.externalID), \(try PostgresJSON(encoding: body)), \(body.reason?.rawValue),
                \(try PostgresJSON(encoding: body.metadata ?? .empty)), \(parts.amount.currency),
                \(parts.amount.minorUnits), \(parts.sellerAmount.minorUnits), \(parts.platformFee.minorUnits),
                \(parts.tax.minorUnits), \(parts.platformSales.minorUnits), \(parts.platformDiscount.minorUnits),
                \(plan?.isOneCall ?? false), \(plan?.feeRefund.minorUnits ?? 0),
                \(try decision.reversal().minorUnits), \(now), \(now))
            ON CONFLICT (external_id) DO NOTHING
            """)
        guard inserted == 1 else { return nil }
        try await insert(decision.allocation.shares, decision.reserves, of: id)
        let feeRefund = plan.flatMap { $0.isOneCall ? nil : $0.feeRefund }
        try await enqueueFollowers(of: id, charge, feeRefund: feeRefund, recoveries: decision.recoveries)
        try await audit(
            "order.refund", subject: decision.order.id.rawValue, by: caller,
            details: ["refund": id.rawValue, "amount": "\(parts.amount)"])
        try await announce("refund.created", id)
        return id
    }

    /// Writes down the calls that follow a refund, each held until the one before has ended.
    func enqueueFollowers(
        of refund: ID<Refund>, _ charge: ChargeRecord, feeRefund: Money?, recoveries: [RecoveryPart]
    ) async throws {
        let reason = "waits for the refund \(refund)"
        if let feeRefund, feeRefund.isPositive {
            _ = try await enqueue(
                NewOperation(
                    kind: .refundApplicationFee, subject: refund.rawValue,
                    uniqueKey: "\(OperationKind.refundApplicationFee):\(refund)", heldBecause: reason))
        }
        try await enqueueRecoveries(
            recoveries, because: .refund(refund), of: charge, subject: refund.rawValue, heldBecause: reason)
    }
}

extension OperationKind {
    /// In the order in which they are made.
    static let ofRefunds: [OperationKind] = [.refundCharge, .refundApplicationFee, .reverseTransfer]
}

/// Calls that make a refund at Stripe.
enum RefundCalls {
    static func refund(
        _ refund: ID<Refund>, _ charge: ChargeRecord, amount: Money, reason: String?, isOneCall: Bool,
        operation: ID<Operation>
    ) -> StripeRequest {
        CreateRefund(
            charge: charge.id, amount: amount.minorUnits, reason: reason, reverseTransfer: isOneCall ? true : nil,
            refundApplicationFee: isOneCall && charge.applicationFee.isPositive ? true : nil,
            metadata: metadata(refund, charge, operation)
        ).request
    }

    static func feeRefund(
        _ refund: ID<Refund>, _ charge: ChargeRecord, of fee: StripeApplicationFeeID, amount: Money,
        operation: ID<Operation>
    ) -> StripeRequest {
        CreateFeeRefund(
            fee: fee, amount: amount.minorUnits, metadata: metadata(refund, charge, operation)
        ).request
    }

    /// Of a refund, or of whatever else a seller gives back for.
    static func reversal(
        _ recovery: RecoveryRecord, of transfer: StripeTransferID, amount: Money, operation: ID<Operation>
    ) -> StripeRequest {
        var metadata = [
            "souk_order": recovery.order.rawValue, "souk_reversal": recovery.id.rawValue,
            "souk_operation": operation.rawValue,
        ]
        if case .refund(let refund) = recovery.cause { metadata["souk_refund"] = refund.rawValue }
        return CreateTransferReversal(transfer: transfer, amount: amount.minorUnits, metadata: metadata).request
    }

    private static func metadata(
        _ refund: ID<Refund>, _ charge: ChargeRecord, _ operation: ID<Operation>
    ) -> [String: String] {
        [
            "souk_order": charge.order.rawValue, "souk_refund": refund.rawValue,
            "souk_operation": operation.rawValue,
        ]
    }
}

extension Refusal {
    fileprivate static func externalIDTaken(_ id: String) -> Refusal {
        Refusal(
            .externalIDTaken,
            "Another refund has the external_id '\(id)' and was asked for with other facts. Repeat those, or give another "
                + "external_id.",
            parameter: "external_id")
    }

    fileprivate static func disputed(_ charge: StripeChargeID) -> Refusal {
        Refusal(
            .chargeDisputed,
            "The buyer disputes the charge \(charge), so Stripe refunds nothing of it. Wait for the dispute's end: if it "
                + "is lost, the money has gone back.")
    }

    /// What a caller is told of a refund that Stripe refused.
    fileprivate static func refused(_ refund: RefundRecord, because reason: String?) -> Refusal {
        switch refund.failureReason {
        case StripeErrorCode.chargeDisputed.rawValue, StripeErrorCode.refundDisputedPayment.rawValue:
            disputed(refund.charge)
        default:
            Refusal(.stripeRefused, reason ?? "Stripe refused the refund \(refund.id), and nothing was refunded.")
        }
    }
}

package import Domain
import Postgres
import Sellers
package import Store

/// Places an order: divides its money under the policies in force, and begins its payment at Stripe.
///
/// The order, its lines and the operation that makes the page (or the payment intent) are committed together before
/// Stripe is called. The same `external_id` with the same facts finds that order again.
package struct PlaceOrder: Sendable {
    let store: Store
    let engine: OperationEngine
    let requests: PayableRequests
    let livemode: Bool

    package init(store: Store, engine: OperationEngine, requests: PayableRequests, livemode: Bool) {
        self.store = store
        self.engine = engine
        self.requests = requests
        self.livemode = livemode
    }

    /// - Returns: the order, and whether this call made it.
    /// - Throws: `seller_not_ready` with the reason, `external_id_taken` for other facts, `charge_shape_impossible`,
    ///   the bounds of amounts and lines, `stripe_refused` with Stripe's own reason.
    package func callAsFunction(
        _ body: PlaceOrderBody, by caller: Caller, claim: IdempotencyClaim? = nil
    ) async throws -> (order: OrderRecord, isNew: Bool) {
        let plan = try OrderPlan(body, livemode: livemode)
        let (placed, isNew) = try await store.transaction { tx -> (order: OrderRecord, isNew: Bool) in
            if let earlier = claim?.subject.flatMap({ ID<Order>($0) }) {
                return (try await tx.requireLockedOrder(earlier), false)
            }
            if let known = try await tx.lockOrder(placedBy: body) { return (known, false) }
            let made = try await tx.place(plan, livemode: livemode, requests: requests, by: caller)
            try await tx.bind(claim, to: made.order.id.rawValue)
            return made
        }
        return (try await begin(placed), isNew)
    }

    /// Performs the operation that lets the buyer pay, where it has not been yet.
    private func begin(_ order: OrderRecord) async throws -> OrderRecord {
        guard order.payable.state == .creating, let operation = order.payable.operation else { return order }
        let outcome = try await engine.perform(operation)
        guard outcome.state != .failed else {
            throw Refusal(.stripeRefused, outcome.reason ?? "Stripe refused to begin the payment of \(order.id).")
        }
        return try await store.requireOrder(order.id)
    }
}

/// What an order's request asks for, once everything that needs no database is checked.
struct OrderPlan: Sendable {
    let body: PlaceOrderBody
    let draft: OrderDraft
    let release: ChargeShape.Release
    private let requestedShape: ChargeShape?

    init(_ body: PlaceOrderBody, livemode: Bool) throws(Refusal) {
        self.body = body
        try body.checkTexts(livemode: livemode)
        draft = try body.draft()
        release = try body.requestedRelease()
        requestedShape = try body.requestedShape()
        // What no reserve can make possible is refused before anything is read.
        _ = try shape(reserves: [:])
    }

    /// How it is charged where these sellers have a part held back.
    /// - Throws: `charge_shape_impossible`, saying what the order asks that the requested shape cannot do.
    func shape(reserves: [ID<Seller>: ReserveTerms]) throws(Refusal) -> ChargeShape {
        try ChargeShape.choose(
            for: draft, requested: requestedShape, release: release, reserved: Set(reserves.keys))
    }
}

extension StoreTransaction {
    /// The order that an earlier call with this `external_id` made.
    /// - Throws: `external_id_taken` unless it was placed with the same facts.
    fileprivate func lockOrder(placedBy body: PlaceOrderBody) async throws -> OrderRecord? {
        guard let externalID = body.externalID else { return nil }
        let rows = try await query("SELECT id, placement FROM orders WHERE external_id = \(externalID)")
        guard let row = rows.first else { return nil }
        let id: ID<Order> = try row.get("id")
        guard try row.get("placement", as: PostgresJSON.self).read(as: PlaceOrderBody.self) == body else {
            throw Refusal(
                .externalIDTaken,
                "The order \(id) has this external_id and was placed with other facts. Repeat those, or give another "
                    + "external_id.",
                parameter: "external_id")
        }
        return try await requireLockedOrder(id)
    }

    fileprivate func place(
        _ plan: OrderPlan, livemode: Bool, requests: PayableRequests, by caller: Caller
    ) async throws -> (order: OrderRecord, isNew: Bool) {
        let division = try await divide(plan.draft)
        let shares = try division.shares
        let reserves = try await reserveTerms(of: shares.map(\.seller))
        var order = OrderRecord(
            plan, shape: try plan.shape(reserves: reserves), division: division,
            applicationFee: try division.applicationFeeAmount(),
            sellers: try await requireChargeable(shares, reserves), id: makeID(Order.self), livemode: livemode, at: now)
        guard try await insert(order, placement: try PostgresJSON(encoding: plan.body)) else {
            // Another call with the same external_id was quicker, and has committed.
            guard let known = try await lockOrder(placedBy: plan.body) else {
                throw OrderError.orderMissing(plan.body.externalID ?? "")
            }
            return (known, false)
        }
        let unbegun = order
        _ = try await enqueuePayable(&order, requests)
        try await save(order, was: unbegun)
        try await announce("order.created", order)
        try await audit("order.place", subject: order.id.rawValue, by: caller)
        return (order, true)
    }

    /// - Throws: `seller_not_found`, `seller_not_ready` saying why.
    fileprivate func requireChargeable(
        _ shares: [SellerShare], _ reserves: [ID<Seller>: ReserveTerms]
    ) async throws -> [OrderSeller] {
        let rows = try await query(
            "SELECT \(unescaped: SellerRecord.columns) FROM sellers WHERE id = ANY (\(shares.map(\.seller)))")
        let sellers = Dictionary(
            try rows.map(SellerRecord.init).map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        var found: [OrderSeller] = []
        for share in shares {
            let id = share.seller
            guard let seller = sellers[id] else {
                throw Refusal(
                    .sellerNotFound, "There is no seller \(id). GET /v1/sellers lists them.", parameter: "lines")
            }
            if let obstacle = seller.obstacleToDestinationCharge {
                throw Refusal(
                    .sellerNotReady, "The seller \(id) cannot be charged for: \(obstacle.message).", parameter: "lines")
            }
            guard let account = seller.stripeAccount else {
                throw Refusal(.sellerNotReady, "The seller \(id) has no account at Stripe yet.", parameter: "lines")
            }
            found.append(
                OrderSeller(seller: id, stripeAccount: account, amount: share.amount, reserve: reserves[id]))
        }
        return found.sorted { $0.seller < $1.seller }
    }

    func seller(_ id: ID<Seller>) async throws -> SellerRecord? {
        try await query(
            "SELECT \(unescaped: SellerRecord.columns) FROM sellers WHERE id = \(id)"
        ).first.map(SellerRecord.init)
    }

    func divide(_ draft: OrderDraft) async throws -> OrderDivision {
        let policies = try await feePolicies(for: draft)
        return try OrderDivision(draft, policies: policies, at: now) { makeID(OrderLine.self) }
    }
}

extension OrderRecord {
    fileprivate init(
        _ plan: OrderPlan, shape: ChargeShape, division: OrderDivision, applicationFee: Money, sellers: [OrderSeller],
        id: ID<Order>, livemode: Bool, at now: Timestamp
    ) {
        let body = plan.body
        self.init(
            id: id, externalID: body.externalID, status: .awaitingPayment, shape: shape, sellers: sellers,
            release: plan.release, disputeBearer: body.disputeBearer ?? .platform, amount: plan.draft.amount,
            applicationFee: applicationFee, amountCaptured: .zero(body.currency), amountRefunded: .zero(body.currency),
            buyerExternalID: body.buyer?.externalID, buyerEmail: body.buyer?.email,
            payment: body.payment ?? .checkout, capture: body.capture ?? .automatic, successURL: body.successURL,
            cancelURL: body.cancelURL, metadata: body.metadata ?? .empty, payable: .creating(tryNumber: 1),
            charge: nil, lastPaymentError: nil, disputeStage: nil, cancelRequestedAt: nil, canceledAt: nil,
            paidAt: nil, livemode: livemode, created: now, updated: now, lines: division.lines, releases: [:],
            reserves: [:])
    }
}

package import Domain
package import Store

/// Cancels an order that is not paid: first nobody can pay for it any more, by Stripe's own word, then it is canceled.
package struct CancelOrder: Sendable {
    let store: Store
    let engine: OperationEngine
    let refresh: RefreshOrderPayment

    package init(store: Store, engine: OperationEngine, refresh: RefreshOrderPayment) {
        self.store = store
        self.engine = engine
        self.refresh = refresh
    }

    /// - Returns: the order; still waiting, with its operation, when Stripe is away: it is canceled when Stripe is back.
    /// - Throws: `order_already_paid` if Stripe says so, `illegal_transition` while a payment is on its way.
    package func callAsFunction(_ id: ID<Order>, by caller: Caller) async throws -> OrderRecord {
        let closing = try await store.transaction { tx in try await tx.beginCanceling(id, by: caller) }
        guard let closing else { return try await store.requireOrder(id) }
        let outcome = try await engine.perform(closing)
        var order = try await store.requireOrder(id)
        if outcome.state == .failed {
            // Stripe did not close it: it was paid, or it has run out by itself. Stripe's object says which.
            try await refresh(order)
            order = try await store.requireOrder(id)
        }
        if order.status.isPaid { throw Refusal.alreadyPaid(order) }
        guard order.status == .canceled || !(outcome.state.isFinal) else {
            try await store.transaction { tx in try await tx.giveUpCanceling(id) }
            throw Refusal.paymentOnItsWay(order)
        }
        return order
    }
}

extension StoreTransaction {
    /// - Returns: the operation after which nobody can pay; nil where nobody can now, so that the order is canceled.
    fileprivate func beginCanceling(_ id: ID<Order>, by caller: Caller) async throws -> ID<Operation>? {
        let order = try await requireLockedOrder(id)
        if order.status == .canceled { return nil }
        if order.status.isPaid { throw Refusal.alreadyPaid(order) }
        if order.status == .processing { throw Refusal.paymentOnItsWay(order) }
        try await audit("order.cancel", subject: id.rawValue, by: caller)
        var changed = order
        changed.cancelRequestedAt = order.cancelRequestedAt ?? now
        guard let operation = try await enqueueClosing(order, inline: true) else {
            // Whatever Stripe is still making for it is closed as soon as it is there.
            changed.cancel(at: now)
            try await save(changed, was: order)
            return nil
        }
        try await save(changed, was: order)
        return operation
    }

    fileprivate func giveUpCanceling(_ id: ID<Order>) async throws {
        let order = try await requireLockedOrder(id)
        var changed = order
        changed.cancelRequestedAt = nil
        try await save(changed, was: order)
    }
}

extension Refusal {
    static func alreadyPaid(_ order: OrderRecord) -> Refusal {
        Refusal(.orderAlreadyPaid, "The order \(order.id) is \(order.status.rawValue). Refund it instead.")
    }

    static func paymentOnItsWay(_ order: OrderRecord) -> Refusal {
        Refusal(
            .illegalTransition,
            "A payment of the order \(order.id) is on its way (\(order.status.rawValue)). Wait for its end: the order is "
                + "paid then, and can be refunded, or it can be canceled.")
    }
}

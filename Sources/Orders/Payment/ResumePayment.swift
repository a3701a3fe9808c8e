package import Domain
package import Store

/// Lets the buyer try again: on the same page or payment intent while it can still be paid through, else on a new one
/// after Stripe has confirmed that the old one is closed. An order never has two through which it could be paid.
package struct ResumePayment: Sendable {
    let store: Store
    let engine: OperationEngine
    let refresh: RefreshOrderPayment
    let requests: PayableRequests

    package init(
        store: Store, engine: OperationEngine, refresh: RefreshOrderPayment, requests: PayableRequests
    ) {
        self.store = store
        self.engine = engine
        self.refresh = refresh
        self.requests = requests
    }

    /// - Returns: the order, with what the buyer pays through; null, with its operation, when Stripe is away.
    /// - Throws: `order_already_paid`, `illegal_transition` for a canceled order and while a payment is on its way,
    ///   `stripe_refused`, `stripe_unavailable` where an old page has to be read first.
    package func callAsFunction(_ id: ID<Order>, by caller: Caller) async throws -> OrderRecord {
        let order = try await store.requireOrder(id)
        try order.requireAcceptsPayment()
        // What we know may be old: a page runs out by itself, and its event may be on its way.
        if order.payable.state == .open { try await refresh(order) }
        let operation = try await store.transaction { tx in
            try await tx.beginAnew(id, requests: requests, by: caller)
        }
        guard let operation else { return try await store.requireOrder(id) }
        let outcome = try await engine.perform(operation)
        guard outcome.state != .failed else {
            throw Refusal(.stripeRefused, outcome.reason ?? "Stripe refused to begin the payment.")
        }
        return try await store.requireOrder(id)
    }
}

extension StoreTransaction {
    /// - Returns: the operation that makes a new page or payment intent; nil where the old one can still be used.
    fileprivate func beginAnew(
        _ id: ID<Order>, requests: PayableRequests, by caller: Caller
    ) async throws -> ID<Operation>? {
        let order = try await requireLockedOrder(id)
        try order.requireAcceptsPayment()
        var changed = order
        switch order.payable.state {
        case .open: return nil
        case .creating: return order.payable.operation
        case .closed, .none:
            changed.payable = .creating(tryNumber: order.payable.tryNumber + 1)
        }
        try await audit("order.resume", subject: id.rawValue, by: caller)
        let operation = try await enqueuePayable(&changed, requests)
        try await save(changed, was: order)
        return operation
    }
}

extension OrderRecord {
    fileprivate func requireAcceptsPayment() throws(Refusal) {
        if status.isPaid { throw Refusal.alreadyPaid(self) }
        guard status.acceptsPayment, cancelRequestedAt == nil else {
            throw Refusal(
                .illegalTransition,
                cancelRequestedAt != nil
                    ? "The order \(id) is being canceled." : "The order \(id) is \(status.rawValue): nothing is to pay."
            )
        }
    }
}

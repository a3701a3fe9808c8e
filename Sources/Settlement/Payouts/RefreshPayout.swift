package import Domain
package import Ledger
import Postgres
package import Store
package import StripeAPI
import Web

/// Brings our copy of a payout up to what Stripe says now, and books what follows.
/// Serves every `payout.*` event, in any order and any number of times.
package struct RefreshPayout: Sendable {
    let store: Store
    let copies: ObjectCopies
    let stripe: StripeClient

    package init(store: Store, copies: ObjectCopies, stripe: StripeClient) {
        self.store = store
        self.copies = copies
        self.stripe = stripe
    }

    package func callAsFunction(_ event: InboundEvent) async throws {
        guard let id = event.objectID else { return }
        try await refresh(StripePayoutID(id), of: event.account.map(BalanceOwner.connected) ?? .platform)
    }

    package func refresh(_ id: StripePayoutID, of owner: BalanceOwner) async throws {
        guard try await store.ownsBalance(owner) else { return }
        try await copies.refresh(kind: "payout", id: id.rawValue, account: owner.stripeAccount) {
            let answer = try await stripe.answer(
                to: RetrievePayout(id, account: owner.stripeAccount).request, priority: .event)
            if answer.isSuccess { return .found(answer.body) }
            let error = StripeError(answer)
            guard error.kind == .accountInaccessible || error.kind == .notFound else { throw error }
            return .gone(because: error.message)
        } apply: { tx, fetched in
            guard case .found(let bytes) = fetched else { return }
            let remote = try StripeAnswer(status: 200, body: bytes).decode(PayoutResource.self)
            try await tx.follow(remote, of: owner)
        }
    }
}

extension Store {
    /// Whether this is the platform's balance or that of one of our sellers.
    fileprivate func ownsBalance(_ owner: BalanceOwner) async throws -> Bool {
        guard let account = owner.stripeAccount else { return true }
        return try await !query("SELECT 1 FROM sellers WHERE stripe_account = \(account)").isEmpty
    }
}

extension StoreTransaction {
    fileprivate func follow(_ remote: PayoutResource, of owner: BalanceOwner) async throws {
        let known = try await lockPayout(remote.id)
        var before = known
        if before == nil { before = try await makePayout(remote, of: owner) }
        guard let before else { return }
        let after = before.following(
            status: remote.status.rawValue, failureCode: remote.failureCode, failureMessage: remote.failureMessage,
            at: now)
        try await save(after, arrivesAt: remote.arrivalDate)
        try await append(try after.entries())
        try await requestFeed(of: owner)
        if known?.status != after.status {
            let event = known == nil && after.status == "pending" ? "created" : after.status
            try await announce(
                "payout.\(event)", about: after.id.rawValue, json: try JSONWriter.encode(PayoutBody(after)))
        }
    }

    private func lockPayout(_ id: StripePayoutID) async throws -> PayoutRecord? {
        try await query(
            "SELECT \(unescaped: PayoutRecord.columns) FROM payouts WHERE stripe_id = \(id) FOR UPDATE"
        ).first.map(PayoutRecord.init)
    }

    /// - Returns: nil if another transaction made it first; it has told the same.
    private func makePayout(_ remote: PayoutResource, of owner: BalanceOwner) async throws -> PayoutRecord? {
        try await query(
            """
            INSERT INTO payouts (id, stripe_id, stripe_account, seller_id, status, currency, amount_minor, automatic,
                method, arrives_at, created_at, updated_at)
            VALUES (\(makeID(Payout.self)), \(remote.id), \(owner.code),
                (SELECT id FROM sellers WHERE stripe_account = \(owner.stripeAccount)), 'pending', \(remote.currency),
                \(remote.amount), \(remote.automatic), \(remote.method ?? "standard"), \(remote.arrivalDate),
                \(remote.created), \(now))
            ON CONFLICT (stripe_id) DO NOTHING
            RETURNING \(unescaped: PayoutRecord.columns)
            """
        ).first.map(PayoutRecord.init)
    }

    private func save(_ payout: PayoutRecord, arrivesAt: Timestamp) async throws {
        try await execute(
            """
            UPDATE payouts SET status = \(payout.status), arrives_at = \(arrivesAt),
                failure_code = \(payout.failureCode), failure_message = \(payout.failureMessage),
                paid_at = \(payout.paidAt), returned_at = \(payout.returnedAt),
                returned_after_paid = \(payout.returnedAfterPaid), updated_at = \(now)
            WHERE id = \(payout.id)
            """)
    }
}

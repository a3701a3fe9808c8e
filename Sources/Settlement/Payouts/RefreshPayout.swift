package import Domain
package import Ledger
import Postgres
import Sellers
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
            try await stripe.fetch(
                RetrievePayout(id, account: owner.stripeAccount).request, priority: .event,
                gone: [.accountInaccessible, .notFound])
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
        return try await !query("SELECT 1 FROM seller_accounts WHERE stripe_account = \(account)").isEmpty
    }
}

extension StoreTransaction {
    /// Brings our row up to what Stripe says; makes it, or finds the one that a marketplace asked for.
    func follow(_ remote: PayoutResource, of owner: BalanceOwner) async throws {
        var known = try await lockPayout(remote.id)
        if known == nil { known = try await lockRequested(remote, of: owner) }
        if known == nil, try await wentBeforeBooks(remote, of: owner) { return }
        let made = known == nil ? try await makePayout(remote, of: owner) : nil
        // Whoever was quicker, such as the answer to our own request, may have told something older.
        if known == nil, made == nil { known = try await lockPayout(remote.id) }
        guard var before = known ?? made else { return }
        let isNew = known?.stripeID == nil
        if isNew {
            before.stripeID = remote.id
            before.createdAt = remote.created
        }
        var after = before.following(
            status: remote.status.rawValue, failureCode: remote.failureCode, failureMessage: remote.failureMessage,
            at: now)
        after.arrivesAt = remote.arrivalDate
        after.destination = remote.destination?.id.rawValue ?? after.destination
        after.reconciliationStatus = remote.reconciliationStatus
        after.originalPayout = remote.originalPayout?.id
        try await save(after)
        try await append(try after.entries())
        try await requestFeed(of: owner)
        if isNew || known?.status != after.status {
            let event = isNew && after.status == "pending" ? "created" : after.status
            try await announce(
                "payout.\(event)", about: after.id.rawValue, PayoutBody(after))
        }
    }

    fileprivate func lockPayout(_ id: StripePayoutID) async throws -> PayoutRecord? {
        try await query(
            "SELECT \(unescaped: PayoutRecord.columns) FROM payouts WHERE stripe_id = \(id) FOR UPDATE"
        ).first.map(PayoutRecord.init)
    }

    /// The row of a payout that Souk asked Stripe for and has not seen there yet: the operation wrote its own id into it.
    private func lockRequested(_ remote: PayoutResource, of owner: BalanceOwner) async throws -> PayoutRecord? {
        guard let operation = remote.metadata["souk_operation"] else { return nil }
        return try await query(
            """
            SELECT \(unescaped: PayoutRecord.columns) FROM payouts
            WHERE operation_id = \(operation) AND stripe_account = \(owner.code) AND stripe_id IS NULL FOR UPDATE
            """
        ).first.map(PayoutRecord.init)
    }

    /// Takes in a payout that is on its way while the books are opened. What it is made of came before them.
    func adopt(
        _ remote: PayoutResource, of owner: BalanceOwner, seller: ID<Seller>?, before opening: Timestamp
    ) async throws {
        guard try await makePayout(remote, of: owner) != nil else { return }
        let rows = try await query(
            """
            UPDATE payouts SET opened_at = \(OpeningRow.time(before: opening)), items_source = 'opening',
                itemized_at = \(now), status = \(remote.status.rawValue),
                destination = \(remote.destination?.id.rawValue)
            WHERE stripe_id = \(remote.id)
            RETURNING \(unescaped: PayoutRecord.columns)
            """)
        for payout in try rows.map(PayoutRecord.init) { try await append(try payout.entries()) }
    }

    /// Whether it was sent before the books of its balance were opened, so that nothing of it is in them.
    private func wentBeforeBooks(_ remote: PayoutResource, of owner: BalanceOwner) async throws -> Bool {
        try await !query(
            """
            SELECT 1 FROM balance_feeds
            WHERE stripe_account = \(owner.code) AND opened_at > \(remote.created) AND NOT EXISTS (
                SELECT 1 FROM balance_transactions b
                WHERE b.stripe_account = \(owner.code) AND b.source_id = \(remote.id) AND b.category = 'payout')
            """
        ).isEmpty
    }

    /// - Returns: nil if another transaction made it first.
    private func makePayout(_ remote: PayoutResource, of owner: BalanceOwner) async throws -> PayoutRecord? {
        try await query(
            """
            INSERT INTO payouts (id, stripe_id, origin, stripe_account, seller_id, status, currency, amount_minor,
                automatic, method, description, arrives_at, created_at, updated_at)
            VALUES (\(makeID(Payout.self)), \(remote.id), 'stripe', \(owner.code),
                (SELECT seller_id FROM seller_accounts WHERE stripe_account = \(owner.stripeAccount)), 'pending', \(remote.currency),
                \(remote.amount), \(remote.automatic), \(remote.method ?? "standard"), \(remote.description),
                \(remote.arrivalDate), \(remote.created), \(now))
            ON CONFLICT (stripe_id) DO NOTHING
            RETURNING \(unescaped: PayoutRecord.columns)
            """
        ).first.map(PayoutRecord.init)
    }

    private func save(_ payout: PayoutRecord) async throws {
        try await execute(
            """
            UPDATE payouts SET stripe_id = \(payout.stripeID), created_at = \(payout.createdAt),
                status = \(payout.status), arrives_at = \(payout.arrivesAt), destination = \(payout.destination),
                reconciliation_status = \(payout.reconciliationStatus), original_payout = \(payout.originalPayout),
                failure_code = \(payout.failureCode), failure_message = \(payout.failureMessage),
                paid_at = \(payout.paidAt), returned_at = \(payout.returnedAt),
                returned_after_paid = \(payout.returnedAfterPaid), updated_at = \(now)
            WHERE id = \(payout.id)
            """)
    }
}

package import Domain
import FoundationEssentials
import Ledger
import Postgres
package import Store
package import StripeAPI

/// Brings what Souk knows of a connected account up to what Stripe says now.
///
/// Serves `account.updated`, `capability.updated`, `account.external_account.*` and `person.*`, in any order and any
/// number of times, and the return page of onboarding. An account that is none of our sellers' changes nothing.
package struct RefreshAccount: Sendable {
    let store: Store
    let copies: ObjectCopies
    let stripe: StripeClient

    package init(store: Store, copies: ObjectCopies, stripe: StripeClient) {
        self.store = store
        self.copies = copies
        self.stripe = stripe
    }

    /// The event is a hint. Only where Stripe no longer shows us the account is its verified envelope the truth.
    package func callAsFunction(_ event: InboundEvent) async throws {
        guard let account = event.account else { return }
        let told = event.toldAccount
        guard try await isOurs(account, told: told) else { return }
        try await refresh(account, priority: .event) { seller in
            guard let told, told.id == account else { return nil }
            return AccountFacts(told)
        }
    }

    /// - Throws: `StripeUnavailable` and `StripeError` when Stripe does not answer; nothing changes then.
    package func callAsFunction(_ account: StripeAccountID) async throws {
        try await refresh(account, priority: .caller) { _ in nil }
    }

    /// An account that tells of an operation of ours is ours before Stripe's answer to that operation has reached us.
    private func isOurs(_ account: StripeAccountID, told: AccountResource?) async throws -> Bool {
        if try await store.seller(stripeAccount: account) != nil { return true }
        guard let told, let claim = AccountClaim(told) else { return false }
        return try await store.confirms(claim)
    }

    private func refresh(
        _ account: StripeAccountID, priority: StripePriority,
        whenGone: @Sendable (SellerRecord) -> AccountFacts?
    ) async throws {
        try await copies.refresh(kind: "account", id: account.rawValue, account: nil) {
            try await stripe.fetch(
                RetrieveAccount(account).request, priority: priority, gone: [.accountInaccessible, .notFound])
        } apply: { tx, fetched in
            switch fetched {
            case .found(let bytes):
                try await tx.apply(try StripeAnswer(status: 200, body: bytes).decode(AccountResource.self))
            case .gone:
                guard let seller = try await tx.lockSeller(stripeAccount: account) else { return }
                var changed = seller
                changed.account = whenGone(seller) ?? seller.account
                try await tx.save(changed, was: seller)
            }
        }
    }
}

extension StoreTransaction {
    fileprivate func apply(_ account: AccountResource) async throws {
        guard let seller = try await lockSeller(stripeAccount: account.id) else {
            guard let claim = AccountClaim(account), try await confirms(claim),
                let claimed = try await lockSeller(claim.seller)
            else { return }
            return try await attach(account, to: claimed)
        }
        var changed = seller
        changed.account = AccountFacts(account)
        try await save(changed, was: seller)
    }

    fileprivate func confirms(_ claim: AccountClaim) async throws -> Bool {
        try await !query(claim.confirmation).isEmpty
    }
}

extension Store {
    fileprivate func confirms(_ claim: AccountClaim) async throws -> Bool {
        try await !query(claim.confirmation).isEmpty
    }
}

/// What an account's metadata says of its origin. It counts only where an operation of ours says the same.
private struct AccountClaim: Sendable {
    let account: StripeAccountID
    let seller: ID<Seller>
    let operation: ID<Operation>

    init?(_ account: AccountResource) {
        guard let seller = account.metadata["souk_seller"].flatMap({ ID<Seller>($0) }),
            let operation = account.metadata["souk_operation"].flatMap({ ID<Operation>($0) })
        else { return nil }
        self.account = account.id
        self.seller = seller
        self.operation = operation
    }

    /// One row if the operation was to make this seller's account and the seller has none yet.
    var confirmation: PostgresQuery {
        """
        SELECT 1 FROM stripe_operations o JOIN sellers s ON s.id = o.subject_id
        WHERE o.id = \(operation) AND o.kind = 'create_account' AND o.subject_id = \(seller)
            AND s.stripe_account IS NULL
            AND NOT EXISTS (SELECT 1 FROM former_accounts f WHERE f.stripe_account = \(account))
        """
    }
}

extension InboundEvent {
    /// The account in the event's envelope; nil for other events, and for one that this build cannot read, which is
    /// then only a hint.
    fileprivate var toldAccount: AccountResource? {
        guard type == "account.updated" else { return nil }
        return try? JSONDecoder().decode(AccountEnvelope.self, from: Data(body)).data.object
    }
}

private struct AccountEnvelope: Decodable {
    struct Content: Decodable { let object: AccountResource }
    let data: Content
}

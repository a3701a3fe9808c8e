package import Domain
import Hummingbird
import Ledger
import Postgres
package import Store
package import StripeAPI
import Web

/// Registers a seller, with exactly one connected account at Stripe however often the call is repeated.
///
/// The seller and the operation that makes its account are committed together before Stripe is called. The same
/// `external_id` with the same facts finds that seller again, and carries on with an account that Stripe refused before.
package struct CreateSeller: Sendable {
    let store: Store
    let engine: OperationEngine
    let stripe: StripeClient

    package init(store: Store, engine: OperationEngine, stripe: StripeClient) {
        self.store = store
        self.engine = engine
        self.stripe = stripe
    }

    /// - Parameters:
    ///   - application: what the marketplace says of the seller.
    ///   - caller: on whose behalf, for the audit log.
    ///   - claim: the call's `Idempotency-Key`, if it has one.
    /// - Returns: the seller, and whether this call made it.
    /// - Throws: `external_id_taken` for other facts, `stripe_account_taken`, `stripe_refused` with Stripe's own reason,
    ///   `stripe_unavailable` only where an existing account was to join: nothing is written then.
    package func callAsFunction(
        _ application: SellerApplication, by caller: Caller, claim: IdempotencyClaim? = nil
    ) async throws -> (seller: SellerRecord, isNew: Bool) {
        let application = try application.checked()
        if let account = application.stripeAccount { return try await join(account, application, by: caller) }
        let (seller, operation, isNew) = try await store.transaction { tx in
            let registered = try await tx.register(application, livemode: stripe.isLivemode, by: caller)
            try await tx.bind(claim, to: registered.0.id.rawValue)
            return registered
        }
        guard let operation else { return (seller, isNew) }
        try await engine.makeAccount(by: operation)
        return (try await store.requireSeller(seller.id), isNew)
    }

    private func join(
        _ id: StripeAccountID, _ application: SellerApplication, by caller: Caller
    ) async throws -> (seller: SellerRecord, isNew: Bool) {
        if let seller = try await store.seller(appliedAs: application) {
            return (seller, false)
        }
        let account = try await stripe.existingAccount(id)
        return try await store.transaction { tx in
            try await tx.join(AccountFacts(account), id, application, livemode: stripe.isLivemode, by: caller)
        }
    }
}

extension StoreTransaction {
    fileprivate func register(
        _ application: SellerApplication, livemode: Bool, by caller: Caller
    ) async throws -> (SellerRecord, ID<Operation>?, isNew: Bool) {
        let new = SellerRecord(new: application, livemode: livemode, id: makeID(Seller.self), at: now)
        let isNew = try await insert(new, application: application)
        let seller = isNew ? new : try await lockExisting(application)
        guard seller.stripeAccount == nil else { return (seller, nil, isNew) }
        let operation = try await enqueueAccount(of: seller, appliedForBy: application)
        if isNew {
            try await announce("seller.created", seller)
            try await audit("seller.create", subject: seller.id.rawValue, by: caller)
        }
        return (seller, operation, isNew)
    }

    /// Has Stripe make the account that the seller lacks: the first one, or the one that comes after those the seller had.
    /// - Returns: the operation that is under way already, or a new one after Stripe refused the last.
    func enqueueAccount(
        of seller: SellerRecord, appliedForBy application: SellerApplication
    ) async throws -> ID<Operation> {
        let place = seller.formerAccounts.isEmpty ? "" : ":\(seller.formerAccounts.count)"
        return try await enqueue(
            NewOperation(
                kind: .createAccount, subject: seller.id.rawValue, uniqueKey: "create_account:\(seller.id)\(place)",
                startsInline: true)
        ) { operation in
            OperationRequest(CreateAccount(application, seller: seller.id, operation: operation).request)
        }
    }

    /// Registers the seller of a connected account that exists already.
    /// - Returns: the seller, and whether it is new: the same facts find the one that was registered with them.
    /// - Throws: `external_id_taken` for other facts, `stripe_account_taken`, `parameter_invalid` for a country that is not
    ///   the account's.
    package func join(
        _ facts: AccountFacts, _ account: StripeAccountID, _ application: SellerApplication, livemode: Bool,
        by caller: Caller
    ) async throws -> (seller: SellerRecord, isNew: Bool) {
        if let country = application.country, country != facts.country {
            throw Refusal(
                .parameterInvalid, "The account \(account) is in \(facts.country), not in \(country).",
                parameter: "country")
        }
        try await requireFree(account, for: nil)
        var new = SellerRecord(new: application, livemode: livemode, id: makeID(Seller.self), at: now)
        new.stripeAccount = account
        new.account = facts
        new.country = facts.country
        do {
            guard try await insert(new, application: application) else {
                return (try await lockExisting(application), false)
            }
        } catch let error as PostgresError where error.isUniqueViolation(constraint: "sellers_stripe_account_key") {
            throw Refusal.taken(account)
        }
        try await requestFeed(of: .connected(account))
        try await announce("seller.created", new)
        try await audit("seller.join", subject: new.id.rawValue, by: caller)
        return (new, true)
    }

    /// The seller that has this external id.
    /// - Throws: `external_id_taken` unless it was registered with the same facts. Facts that Stripe refused do not
    ///   count: they are replaced, so that a caller can correct them.
    fileprivate func lockExisting(_ application: SellerApplication) async throws -> SellerRecord {
        let rows = try await query(
            """
            SELECT \(unescaped: SellerRecord.columns), creation,
                stripe_account IS NULL AND NOT EXISTS (
                    SELECT FROM stripe_operations o
                    WHERE o.subject_id = sellers.id AND o.kind = 'create_account' AND o.state <> 'failed'
                ) AS refused
            FROM sellers WHERE external_id = \(application.externalID) FOR UPDATE OF sellers
            """)
        guard let row = rows.first else { throw SellerError.sellerMissing(application.externalID) }
        let seller = try SellerRecord(row: row)
        let before = try row.get("creation", as: PostgresJSON.self).read(as: SellerApplication.self)
        if before == application { return seller }
        guard try row.get("refused") else { throw Refusal.externalIDTaken(by: seller) }
        return try await correct(seller, to: application)
    }

    private func correct(_ seller: SellerRecord, to application: SellerApplication) async throws -> SellerRecord {
        var corrected = SellerRecord(new: application, livemode: seller.livemode, id: seller.id, at: seller.created)
        corrected.hold = seller.hold
        corrected = try await save(corrected, was: seller)
        try await execute(
            "UPDATE sellers SET creation = \(try PostgresJSON(encoding: application)) WHERE id = \(seller.id)")
        return corrected
    }
}

extension OperationEngine {
    /// - Throws: `stripe_refused`, with Stripe's own reason.
    func makeAccount(by operation: ID<Operation>) async throws {
        let outcome = try await perform(operation)
        guard outcome.state != .failed else {
            throw Refusal(.stripeRefused, outcome.reason ?? "Stripe refused to make the account.")
        }
    }
}

extension SellerRecord {
    fileprivate init(new application: SellerApplication, livemode: Bool, id: ID<Seller>, at now: Timestamp) {
        self.init(
            id: id, externalID: application.externalID, email: application.email, country: application.country ?? "",
            businessType: application.businessType, metadata: application.metadata,
            origin: application.stripeAccount == nil ? .souk : .joined, stripeAccount: nil, account: nil,
            deauthorizedAt: nil, hold: nil, livemode: livemode, created: now, updated: now)
    }
}

extension Refusal {
    fileprivate static func externalIDTaken(by seller: SellerRecord) -> Refusal {
        Refusal(
            .externalIDTaken,
            "The external_id '\(seller.externalID)' belongs to seller \(seller.id), which was registered with other "
                + "facts. Repeat those, or change the seller with POST /v1/sellers/\(seller.id).",
            parameter: "external_id")
    }
}

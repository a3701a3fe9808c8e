package import Domain
import Hummingbird
import Ledger
import Postgres
package import Store
package import StripeAPI
import Web

/// Has a seller go on with another connected account: a new one, or one that exists already. What the platform owes the
/// seller goes to it from then on; what is in the old account stays the seller's there and is followed to its end.
package struct ChangeAccount: Sendable {
    let store: Store
    let engine: OperationEngine
    let stripe: StripeClient

    package init(store: Store, engine: OperationEngine, stripe: StripeClient) {
        self.store = store
        self.engine = engine
        self.stripe = stripe
    }

    /// - Parameters:
    ///   - id: the seller.
    ///   - account: one that the platform has; nil has Stripe make a new Express account.
    ///   - caller: on whose behalf, for the audit log.
    /// - Returns: the seller with the new account; without one while Stripe is away. A repetition changes nothing.
    /// - Throws: `seller_not_found`, `illegal_transition` while the old account is in use, `stripe_account_taken`,
    ///   `parameter_invalid` for an account in another country, `stripe_refused`.
    package func callAsFunction(
        _ id: ID<Seller>, to account: StripeAccountID?, by caller: Caller
    ) async throws -> SellerRecord {
        guard let account else {
            let operation = try await store.transaction { tx in try await tx.requestAnotherAccount(of: id, by: caller) }
            if let operation { try await engine.makeAccount(by: operation) }
            return try await store.requireSeller(id)
        }
        try SellerApplication.check(account)
        let facts = AccountFacts(try await stripe.existingAccount(account))
        return try await store.transaction { tx in
            guard let seller = try await tx.lockSeller(id) else { throw Refusal.noSuchSeller(id) }
            guard seller.stripeAccount != account else { return seller }
            guard facts.country == seller.country else {
                throw Refusal(
                    .parameterInvalid,
                    "The account \(account) is in \(facts.country), the seller in \(seller.country).",
                    parameter: "stripe_account")
            }
            try await tx.requireFree(account, for: id)
            var changed = try await tx.leaveAccount(of: seller, by: caller)
            changed.formerAccounts.removeAll { $0 == account }
            changed.stripeAccount = account
            changed.account = facts
            do {
                let saved = try await tx.save(changed, was: seller)
                try await tx.requestFeed(of: .connected(account))
                return saved
            } catch let error as PostgresError where error.isUniqueViolation(constraint: "sellers_stripe_account_key") {
                throw Refusal.taken(account)
            }
        }
    }
}

extension StoreTransaction {
    /// Leaves the seller's account and has Stripe make another; finds the one that is being made already.
    /// - Returns: nil where the seller's account is as good as new: a repeated call makes no third one.
    fileprivate func requestAnotherAccount(of id: ID<Seller>, by caller: Caller) async throws -> ID<Operation>? {
        guard let seller = try await lockSeller(id) else { throw Refusal.noSuchSeller(id) }
        guard !seller.hasUnusedAccount else { return nil }
        let left = try await save(try await leaveAccount(of: seller, by: caller), was: seller)
        return try await enqueueAccount(of: left, appliedForBy: try await application(of: left))
    }

    /// What Stripe's form is filled with for another account: what the seller was registered with, as it stands now.
    private func application(of seller: SellerRecord) async throws -> SellerApplication {
        let row = try await query("SELECT creation FROM sellers WHERE id = \(seller.id)").first
        let creation = try row?.get("creation", as: PostgresJSON.self).read(as: SellerApplication.self)
        return SellerApplication(
            externalID: seller.externalID, email: seller.email, country: seller.country,
            businessType: seller.businessType, businessProfile: creation?.businessProfile, metadata: seller.metadata)
    }

    /// - Returns: the seller without an account, for the caller to save.
    /// - Throws: `illegal_transition` for an account that buyers may be paying to now.
    fileprivate func leaveAccount(of seller: SellerRecord, by caller: Caller) async throws -> SellerRecord {
        guard let account = seller.stripeAccount else { return seller }
        guard seller.isDeauthorized || seller.status == .rejected || seller.hold != nil else {
            throw Refusal(
                .illegalTransition,
                "The account \(account) of seller \(seller.id) is in use. Hold the seller first, so that nothing is sold "
                    + "for it while it is changed.")
        }
        try await execute(
            """
            INSERT INTO former_accounts (stripe_account, seller_id, deauthorized, replaced_at)
            VALUES (\(account), \(seller.id), \(seller.isDeauthorized), \(now))
            """)
        try await execute("UPDATE sellers SET connection_changed_at = NULL WHERE id = \(seller.id)")
        var left = seller
        left.stripeAccount = nil
        left.account = nil
        left.deauthorizedAt = nil
        left.formerAccounts.append(account)
        try await audit(
            "seller.change_account", subject: seller.id.rawValue, by: caller, details: ["left": "\(account)"])
        return left
    }

    /// Takes an account out of the former ones where it was this seller's before.
    /// - Throws: `stripe_account_taken` where it was another's.
    func requireFree(_ account: StripeAccountID, for seller: ID<Seller>?) async throws {
        let owner: ID<Seller>? = try await query(
            "SELECT seller_id FROM former_accounts WHERE stripe_account = \(account)"
        ).first?.get("seller_id")
        guard let owner else { return }
        guard owner == seller else { throw Refusal.taken(account) }
        try await execute("DELETE FROM former_accounts WHERE stripe_account = \(account)")
    }
}

extension SellerRecord {
    /// Stripe's form for it has not been sent yet.
    fileprivate var hasUnusedAccount: Bool {
        stripeAccount != nil && account?.detailsSubmitted == false && !isDeauthorized && status != .rejected
    }
}

extension StripeClient {
    /// - Throws: `stripe_refused` for an account that is not the platform's.
    func existingAccount(_ id: StripeAccountID) async throws -> AccountResource {
        do {
            return try await send(RetrieveAccount(id))
        } catch let error as StripeError where error.kind == .accountInaccessible || error.kind == .notFound {
            throw Refusal(
                .stripeRefused, "Stripe shows this platform no account \(id): \(error.message)",
                parameter: "stripe_account")
        }
    }
}

extension Refusal {
    static func taken(_ account: StripeAccountID) -> Refusal {
        Refusal(
            .stripeAccountTaken,
            "The account \(account) belongs to another seller. GET /v1/sellers?stripe_account=\(account) shows it.",
            parameter: "stripe_account")
    }
}

extension SellerRoutes {
    struct ChangeAccountRequest: Decodable { let stripeAccount: StripeAccountID? }

    @Sendable func changeAccount(
        _ request: Request, _ context: SoukContext
    ) async throws -> EditedResponse<SellerBody> {
        let id = try context.id(of: Seller.self, else: .sellerNotFound)
        let body = try await request.decode(as: ChangeAccountRequest.self, context: context)
        let seller = try await ChangeAccount(store: store, engine: engine, stripe: stripe)(
            id, to: body.stripeAccount, by: context.caller)
        return EditedResponse(status: .ok, response: try await store.body(of: seller))
    }
}

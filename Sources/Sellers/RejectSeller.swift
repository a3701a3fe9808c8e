package import Domain
import Hummingbird
import Postgres
package import Store
package import StripeAPI
import Web

/// Has Stripe reject a seller's account: no charges and no payouts any more. Repeating it changes nothing.
package struct RejectSeller: Sendable {
    let store: Store
    let engine: OperationEngine

    package init(store: Store, engine: OperationEngine) {
        self.store = store
        self.engine = engine
    }

    /// - Returns: the seller; where Stripe was away it is rejected as soon as Stripe is back.
    /// - Throws: `seller_not_ready` for a seller without an account, `stripe_refused` with Stripe's own reason.
    package func callAsFunction(
        _ id: ID<Seller>, because reason: RejectionReason, by caller: Caller
    ) async throws -> SellerRecord {
        let operation: ID<Operation>? = try await store.transaction { tx in
            guard let seller = try await tx.lockSeller(id) else { throw Refusal.noSuchSeller(id) }
            guard seller.status != .rejected else { return nil }
            let account = try seller.requireConnectedAccount(to: "be rejected; hold the seller instead")
            try await tx.audit("seller.reject", subject: id.rawValue, by: caller)
            return try await tx.enqueue(
                NewOperation(
                    kind: .rejectAccount, subject: id.rawValue, uniqueKey: try await tx.rejectionKey(of: seller),
                    startsInline: true)
            ) { _ in OperationRequest(RejectAccount(account, reason: reason.rawValue).request) }
        }
        if let operation {
            let outcome = try await engine.perform(operation)
            if outcome.state == .failed {
                throw Refusal(.stripeRefused, outcome.reason ?? "Stripe refused to reject the account.")
            }
        }
        return try await store.requireSeller(id)
    }
}

extension StoreTransaction {
    /// One rejection at a time; a later one, after Stripe has taken the first back, has a key of its own.
    fileprivate func rejectionKey(of seller: SellerRecord) async throws -> String {
        let rows = try await query(
            """
            SELECT count(*) AS done FROM stripe_operations
            WHERE subject_id = \(seller.id) AND kind = 'reject_account' AND state = 'succeeded'
            """)
        let done: Int64 = try rows.first?.get("done") ?? 0
        return "reject_account:\(seller.id):\(done)"
    }
}

/// Why the platform rejects an account, in the words that Stripe takes.
package enum RejectionReason: String, Sendable, CaseIterable, Codable {
    case credit
    case fraudNoIntentToFulfill = "fraud_no_intent_to_fulfill"
    case fraudOther = "fraud_other"
    case fraudPaymentMethodCasher = "fraud_payment_method_casher"
    case fraudPaymentMethodTester = "fraud_payment_method_tester"
    case termsOfService = "terms_of_service"
    case other
}

/// Sees the operation `reject_account` to its end.
package struct FinishRejection: OperationHandler {
    let stripe: StripeClient
    package let kind = OperationKind.rejectAccount

    package init(stripe: StripeClient) { self.stripe = stripe }

    package func succeed(
        _ operation: OperationRecord, answer: [UInt8], in tx: StoreTransaction
    ) async throws -> String? {
        try await tx.follow(answer, to: operation).rawValue
    }

    package func refuse(
        _ operation: OperationRecord, _ refusal: OperationRefusal, in tx: StoreTransaction
    ) async throws -> AfterRefusal {
        .fail(because: "Stripe refused to reject the account: \(refusal.message)")
    }

    /// The account itself tells whether it is rejected.
    package func lookUp(_ operation: OperationRecord) async throws -> LookUpResult {
        guard let account = operation.target(in: "/v1/accounts/", before: "/reject") else {
            return .impossible(because: "the operation's path names no account")
        }
        let answer = try await stripe.answer(
            to: RetrieveAccount(StripeAccountID(account)).request, priority: .operation)
        let state = try answer.decode(AccountResource.self)
        let isRejected = state.requirements?.disabledReason.map(DisabledReason.init)?.isRejection ?? false
        return isRejected ? .found(answer.body) : .notFound
    }
}

extension SellerRoutes {
    struct RejectRequest: Decodable { let reason: RejectionReason }

    @Sendable func reject(_ request: Request, _ context: SoukContext) async throws -> SellerBody {
        let id = try context.id(of: Seller.self, else: .sellerNotFound)
        let body = try await request.decode(as: RejectRequest.self, context: context)
        let seller = try await RejectSeller(store: store, engine: engine)(id, because: body.reason, by: context.caller)
        return try await store.body(of: seller)
    }
}

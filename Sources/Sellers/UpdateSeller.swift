package import Domain
import Hummingbird
import Postgres
package import Store
package import StripeAPI
import Web

/// Changes what the marketplace may change of a seller: its own notes, which are the address and the metadata, and when
/// Stripe pays the seller out. All else at Stripe belongs to the seller once onboarding has begun.
package struct UpdateSeller: Sendable {
    let store: Store
    let engine: OperationEngine

    package init(store: Store, engine: OperationEngine) {
        self.store = store
        self.engine = engine
    }

    /// - Returns: the seller; where Stripe was away, its schedule changes as soon as Stripe is back.
    /// - Throws: `seller_not_found`, `seller_not_ready` for a schedule without an account, `illegal_transition` while
    ///   another change of the schedule is under way, `stripe_refused` with Stripe's own reason.
    package func callAsFunction(
        _ id: ID<Seller>, email: String?, metadata: MetadataChange?, payoutSchedule: PayoutSchedule? = nil,
        by caller: Caller
    ) async throws -> SellerRecord {
        if let email { try SellerApplication.check(email: email) }
        let schedule = try payoutSchedule?.checked()
        let (saved, operation) = try await store.transaction { tx -> (SellerRecord, ID<Operation>?) in
            guard let seller = try await tx.lockSeller(id) else { throw Refusal.noSuchSeller(id) }
            var changed = seller
            if let email { changed.email = email }
            if let metadata { changed.metadata = try seller.metadata.applying(metadata) }
            let operation: ID<Operation>? =
                if let schedule { try await tx.enqueueSchedule(schedule, of: seller) } else { nil }
            let saved = try await tx.save(changed, was: seller)
            try await tx.audit("seller.update", subject: id.rawValue, by: caller)
            return (saved, operation)
        }
        guard let operation else { return saved }
        let outcome = try await engine.perform(operation)
        if outcome.state == .failed {
            throw Refusal(
                .stripeRefused, outcome.reason ?? "Stripe refused the payout schedule.", parameter: "payout_schedule")
        }
        return try await store.requireSeller(id)
    }
}

extension StoreTransaction {
    /// Writes the change down. One at a time: of two that overtake each other nobody could tell which one holds.
    fileprivate func enqueueSchedule(_ schedule: PayoutSchedule, of seller: SellerRecord) async throws -> ID<Operation>
    {
        let account = try seller.requireConnectedAccount(to: "have a payout schedule")
        let request = OperationRequest(
            UpdatePayoutSchedule(
                account, interval: schedule.interval, weeklyAnchor: schedule.weeklyAnchor,
                monthlyAnchor: schedule.monthlyAnchor, delayDays: schedule.delayDays
            ).request)
        let unfinished = try await query(
            """
            SELECT id, body = \(request.body) AS is_same FROM stripe_operations
            WHERE subject_id = \(seller.id) AND kind = \(OperationKind.updatePayoutSchedule.rawValue)
                AND state NOT IN ('succeeded', 'failed')
            ORDER BY id DESC LIMIT 1
            """
        ).first
        if let unfinished {
            let operation: ID<Operation> = try unfinished.get("id")
            guard try unfinished.get("is_same") else {
                throw Refusal(
                    .illegalTransition,
                    "Another change of this seller's payout schedule is under way. Try again when \(operation) is done.",
                    parameter: "payout_schedule")
            }
            return operation
        }
        return try await enqueue(
            NewOperation(kind: .updatePayoutSchedule, subject: seller.id.rawValue, startsInline: true)
        ) { _ in request }
    }
}

/// Sees the operation `update_payout_schedule` to its end.
package struct FinishPayoutSchedule: OperationHandler {
    let stripe: StripeClient
    package let kind = OperationKind.updatePayoutSchedule

    package init(stripe: StripeClient) { self.stripe = stripe }

    package func succeed(
        _ operation: OperationRecord, answer: [UInt8], in tx: StoreTransaction
    ) async throws -> String? {
        try await tx.follow(answer, to: operation).rawValue
    }

    package func refuse(
        _ operation: OperationRecord, _ refusal: OperationRefusal, in tx: StoreTransaction
    ) async throws -> AfterRefusal {
        .fail(because: "Stripe refused the payout schedule: \(refusal.message)")
    }

    /// The account itself tells which schedule it has.
    package func lookUp(_ operation: OperationRecord) async throws -> LookUpResult {
        guard let request = operation.request, let account = operation.target(in: "/v1/accounts/") else {
            return .impossible(because: "the operation's path names no account")
        }
        let answer = try await stripe.answer(
            to: RetrieveAccount(StripeAccountID(account)).request, priority: .operation)
        let state = try answer.decode(AccountResource.self)
        guard let schedule = AccountFacts(state).payoutSchedule else { return .notFound }
        // The same words again, with the delay or without: what was asked for is what the account has now.
        let isDone = [nil, schedule.delayDays].contains { delayDays in
            UpdatePayoutSchedule(
                state.id, interval: schedule.interval, weeklyAnchor: schedule.weeklyAnchor,
                monthlyAnchor: schedule.monthlyAnchor, delayDays: delayDays
            ).request.body == request.body
        }
        return isDone ? .found(answer.body) : .notFound
    }
}

extension SellerRoutes {
    struct UpdateBody: Decodable {
        let email: String?
        let metadata: MetadataChange?
        let payoutSchedule: PayoutSchedule?
    }

    @Sendable func update(_ request: Request, _ context: SoukContext) async throws -> SellerBody {
        let id = try context.id(of: Seller.self, else: .sellerNotFound)
        let body = try await request.decode(as: UpdateBody.self, context: context)
        let seller = try await UpdateSeller(store: store, engine: engine)(
            id, email: body.email, metadata: body.metadata, payoutSchedule: body.payoutSchedule, by: context.caller)
        return try await store.body(of: seller)
    }
}

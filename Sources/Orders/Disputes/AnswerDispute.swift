import Domain
import Postgres
import Sellers
package import Store
import StripeAPI

extension OperationKind {
    package static let stageEvidence = OperationKind(rawValue: "stage_dispute_evidence")
    package static let submitEvidence = OperationKind(rawValue: "submit_dispute_evidence")
    package static let acceptDispute = OperationKind(rawValue: "accept_dispute")
}

/// What a marketplace can do about a dispute.
enum DisputeAnswer: Sendable {
    /// Puts evidence beside it; the bank sees nothing yet, and it can be changed.
    case stage([String: String])
    /// Sends what is staged to the bank. Stripe takes it once.
    case submit
    /// Gives it up: it is lost at once, and for good.
    case accept

    fileprivate var kind: OperationKind {
        switch self {
        case .stage: .stageEvidence
        case .submit: .submitEvidence
        case .accept: .acceptDispute
        }
    }

    fileprivate func request(for dispute: StripeDisputeID) -> StripeRequest {
        switch self {
        case .stage(let evidence): UpdateDispute(dispute, evidence: evidence, submit: false).request
        case .submit: UpdateDispute(dispute, submit: true).request
        case .accept: CloseDispute(dispute).request
        }
    }
}

/// Answers the bank in the marketplace's name.
struct AnswerDispute: Sendable {
    let store: Store
    let engine: OperationEngine

    /// - Returns: the dispute; as it was, when Stripe is away: the answer is given when Stripe is back.
    /// - Throws: `dispute_not_found`, `illegal_transition` for one that takes no such answer any more, `stripe_refused`.
    func callAsFunction(_ id: ID<Dispute>, _ answer: DisputeAnswer, by caller: Caller) async throws -> DisputeRecord {
        let operation = try await store.transaction { tx in try await tx.begin(answer, id, by: caller) }
        let outcome = try await engine.perform(operation)
        guard outcome.state != .failed else {
            throw Refusal(.stripeRefused, outcome.reason ?? "Stripe refused the answer to the dispute.")
        }
        return try await store.requireDispute(id)
    }
}

extension StoreTransaction {
    fileprivate func begin(_ answer: DisputeAnswer, _ id: ID<Dispute>, by caller: Caller) async throws -> ID<Operation>
    {
        guard
            let order: ID<Order> = try await query("SELECT order_id FROM disputes WHERE id = \(id)").first?.get(
                "order_id")
        else { throw Refusal.noSuchDispute(id) }
        _ = try await requireLockedOrder(order)
        guard let dispute = try await dispute(where: "id = \(id)") else { throw Refusal.noSuchDispute(id) }
        switch answer {
        case .stage, .submit:
            guard dispute.takesEvidence else {
                throw Refusal(
                    .illegalTransition,
                    "Stripe takes evidence once, while a dispute needs a response; the dispute \(id) is \(dispute.status)."
                )
            }
            guard let due = dispute.evidenceDueAt, now <= due else {
                throw Refusal(
                    .illegalTransition,
                    "It is too late for evidence: see evidence_due_by of the dispute \(id). Stripe takes no more.")
            }
            if case .submit = answer, !dispute.hasEvidence {
                throw Refusal(
                    .illegalTransition,
                    "The dispute \(id) has no evidence yet. POST /v1/disputes/\(id)/evidence first: the bank looks once."
                )
            }
        case .accept:
            guard dispute.stage == .open || dispute.stage == .inquiry else {
                throw Refusal(.illegalTransition, "The dispute \(id) has ended: it is \(dispute.status).")
            }
        }
        try await audit("dispute.\(answer.kind)", subject: id.rawValue, by: caller)
        // Evidence may be staged again and again, so each time is an operation of its own.
        let once = answer.kind == .stageEvidence ? nil : "\(answer.kind):\(dispute.stripeID):\(dispute.status)"
        return try await enqueue(
            NewOperation(kind: answer.kind, subject: id.rawValue, uniqueKey: once, startsInline: true)
        ) { _ in OperationRequest(answer.request(for: dispute.stripeID)) }
    }
}

/// Sees an answer to a dispute to its end.
package struct FinishDisputeAnswer: OperationHandler {
    let stripe: StripeClient
    package let kind: OperationKind

    static func all(stripe: StripeClient) -> [any OperationHandler] {
        [.stageEvidence, .submitEvidence, .acceptDispute].map { FinishDisputeAnswer(stripe: stripe, kind: $0) }
    }

    package func succeed(
        _ operation: OperationRecord, answer: [UInt8], in tx: StoreTransaction
    ) async throws -> String? {
        let dispute = try StripeAnswer(status: 200, body: answer).decode(DisputeResource.self)
        // What was read since may be newer than this answer; an event tells what the answer would have told.
        let isNewest = try await tx.query(
            "SELECT 1 FROM disputes WHERE stripe_id = \(dispute.id) AND updated_at <= \(operation.lastSentAt)")
        if !isNewest.isEmpty { _ = try await tx.follow(dispute) }
        return dispute.id.rawValue
    }

    package func refuse(
        _ operation: OperationRecord, _ refusal: OperationRefusal, in tx: StoreTransaction
    ) async throws -> AfterRefusal {
        .fail(because: "Stripe refused the answer to the dispute: \(refusal.message)")
    }

    /// The dispute's own state tells: evidence that was submitted is counted, and one that was accepted is lost. Staging
    /// leaves nothing to tell it by but may be repeated without harm.
    package func lookUp(_ operation: OperationRecord) async throws -> LookUpResult {
        guard let id = operation.target(in: "/v1/disputes/", before: kind == .acceptDispute ? "/close" : "") else {
            return .impossible(because: "the operation names no dispute")
        }
        let answer = try await stripe.answer(
            to: RetrieveDispute(StripeDisputeID(id)).request, priority: .operation)
        guard answer.isSuccess else { throw StripeError(answer) }
        let dispute = try answer.decode(DisputeResource.self)
        let isDone =
            switch kind {
            case .submitEvidence: dispute.evidenceDetails.submissionCount > 0
            case .acceptDispute: dispute.status == .lost || dispute.status == .warningClosed
            default: false
            }
        return isDone ? .found(answer.body) : .notFound
    }
}

import Domain
import Hummingbird
import Ledger
import Postgres
import Store
import Web

/// A dispute as callers see it.
struct DisputeBody: Encodable, Sendable {
    let id: ID<Dispute>
    let object = "dispute"
    let stripeDispute: StripeDisputeID
    let order: ID<Order>
    let charge: StripeChargeID
    /// Stripe's word.
    let status: String
    /// What it means for the order; null for what ended before money moved.
    let stage: String?
    let reason: String
    let amount: Int64
    let currency: Currency
    /// An inquiry's charge can still be refunded, which ends it.
    let isChargeRefundable: Bool
    /// Until when the bank listens; null when it cannot be contested.
    let evidenceDueBy: Timestamp?
    let hasEvidence: Bool
    let submissionCount: Int
    let fundsWithdrawnAt: Timestamp?
    let fundsReinstatedAt: Timestamp?
    /// What was claimed from those who bear it; null where the platform does.
    let claim: DisputeClaimBody?
    let created: Timestamp

    init(_ dispute: DisputeRecord) {
        id = dispute.id
        stripeDispute = dispute.stripeID
        order = dispute.order
        charge = dispute.charge
        status = dispute.status
        stage = dispute.stage?.rawValue
        reason = dispute.reason
        amount = dispute.amount.minorUnits
        currency = dispute.amount.currency
        isChargeRefundable = dispute.isChargeRefundable
        evidenceDueBy = dispute.evidenceDueAt
        hasEvidence = dispute.hasEvidence
        submissionCount = dispute.submissions
        fundsWithdrawnAt = dispute.withdrawnAt
        fundsReinstatedAt = dispute.reinstatedAt
        claim = dispute.claim.map(DisputeClaimBody.init)
        created = dispute.createdAt
    }

    private enum CodingKeys: String, CodingKey {
        case id, object, stripeDispute, order, charge, status, stage, reason, amount, currency, isChargeRefundable,
            evidenceDueBy, hasEvidence, submissionCount, fundsWithdrawnAt, fundsReinstatedAt, claim, created
    }
}

extension DisputeBody: ResponseEncodable {}

/// What each bears of a dispute until it is won.
struct DisputeClaimBody: Encodable, Sendable {
    /// At most the disputed amount: what refunds took before is not claimed again.
    let amount: Int64
    let sellers: [SellerPart]
    let platformFee: Int64
    let tax: Int64
    let claimedAt: Timestamp

    struct SellerPart: Encodable, Sendable {
        let seller: ID<Seller>
        /// Owed to the seller and still with the platform.
        let fromPayable: Int64
        /// Held back from the seller until a date.
        let fromReserve: Int64
        /// In the seller's balance at Stripe already: taken back of transfers.
        let fromTransferred: Int64
    }

    init(_ claim: DisputeClaim) {
        amount = claim.parts.amount.minorUnits
        sellers = claim.taken.division.sellers.map {
            SellerPart(
                seller: $0.seller, fromPayable: $0.payable.minorUnits, fromReserve: $0.reserve.minorUnits,
                fromTransferred: $0.receivable.minorUnits)
        }
        platformFee = claim.parts.platformFee.minorUnits
        tax = claim.parts.tax.minorUnits
        claimedAt = claim.at
    }
}

/// `/v1/disputes`: what buyers contest at their banks, and the marketplace's answers.
struct DisputeRoutes: Sendable {
    let store: Store
    let answer: AnswerDispute

    func register(on api: APIRoutes) {
        api.get("/v1/disputes", scope: .disputesRead, use: list)
        api.get("/v1/disputes/{id}", scope: .disputesRead, use: retrieve)
        api.get("/v1/disputes/{id}/evidence_draft", scope: .disputesRead, use: draft)
        api.post("/v1/disputes/{id}/evidence", scope: .disputesWrite, use: stage)
        api.post("/v1/disputes/{id}/submit", scope: .disputesWrite, use: submit)
        api.post("/v1/disputes/{id}/accept", scope: .disputesWrite, use: accept)
    }

    struct Filter: Decodable, Sendable {
        let order: ID<Order>?
        let status: String?
    }

    @Sendable func list(_ request: Request, _ context: SoukContext) async throws -> ListBody<DisputeBody> {
        let (page, filter) = try request.list(filteredBy: Filter.self)
        var query: PostgresQuery = "SELECT \(unescaped: DisputeRecord.columns) FROM disputes WHERE true"
        if let order = filter.order { query += " AND order_id = \(order)" }
        if let status = filter.status { query += " AND status = \(status)" }
        query += page.keyset()
        let disputes = try await store.query(query).map { DisputeBody(try DisputeRecord(row: $0)) }
        return ListBody(Page(fetched: disputes, for: page), url: "/v1/disputes")
    }

    @Sendable func retrieve(_ request: Request, _ context: SoukContext) async throws -> DisputeBody {
        try request.refuseQuery()
        return DisputeBody(try await store.requireDispute(try context.disputeID()))
    }

    @Sendable func draft(_ request: Request, _ context: SoukContext) async throws -> EvidenceDraft {
        try request.refuseQuery()
        let dispute = try await store.requireDispute(try context.disputeID())
        return EvidenceDraft(of: try await store.requireOrder(dispute.order))
    }

    @Sendable func stage(_ request: Request, _ context: SoukContext) async throws -> DisputeBody {
        let evidence = try await request.decode(as: DisputeEvidence.self, context: context)
        return DisputeBody(try await answer(try context.disputeID(), .stage(evidence.values), by: context.caller))
    }

    @Sendable func submit(_ request: Request, _ context: SoukContext) async throws -> DisputeBody {
        _ = try await request.decode(as: NoBody.self, context: context)
        return DisputeBody(try await answer(try context.disputeID(), .submit, by: context.caller))
    }

    @Sendable func accept(_ request: Request, _ context: SoukContext) async throws -> DisputeBody {
        _ = try await request.decode(as: NoBody.self, context: context)
        return DisputeBody(try await answer(try context.disputeID(), .accept, by: context.caller))
    }
}

extension EvidenceDraft: ResponseEncodable {}

extension SoukContext {
    fileprivate func disputeID() throws(Refusal) -> ID<Dispute> { try id(of: Dispute.self, else: .disputeNotFound) }
}

extension Store {
    /// - Throws: `dispute_not_found`.
    func requireDispute(_ id: ID<Dispute>) async throws -> DisputeRecord {
        let rows = try await query("SELECT \(unescaped: DisputeRecord.columns) FROM disputes WHERE id = \(id)")
        guard let row = rows.first else { throw Refusal.noSuchDispute(id) }
        return try DisputeRecord(row: row)
    }
}

extension Refusal {
    static func noSuchDispute(_ id: ID<Dispute>) -> Refusal {
        Refusal(.disputeNotFound, "There is no dispute \(id). GET /v1/disputes lists them.", parameter: "id")
    }
}

import Domain
import Ledger
import Postgres
import Sellers
package import Store
package import StripeAPI
import Web

extension OperationKind {
    package static let createPayout = OperationKind(rawValue: "create_payout")
}

/// Sees the operation `create_payout` to its end: our payout gets the one that Stripe made.
package struct FinishPayout: OperationHandler {
    let stripe: StripeClient
    package let kind = OperationKind.createPayout
    package let letsMoneyOut = true
    package let provingEvents = ["payout.created"]

    package init(stripe: StripeClient) { self.stripe = stripe }

    /// What came by a later event is newer than the answer and stays.
    package func succeed(
        _ operation: OperationRecord, answer: [UInt8], in tx: StoreTransaction
    ) async throws -> String? {
        let remote = try StripeAnswer(status: 200, body: answer).decode(PayoutResource.self)
        let payout = try await tx.lockPayout(of: operation)
        if let known = payout.stripeID {
            guard known == remote.id else { throw PayoutError.second(remote.id, for: payout.id) }
        } else {
            try await tx.follow(remote, of: payout.owner)
        }
        return remote.id.rawValue
    }

    /// For a payout that has waited until it might go. What stands in its way now ends it, since a payout is asked for anew
    /// with today's amount; whether Stripe has enough, Stripe says.
    package func prepare(_ operation: OperationRecord, in tx: StoreTransaction) async throws -> Preparation {
        let seller: ID<Seller>? = try await tx.query(
            "SELECT seller_id FROM payouts WHERE id = \(operation.subject)"
        ).first?.get("seller_id")
        guard let seller, let record = try await tx.lockSeller(seller) else {
            throw PayoutError.missing(operation.subject)
        }
        let payout = try await tx.lockPayout(of: operation)
        guard payout.stripeID == nil, payout.status == "pending", let account = payout.owner.stripeAccount else {
            return .fail(because: "the payout is \(payout.status)")
        }
        if let obstacle = try await tx.obstacle(toMaking: payout, from: record) {
            try await tx.fail(payout, code: obstacle.code.rawValue, message: obstacle.message)
            return .fail(because: "the seller cannot be paid out any more: \(obstacle.message)")
        }
        return .request(OperationRequest(payout.call(to: account, by: operation.id).request))
    }

    /// Nothing was made and nothing is booked: the payout is `failed` without an id of Stripe's, and may be asked for again.
    package func refuse(
        _ operation: OperationRecord, _ refusal: OperationRefusal, in tx: StoreTransaction
    ) async throws -> AfterRefusal {
        let payout = try await tx.lockPayout(of: operation)
        try await tx.fail(payout, code: refusal.code ?? refusal.type, message: refusal.message)
        return .fail(because: "Stripe refused the payout: \(refusal.message)")
    }

    package func giveUp(_ operation: OperationRecord, because reason: String, in tx: StoreTransaction) async throws {
        try await tx.fail(try await tx.lockPayout(of: operation), code: "approval_refused", message: reason)
    }

    package func lookUp(_ operation: OperationRecord) async throws -> LookUpResult {
        let account = operation.request?.account
        return try await stripe.findCreated(
            by: operation, in: ListPayouts(account: account), tellingBy: \.metadata
        ) { RetrievePayout($0.id, account: account).request }
    }
}

extension PayoutRecord {
    /// The call that makes it.
    func call(to account: StripeAccountID, by operation: ID<Operation>) -> CreatePayout {
        CreatePayout(
            account: account, amount: amount, method: method, description: description,
            metadata: [
                "souk_operation": operation.rawValue, "souk_payout": id.rawValue,
                "souk_seller": seller?.rawValue ?? "",
            ])
    }
}

extension StoreTransaction {
    /// Ends a payout that Stripe has not made.
    fileprivate func fail(_ payout: PayoutRecord, code: String, message: String) async throws {
        var failed = payout
        failed.status = "failed"
        failed.failureCode = code
        failed.failureMessage = message
        try await execute(
            """
            UPDATE payouts SET status = 'failed', failure_code = \(code), failure_message = \(message),
                updated_at = \(now)
            WHERE id = \(payout.id)
            """)
        try await announce("payout.failed", about: payout.id.rawValue, PayoutBody(failed))
    }

    fileprivate func lockPayout(of operation: OperationRecord) async throws -> PayoutRecord {
        let rows = try await query(
            "SELECT \(unescaped: PayoutRecord.columns) FROM payouts WHERE id = \(operation.subject) FOR UPDATE")
        guard let row = rows.first else { throw PayoutError.missing(operation.subject) }
        return try PayoutRecord(row: row)
    }
}

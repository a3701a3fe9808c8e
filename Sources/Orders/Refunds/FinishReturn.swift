import Domain
import Ledger
import Postgres
import Sellers
package import Store
package import StripeAPI

/// Sees `refund_charge` to its end: a charge that nobody wanted any more goes back whole.
package struct FinishReturn: OperationHandler {
    let stripe: StripeClient
    package let kind = OperationKind.refundCharge
    package let provingEvents = ["refund.created"]

    /// Stripe refuses a reversal while the seller's balance is too low; sales and top-ups raise it.
    static let pauseWhileSellerIsShort: Duration = .seconds(3600)

    package init(stripe: StripeClient) { self.stripe = stripe }

    package func prepare(_ operation: OperationRecord, in tx: StoreTransaction) async throws -> Preparation {
        _ = try await tx.lockOrder(of: operation)
        guard let charge = try await tx.surplusCharge(of: operation) else {
            return .fail(because: "everything of the charge has gone back already")
        }
        return .request(OperationRequest(PaymentCalls.refundWhole(charge, operation: operation.id)))
    }

    package func succeed(
        _ operation: OperationRecord, answer: [UInt8], in tx: StoreTransaction
    ) async throws -> String? {
        let refund = try StripeAnswer(status: 200, body: answer).decode(RefundResource.self)
        let order = try await tx.lockOrder(of: operation)
        guard let id = refund.charge?.id, let charge = try await tx.charge(id) else {
            throw OrderError.orderMissing(refund.id.rawValue)
        }
        var changed = order
        try await tx.adopt([refund], of: charge, in: &changed)
        try await tx.save(changed, was: order)
        return refund.id.rawValue
    }

    package func refuse(
        _ operation: OperationRecord, _ refusal: OperationRefusal, in tx: StoreTransaction
    ) async throws -> AfterRefusal {
        switch refusal.code {
        case "charge_already_refunded": .fail(because: "the charge has been refunded already")
        case "balance_insufficient":
            .hold(
                because: "the seller's balance at Stripe is too low to take the payment back: \(refusal.message)",
                until: tx.now.advanced(by: Self.pauseWhileSellerIsShort))
        default: .review("Stripe refused to refund a payment that must go back: \(refusal.message)")
        }
    }

    package func lookUp(_ operation: OperationRecord) async throws -> LookUpResult {
        guard let charge = operation.formValue(of: "charge") else {
            return .impossible(because: "the operation names no charge")
        }
        return try await stripe.findCreated(
            RefundResource.self, by: operation, list: "/v1/refunds", filter: [("charge", charge)]
        ) { $0.metadata }
    }
}

extension StoreTransaction {
    /// The charge that a held refund is for: the order's unwanted one that has no refund yet.
    fileprivate func surplusCharge(of operation: OperationRecord) async throws -> ChargeRecord? {
        try await query(
            """
            SELECT \(unescaped: ChargeRecord.columns) FROM charges c
            WHERE order_id = \(operation.subject) AND purpose = 'surplus'
                AND NOT EXISTS (
                    SELECT FROM refunds r
                    WHERE r.charge_id = c.id AND r.status NOT IN ('failed', 'canceled'))
                AND NOT EXISTS (
                    SELECT FROM stripe_operations o
                    WHERE o.unique_key = 'refund_charge:' || c.id AND o.id <> \(operation.id) AND o.state <> 'failed')
            ORDER BY c.created_at LIMIT 1
            """
        ).first.map(ChargeRecord.init)
    }
}

extension OperationRecord {
    /// A plain value of the stored form. Ids need no decoding: they hold no escaped character.
    fileprivate func formValue(of name: String) -> String? {
        guard let request else { return nil }
        for pair in String(decoding: request.body, as: UTF8.self).split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1)
            if parts.count == 2, parts[0] == name { return String(parts[1]) }
        }
        return nil
    }
}

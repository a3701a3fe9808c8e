import Domain
import Hummingbird
import Postgres
import Sellers
import Store
import StripeAPI
import Web

/// Takes money of a seller's transfer back into the platform's balance, because somebody says so.
///
/// What the seller owes of the order is settled by it; what goes beyond that is owed to the seller, as the money of a share
/// that has not been transferred, and later refunds of the order take it first.
struct ReverseTransfer: Sendable {
    let store: Store
    let engine: OperationEngine

    /// - Returns: the reversal, and whether this call made it; with its operation when Stripe is away.
    /// - Throws: `transfer_not_found`, `illegal_transition` for one that cannot be reversed by itself, `amount_too_large`
    ///   with what is left of it, `external_id_taken` for other facts, `balance_insufficient` where the seller's balance at
    ///   Stripe is too low, `stripe_refused` with Stripe's own reason; nothing is taken then.
    func callAsFunction(
        _ transfer: ID<Transfer>, _ body: ReverseTransferBody, by caller: Caller, claim: IdempotencyClaim? = nil
    ) async throws -> (reversal: TransferReversalBody, isNew: Bool) {
        try body.check()
        let (id, isNew) = try await store.transaction { tx -> (ID<TransferReversal>, Bool) in
            if let earlier = claim?.subject.flatMap({ ID<TransferReversal>($0) }) { return (earlier, false) }
            let (order, charge) = try await tx.lockOrder(ofTransfer: transfer)
            if let known = try await tx.reversal(askedBy: body, of: transfer) { return (known, false) }
            let made = try await tx.begin(body, of: transfer, order, charge, by: caller)
            try await tx.bind(claim, to: made.rawValue)
            return (made, true)
        }
        return (try await finish(id), isNew)
    }

    private func finish(_ id: ID<TransferReversal>) async throws -> TransferReversalBody {
        let body = try await store.reversalBody(id)
        guard let operation = body.operation?.id else { return body }
        let outcome = try await engine.perform(operation)
        guard outcome.state != .failed else {
            let rows = try await store.query("SELECT failure_code FROM recoveries WHERE id = \(id)")
            let isShort =
                try rows.first?.get("failure_code", as: String?.self) == StripeErrorCode.balanceInsufficient.rawValue
            throw Refusal(
                isShort ? .balanceInsufficient : .stripeRefused,
                outcome.reason ?? "Stripe does not reverse the transfer.")
        }
        return try await store.reversalBody(id)
    }
}

/// What a caller says to reverse a transfer. Kept, so that a repetition can be told from another call.
struct ReverseTransferBody: Hashable, Sendable, Codable {
    /// Minor units; all that is left of the transfer when left out.
    let amount: Int64?
    let externalID: String?
    let metadata: Metadata?

    private enum CodingKeys: String, CodingKey {
        case amount, metadata
        case externalID = "external_id"
    }

    func check() throws(Refusal) {
        if let externalID { try PlainText.check(externalID, 1...255, parameter: "external_id") }
        if let amount, amount <= 0 {
            throw Refusal(.parameterInvalid, "A reversal's amount must be positive.", parameter: "amount")
        }
    }
}

extension StoreTransaction {
    /// The order whose money a transfer moved, and the charge that paid it, locked.
    fileprivate func lockOrder(
        ofTransfer id: ID<Transfer>
    ) async throws -> (order: OrderRecord, charge: ChargeRecord) {
        guard let row = try await query("SELECT order_id FROM transfers WHERE id = \(id)").first else {
            throw Refusal(
                .transferNotFound, "There is no transfer '\(id)'. GET /v1/transfers lists them.", parameter: "id")
        }
        guard let order: ID<Order> = try row.get("order_id"), let locked = try await lockOrder(order),
            let paid = locked.charge, let charge = try await charge(paid)
        else {
            throw Refusal(
                .illegalTransition,
                "The transfer \(id) is of no order: it was made at Stripe, and is reversed there.")
        }
        return (locked, charge)
    }

    /// The reversal that an earlier call with this `external_id` asked for; one that Stripe refused never was.
    /// - Throws: `external_id_taken` unless it asked for the same.
    fileprivate func reversal(
        askedBy body: ReverseTransferBody, of transfer: ID<Transfer>
    ) async throws -> ID<TransferReversal>? {
        guard let externalID = body.externalID else { return nil }
        let rows = try await query(
            """
            SELECT id, transfer_id, request FROM recoveries WHERE external_id = \(externalID) AND failure_code IS NULL
            """)
        guard let row = rows.first else { return nil }
        let asked = try row.get("request", as: PostgresJSON.self).read(as: ReverseTransferBody.self)
        guard try row.get("transfer_id", as: ID<Transfer>?.self) == transfer, asked == body else {
            throw Refusal.reversalTaken(externalID)
        }
        return try row.get("id")
    }

    fileprivate func begin(
        _ body: ReverseTransferBody, of id: ID<Transfer>, _ order: OrderRecord, _ charge: ChargeRecord,
        by caller: Caller
    ) async throws -> ID<TransferReversal> {
        if let converted = charge.isConvertedBecause {
            throw Refusal(.illegalTransition, "\(converted): reverse its transfer in Stripe's Dashboard.")
        }
        let transfer = try await requireReversible(id, of: order)
        guard transfer.left.isPositive else {
            throw Refusal(
                .illegalTransition,
                "Nothing is left of the transfer \(id): all of it was reversed, or is being reversed.")
        }
        let amount = Money(body.amount ?? transfer.left.minorUnits, order.currency)
        guard amount.minorUnits <= transfer.left.minorUnits else {
            throw Refusal(
                .amountTooLarge, "Of the transfer \(id) \(transfer.left) is left to take back, not \(amount).",
                parameter: "amount")
        }
        let reversal = makeID(TransferReversal.self)
        let operation = try await enqueue(
            NewOperation(
                kind: .reverseTransfer, subject: reversal.rawValue, uniqueKey: "reverse_transfer:\(reversal)",
                startsInline: true)
        ) { operation in
            OperationRequest(
                CreateTransferReversal(
                    transfer: transfer.stripeID, amount: amount.minorUnits,
                    metadata: [
                        "souk_order": order.id.rawValue, "souk_reversal": reversal.rawValue,
                        "souk_operation": operation.rawValue,
                    ]
                ).request)
        }
        let written = try await execute(
            """
            INSERT INTO recoveries (id, operation_id, order_id, charge_id, seller_id, transfer_id, cause, currency,
                amount_minor, taking_minor, external_id, request, metadata, created_at)
            VALUES (\(reversal), \(operation), \(order.id), \(charge.id), \(transfer.seller), \(id), 'request',
                \(order.currency), \(amount.minorUnits), \(amount.minorUnits), \(body.externalID),
                \(try PostgresJSON(encoding: body)), \(try PostgresJSON(encoding: body.metadata ?? .empty)), \(now))
            ON CONFLICT (external_id) WHERE external_id IS NOT NULL AND failure_code IS NULL DO NOTHING
            """)
        // Another order's reversal was quicker with this external_id, and has committed.
        guard written == 1 else { throw Refusal.reversalTaken(body.externalID ?? "") }
        try await audit(
            "transfer.reverse", subject: id.rawValue, by: caller,
            details: ["reversal": reversal.rawValue, "amount": "\(amount)"])
        return reversal
    }

    /// - Throws: `illegal_transition` unless Stripe has made the transfer for separate charges.
    private func requireReversible(
        _ id: ID<Transfer>, of order: OrderRecord
    ) async throws -> (stripeID: StripeTransferID, seller: ID<Seller>, left: Money) {
        guard order.shape == .separate else {
            throw Refusal(
                .illegalTransition,
                "The transfer \(id) is part of a destination charge: POST /v1/orders/\(order.id)/refunds takes back what "
                    + "goes to the buyer.")
        }
        guard
            let row = try await query(
                """
                SELECT t.state, t.stripe_id, t.seller_id, \(unescaped: TransferReversalBody.leftOfTransfer) AS left_minor
                FROM transfers t WHERE t.id = \(id)
                """
            ).first,
            let stripeID: StripeTransferID = try row.get("stripe_id"),
            let seller: ID<Seller> = try row.get("seller_id"),
            try row.known("state", as: TransferState.self) == .paid
        else {
            throw Refusal(
                .illegalTransition,
                "The transfer \(id) has moved nothing yet. GET /v1/transfers/\(id) shows why.")
        }
        return (stripeID, seller, Money(try row.get("left_minor"), order.currency))
    }
}

extension Refusal {
    fileprivate static func reversalTaken(_ externalID: String) -> Refusal {
        Refusal(
            .externalIDTaken,
            "Another reversal has the external_id '\(externalID)' and was asked for with other facts. Repeat those, or give "
                + "another external_id.",
            parameter: "external_id")
    }
}

/// A reversal as callers see it.
struct TransferReversalBody: ResponseEncodable, Sendable {
    let id: ID<TransferReversal>
    let object = "transfer_reversal"
    let transfer: ID<Transfer>
    let order: ID<Order>
    let seller: ID<Seller>
    let externalID: String?
    let amount: Int64
    let currency: Currency
    /// What is left of the transfer after it and all others.
    let amountRemaining: Int64
    /// Null until Stripe has made it.
    let stripeReversal: String?
    /// The call that makes it, where it has not succeeded.
    let operation: OrderOperationBody?
    let metadata: Metadata
    let created: Timestamp

    private enum CodingKeys: String, CodingKey {
        case id, object, transfer, order, seller, externalID, amount, currency, amountRemaining, stripeReversal,
            operation, metadata, created
    }

    /// What of a transfer `t` is neither reversed nor on its way back.
    fileprivate static let leftOfTransfer = """
        (t.amount_minor \
        - (SELECT coalesce(sum(v.amount_minor), 0) FROM transfer_reversals v WHERE v.stripe_transfer = t.stripe_id) \
        - (SELECT coalesce(sum(u.under_way_minor), 0) FROM recoveries_under_way u WHERE u.transfer_id = t.id))::bigint
        """
}

extension Store {
    fileprivate func reversalBody(_ id: ID<TransferReversal>) async throws -> TransferReversalBody {
        let rows = try await query(
            """
            SELECT k.transfer_id, k.order_id, k.seller_id, k.external_id, k.taking_minor, k.currency, k.metadata,
                k.created_at, o.id AS operation_id, o.kind, o.state, o.reason, o.stripe_id,
                \(unescaped: TransferReversalBody.leftOfTransfer) AS remaining
            FROM recoveries k JOIN stripe_operations o ON o.id = k.operation_id JOIN transfers t ON t.id = k.transfer_id
            WHERE k.id = \(id) AND k.cause = 'request'
            """)
        guard let row = rows.first else { throw OrderError.orderMissing(id.rawValue) }
        let state: String = try row.get("state")
        let isDone = state == OperationState.succeeded.rawValue
        return TransferReversalBody(
            id: id, transfer: try row.get("transfer_id"), order: try row.get("order_id"),
            seller: try row.get("seller_id"), externalID: try row.get("external_id"),
            amount: try row.get("taking_minor"), currency: try row.get("currency"),
            amountRemaining: try row.get("remaining"), stripeReversal: try row.get("stripe_id"),
            operation: isDone
                ? nil
                : OrderOperationBody(
                    id: try row.get("operation_id"), kind: try row.get("kind"), state: state,
                    reason: try row.get("reason")),
            metadata: try row.get("metadata", as: PostgresJSON.self).read(as: Metadata.self),
            created: try row.get("created_at"))
    }
}

/// `POST /v1/transfers/{id}/reversals`.
struct ReversalRoutes: Sendable {
    let reverseTransfer: ReverseTransfer

    func register(on api: APIRoutes) {
        api.post("/v1/transfers/{id}/reversals", scope: .transfersWrite, use: create)
    }

    @Sendable func create(
        _ request: Request, _ context: SoukContext
    ) async throws -> EditedResponse<TransferReversalBody> {
        let body = try await request.decode(as: ReverseTransferBody.self, context: context)
        let (reversal, isNew) = try await reverseTransfer(
            try context.id(of: Transfer.self, else: .transferNotFound), body, by: context.caller,
            claim: context.idempotency)
        // A repetition after a crash answers as the first try would have.
        let isMade = isNew || context.idempotency?.subject == reversal.id.rawValue
        return EditedResponse(status: isMade ? .created : .ok, response: reversal)
    }
}

import Domain
import Ledger
import Postgres
import Store
import StripeAPI

/// What one cause takes back of one transfer, by one call.
struct RecoveryRecord: Sendable {
    enum Cause: Hashable, Sendable {
        /// The seller's part of a refund.
        case refund(ID<Refund>)
        /// The seller's part of what a dispute claims.
        case dispute(ID<Dispute>)
        /// The bank took the whole payment back.
        case lateFailure
        /// Somebody asked for it.
        case request

        fileprivate var name: String {
            switch self {
            case .refund: "refund"
            case .dispute: "dispute"
            case .lateFailure: "late_failure"
            case .request: "request"
            }
        }

        fileprivate var refund: ID<Refund>? { if case .refund(let id) = self { id } else { nil } }
        fileprivate var dispute: ID<Dispute>? { if case .dispute(let id) = self { id } else { nil } }
    }

    /// Also that of the reversal which it makes.
    let id: ID<TransferReversal>
    let operation: ID<Operation>
    let order: ID<Order>
    let charge: StripeChargeID
    let seller: ID<Seller>
    /// Nil for the one that Stripe made with a destination charge.
    let transfer: ID<Transfer>?
    let cause: Cause
    /// At most.
    let amount: Money

    static let columns = """
        id, operation_id, order_id, charge_id, seller_id, transfer_id, cause, refund_id, dispute_id, currency, \
        amount_minor
        """

    init(row: PostgresRow) throws {
        id = try row.get("id")
        operation = try row.get("operation_id")
        order = try row.get("order_id")
        charge = try row.get("charge_id")
        seller = try row.get("seller_id")
        transfer = try row.get("transfer_id")
        let refund: ID<Refund>? = try row.get("refund_id")
        let dispute: ID<Dispute>? = try row.get("dispute_id")
        switch (try row.get("cause", as: String.self), refund, dispute) {
        case ("refund", let refund?, nil): cause = .refund(refund)
        case ("dispute", nil, let dispute?): cause = .dispute(dispute)
        case ("late_failure", nil, nil): cause = .lateFailure
        case ("request", nil, nil): cause = .request
        case (let text, _, _):
            throw OrderError.unreadableRow("cause is '\(text)': was a newer version of Souk here?")
        }
        amount = Money(try row.get("amount_minor"), try row.get("currency"))
    }
}

/// A part of what a cause takes back, of one seller's transfer.
struct RecoveryPart: Hashable, Sendable {
    let seller: ID<Seller>
    let transfer: ID<Transfer>?
    let amount: Money
}

extension StoreTransaction {
    /// The recovery that an operation is for, with its order, locked.
    func lockRecovery(
        of operation: OperationRecord
    ) async throws -> (recovery: RecoveryRecord, order: OrderRecord, charge: ChargeRecord) {
        guard let row = try await query(Self.recovery(of: operation)).first else {
            throw OrderError.orderMissing(operation.subject)
        }
        let known = try RecoveryRecord(row: row)
        guard let order = try await lockOrder(known.order), let charge = try await charge(known.charge) else {
            throw OrderError.orderMissing(operation.subject)
        }
        return (known, order, charge)
    }

    private static func recovery(of operation: OperationRecord) -> PostgresQuery {
        "SELECT \(unescaped: RecoveryRecord.columns) FROM recoveries WHERE operation_id = \(operation.id)"
    }

    /// Writes down the calls that take parts back, each held until nothing is in its way.
    func enqueueRecoveries(
        _ parts: [RecoveryPart], because cause: RecoveryRecord.Cause, of charge: ChargeRecord, subject: String,
        heldBecause reason: String
    ) async throws {
        for part in parts {
            let source = part.transfer?.rawValue ?? charge.id.rawValue
            let operation = try await enqueue(
                NewOperation(
                    kind: .reverseTransfer, subject: subject, uniqueKey: "reverse_transfer:\(subject):\(source)",
                    heldBecause: reason))
            try await execute(
                """
                INSERT INTO recoveries (id, operation_id, order_id, charge_id, seller_id, transfer_id, cause, refund_id,
                    dispute_id, currency, amount_minor, created_at)
                VALUES (\(makeID(TransferReversal.self)), \(operation), \(charge.order), \(charge.id), \(part.seller),
                    \(part.transfer), \(cause.name), \(cause.refund), \(cause.dispute),
                    \(part.amount.currency), \(part.amount.minorUnits), \(now))
                ON CONFLICT (operation_id) DO NOTHING
                """)
        }
    }

    /// Whether another of the order's reversals to this seller's debit has been sent and has not ended: how it ends says
    /// what the seller still owes.
    func isBeingReversed(besides recovery: RecoveryRecord) async throws -> Bool {
        try await !query(
            """
            SELECT 1 FROM recoveries_under_way
            WHERE order_id = \(recovery.order) AND seller_id = \(recovery.seller) AND id <> \(recovery.id) AND state <> 'held'
            LIMIT 1
            """
        ).isEmpty
    }

    /// Has what takes back an order's money looked at again: something about its transfers has changed.
    func wakeRecoveries(of order: ID<Order>) async throws {
        try await wakeOperations(among: "SELECT operation_id FROM recoveries WHERE order_id = \(order)")
    }

    // MARK: What can be taken back

    /// What of an order's transfers each seller could give back, oldest first. A destination charge's own comes first.
    func reversibleTransfers(
        of charge: ChargeRecord
    ) async throws -> [(seller: ID<Seller>, transfer: ID<Transfer>?, left: Money)] {
        let rows = try await query(
            """
            SELECT seller_id, transfer_id, (amount - reversed - under_way)::bigint AS left_minor FROM (
                SELECT c.seller_id, NULL AS transfer_id, c.amount_minor AS amount, (
                        SELECT coalesce(sum(v.amount_minor), 0) FROM transfer_reversals v
                        WHERE v.charge_id = c.id AND NOT EXISTS (
                            SELECT 1 FROM transfers t
                            WHERE t.stripe_id = v.stripe_transfer AND t.operation_id IS NOT NULL)
                    ) AS reversed, (
                        SELECT coalesce(sum(k.under_way_minor), 0) FROM recoveries_under_way k
                        WHERE k.order_id = c.order_id AND k.charge_id = c.id AND k.transfer_id IS NULL
                            AND k.cause <> 'request'
                    ) AS under_way
                FROM charges c WHERE c.id = \(charge.id) AND c.seller_id IS NOT NULL
                UNION ALL
                SELECT t.seller_id, t.id, t.amount_minor, (
                        SELECT coalesce(sum(v.amount_minor), 0) FROM transfer_reversals v
                        WHERE v.stripe_transfer = t.stripe_id
                    ), (
                        SELECT coalesce(sum(k.under_way_minor), 0) FROM recoveries_under_way k
                        WHERE k.transfer_id = t.id AND k.cause <> 'request'
                    )
                FROM transfers t
                WHERE t.order_id = \(charge.order) AND t.operation_id IS NOT NULL AND t.state IN ('pending', 'paid')
            ) AS sources
            ORDER BY transfer_id NULLS FIRST
            """)
        return try rows.map {
            (
                try $0.get("seller_id"), try $0.get("transfer_id"),
                Money(try $0.get("left_minor"), charge.amount.currency)
            )
        }
    }

    /// What is taken of whose transfers once the books say that these sellers owe what went: `gone` says what of each line,
    /// and `sellerAmount` how much in all.
    func recoveries(
        of gone: [(line: ID<OrderLine>, sellerAmount: Money)], sellerAmount: Money, from sellers: [ID<Seller>],
        of charge: ChargeRecord, in order: OrderRecord
    ) async throws -> [RecoveryPart] {
        let sources = try await reversibleTransfers(of: charge)
        let debts = try await debts(ofSellersIn: order)
        return try sellers.flatMap { seller in
            let wanted = charge.destination == nil ? try order.transferredParts(gone, of: seller) : [nil: sellerAmount]
            return try Self.recoveries(
                of: wanted, from: sources, seller: seller, debt: debts[seller] ?? .zero(order.currency))
        }
    }

    /// What is left of one transfer, whatever is on its way; what Stripe would say.
    func left(of recovery: RecoveryRecord, _ charge: ChargeRecord) async throws -> Int64 {
        let row: PostgresRow?
        if let transfer = recovery.transfer {
            row = try await query(
                """
                SELECT (t.amount_minor - (
                    SELECT coalesce(sum(v.amount_minor), 0) FROM transfer_reversals v
                    WHERE v.stripe_transfer = t.stripe_id))::bigint AS amount
                FROM transfers t WHERE t.id = \(transfer)
                """
            ).first
        } else {
            row = try await query(
                """
                SELECT (\(charge.amount.minorUnits) - coalesce(sum(amount_minor), 0))::bigint AS amount
                FROM transfer_reversals WHERE charge_id = \(charge.id) AND stripe_transfer = \(charge.transfer)
                """
            ).first
        }
        return try row?.get("amount") ?? 0
    }

    /// What a seller owes of an order by the books, less what is on its way back.
    func owed(by seller: ID<Seller>, of order: ID<Order>) async throws -> Int64 {
        let row = try await query(
            """
            SELECT ((
                SELECT coalesce(sum(amount_minor), 0) FROM order_debts
                WHERE order_id = \(order) AND seller_id = \(seller)
            ) - (
                SELECT coalesce(sum(k.taking_minor), 0) FROM recoveries_under_way k
                WHERE k.order_id = \(order) AND k.seller_id = \(seller) AND k.state <> 'held'
            ))::bigint AS owed
            """
        ).first
        return try row?.get("owed") ?? 0
    }

    /// What each seller will owe of an order once everything has ended that is under way, by seller.
    func debts(ofSellersIn order: OrderRecord) async throws -> [ID<Seller>: Money] {
        let rows = try await query(
            """
            SELECT s.seller_id, (
                    coalesce(booked.amount, 0) + coalesce(moving.amount, 0) + coalesce(asked.amount, 0)
                    + coalesce(fees.amount, 0) - coalesce(taking.amount, 0))::bigint AS amount
            FROM order_sellers s
            LEFT JOIN (
                SELECT seller_id, amount_minor AS amount FROM order_debts
                WHERE order_id = \(order.id) AND currency = \(order.currency)
            ) AS booked ON booked.seller_id = s.seller_id
            LEFT JOIN (
                -- What it keeps for debts of other orders pays none of this one.
                SELECT seller_id, sum(amount_minor - payable_minor + coalesce((
                    SELECT sum(n.amount_minor) FROM nettings n WHERE n.transfer_id = transfers.id), 0)) AS amount
                FROM transfers WHERE order_id = \(order.id) AND state = 'pending' GROUP BY 1
            ) AS moving ON moving.seller_id = s.seller_id
            LEFT JOIN (
                SELECT coalesce(c.seller_id, l.seller_id) AS seller_id, sum(f.seller_minor - f.reserve_minor) AS amount
                FROM refunds r JOIN charges c ON c.id = r.charge_id JOIN refund_lines f ON f.refund_id = r.id
                JOIN order_lines l ON l.id = f.line_id LEFT JOIN transfers t ON t.id = l.transfer_id
                WHERE r.order_id = \(order.id) AND r.status = 'requested' AND NOT r.one_call
                    AND (c.seller_id IS NOT NULL OR t.state <> 'held')
                GROUP BY 1
            ) AS asked ON asked.seller_id = s.seller_id
            LEFT JOIN (
                SELECT c.seller_id, sum(r.fee_refund_minor) AS amount
                FROM refunds r JOIN charges c ON c.id = r.charge_id
                JOIN stripe_operations o ON o.subject_id = r.id
                WHERE r.order_id = \(order.id) AND o.kind = \(OperationKind.refundApplicationFee.rawValue)
                    AND o.state NOT IN ('succeeded', 'failed') AND r.claims
                GROUP BY 1
            ) AS fees ON fees.seller_id = s.seller_id
            LEFT JOIN (
                SELECT k.seller_id, sum(k.under_way_minor) AS amount FROM recoveries_under_way k
                WHERE k.order_id = \(order.id) AND k.cause <> 'request' GROUP BY 1
            ) AS taking ON taking.seller_id = s.seller_id
            WHERE s.order_id = \(order.id)
            """)
        return Dictionary(
            uniqueKeysWithValues: try rows.map {
                (try $0.get("seller_id") as ID<Seller>, Money(try $0.get("amount"), order.currency))
            })
    }
}

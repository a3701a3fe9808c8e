import Domain
import Ledger
import Postgres
package import Store

extension OperationKind {
    package static let createTransfer = OperationKind(rawValue: "create_transfer")
}

/// A transfer of separate charges, as Souk keeps it while it is on its way.
struct TransferRecord: Sendable {
    let id: ID<Transfer>
    let order: ID<Order>
    let seller: ID<Seller>
    /// Where it goes.
    let stripeAccount: StripeAccountID
    let state: TransferState
    let purpose: Purpose
    let stripeID: StripeTransferID?
    let currency: Currency

    enum Purpose: String, Sendable {
        /// It moves lines' shares.
        case share
        /// It moves what was held back of lines' shares, after its date.
        case reserve
        /// It gives a seller what was taken and turned out to be theirs. It has no lines.
        case giveBack = "return"
    }

    static let columns = "id, order_id, seller_id, stripe_account, state, purpose, stripe_id, currency"

    init(row: PostgresRow) throws {
        id = try row.get("id")
        order = try row.get("order_id")
        seller = try row.get("seller_id")
        stripeAccount = try row.get("stripe_account")
        state = try row.known("state")
        purpose = try row.known("purpose")
        stripeID = try row.get("stripe_id")
        currency = try row.get("currency")
    }

    /// For the business entries about it.
    var dimensions: Dimensions { Dimensions(owner: .platform, seller: seller, order: order) }
}

extension StoreTransaction {
    /// Writes down a transfer of separate charges that waits, with the operation that makes it.
    func insertTransfer(
        to seller: OrderSeller, for purpose: TransferRecord.Purpose, of order: OrderRecord, out charge: StripeChargeID?,
        heldBecause reason: String, heldUntil date: Timestamp? = nil, waitsFor object: String? = nil,
        askedBy key: ID<APIKey>? = nil
    ) async throws -> ID<Transfer> {
        let transfer = makeID(Transfer.self)
        let operation = try await enqueue(
            NewOperation(
                kind: .createTransfer, subject: transfer.rawValue, uniqueKey: "create_transfer:\(transfer)",
                heldBecause: reason, heldUntil: date, waitsFor: object, askedBy: key))
        try await execute(
            """
            INSERT INTO transfers (id, state, purpose, operation_id, stripe_account, seller_id, order_id,
                transfer_group, charge_id, currency, created_at, updated_at)
            VALUES (\(transfer), 'held', \(purpose.rawValue), \(operation), \(seller.stripeAccount), \(seller.seller),
                \(order.id), \(order.id), \(charge), \(order.currency), \(now), \(now))
            """)
        return transfer
    }

    /// The transfer that an operation is for, under its order's lock.
    func lockTransfer(
        of operation: OperationRecord
    ) async throws -> (transfer: TransferRecord, order: OrderRecord) {
        let owner: ID<Order>? = try await query(
            "SELECT order_id FROM transfers WHERE id = \(operation.subject)"
        ).first?.get("order_id")
        guard let owner, let order = try await lockOrder(owner),
            let row = try await query(
                """
                SELECT \(unescaped: TransferRecord.columns) FROM transfers
                WHERE id = \(operation.subject) FOR UPDATE
                """
            ).first
        else { throw OrderError.orderMissing(operation.subject) }
        return (try TransferRecord(row: row), order)
    }

    /// Whether Stripe has yet to answer for a refund that takes from the transfer's lines.
    func isBeingRefunded(_ transfer: TransferRecord) async throws -> Bool {
        try await !query(
            """
            SELECT 1 FROM refunds r JOIN refund_lines f ON f.refund_id = r.id JOIN order_lines l ON l.id = f.line_id
            WHERE (l.transfer_id = \(transfer.id) OR l.reserve_transfer_id = \(transfer.id)) AND r.status = 'requested'
            LIMIT 1
            """
        ).isEmpty
    }

    /// What refunds and disputes have left of the shares that a transfer is to move. Refunds that failed at the bank count: the
    /// seller's part of them is due to the buyer.
    func rest(of transfer: TransferRecord) async throws -> TransferRest {
        let rows = try await query(
            """
            SELECT coalesce(sum(share_minor), 0)::bigint AS share, coalesce(sum(taken_minor), 0)::bigint AS taken,
                coalesce(sum(owed_minor), 0)::bigint AS owed
            FROM share_parts WHERE transfer_id = \(transfer.id)
            """)
        guard let row = rows.first else { throw OrderError.orderMissing(transfer.id.rawValue) }
        let payable = Money(
            try row.get("share", as: Int64.self) - row.get("taken", as: Int64.self), transfer.currency)
        return TransferRest(
            amount: try payable.subtracting(Money(try row.get("owed"), transfer.currency)), payable: payable)
    }

    /// Ends a transfer that has nothing to move. `owed` is what the books still have as owed to the seller for its
    /// lines: it cancels out with what the seller owes.
    func cancel(_ transfer: TransferRecord, owed: Money) async throws {
        if transfer.purpose == .reserve { try await releaseReserve(of: transfer.id) }
        try await execute(
            """
            UPDATE transfers SET state = 'canceled', amount_minor = NULL, payable_minor = \(owed.minorUnits),
                updated_at = \(now)
            WHERE id = \(transfer.id)
            """)
        let netting = try SeparateChargeRules.netted(
            transfer.id, seller: transfer.seller, amount: owed, dimensions: transfer.dimensions, at: now)
        try await append([netting].compactMap(\.self))
        try await wakeRecoveries(of: transfer.order)
        try await announce("transfer.canceled", transfer.id)
    }

    /// After the bank took the payment back: nothing of the order's shares is there to be moved. `undone` is what the
    /// seller lost of each line, and `reserves` what of it was held back.
    func cancelHeldTransfers(
        of order: OrderRecord, undone: [(line: ID<OrderLine>, sellerAmount: Money)],
        _ reserves: [ID<OrderLine>: ReservePart]
    ) async throws {
        let held = try await query(
            """
            SELECT \(unescaped: TransferRecord.columns) FROM transfers
            WHERE order_id = \(order.id) AND state = 'held' AND purpose IN ('share', 'reserve') ORDER BY id
            """
        ).map(TransferRecord.init)
        let rests = try undone.less(reserves)
        for transfer in held {
            var owed = try await rest(of: transfer).payable
            switch transfer.purpose {
            case .reserve:
                let own = order.lines.filter { $0.beneficiary == transfer.seller }.compactMap {
                    reserves[$0.id]?.amount
                }
                let lost = try Money.sum(own, in: order.currency)
                owed = try owed.subtracting(lost)
                try await releaseReserve(of: transfer.id, undone: lost)
            case .share, .giveBack:
                for share in rests where order.releases[share.line]?.transfer == transfer.id {
                    owed = try owed.subtracting(share.sellerAmount)
                }
            }
            try await cancel(transfer, owed: owed)
        }
        try await wakeTransfers(of: order.id)
    }

    /// Has the operations of an order's transfers that wait looked at again: something about the order has changed.
    func wakeTransfers(of order: ID<Order>) async throws {
        try await wakeOperations(
            among: "SELECT operation_id FROM transfers WHERE order_id = \(order)")
    }
}

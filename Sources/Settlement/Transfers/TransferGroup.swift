import Domain
import Hummingbird
import Orders
import Postgres
import Store
import Web

/// How the money of one order stands: what was charged and given back, what has gone to the sellers, what is still to go.
struct TransferGroupBody: ResponseEncodable, Sendable {
    let id: String
    let object = "transfer_group"
    let order: ID<Order>
    let chargeShape: String
    let currency: Currency
    let amountCharged: Int64
    let amountRefunded: Int64
    /// What stays with the platform: its fee, tax and own sales less its discounts, after refunds.
    let applicationFeeAmount: Int64
    /// Stripe's own, as far as it is booked.
    let processingFee: Int64
    let amountTransferred: Int64
    let amountReversed: Int64
    /// What of the sellers' shares is with the platform still.
    let amountHeld: Int64
    /// What of that is held back until the date that its transfer shows.
    let amountReserved: Int64
    /// What sellers have and must give back.
    let amountOwed: Int64
    /// Nothing is on its way, held or owed.
    let settled: Bool
    let transfers: [TransferBody]
    let reversals: [Reversal]
    let refunds: [Refund]

    struct Reversal: Encodable, Sendable {
        let id: ID<TransferReversal>
        let object = "transfer_reversal"
        let stripeReversal: StripeTransferReversalID
        let stripeTransfer: StripeTransferID
        let amount: Int64
        let created: Timestamp
    }

    struct Refund: Encodable, Sendable {
        let id: ID<Domain.Refund>
        let object = "refund"
        let stripeRefund: StripeRefundID
        let status: String
        let amount: Int64
        let created: Timestamp
    }
}

extension TransferRoutes {
    @Sendable func group(_ request: Request, _ context: SoukContext) async throws -> TransferGroupBody {
        try request.refuseQuery()
        let id = try context.id(of: Order.self, else: .transferGroupNotFound)
        guard let row = try await store.query(Self.sums(of: id)).first else {
            throw Refusal(
                .transferGroupNotFound,
                "There is no transfer group '\(id)'. A group is named after its order: GET /v1/orders lists them.",
                parameter: "id")
        }
        let transfers = try await store.query(
            TransferBody.query(where: "t.order_id = \(id) ORDER BY t.id")
        ).map(TransferBody.init)
        let reversals = try await store.query(
            """
            SELECT id, stripe_id, stripe_transfer, amount_minor, created_at FROM transfer_reversals
            WHERE order_id = \(id) ORDER BY id
            """)
        let refunds = try await store.query(
            """
            SELECT id, stripe_id, status, amount_minor, created_at FROM refunds
            WHERE order_id = \(id) AND stripe_id IS NOT NULL ORDER BY id
            """)
        let (held, owed): (Int64, Int64) = (try row.get("held"), try row.get("owed"))
        let transferred: Int64 = try row.get("transferred")
        return TransferGroupBody(
            id: id.rawValue, order: id, chargeShape: try row.get("charge_shape"), currency: try row.get("currency"),
            amountCharged: try row.get("charged"), amountRefunded: try row.get("refunded"),
            applicationFeeAmount: try row.get("kept"), processingFee: try row.get("processing_fee"),
            amountTransferred: transferred, amountReversed: try row.get("reversed"), amountHeld: held,
            amountReserved: try row.get("reserved"), amountOwed: owed,
            settled: try row.get("is_final") && held == 0 && owed == 0
                && transfers.allSatisfy { $0.state == .paid || $0.state == .canceled },
            transfers: transfers,
            reversals: try reversals.map {
                TransferGroupBody.Reversal(
                    id: try $0.get("id"), stripeReversal: try $0.get("stripe_id"),
                    stripeTransfer: try $0.get("stripe_transfer"), amount: try $0.get("amount_minor"),
                    created: try $0.get("created_at"))
            },
            refunds: try refunds.map {
                TransferGroupBody.Refund(
                    id: try $0.get("id"), stripeRefund: try $0.get("stripe_id"), status: try $0.get("status"),
                    amount: try $0.get("amount_minor"), created: try $0.get("created_at"))
            })
    }

    /// The journal tells what the platform keeps and owes of the order; nothing is final before there is a payment.
    private static func sums(of order: ID<Order>) -> PostgresQuery {
        """
        SELECT o.charge_shape, o.currency, o.amount_captured_minor AS charged, o.amount_refunded_minor AS refunded,
            o.charge_id IS NOT NULL OR o.status IN ('canceled', 'expired') AS is_final,
            coalesce(booked.kept, 0)::bigint AS kept, coalesce(booked.held, 0)::bigint AS held,
            coalesce(booked.reserved, 0)::bigint AS reserved, coalesce(moved.amount, 0)::bigint AS transferred,
            (SELECT coalesce(sum(d.amount_minor), 0)::bigint FROM order_debts d WHERE d.order_id = o.id) AS owed,
            coalesce(moved.reversed, 0)::bigint AS reversed, (
                SELECT coalesce(sum(b.fee_minor), 0)::bigint FROM balance_transactions b
                WHERE b.order_id = o.id AND b.stripe_account = 'platform') AS processing_fee
        FROM orders o
        CROSS JOIN LATERAL (
            SELECT -sum(p.amount_minor) FILTER (WHERE a.code IN
                    ('revenue:application_fees', 'revenue:billing', 'tax:collected', 'expense:promotions')) AS kept,
                -sum(p.amount_minor) FILTER (WHERE a.code LIKE 'seller:%:payable' OR a.code LIKE 'seller:%:reserve') AS held,
                -sum(p.amount_minor) FILTER (WHERE a.code LIKE 'seller:%:reserve') AS reserved
            FROM journal_entries e JOIN postings p ON p.entry_id = e.id JOIN ledger_accounts a ON a.id = p.account_id
            WHERE e.order_id = o.id
        ) AS booked
        CROSS JOIN LATERAL (
            SELECT sum(amount_minor) AS amount, sum(amount_reversed_minor) AS reversed FROM transfers t
            WHERE t.order_id = o.id AND t.state = 'paid'
        ) AS moved
        WHERE o.id = \(order)
        """
    }
}

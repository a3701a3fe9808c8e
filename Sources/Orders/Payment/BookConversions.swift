import Domain
import Ledger
import Postgres
import Store

// Destination charges that Stripe converted. What is asked of Stripe for a part of one would be in the currency of the order,
// and Stripe's transfer and fee are in another: until Souk divides them in both, only the whole goes back, by one call.
extension StoreTransaction {
    /// Takes what was booked of a charge, and of its whole refund once Stripe has booked that, into the currency in which
    /// Stripe holds the money. Repeats change nothing.
    func bookConversions(of charge: ChargeRecord, in order: OrderRecord) async throws {
        guard let settled = charge.settled, let destination = charge.destination else { return }
        let sale = ChargeDivision(try order.division.total, seller: destination.seller)
        try await append([
            try ConversionRules.chargeConverted(
                charge.id, sale, into: settled, dimensions: charge.dimensions, at: now)
        ])
        let refunds = try await query(
            """
            SELECT r.stripe_id, -b.amount_minor AS cost
            FROM refunds r JOIN balance_transactions b
                ON b.stripe_account = 'platform' AND b.subject_id = r.stripe_id AND b.category = 'refund'
            WHERE r.charge_id = \(charge.id) AND r.amount_minor = \(charge.amount.minorUnits) AND r.excess_minor = 0
                AND b.currency = \(settled.amount.currency) AND r.status <> 'canceled'
            """)
        for row in refunds {
            try await append([
                try ConversionRules.refundConverted(
                    try row.get("stripe_id"), sale, into: settled,
                    costing: Money(try row.get("cost"), settled.amount.currency), dimensions: charge.dimensions, at: now
                )
            ])
        }
    }
}

extension ChargeRecord {
    /// Why nothing but the whole of it can be asked back; nil where Stripe converted nothing.
    var isConvertedBecause: String? {
        settled.map {
            "Stripe has converted the payment \(id) from \(amount.currency) into \($0.amount.currency)"
        }
    }
}

import Domain
import Postgres
import Store
import StripeAPI

// An order of which less was captured than was authorized. Its lines shrink to what was captured once Stripe has taken it,
// before anything of it is booked; `unit_amount` and `quantity` still say what was placed.

extension OrderRecord {
    /// How the order divides when only `amount` of it is captured.
    ///
    /// - Throws: `amount_too_large` and `parameter_invalid` for an amount that cannot be captured, `charge_shape_impossible`
    ///   where the policies would then leave a seller or the platform with less than nothing.
    func division(capturing amount: Money) throws -> OrderDivision {
        guard amount.isPositive, amount.minorUnits.isMultiple(of: currency.rule.chargeStep) else {
            throw Refusal(
                .parameterInvalid,
                "An amount to capture is positive and, in \(currency), a multiple of \(currency.rule.chargeStep).",
                parameter: "amount")
        }
        guard amount.minorUnits <= self.amount.minorUnits else {
            throw Refusal(.amountTooLarge, "At most \(self.amount) can be captured.", parameter: "amount")
        }
        let captured = try division.capturing(amount)
        _ = try captured.applicationFeeAmount()
        return captured
    }
}

extension StoreTransaction {
    /// Makes the lines of a locked order smaller where Stripe has captured less than they come to.
    ///
    /// - Throws: `OrderError.captureDiffers` for a capture made at Stripe whose fee is not the policies': what the seller
    ///   received is then not the share that the order's terms give, and a person must look.
    func shrink(_ order: inout OrderRecord, toWhatWasCapturedOf charge: ChargeResource) async throws {
        guard order.capture == .manual, order.charge == nil, order.status != .canceled,
            charge.currency == order.currency,
            let captured = charge.amountCaptured, captured < order.amount.minorUnits
        else { return }
        let contradiction = OrderError.captureDiffers(
            order: order.id, charge: charge.id, captured: captured, fee: charge.applicationFeeAmount)
        let division: OrderDivision
        do {
            division = try order.division(capturing: Money(captured, order.currency))
        } catch is Refusal {
            throw contradiction
        }
        let fee = try division.applicationFeeAmount()
        guard order.destination == nil || charge.applicationFeeAmount ?? 0 == fee.minorUnits else {
            throw contradiction
        }
        let shares = try division.shares
        order.lines = division.lines
        order.applicationFee = fee
        order.sellers = order.sellers.map { seller in
            OrderSeller(
                seller: seller.seller, stripeAccount: seller.stripeAccount,
                amount: shares.first { $0.seller == seller.seller }?.amount ?? .zero(order.currency),
                reserve: seller.reserve)
        }
        try await writeCapture(of: order)
    }

    private func writeCapture(of order: OrderRecord) async throws {
        let lines = order.lines
        try await execute(
            """
            UPDATE order_lines l
            SET amount_minor = c.amount, seller_minor = c.seller, platform_fee_minor = c.fee, tax_minor = c.tax,
                platform_sales_minor = c.sales, platform_discount_minor = c.discount
            FROM unnest(
                \(lines.map(\.id.rawValue)), \(lines.map(\.amount.minorUnits)),
                \(lines.map(\.parts.sellerAmount.minorUnits)), \(lines.map(\.parts.platformFee.minorUnits)),
                \(lines.map(\.parts.tax.minorUnits)), \(lines.map(\.parts.platformSales.minorUnits)),
                \(lines.map(\.parts.platformDiscount.minorUnits))
            ) AS c (id, amount, seller, fee, tax, sales, discount)
            WHERE l.id = c.id
            """)
        try await execute(
            """
            UPDATE order_sellers s SET amount_minor = c.amount
            FROM unnest(\(order.sellers.map(\.seller.rawValue)), \(order.sellers.map(\.amount.minorUnits)))
                AS c (seller, amount)
            WHERE s.order_id = \(order.id) AND s.seller_id = c.seller
            """)
        try await execute(
            "UPDATE orders SET application_fee_minor = \(order.applicationFee.minorUnits) WHERE id = \(order.id)")
    }
}

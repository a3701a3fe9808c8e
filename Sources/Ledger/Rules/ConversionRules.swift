package import Domain

/// What a destination charge came to in the currency into which Stripe converted it: the money of its seller and of the
/// platform lies there.
package struct SettledCharge: Hashable, Sendable {
    /// What Stripe moved to the seller.
    package let amount: Money
    /// What of it came back as the platform's application fee.
    package let fee: Money

    package init(amount: Money, fee: Money) {
        self.amount = amount
        self.fee = fee
    }

    /// What each part of a sale is in that currency: they sum to the amount, and all but the seller's to the fee.
    ///
    /// - Throws: `MoneyError.overflow`.
    package func division(of sale: ChargeDivision) throws(MoneyError) -> ChargeDivision {
        let currency = amount.currency
        let discount = Money(
            Rounding.share(
                of: amount.minorUnits, numerator: sale.platformDiscount.minorUnits,
                denominator: sale.amount.minorUnits), currency)
        let parts = Rounding.largestRemainder(
            try fee.adding(discount).minorUnits,
            over: [sale.platformFee.minorUnits, sale.platformSales.minorUnits, sale.tax.minorUnits]
        ).map { Money($0, currency) }
        return ChargeDivision(
            amount: amount, seller: sale.seller, sellerAmount: try amount.subtracting(fee), platformFee: parts[0],
            platformSales: parts[1], tax: parts[2], platformDiscount: discount, excess: .zero(currency))
    }
}

/// Entries that take what an order's entries said in its currency into the one in which Stripe holds the money
/// (docs/money-flows.md, "Other currencies"). With the row of the object `fx:conversion` is zero for it.
package enum ConversionRules {
    /// Stripe has told what a sale came to: the shares are owed in that currency from now on.
    package static func chargeConverted(
        _ charge: StripeChargeID, _ sale: ChargeDivision, into settled: SettledCharge, dimensions: Dimensions,
        at effectiveAt: Timestamp
    ) throws -> JournalEntry {
        try JournalEntry(
            cause: .chargeConverted(charge), effectiveAt: effectiveAt, dimensions: dimensions,
            postings: legs(.credit, .sellerFunds(sale.seller), try settled.division(of: sale), charge.rawValue)
                + legs(.debit, .sellerFunds(sale.seller), sale, charge.rawValue))
    }

    /// The whole of a converted sale went back. Everyone gives what the sale brought them; what the refund cost more or less,
    /// because its rate was another one, is the platform's.
    package static func refundConverted(
        _ refund: StripeRefundID, _ sale: ChargeDivision, into settled: SettledCharge, costing cost: Money,
        dimensions: Dimensions, at effectiveAt: Timestamp
    ) throws -> JournalEntry {
        let receivable = LedgerAccount.sellerReceivable(sale.seller)
        let difference = try cost.subtracting(settled.amount)
        return try JournalEntry(
            cause: .refundConverted(refund), effectiveAt: effectiveAt, dimensions: dimensions,
            postings: legs(.debit, receivable, try settled.division(of: sale), refund.rawValue)
                + legs(.credit, receivable, sale, refund.rawValue)
                + Posting.debit(.fxGainLoss, difference)
                + Posting.credit(.fxConversion, difference, subject: refund.rawValue))
    }

    /// The parts of a sale on one side, and on the other what they come to.
    private static func legs(
        _ side: Side, _ seller: LedgerAccount, _ parts: ChargeDivision, _ subject: String
    ) -> [Posting] {
        Posting.legs(side, seller, parts.sellerAmount)
            + Posting.legs(side, .applicationFeeRevenue, parts.platformFee)
            + Posting.legs(side, .billingRevenue, parts.platformSales)
            + Posting.legs(side, .taxCollected, parts.tax)
            + Posting.legs(side.opposite, .promotionExpense, parts.platformDiscount)
            + Posting.legs(side.opposite, .fxConversion, parts.amount, subject: subject)
    }
}

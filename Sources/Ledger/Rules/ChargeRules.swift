package import Domain

/// How one paid charge divides, as frozen on its order's lines: the parts sum to what the buyer paid.
package struct ChargeDivision: Hashable, Sendable {
    /// What the buyer paid.
    package let amount: Money
    package let seller: ID<Seller>
    package let sellerAmount: Money
    /// The platform's cut.
    package let platformFee: Money
    /// Lines that are the platform's own sales.
    package let platformSales: Money
    package let tax: Money
    /// Discounts that the platform funds: what the parts exceed the payment by.
    package let platformDiscount: Money
    /// What a refund gives the buyer beyond the order.
    package let excess: Money

    package init(
        amount: Money, seller: ID<Seller>, sellerAmount: Money, platformFee: Money, platformSales: Money, tax: Money,
        platformDiscount: Money, excess: Money
    ) {
        self.amount = amount
        self.seller = seller
        self.sellerAmount = sellerAmount
        self.platformFee = platformFee
        self.platformSales = platformSales
        self.tax = tax
        self.platformDiscount = platformDiscount
        self.excess = excess
    }
}

/// Business entries of destination charges: whose the money is (docs/money-flows.md).
package enum ChargeRules {
    /// The buyer's money came in: the seller's share is the seller's at once, since Stripe moves it with the charge.
    package static func destinationChargePaid(
        _ charge: StripeChargeID, _ division: ChargeDivision, dimensions: Dimensions, at effectiveAt: Timestamp
    ) throws(UnbalancedEntry) -> JournalEntry {
        try JournalEntry(
            cause: .chargePaid(charge), effectiveAt: effectiveAt, dimensions: dimensions,
            postings: Posting.debit(.clearing(.charge), division.amount, subject: charge.rawValue)
                + Posting.debit(.promotionExpense, division.platformDiscount)
                + Posting.credit(.sellerFunds(division.seller), division.sellerAmount)
                + Posting.credit(.applicationFeeRevenue, division.platformFee)
                + Posting.credit(.billingRevenue, division.platformSales)
                + Posting.credit(.taxCollected, division.tax))
    }

    /// Money goes back to the buyer. What the seller already has becomes a receivable until the transfer is reversed.
    /// `division` holds the parts of this refund, not of the sale.
    package static func destinationChargeRefunded(
        _ refund: StripeRefundID, _ division: ChargeDivision, dimensions: Dimensions, at effectiveAt: Timestamp
    ) throws(UnbalancedEntry) -> JournalEntry {
        try JournalEntry(
            cause: .refund(refund), effectiveAt: effectiveAt, dimensions: dimensions,
            postings: Posting.debit(.sellerReceivable(division.seller), division.sellerAmount)
                + Posting.debit(.applicationFeeRevenue, division.platformFee)
                + Posting.debit(.billingRevenue, division.platformSales)
                + Posting.debit(.taxCollected, division.tax)
                + Posting.debit(.refundLoss, division.excess)
                + Posting.credit(.promotionExpense, division.platformDiscount)
                + Posting.credit(.clearing(.refund), division.amount, subject: refund.rawValue))
    }

    /// The bank could not take a refund: the money is back with the platform, and the buyer is still owed it.
    package static func refundFailed(
        _ refund: StripeRefundID, amount: Money, dimensions: Dimensions, at effectiveAt: Timestamp
    ) throws(UnbalancedEntry) -> JournalEntry {
        try JournalEntry(
            cause: .refundFailed(refund), effectiveAt: effectiveAt, dimensions: dimensions,
            postings: Posting.debit(.clearing(.refund), amount, subject: refund.rawValue)
                + Posting.credit(.buyerRefundsDue, amount, subject: refund.rawValue))
    }

    /// A transfer went back to the platform, wholly or in part: it settles what the seller owed.
    package static func reversalMade(
        _ reversal: StripeID<StripeTransferReversal>, seller: ID<Seller>, amount: Money, dimensions: Dimensions,
        at effectiveAt: Timestamp
    ) throws(UnbalancedEntry) -> JournalEntry {
        try JournalEntry(
            cause: .reversalMade(reversal), effectiveAt: effectiveAt, dimensions: dimensions,
            postings: Posting.debit(.sellerFunds(seller), amount) + Posting.credit(.sellerReceivable(seller), amount))
    }

    /// The platform gave its fee back to the seller.
    package static func feeRefundMade(
        _ feeRefund: StripeID<StripeFeeRefund>, seller: ID<Seller>, amount: Money, dimensions: Dimensions,
        at effectiveAt: Timestamp
    ) throws(UnbalancedEntry) -> JournalEntry {
        try JournalEntry(
            cause: .feeRefundMade(feeRefund), effectiveAt: effectiveAt, dimensions: dimensions,
            postings: Posting.debit(.sellerReceivable(seller), amount) + Posting.credit(.sellerFunds(seller), amount))
    }
}

package import Domain

extension ChargeRules {
    /// The bank took a payment back after Stripe had called it paid. The parts that had not been refunded are undone as
    /// by a refund: what the seller has becomes a receivable. `division` holds those parts; its excess is what the buyer had
    /// been paid otherwise and has twice now.
    package static func destinationChargeFailedLate(
        _ charge: StripeChargeID, _ division: ChargeDivision, dimensions: Dimensions, at effectiveAt: Timestamp
    ) throws(UnbalancedEntry) -> JournalEntry {
        try JournalEntry(
            cause: .chargeFailedLate(charge), effectiveAt: effectiveAt, dimensions: dimensions,
            postings: Posting.debit(.sellerReceivable(division.seller), division.sellerAmount)
                + Posting.debit(.applicationFeeRevenue, division.platformFee)
                + Posting.debit(.billingRevenue, division.platformSales)
                + Posting.debit(.taxCollected, division.tax)
                + Posting.debit(.refundLoss, division.excess)
                + Posting.credit(.promotionExpense, division.platformDiscount)
                + Posting.credit(.clearing(.charge), division.amount, subject: charge.rawValue))
    }

    /// A refund that never left was canceled: its entry is turned round.
    package static func refundCanceled(
        _ refund: StripeRefundID, _ division: ChargeDivision, dimensions: Dimensions, at effectiveAt: Timestamp
    ) throws(UnbalancedEntry) -> JournalEntry {
        try destinationChargeRefunded(refund, division, dimensions: dimensions, at: effectiveAt)
            .reversed(as: .refundCanceled(refund), effectiveAt: effectiveAt)
    }
}

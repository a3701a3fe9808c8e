package import Domain

// A refund that the bank sent back leaves a debt to the buyer. It ends in one of two ways, once.
extension ChargeRules {
    /// The platform paid the buyer without Stripe: from its own bank account, by voucher, in cash.
    package static func refundPaidOtherwise(
        _ refund: StripeRefundID, amount: Money, dimensions: Dimensions, at effectiveAt: Timestamp
    ) throws(UnbalancedEntry) -> JournalEntry {
        try JournalEntry(
            cause: .refundPaidOtherwise(refund), effectiveAt: effectiveAt, dimensions: dimensions,
            postings: Posting.debit(.buyerRefundsDue, amount, subject: refund.rawValue)
                + Posting.credit(.platformBank, amount))
    }

    /// The buyer gets nothing: what the refund's own entry `taken` took from everyone is theirs again.
    package static func refundGivenUp(
        _ refund: StripeRefundID, undoing taken: JournalEntry, at effectiveAt: Timestamp
    ) throws(UnbalancedEntry) -> JournalEntry {
        try JournalEntry(
            cause: .refundGivenUp(refund), effectiveAt: effectiveAt, dimensions: taken.dimensions,
            postings: taken.postings.flatMap { leg in
                let account = leg.account == .clearing(.refund) ? .buyerRefundsDue : leg.account
                return Posting.legs(leg.side.opposite, account, leg.amount, subject: leg.subject)
            })
    }
}

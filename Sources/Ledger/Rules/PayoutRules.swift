package import Domain

/// Business entries of payouts: a balance at Stripe on its way to a bank, the seller's or the platform's.
package enum PayoutRules {
    package struct Facts: Hashable, Sendable {
        package let id: StripePayoutID
        package let owner: BalanceOwner
        /// The seller whose payout it is; nil for the platform's own.
        package let seller: ID<Seller>?
        package let amount: Money

        package init(id: StripePayoutID, owner: BalanceOwner, seller: ID<Seller>?, amount: Money) {
            self.id = id
            self.owner = owner
            self.seller = seller
            self.amount = amount
        }

        var dimensions: Dimensions { Dimensions(owner: owner, seller: seller) }

        /// Where the money belongs once it has arrived, or before it left.
        var beneficiary: LedgerAccount { seller.map(LedgerAccount.sellerFunds) ?? .platformBank }
    }

    package static func created(_ payout: Facts, at effectiveAt: Timestamp) throws(UnbalancedEntry) -> JournalEntry {
        try JournalEntry(
            cause: .payoutCreated(payout.id), effectiveAt: effectiveAt, dimensions: payout.dimensions,
            postings: Posting.debit(.transit(payout.owner), payout.amount, subject: payout.id.rawValue)
                + Posting.credit(.clearing(.payout), payout.amount, subject: payout.id.rawValue))
    }

    /// The payout had left before the books were opened: what is on its way is the beneficiary's, as if it had been booked.
    package static func wasOnItsWay(_ payout: Facts, at effectiveAt: Timestamp) throws(UnbalancedEntry) -> JournalEntry
    {
        try JournalEntry(
            cause: .payoutCreated(payout.id), effectiveAt: effectiveAt, dimensions: payout.dimensions,
            postings: Posting.debit(.transit(payout.owner), payout.amount, subject: payout.id.rawValue)
                + Posting.credit(payout.seller.map(LedgerAccount.sellerFunds) ?? .openingEquity, payout.amount))
    }

    /// The bank confirmed the payout: nothing is in flight any more.
    package static func paid(_ payout: Facts, at effectiveAt: Timestamp) throws(UnbalancedEntry) -> JournalEntry {
        try JournalEntry(
            cause: .payoutPaid(payout.id), effectiveAt: effectiveAt, dimensions: payout.dimensions,
            postings: Posting.debit(payout.beneficiary, payout.amount)
                + Posting.credit(.transit(payout.owner), payout.amount, subject: payout.id.rawValue))
    }

    /// The bank sent the money back, before or after Stripe had called the payout paid.
    package static func failed(
        _ payout: Facts, afterPaid: Bool, at effectiveAt: Timestamp
    ) throws(UnbalancedEntry) -> JournalEntry {
        try returned(payout, as: .payoutFailed(payout.id), afterPaid: afterPaid, at: effectiveAt)
    }

    package static func canceled(_ payout: Facts, at effectiveAt: Timestamp) throws(UnbalancedEntry) -> JournalEntry {
        try returned(payout, as: .payoutCanceled(payout.id), afterPaid: false, at: effectiveAt)
    }

    private static func returned(
        _ payout: Facts, as cause: Cause, afterPaid: Bool, at effectiveAt: Timestamp
    ) throws(UnbalancedEntry) -> JournalEntry {
        try JournalEntry(
            cause: cause, effectiveAt: effectiveAt, dimensions: payout.dimensions,
            postings: Posting.debit(.clearing(.payout), payout.amount, subject: payout.id.rawValue)
                + (afterPaid
                    ? Posting.credit(payout.beneficiary, payout.amount)
                    : Posting.credit(.transit(payout.owner), payout.amount, subject: payout.id.rawValue)))
    }
}

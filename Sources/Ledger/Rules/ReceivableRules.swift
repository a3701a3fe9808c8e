package import Domain

/// Business entries of what sellers owe the platform and do not pay.
package enum ReceivableRules {
    /// Stripe has filled a balance that the seller left below zero out of the platform's: the seller owes it. `row` is that of the
    /// seller's balance.
    package static func collected(
        _ row: BalanceTransaction, seller: ID<Seller>
    ) throws(UnbalancedEntry) -> JournalEntry {
        try JournalEntry(
            cause: .collected(row.id, of: row.owner), effectiveAt: row.created,
            dimensions: Dimensions(owner: row.owner, seller: seller),
            postings: Posting.debit(.sellerReceivable(seller), row.amount)
                + Posting.credit(.sellerFunds(seller), row.amount))
    }

    /// The platform gives up a debt.
    package static func writtenOff(
        _ writeOff: ID<WriteOff>, seller: ID<Seller>, amount: Money, at effectiveAt: Timestamp
    ) throws(UnbalancedEntry) -> JournalEntry {
        try JournalEntry(
            cause: .writtenOff(writeOff), effectiveAt: effectiveAt,
            dimensions: Dimensions(owner: .platform, seller: seller),
            postings: Posting.debit(.writeOffLoss, amount) + Posting.credit(.sellerReceivable(seller), amount))
    }

    /// What was given up is not owed after all, or has come back: so much of the loss is none.
    package static func writeOffRecovered(
        _ recovery: ID<WriteOffRecovery>, seller: ID<Seller>, amount: Money, at effectiveAt: Timestamp
    ) throws(UnbalancedEntry) -> JournalEntry {
        try JournalEntry(
            cause: .writeOffRecovered(recovery), effectiveAt: effectiveAt,
            dimensions: Dimensions(owner: .platform, seller: seller),
            postings: Posting.debit(.sellerReceivable(seller), amount) + Posting.credit(.writeOffLoss, amount))
    }
}

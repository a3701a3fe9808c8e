package import Domain

/// Business entries of what the platform gives a seller without an order: goodwill, a bonus, a correction.
package enum AdjustmentRules {
    /// The seller is owed the adjustment from here on; its transfer is booked like that of a share.
    package static func adjusted(
        _ adjustment: ID<Adjustment>, seller: ID<Seller>, amount: Money, at effectiveAt: Timestamp
    ) throws(UnbalancedEntry) -> JournalEntry {
        try JournalEntry(
            cause: .adjusted(adjustment), effectiveAt: effectiveAt,
            dimensions: Dimensions(owner: .platform, seller: seller),
            postings: Posting.debit(.sellerAdjustmentExpense, amount) + Posting.credit(.sellerPayable(seller), amount))
    }
}

package import Domain

/// Business entries of what sellers owe the platform and do not pay.
package enum ReceivableRules {
    /// The platform gives up a debt.
    package static func writtenOff(
        _ writeOff: ID<WriteOff>, seller: ID<Seller>, amount: Money, at effectiveAt: Timestamp
    ) throws(UnbalancedEntry) -> JournalEntry {
        try JournalEntry(
            cause: .writtenOff(writeOff), effectiveAt: effectiveAt,
            dimensions: Dimensions(owner: .platform, seller: seller),
            postings: Posting.debit(.writeOffLoss, amount) + Posting.credit(.sellerReceivable(seller), amount))
    }
}

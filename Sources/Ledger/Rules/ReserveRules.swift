package import Domain

/// Business entries of what is held back of a seller's share. It is the seller's all the time, and only which of the two
/// accounts says so changes. Both entries are named after the transfer that moves it in the end.
package enum ReserveRules {
    /// The order is paid: from now on this much of the share waits for its date.
    package static func held(
        _ transfer: ID<Transfer>, seller: ID<Seller>, amount: Money, dimensions: Dimensions, at effectiveAt: Timestamp
    ) throws(UnbalancedEntry) -> JournalEntry {
        try JournalEntry(
            cause: .reserveHeld(transfer), effectiveAt: effectiveAt, dimensions: dimensions,
            postings: Posting.debit(.sellerPayable(seller), amount) + Posting.credit(.sellerReserve(seller), amount))
    }

    /// The date has passed: what refunds and disputes have left of it is payable again.
    ///
    /// - Returns: nil where they have left nothing.
    package static func released(
        _ transfer: ID<Transfer>, seller: ID<Seller>, amount: Money, dimensions: Dimensions, at effectiveAt: Timestamp
    ) throws(UnbalancedEntry) -> JournalEntry? {
        guard !amount.isZero else { return nil }
        return try JournalEntry(
            cause: .reserveReleased(transfer), effectiveAt: effectiveAt, dimensions: dimensions,
            postings: Posting.debit(.sellerReserve(seller), amount) + Posting.credit(.sellerPayable(seller), amount))
    }
}

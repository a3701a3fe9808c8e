package import Domain

/// Whose the money of a separate charge is, or of a refund of one: the parts sum to what the buyer paid or gets back.
package struct SeparateDivision: Hashable, Sendable {
    /// One seller's part.
    package struct Part: Hashable, Sendable {
        package let seller: ID<Seller>
        /// Of what is still in the platform's balance.
        package let payable: Money
        /// Of what has been transferred already, so that the seller owes it.
        package let receivable: Money
        /// Of what is held back from the seller until a date.
        package let reserve: Money

        package init(seller: ID<Seller>, payable: Money, receivable: Money, reserve: Money? = nil) {
            self.seller = seller
            self.payable = payable
            self.receivable = receivable
            self.reserve = reserve ?? .zero(payable.currency)
        }
    }

    package let parts: MoneyParts
    /// Their sum is the sellers' amount of `parts`.
    package let sellers: [Part]

    package init(_ parts: MoneyParts, sellers: [Part]) {
        self.parts = parts
        self.sellers = sellers
    }

    /// A sale: nothing of it has been transferred.
    package init(_ division: OrderDivision) throws(MoneyError) {
        parts = division.total
        sellers = try division.shares.map {
            Part(seller: $0.seller, payable: $0.amount, receivable: .zero($0.amount.currency))
        }
    }
}

/// Business entries of separate charges and transfers: the charge is the platform's, and each seller is owed a share of
/// it until a transfer takes it to them (docs/money-flows.md).
package enum SeparateChargeRules {
    package static func paid(
        _ charge: StripeChargeID, _ division: SeparateDivision, dimensions: Dimensions, at effectiveAt: Timestamp
    ) throws(UnbalancedEntry) -> JournalEntry {
        let parts = division.parts
        var postings = Posting.debit(.clearing(.charge), parts.amount, subject: charge.rawValue)
        postings += Posting.debit(.promotionExpense, parts.platformDiscount)
        for part in division.sellers { postings += Posting.credit(.sellerPayable(part.seller), part.payable) }
        postings += Posting.credit(.applicationFeeRevenue, parts.platformFee)
        postings += Posting.credit(.billingRevenue, parts.platformSales)
        postings += Posting.credit(.taxCollected, parts.tax)
        return try JournalEntry(
            cause: .chargePaid(charge), effectiveAt: effectiveAt, dimensions: dimensions, postings: postings)
    }

    /// Money goes back to the buyer: out of what a seller is still owed, then out of what is held back of it, or owed by a
    /// seller who has it already.
    /// `division` holds the parts of this refund, not of the sale.
    package static func refunded(
        _ refund: StripeRefundID, _ division: SeparateDivision, dimensions: Dimensions, at effectiveAt: Timestamp
    ) throws(UnbalancedEntry) -> JournalEntry {
        try JournalEntry(
            cause: .refund(refund), effectiveAt: effectiveAt, dimensions: dimensions,
            postings: takenBack(division)
                + Posting.credit(.clearing(.refund), division.parts.amount, subject: refund.rawValue))
    }

    /// The bank took a payment back after Stripe had called it paid: what had not been refunded is undone.
    package static func failedLate(
        _ charge: StripeChargeID, _ division: SeparateDivision, dimensions: Dimensions, at effectiveAt: Timestamp
    ) throws(UnbalancedEntry) -> JournalEntry {
        try JournalEntry(
            cause: .chargeFailedLate(charge), effectiveAt: effectiveAt, dimensions: dimensions,
            postings: takenBack(division)
                + Posting.credit(.clearing(.charge), division.parts.amount, subject: charge.rawValue))
    }

    /// What goes back of a sale, out of what everyone had of it.
    static func takenBack(_ division: SeparateDivision) -> [Posting] {
        let parts = division.parts
        var postings: [Posting] = []
        for part in division.sellers {
            postings += Posting.debit(.sellerPayable(part.seller), part.payable)
            postings += Posting.debit(.sellerReserve(part.seller), part.reserve)
            postings += Posting.debit(.sellerReceivable(part.seller), part.receivable)
        }
        postings += Posting.debit(.applicationFeeRevenue, parts.platformFee)
        postings += Posting.debit(.billingRevenue, parts.platformSales)
        postings += Posting.debit(.taxCollected, parts.tax)
        postings += Posting.debit(.refundLoss, parts.excess)
        return postings + Posting.credit(.promotionExpense, parts.platformDiscount)
    }

    // MARK: Transfers

    /// Stripe has moved a share to the seller. `payable` is what the seller is no longer owed by it: more than `amount`
    /// where a refund, booked while the transfer was on its way, had made the seller owe a part that it then left out.
    package static func transferMade(
        _ transfer: StripeTransferID, seller: ID<Seller>, amount: Money, payable: Money, dimensions: Dimensions,
        at effectiveAt: Timestamp
    ) throws -> JournalEntry {
        try JournalEntry(
            cause: .transferMade(transfer), effectiveAt: effectiveAt, dimensions: dimensions,
            postings: Posting.debit(.sellerPayable(seller), payable) + Posting.credit(.sellerFunds(seller), amount)
                + Posting.credit(.sellerReceivable(seller), try payable.subtracting(amount)))
    }

    /// A transfer ended with nothing to move, and what the seller is owed and owes of its lines cancels out.
    ///
    /// - Returns: nil where nothing is owed either way.
    package static func netted(
        _ transfer: ID<Transfer>, seller: ID<Seller>, amount: Money, dimensions: Dimensions, at effectiveAt: Timestamp
    ) throws(UnbalancedEntry) -> JournalEntry? {
        guard !amount.isZero else { return nil }
        return try JournalEntry(
            cause: .netted(transfer), effectiveAt: effectiveAt, dimensions: dimensions,
            postings: Posting.debit(.sellerPayable(seller), amount) + Posting.credit(.sellerReceivable(seller), amount))
    }

    /// Somebody at Stripe moved money of an order's charge to a seller, which no release asked for: the seller owes it,
    /// and is owed the share as before.
    package static func transferMadeAtStripe(
        _ transfer: StripeTransferID, seller: ID<Seller>, amount: Money, dimensions: Dimensions,
        at effectiveAt: Timestamp
    ) throws(UnbalancedEntry) -> JournalEntry {
        try JournalEntry(
            cause: .transferMade(transfer), effectiveAt: effectiveAt, dimensions: dimensions,
            postings: Posting.debit(.sellerReceivable(seller), amount) + Posting.credit(.sellerFunds(seller), amount))
    }

    // MARK: Payments that nobody wanted

    /// A payment arrived for an order that takes none any more: it is the buyer's, and goes back whole.
    package static func surplusPaid(
        _ charge: StripeChargeID, amount: Money, dimensions: Dimensions, at effectiveAt: Timestamp
    ) throws(UnbalancedEntry) -> JournalEntry {
        try JournalEntry(
            cause: .chargePaid(charge), effectiveAt: effectiveAt, dimensions: dimensions,
            postings: Posting.debit(.clearing(.charge), amount, subject: charge.rawValue)
                + Posting.credit(.buyerRefundsDue, amount, subject: charge.rawValue))
    }

    /// `excess` of the amount goes to a buyer who had it back already, and is the platform's loss.
    package static func surplusRefunded(
        _ refund: StripeRefundID, of charge: StripeChargeID, amount: Money, excess: Money, dimensions: Dimensions,
        at effectiveAt: Timestamp
    ) throws -> JournalEntry {
        try JournalEntry(
            cause: .refund(refund), effectiveAt: effectiveAt, dimensions: dimensions,
            postings: Posting.debit(.buyerRefundsDue, try amount.subtracting(excess), subject: charge.rawValue)
                + Posting.debit(.refundLoss, excess)
                + Posting.credit(.clearing(.refund), amount, subject: refund.rawValue))
    }

    package static func surplusFailedLate(
        _ charge: StripeChargeID, amount: Money, excess: Money, dimensions: Dimensions, at effectiveAt: Timestamp
    ) throws -> JournalEntry {
        try JournalEntry(
            cause: .chargeFailedLate(charge), effectiveAt: effectiveAt, dimensions: dimensions,
            postings: Posting.debit(.buyerRefundsDue, try amount.subtracting(excess), subject: charge.rawValue)
                + Posting.debit(.refundLoss, excess)
                + Posting.credit(.clearing(.charge), amount, subject: charge.rawValue))
    }
}

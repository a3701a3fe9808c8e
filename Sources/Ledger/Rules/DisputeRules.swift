package import Domain

/// Business entries of disputes of the platform's charges (docs/money-flows.md). Stripe takes a disputed amount first and
/// says later whose it was; until then what nobody bears waits in `disputes:open`.
package enum DisputeRules {
    package struct Facts: Hashable, Sendable {
        package let id: StripeDisputeID
        package let amount: Money
        package let dimensions: Dimensions
        /// What Stripe took for it, and gave back, where it converted them; nobody but the platform bears such a dispute.
        package let taken: Money?
        package let returned: Money?

        package init(
            id: StripeDisputeID, amount: Money, dimensions: Dimensions, taken: Money? = nil, returned: Money? = nil
        ) {
            self.id = id
            self.amount = amount
            self.dimensions = dimensions
            self.taken = taken
            self.returned = returned
        }

        /// What waits for its end, in the currency in which Stripe took it.
        fileprivate var held: Money { taken ?? amount }

        /// The legs that turn a row's conversion round: nothing where there is none.
        fileprivate func conversion(_ side: Side, of converted: Money?) -> [Posting] {
            guard let converted else { return [] }
            return Posting.legs(side, .fxConversion, amount, subject: id.rawValue)
                + Posting.legs(side.opposite, .fxConversion, converted, subject: id.rawValue)
        }
    }

    /// What those who had the money bear of a dispute, each its own part.
    package struct Claim: Hashable, Sendable {
        /// At most the disputed amount: what refunds took before is not claimed again.
        package let division: SeparateDivision
        /// It had been booked as lost before.
        package let isAfterLoss: Bool

        package init(_ division: SeparateDivision, isAfterLoss: Bool) {
            self.division = division
            self.isAfterLoss = isAfterLoss
        }
    }

    /// Stripe took the disputed amount out of the platform's balance.
    package static func withdrawn(_ dispute: Facts, at effectiveAt: Timestamp) throws(UnbalancedEntry) -> JournalEntry {
        try JournalEntry(
            cause: .disputeWithdrawn(dispute.id), effectiveAt: effectiveAt, dimensions: dispute.dimensions,
            postings: Posting.debit(.disputesOpen, dispute.held, subject: dispute.id.rawValue)
                + dispute.conversion(.debit, of: dispute.taken)
                + Posting.credit(.clearing(.dispute), dispute.amount, subject: dispute.id.rawValue))
    }

    /// It comes out of what everyone had of the sale, as a refund would.
    ///
    /// - Returns: nil where nothing is left to claim.
    package static func claimed(
        _ dispute: Facts, _ claim: Claim, at effectiveAt: Timestamp
    ) throws(UnbalancedEntry) -> JournalEntry? {
        let amount = claim.division.parts.amount
        guard amount.isPositive else { return nil }
        return try JournalEntry(
            cause: .disputeClaimed(dispute.id), effectiveAt: effectiveAt, dimensions: dispute.dimensions,
            postings: SeparateChargeRules.takenBack(claim.division)
                + Posting.credit(
                    claim.isAfterLoss ? .disputeLoss : .disputesOpen, amount,
                    subject: claim.isAfterLoss ? nil : dispute.id.rawValue))
    }

    /// Stripe gave it back. `wasLost`: it had been given up, and an appeal turned it. `claim` says what everyone gave, and
    /// its sellers into what their parts go back: what is still owed is owed no more, the rest is payable again.
    package static func won(
        _ dispute: Facts, wasLost: Bool, claim: Claim? = nil, at effectiveAt: Timestamp
    ) throws -> JournalEntry {
        let borne = try dispute.held.subtracting(claim?.division.parts.amount ?? .zero(dispute.held.currency))
        var postings = Posting.debit(.clearing(.dispute), dispute.amount, subject: dispute.id.rawValue)
        if let taken = dispute.taken {
            let returned = dispute.returned ?? taken
            postings += dispute.conversion(.credit, of: returned)
            postings += Posting.debit(.fxGainLoss, try taken.subtracting(returned))
        }
        postings += Posting.credit(
            wasLost ? .disputeLoss : .disputesOpen, borne, subject: wasLost ? nil : dispute.id.rawValue)
        if let claim {
            postings += SeparateChargeRules.takenBack(claim.division).flatMap { leg in
                Posting.legs(leg.side.opposite, leg.account, leg.amount, subject: leg.subject)
            }
        }
        return try JournalEntry(
            cause: .disputeWon(dispute.id), effectiveAt: effectiveAt, dimensions: dispute.dimensions, postings: postings
        )
    }

    /// It is the buyer's for good, and the platform bears what it could claim from nobody.
    ///
    /// - Returns: nil where everything is claimed.
    package static func lost(
        _ dispute: Facts, claim: Claim? = nil, at effectiveAt: Timestamp
    ) throws -> JournalEntry? {
        var loss = dispute.held
        if let claim, !claim.isAfterLoss { loss = try loss.subtracting(claim.division.parts.amount) }
        guard loss.isPositive else { return nil }
        return try JournalEntry(
            cause: .disputeLost(dispute.id), effectiveAt: effectiveAt, dimensions: dispute.dimensions,
            postings: Posting.debit(.disputeLoss, loss)
                + Posting.credit(.disputesOpen, loss, subject: dispute.id.rawValue))
    }
}

/// What is taken back of the transfers that one seller has had for an order, transfer by transfer.
package struct RecoveryPlan: Hashable, Sendable {
    /// A transfer that can be reversed.
    package struct Source: Hashable, Sendable {
        /// Nil for the one that Stripe made with a destination charge.
        package let transfer: ID<Transfer>?
        /// What is to come out of it, because it moved the shares in question; negative where a discount of the seller's
        /// goes back.
        package let wanted: Money
        /// What Stripe still has of it, less what is on its way back.
        package let left: Money

        package init(transfer: ID<Transfer>?, wanted: Money, left: Money) {
            self.transfer = transfer
            self.wanted = wanted
            self.left = left
        }
    }

    package struct Part: Hashable, Sendable {
        package let transfer: ID<Transfer>?
        /// Positive.
        package let amount: Money
    }

    /// In the order of the sources.
    package let parts: [Part]

    /// Never more than the seller will owe, so that two causes never debit one sum twice, and never more of a transfer
    /// than is left of it. What one transfer lacks comes out of the seller's others.
    ///
    /// - Parameters:
    ///   - sources: the seller's transfers of the order, in the order in which they lend to one another.
    ///   - debt: what the seller will owe of the order once everything under way has ended; zero or less for nothing.
    /// - Throws: `MoneyError` for amounts of several currencies, and past `Int64`.
    package init(over sources: [Source], debt: Money) throws(MoneyError) {
        let wanted = try Money.sum(sources.map(\.wanted), in: debt.currency)
        var rest = max(0, min(wanted.minorUnits, debt.minorUnits))
        var taken = sources.map { source in
            let amount = max(0, min(source.wanted.minorUnits, source.left.minorUnits, rest))
            rest -= amount
            return amount
        }
        for place in sources.indices {
            let more = max(0, min(sources[place].left.minorUnits - taken[place], rest))
            taken[place] += more
            rest -= more
        }
        parts = zip(sources, taken).compactMap { source, amount in
            amount > 0 ? Part(transfer: source.transfer, amount: Money(amount, debt.currency)) : nil
        }
    }
}

/// What one seller has coming of an order beside the shares that are still to be released.
package struct SellerStanding: Hashable, Sendable {
    package let seller: ID<Seller>
    /// By the books, what the seller owes of the order; negative where more was taken than the seller had to give.
    package let owed: Money
    /// Owed to the seller, still with the platform, and no transfer is to take it there: a refund that took part of a share
    /// was turned round after the share's transfer had ended.
    package let unmoved: Money
    /// What reversals took back for causes that do not count any more, and has not been given again.
    package let undone: Money
    /// What shares have paid of the debt, of this order or of others.
    package let netted: Money
    /// What somebody took back on purpose, for no refund and no dispute.
    package let takenOnPurpose: Money
    /// What is given up of the debt.
    package let writtenOff: Money

    package init(
        seller: ID<Seller>, owed: Money, unmoved: Money, undone: Money, netted: Money? = nil,
        takenOnPurpose: Money? = nil, writtenOff: Money? = nil
    ) {
        let zero = Money.zero(owed.currency)
        self.seller = seller
        self.owed = owed
        self.unmoved = unmoved
        self.undone = undone
        self.netted = netted ?? zero
        self.takenOnPurpose = takenOnPurpose ?? zero
        self.writtenOff = writtenOff ?? zero
    }

    /// Of what was given up, as much as is not owed after all. It comes first: what a seller has paid stays paid as long as
    /// a debt of that size was one.
    package var recovered: Money { Money(max(0, min(writtenOff.minorUnits, -owed.minorUnits)), owed.currency) }

    /// Of what shares have paid, as much as was no debt in the end.
    private var nettedInVain: Money {
        get throws(MoneyError) {
            let beyond = try owed.negated().subtracting(takenOnPurpose).subtracting(undone)
            return Money(max(0, min(netted.minorUnits, beyond.minorUnits)), owed.currency)
        }
    }

    /// What a transfer gives the seller again, when nothing else of the order is under way.
    package var dueBack: TransferRest {
        get throws(MoneyError) {
            let zero = Money.zero(owed.currency)
            let payable = unmoved.isPositive ? unmoved : zero
            guard owed.isNegative else {
                // What the seller is owed settles what the seller owes first.
                return TransferRest(amount: try payable.subtracting(owed), payable: payable)
            }
            // Only what a cause of Souk's took in vain: what somebody took back on purpose stays with the platform.
            let taken = try undone.adding(nettedInVain)
            let inVain = Money(max(0, min(taken.minorUnits, -owed.minorUnits)), owed.currency)
            return TransferRest(amount: try payable.adding(inVain), payable: payable)
        }
    }
}

/// What a transfer is to move, and what the seller is no longer owed by it.
package struct TransferRest: Hashable, Sendable {
    /// To be moved; zero or less for nothing.
    package let amount: Money
    /// What the seller is owed: the same, and what a refund made the seller owe while the transfer was on its way.
    package let payable: Money

    package init(amount: Money, payable: Money) {
        self.amount = amount
        self.payable = payable
    }
}

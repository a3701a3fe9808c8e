/// What a payout is made of, where Stripe does not say it: the oldest money goes first.
package enum PayoutAllocation {
    /// What of a balance transaction is in no payout yet; negative for what was taken from the balance.
    package struct Open: Hashable, Sendable {
        package let transaction: StripeBalanceTransactionID
        package let amount: Int64

        package init(_ transaction: StripeBalanceTransactionID, _ amount: Int64) {
            self.transaction = transaction
            self.amount = amount
        }
    }

    /// Takes one after the other until their sum is the amount. The one that would go past it is divided: the rest of it
    /// stays open for the next payout. What takes from the balance counts when its turn comes.
    ///
    /// - Returns: what was taken, and what of the amount is explained by nothing.
    package static func oldestFirst(
        _ open: some Sequence<Open>, toSumTo amount: Int64
    ) -> (taken: [Open], unexplained: Int64) {
        var taken: [Open] = []
        var left = amount
        for next in open where next.amount != 0 {
            guard left > 0 else { break }
            let part = min(next.amount, left)
            taken.append(Open(next.transaction, part))
            left -= part
        }
        return (taken, left)
    }

    /// Adds up what several lists say of the same balance transactions, in the order in which they first come up.
    package static func sum(_ parts: some Sequence<Open>) -> [Open] {
        var order: [StripeBalanceTransactionID] = []
        var sums: [StripeBalanceTransactionID: Int64] = [:]
        for part in parts {
            if sums[part.transaction] == nil { order.append(part.transaction) }
            sums[part.transaction, default: 0] += part.amount
        }
        return order.compactMap { id in
            guard let amount = sums[id], amount != 0 else { return nil }
            return Open(id, amount)
        }
    }
}

/// How much of a share is kept to pay what its seller owes the platform.
package enum Netting {
    /// The part of a share that is kept: at most the given part of it in basis points, rounded down, and at most the debt.
    ///
    /// - Parameters:
    ///   - share: what would be transferred; nothing is kept of what is not positive.
    ///   - debt: what the seller owes and nothing else is about to take back.
    ///   - basisPoints: 0 to 10000, of the share.
    /// - Returns: from zero to the share, in its currency, a multiple of what the currency is charged in.
    package static func part(of share: Money, debt: Int64, basisPoints: Int64) -> Money {
        guard share.isPositive, debt > 0 else { return .zero(share.currency) }
        let most = Int64(Int128(share.minorUnits) * Int128(min(max(basisPoints, 0), 10_000)) / 10_000)
        let part = min(most, debt)
        return Money(part - part % share.currency.rule.chargeStep, share.currency)
    }

    /// Which debts an amount pays: the first ones first, each as far as the amount reaches.
    ///
    /// - Parameters:
    ///   - debts: in minor units, the oldest first; one that is not positive is none.
    ///   - amount: in minor units; nothing is paid of what is not positive.
    /// - Returns: what is paid of each, in the same order; together at most the amount.
    package static func paid(of debts: [Int64], by amount: Int64) -> [Int64] {
        var rest = max(0, amount)
        return debts.map { debt in
            let paid = max(0, min(debt, rest))
            rest -= paid
            return paid
        }
    }
}

/// A part of later shares that pays what sellers owe, as an admin set it: one seller's own goes before the default.
package enum NettingPolicy: Identified { package static let idPrefix = "npo" }

/// A debt that was given up and turned out not to be owed, or was taken back after all.
package enum WriteOffRecovery: Identified { package static let idPrefix = "wor" }

/// A debt of a seller that the platform gave up.
package enum WriteOff: Identified { package static let idPrefix = "wof" }

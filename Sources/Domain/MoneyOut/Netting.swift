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
}

/// A part of later shares that pays what sellers owe, as an admin set it: one seller's own goes before the default.
package enum NettingPolicy: Identified { package static let idPrefix = "npo" }

/// A debt of a seller that the platform gave up.
package enum WriteOff: Identified { package static let idPrefix = "wof" }

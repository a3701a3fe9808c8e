/// How much of a seller's share of each order stays with the platform, and how long.
package struct ReserveTerms: Hashable, Sendable {
    /// Of the seller's share of an order: 1 to 10000.
    package let basisPoints: Int64
    /// After the payment: 1 to 365.
    package let days: Int64

    /// - Throws: `parameter_invalid` naming the field.
    package init(basisPoints: Int64, days: Int64) throws(Refusal) {
        guard (1...10_000).contains(basisPoints) else {
            throw Refusal(
                .parameterInvalid,
                "basis_points is a part of a share, up to 10000 for all of it; 0 holds back nothing.",
                parameter: "basis_points")
        }
        guard (1...365).contains(days) else {
            throw Refusal(.parameterInvalid, "A reserve is held for 1 to 365 days.", parameter: "days")
        }
        self.basisPoints = basisPoints
        self.days = days
    }

    package func releaseDate(paidAt: Timestamp) -> Timestamp { paidAt.advanced(by: .seconds(days * 86_400)) }

    /// What is held back of a share that comes to `amount`, rounded half up to what the currency is charged in. Nothing of
    /// a share that is not positive.
    package func amount(of share: Money) -> Money {
        guard share.isPositive else { return .zero(share.currency) }
        let part = Rounding.share(
            of: share.minorUnits, numerator: basisPoints, denominator: 10_000, step: share.currency.rule.chargeStep)
        return Money(min(part, share.minorUnits), share.currency)
    }
}

extension OrderDivision {
    /// What is held back of each of a seller's lines: the part of the whole share, spread over the lines that give the
    /// seller something, largest remainder, ties by line order. Between nothing and the line's share, so that no refund of
    /// one line needs what is held back of another.
    package func reserve(
        of seller: ID<Seller>, under terms: ReserveTerms
    ) throws(MoneyError) -> [(line: ID<OrderLine>, amount: Money)] {
        let own = lines.filter { $0.beneficiary == seller && $0.parts.sellerAmount.isPositive }
        guard let share = try shares.first(where: { $0.seller == seller })?.amount else { return [] }
        let whole = terms.amount(of: share)
        guard whole.isPositive else { return [] }
        let weights = own.map(\.parts.sellerAmount.minorUnits)
        let step = share.currency.rule.chargeStep
        let isRegular = whole.minorUnits.isMultiple(of: step) && weights.allSatisfy { $0.isMultiple(of: step) }
        let parts = Rounding.largestRemainder(whole.minorUnits, over: weights, step: isRegular ? step : 1)
        return zip(own, parts).compactMap { line, part in
            part > 0 ? (line.id, Money(part, share.currency)) : nil
        }
    }
}

/// How a line's share stands of which a part is held back.
package struct LineReserve: Hashable, Sendable {
    /// What is left of the part that is not held back; nil once a transfer has taken it away.
    package let waiting: Money?
    /// What is left of the part that is; zero once a transfer has taken it away.
    package let left: Money
    /// The date has passed: what is left is payable, and its transfer waits for something else.
    package let isReleased: Bool

    package init(waiting: Money?, left: Money, isReleased: Bool) {
        self.waiting = waiting
        self.left = left
        self.isReleased = isReleased
    }

    /// How much of what a refund or a dispute takes of the line comes out of what is held back: what is payable goes first,
    /// and only what neither can give is owed by the seller.
    package func part(of taken: Money) throws(MoneyError) -> Money {
        var rest = taken
        if let waiting, waiting.isPositive { rest = try rest.subtracting(waiting) }
        return Money(max(0, min(rest.minorUnits, left.minorUnits)), taken.currency)
    }
}

/// What of a taking comes out of what was held back, and whether that was payable by then.
package struct ReservePart: Hashable, Sendable {
    package let amount: Money
    package let isReleased: Bool

    package init(amount: Money, isReleased: Bool) {
        self.amount = amount
        self.isReleased = isReleased
    }
}

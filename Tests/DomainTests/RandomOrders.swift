import Domain

/// Orders as a marketplace might place them, of one seller, in any mixture of lines.
enum RandomOrders {
    static func lines(
        in currency: Currency, using random: inout SeededGenerator
    ) throws -> [OrderLineDraft] {
        let step = currency.rule.chargeStep
        func amount(_ range: ClosedRange<Int64>) -> Int64 { Int64.random(in: range, using: &random) * step }
        let seller = OrderDivisionTests.seller
        var lines = [
            try OrderLineDraft(
                kind: .item, seller: seller, description: "item", unitAmount: amount(10...30_000),
                quantity: .random(in: 1...3, using: &random))
        ]
        for _ in 0..<Int.random(in: 0...6, using: &random) {
            let kind = OrderLine.Kind.allCases.filter { $0 != .share }.randomElement(using: &random) ?? .item
            let owner = Bool.random(using: &random) ? seller : nil
            lines.append(
                try OrderLineDraft(
                    kind: kind, seller: owner, description: kind.rawValue,
                    unitAmount: kind == .discount ? -amount(0...500) : amount(0...9000)))
        }
        return lines.shuffled(using: &random)
    }

    static func divide(_ draft: OrderDraft, using random: inout SeededGenerator) throws -> OrderDivision {
        let step = draft.currency.rule.chargeStep
        var ids = IDs()
        let policy = FeePolicy(
            id: ids.make(), scope: .everyone,
            terms: try FeeTerms(
                currency: draft.currency, percentBPS: .random(in: 0...4000, using: &random),
                fixed: .random(in: 0...50, using: &random) * step),
            inForceFrom: Timestamp(seconds: 0))
        return try OrderDivision(draft, policies: [policy], at: Timestamp(seconds: 1)) { ids.make() }
    }

    /// The parts added up by hand, so that a mistake in the type's own arithmetic shows.
    static func sum(_ parts: MoneyParts) throws -> Money {
        let units =
            parts.sellerAmount.minorUnits + parts.platformFee.minorUnits + parts.tax.minorUnits
            + parts.platformSales.minorUnits - parts.platformDiscount.minorUnits
        return Money(units, parts.amount.currency)
    }
}

/// A way in which money leaves on somebody's word.
package enum MoneyOutKind: String, Hashable, Sendable, CaseIterable, Codable {
    case refund, transfer, payout, adjustment
}

/// How much one API key may let out of one kind in one currency, before a second person must agree.
package struct MoneyOutLimit: Hashable, Sendable {
    package let currency: Currency
    /// In one operation; nil for any amount. Never negative.
    package let perOperation: Int64?
    /// On one day (UTC) in all; nil for any amount. Never negative.
    package let perDay: Int64?

    package init(currency: Currency, perOperation: Int64?, perDay: Int64?) {
        self.currency = currency
        self.perOperation = perOperation
        self.perDay = perDay
    }

    /// Whether an amount is above the limit. `used` is what was let out on the same day before, of the limit's currency.
    /// - Returns: nil for an amount that may go; for one of another currency too, which the limit does not speak of.
    package func excess(of amount: Money, after used: Int64) -> MoneyOutExcess? {
        guard amount.currency == currency else { return nil }
        if let perOperation, amount.minorUnits > perOperation {
            return .operation(amount, limit: Money(perOperation, currency))
        }
        guard let perDay else { return nil }
        let (sum, overflow) = used.addingReportingOverflow(amount.minorUnits)
        guard overflow || sum > perDay else { return nil }
        return .day(amount, used: Money(used, currency), limit: Money(perDay, currency))
    }
}

/// Which limit an amount is above.
package enum MoneyOutExcess: Hashable, Sendable {
    case operation(Money, limit: Money)
    case day(Money, used: Money, limit: Money)

    /// For whoever decides: `150.00 usd is above 100.00 usd, the limit for one refund`.
    package func sentence(about kind: MoneyOutKind) -> String {
        switch self {
        case .operation(let amount, let limit):
            "\(amount) is above \(limit), the limit of the API key for one \(kind.rawValue)"
        case .day(let amount, let used, let limit):
            "\(amount) after \(used) on the same day is above \(limit), the limit of the API key for a day's \(kind.rawValue)s"
        }
    }
}

/// What became of an operation above a limit.
package enum MoneyOutApproval: String, Hashable, Sendable, CaseIterable, Codable {
    case needed, approved, refused
}

/// An amount counted in the minor unit of its currency: 1050 in USD is $10.50, 1050 in JPY is ¥1050.
///
/// The sign is part of the amount. Arithmetic never converts between currencies and never wraps: it throws.
package struct Money: Hashable, Sendable, Codable {
    package let minorUnits: Int64
    package let currency: Currency

    package init(_ minorUnits: Int64, _ currency: Currency) {
        self.minorUnits = minorUnits
        self.currency = currency
    }

    package static func zero(_ currency: Currency) -> Money { Money(0, currency) }

    package var isZero: Bool { minorUnits == 0 }
    package var isPositive: Bool { minorUnits > 0 }
    package var isNegative: Bool { minorUnits < 0 }

    /// - Throws: `.currencyMismatch` across currencies, `.overflow` past `Int64`.
    package func adding(_ other: Money) throws(MoneyError) -> Money {
        guard currency == other.currency else { throw .currencyMismatch(currency, other.currency) }
        let (sum, overflow) = minorUnits.addingReportingOverflow(other.minorUnits)
        guard !overflow else { throw .overflow }
        return Money(sum, currency)
    }

    /// - Throws: `.currencyMismatch` across currencies, `.overflow` past `Int64`.
    package func subtracting(_ other: Money) throws(MoneyError) -> Money {
        guard currency == other.currency else { throw .currencyMismatch(currency, other.currency) }
        let (difference, overflow) = minorUnits.subtractingReportingOverflow(other.minorUnits)
        guard !overflow else { throw .overflow }
        return Money(difference, currency)
    }

    /// - Throws: `.overflow` for the one amount whose opposite does not exist.
    package func negated() throws(MoneyError) -> Money {
        try Money.zero(currency).subtracting(self)
    }

    /// - Throws: `.overflow` past `Int64`.
    package func multiplied(by factor: Int64) throws(MoneyError) -> Money {
        let (product, overflow) = minorUnits.multipliedReportingOverflow(by: factor)
        guard !overflow else { throw .overflow }
        return Money(product, currency)
    }

    /// The sum of amounts of one currency; zero for none.
    package static func sum(_ amounts: some Sequence<Money>, in currency: Currency) throws(MoneyError) -> Money {
        var total = Money.zero(currency)
        for amount in amounts { total = try total.adding(amount) }
        return total
    }
}

extension Money: CustomStringConvertible {
    /// For people and logs: `10.50 usd`, `1050 jpy`. Never parsed.
    package var description: String { "\(decimal) \(currency)" }

    /// The amount with exactly the decimals of its currency: `10.50`, `1050`, `-0.005`.
    package var decimal: String {
        let exponent = currency.rule.exponent
        let digits = String(minorUnits.magnitude)
        let sign = minorUnits < 0 ? "-" : ""
        guard exponent > 0 else { return "\(sign)\(digits)" }
        let padded = String(repeating: "0", count: max(0, exponent + 1 - digits.count)) + digits
        return "\(sign)\(padded.dropLast(exponent)).\(padded.suffix(exponent))"
    }
}

package enum MoneyError: Error, Hashable, Sendable {
    case currencyMismatch(Currency, Currency)
    case overflow
}

/// How the platform's fee on a line is computed, for a seller, a category or everyone.
///
/// Policies are never changed: a newer one of the same scope and currency takes over for orders placed from then on,
/// and what an order was placed under stays frozen on its lines.
package struct FeePolicy: Identified, Hashable, Sendable {
    package static let idPrefix = "fpo"

    package enum Scope: Hashable, Sendable {
        case everyone
        case seller(ID<Seller>)
        case category(String)

        /// The word of the API.
        package var name: String {
            switch self {
            case .everyone: "default"
            case .seller: "seller"
            case .category: "category"
            }
        }
    }

    package let id: ID<FeePolicy>
    package let scope: Scope
    package let terms: FeeTerms
    /// Orders placed from this moment on fall under it.
    package let inForceFrom: Timestamp

    package init(id: ID<FeePolicy>, scope: Scope, terms: FeeTerms, inForceFrom: Timestamp) {
        self.id = id
        self.scope = scope
        self.terms = terms
        self.inForceFrom = inForceFrom
    }

    /// The policy for a line: the seller's own, else the category's, else the default; of each, the newest in force.
    ///
    /// - Returns: nil when no policy is in force for the currency: such a line bears no fee.
    package static func inForce(
        among policies: [FeePolicy], seller: ID<Seller>, category: String?, currency: Currency, at moment: Timestamp
    ) -> FeePolicy? {
        var scopes: [Scope] = [.seller(seller)]
        if let category { scopes.append(.category(category)) }
        scopes.append(.everyone)
        for scope in scopes {
            let candidates = policies.filter {
                $0.scope == scope && $0.terms.currency == currency && $0.inForceFrom <= moment
            }
            // Of two made in the same millisecond the later id wins, so that every process chooses the same.
            let newest = candidates.max { ($0.inForceFrom, $0.id) < ($1.inForceFrom, $1.id) }
            if let newest { return newest }
        }
        return nil
    }
}

/// The numbers of a fee policy. Amounts are minor units of `currency`.
package struct FeeTerms: Hashable, Sendable {
    package let currency: Currency
    /// Hundredths of a percent: 1500 is 15 %.
    package let percentBPS: Int64
    package let fixed: Int64
    package let minimum: Int64
    package let maximum: Int64?

    /// - Throws: `parameter_invalid` naming the field.
    package init(
        currency: Currency, percentBPS: Int64, fixed: Int64 = 0, minimum: Int64 = 0, maximum: Int64? = nil
    ) throws(Refusal) {
        guard (0...10_000).contains(percentBPS) else {
            throw Refusal(
                .parameterInvalid, "percent_bps is in hundredths of a percent, from 0 to 10000 (100 %).",
                parameter: "percent_bps")
        }
        for (name, amount) in [("fixed", fixed), ("minimum", minimum), ("maximum", maximum ?? 0)] {
            guard (0...Currency.maximumCharge).contains(amount) else {
                throw Refusal(
                    .parameterInvalid, "\(name) must be from 0 to \(Currency.maximumCharge) minor units.",
                    parameter: name)
            }
            guard amount.isMultiple(of: currency.rule.chargeStep) else {
                throw Refusal(
                    .parameterInvalid,
                    "\(name) must be a multiple of \(currency.rule.chargeStep): Stripe takes no finer amounts in "
                        + "\(currency).",
                    parameter: name)
            }
        }
        if let maximum, maximum < minimum {
            throw Refusal(.parameterInvalid, "maximum must not be below minimum.", parameter: "maximum")
        }
        self.currency = currency
        self.percentBPS = percentBPS
        self.fixed = fixed
        self.minimum = minimum
        self.maximum = maximum
    }

    /// The platform's fee on a line: the percentage rounded half up to what the currency can be charged in, plus the
    /// fixed part, then the minimum, then the maximum, and never more than the line itself. Nothing on zero or less.
    package func fee(on amount: Money) -> Money {
        guard amount.isPositive, amount.currency == currency else { return .zero(amount.currency) }
        let percentage = Rounding.share(
            of: amount.minorUnits, numerator: percentBPS, denominator: 10_000, step: currency.rule.chargeStep)
        var fee = max(percentage + fixed, minimum)
        if let maximum { fee = min(fee, maximum) }
        return Money(min(fee, amount.minorUnits), currency)
    }
}

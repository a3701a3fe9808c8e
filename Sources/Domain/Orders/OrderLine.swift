/// One line of an order: what it is, whose it is, and how its money divides. Frozen when the order is placed; only a
/// capture of less than was authorized makes it smaller.
package struct OrderLine: Identified, Hashable, Sendable {
    package static let idPrefix = "oli"

    package enum Kind: String, Hashable, Sendable, CaseIterable {
        case item, shipping, tax, tip, discount
        /// A third party's part of a sale.
        case share
    }

    /// Who bears a discount.
    package enum Funder: String, Hashable, Sendable, CaseIterable {
        case platform, seller
    }

    package let id: ID<OrderLine>
    package let kind: Kind
    /// Nil for the platform's own sales, for tax, and for discounts that the platform funds.
    package let seller: ID<Seller>?
    package let description: String
    /// Negative for discounts only.
    package let unitAmount: Money
    package let quantity: Int64
    /// Unit amount times quantity, or what was captured of it.
    package let amount: Money
    package let category: String?
    package let fundedBy: Funder?
    package let feeApplies: Bool
    /// The policy that was in force, and its numbers at that moment.
    package let feePolicy: ID<FeePolicy>?
    package let feeTerms: FeeTerms?
    package let parts: MoneyParts

    /// The line as far as it is captured: its fee by the terms that were frozen, on the smaller amount, and the seller's
    /// share the rest of it.
    ///
    /// - Precondition: `captured` lies between zero and the line's amount, in its currency.
    package func capturing(_ captured: Money) throws(MoneyError) -> OrderLine {
        let fee = feeTerms?.fee(on: captured) ?? .zero(captured.currency)
        return OrderLine(
            self, amount: captured,
            parts: try MoneyParts(dividing: captured, kind: kind, seller: seller, fundedBy: fundedBy, fee: fee))
    }

    private init(_ line: OrderLine, amount: Money, parts: MoneyParts) {
        id = line.id
        kind = line.kind
        seller = line.seller
        description = line.description
        unitAmount = line.unitAmount
        quantity = line.quantity
        self.amount = amount
        category = line.category
        fundedBy = line.fundedBy
        feeApplies = line.feeApplies
        feePolicy = line.feePolicy
        feeTerms = line.feeTerms
        self.parts = parts
    }

    /// The seller who gets the line's share, or bears it; nil for what is the platform's alone. A discount that the
    /// platform funds may say whose goods it is for: that seller has no part in it.
    package var beneficiary: ID<Seller>? { kind == .discount && fundedBy == .platform ? nil : seller }

    /// Freezes a line under the policy in force: the fee by its terms, the seller's share by subtraction.
    package init(
        id: ID<OrderLine>, draft: OrderLineDraft, currency: Currency, policy: FeePolicy?
    ) throws(MoneyError) {
        self.id = id
        kind = draft.kind
        seller = draft.seller
        description = draft.description
        unitAmount = Money(draft.unitAmount, currency)
        quantity = draft.quantity
        amount = try unitAmount.multiplied(by: quantity)
        category = draft.category
        fundedBy = draft.fundedBy
        feeApplies = draft.feeApplies
        feePolicy = draft.feeApplies ? policy?.id : nil
        feeTerms = draft.feeApplies ? policy?.terms : nil
        let fee = feeTerms?.fee(on: amount) ?? .zero(currency)
        parts = try MoneyParts(dividing: amount, kind: kind, seller: seller, fundedBy: fundedBy, fee: fee)
    }

    /// A line as it was stored.
    package init(
        id: ID<OrderLine>, draft: OrderLineDraft, amount: Money, feePolicy: ID<FeePolicy>?, feeTerms: FeeTerms?,
        parts: MoneyParts
    ) {
        self.id = id
        kind = draft.kind
        seller = draft.seller
        description = draft.description
        unitAmount = Money(draft.unitAmount, amount.currency)
        quantity = draft.quantity
        self.amount = amount
        category = draft.category
        fundedBy = draft.fundedBy
        feeApplies = draft.feeApplies
        self.feePolicy = feePolicy
        self.feeTerms = feeTerms
        self.parts = parts
    }
}

/// Whose the money of a line, an order or a refund is. The parts less the platform's discount are the amount.
package struct MoneyParts: Hashable, Sendable {
    package let amount: Money
    package let sellerAmount: Money
    /// The platform's cut of the seller's sale.
    package let platformFee: Money
    package let tax: Money
    /// Lines that are nobody's but the platform's.
    package let platformSales: Money
    /// What the platform gives the buyer out of its own pocket: positive for a discount.
    package let platformDiscount: Money
    /// What a refund made at Stripe gives the buyer beyond the order, because the platform had paid them without Stripe before:
    /// no line's, and the platform's loss.
    package let excess: Money

    /// - Throws: `PartsDoNotSum` unless amount = seller + fee + tax + own sales + excess − platform's discount.
    package init(
        amount: Money, sellerAmount: Money, platformFee: Money, tax: Money, platformSales: Money,
        platformDiscount: Money, excess: Money
    ) throws {
        let sum = try Money.sum([sellerAmount, platformFee, tax, platformSales, excess], in: amount.currency)
            .subtracting(platformDiscount)
        guard sum == amount else { throw PartsDoNotSum(amount: amount, sum: sum) }
        self.amount = amount
        self.sellerAmount = sellerAmount
        self.platformFee = platformFee
        self.tax = tax
        self.platformSales = platformSales
        self.platformDiscount = platformDiscount
        self.excess = excess
    }

    private init(
        unchecked amount: Money, seller: Money, fee: Money, tax: Money, sales: Money, discount: Money,
        excess: Money? = nil
    ) {
        self.amount = amount
        sellerAmount = seller
        platformFee = fee
        self.tax = tax
        platformSales = sales
        platformDiscount = discount
        self.excess = excess ?? .zero(amount.currency)
    }

    package static func zero(_ currency: Currency) -> MoneyParts {
        let zero = Money.zero(currency)
        return MoneyParts(unchecked: zero, seller: zero, fee: zero, tax: zero, sales: zero, discount: zero)
    }

    /// Divides the amount of one line. The fee is given; the seller's share is what is left.
    package init(
        dividing amount: Money, kind: OrderLine.Kind, seller: ID<Seller>?, fundedBy: OrderLine.Funder?, fee: Money
    ) throws(MoneyError) {
        let zero = Money.zero(amount.currency)
        switch kind {
        case .tax:
            self.init(unchecked: amount, seller: zero, fee: zero, tax: amount, sales: zero, discount: zero)
        case .discount where fundedBy != .seller:
            self.init(
                unchecked: amount, seller: zero, fee: zero, tax: zero, sales: zero, discount: try amount.negated())
        case .item, .shipping, .tip, .discount, .share:
            if seller == nil {
                self.init(unchecked: amount, seller: zero, fee: zero, tax: zero, sales: amount, discount: zero)
            } else {
                self.init(
                    unchecked: amount, seller: try amount.subtracting(fee), fee: fee, tax: zero, sales: zero,
                    discount: zero)
            }
        }
    }

    package func adding(_ other: MoneyParts) throws(MoneyError) -> MoneyParts {
        MoneyParts(
            unchecked: try amount.adding(other.amount), seller: try sellerAmount.adding(other.sellerAmount),
            fee: try platformFee.adding(other.platformFee), tax: try tax.adding(other.tax),
            sales: try platformSales.adding(other.platformSales),
            discount: try platformDiscount.adding(other.platformDiscount), excess: try excess.adding(other.excess))
    }

    package func subtracting(_ other: MoneyParts) throws(MoneyError) -> MoneyParts {
        MoneyParts(
            unchecked: try amount.subtracting(other.amount), seller: try sellerAmount.subtracting(other.sellerAmount),
            fee: try platformFee.subtracting(other.platformFee), tax: try tax.subtracting(other.tax),
            sales: try platformSales.subtracting(other.platformSales),
            discount: try platformDiscount.subtracting(other.platformDiscount),
            excess: try excess.subtracting(other.excess))
    }

    /// The same with so much more for the buyer, which is no line's.
    package func adding(excess more: Money) throws(MoneyError) -> MoneyParts {
        MoneyParts(
            unchecked: try amount.adding(more), seller: sellerAmount, fee: platformFee, tax: tax, sales: platformSales,
            discount: platformDiscount, excess: try excess.adding(more))
    }

    /// What comes from the order's lines.
    package var ofOrder: MoneyParts {
        get throws(MoneyError) {
            MoneyParts(
                unchecked: try amount.subtracting(excess), seller: sellerAmount, fee: platformFee, tax: tax,
                sales: platformSales, discount: platformDiscount)
        }
    }

    package static func sum(_ all: some Sequence<MoneyParts>, in currency: Currency) throws(MoneyError) -> MoneyParts {
        var total = MoneyParts.zero(currency)
        for parts in all { total = try total.adding(parts) }
        return total
    }

    /// The parts of the first `refunded` of this line, cumulative over all its refunds: each part rounded from the
    /// whole, the seller's by subtraction, so that a line refunded wholly, in whatever steps, ends at its parts.
    ///
    /// - Precondition: `refunded` lies between zero and the line's amount, in its currency.
    package func upTo(refunded: Money) throws(MoneyError) -> MoneyParts {
        guard !amount.isZero else { return .zero(amount.currency) }
        func cumulative(_ part: Money) -> Money {
            // All of a line that is nobody's but the platform's goes back to the minor unit, also between the currency's
            // steps, where somebody at Stripe has refunded such an amount.
            if part == amount { return refunded }
            return Money(
                Rounding.share(
                    of: part.minorUnits, numerator: refunded.minorUnits, denominator: amount.minorUnits,
                    step: amount.currency.rule.chargeStep), amount.currency)
        }
        let fee = cumulative(platformFee)
        let tax = cumulative(tax)
        let sales = cumulative(platformSales)
        let discount =
            try platformDiscount == amount.negated() ? refunded.negated() : cumulative(platformDiscount)
        let others = try Money.sum([fee, tax, sales], in: amount.currency).subtracting(discount)
        return MoneyParts(
            unchecked: refunded, seller: try refunded.subtracting(others), fee: fee, tax: tax, sales: sales,
            discount: discount)
    }

    /// What a destination charge leaves with the platform: fee, tax and own sales, less the platform's discounts.
    package var platformAmount: Money {
        get throws(MoneyError) { try amount.subtracting(sellerAmount) }
    }
}

package struct PartsDoNotSum: Error, Hashable, CustomStringConvertible {
    package let amount: Money
    package let sum: Money

    package var description: String { "the parts sum to \(sum), not to \(amount)" }
}

/// How an order's money divides, line by line, frozen when the order is placed.
package struct OrderDivision: Hashable, Sendable {
    package let lines: [OrderLine]
    /// The sum of the lines: amount = seller's share + fee + tax + own sales − discounts that the platform funds.
    package let total: MoneyParts

    package init(lines: [OrderLine], currency: Currency) throws(MoneyError) {
        self.lines = lines
        total = try MoneyParts.sum(lines.map(\.parts), in: currency)
    }

    /// Divides a draft under the policies in force at a moment; `makeID` gives each line its id.
    package init(
        _ draft: OrderDraft, policies: [FeePolicy], at moment: Timestamp, makeID: () -> ID<OrderLine>
    ) throws(MoneyError) {
        var lines: [OrderLine] = []
        for line in draft.lines {
            let policy = line.seller.flatMap { seller in
                FeePolicy.inForce(
                    among: policies, seller: seller, category: line.category, currency: draft.currency, at: moment)
            }
            lines.append(try OrderLine(id: makeID(), draft: line, currency: draft.currency, policy: policy))
        }
        try self.init(lines: lines, currency: draft.currency)
    }

    /// The division of an order of which less is captured than was authorized: the amount spreads over the lines in
    /// proportion, largest remainder, ties by line order, and each line is divided anew under its frozen terms.
    ///
    /// - Precondition: `amount` lies between zero and the lines' sum, and both are multiples of the currency's step.
    package func capturing(_ amount: Money) throws(MoneyError) -> OrderDivision {
        let parts = Rounding.largestRemainder(
            amount.minorUnits, over: lines.map(\.amount.minorUnits), step: amount.currency.rule.chargeStep)
        var captured: [OrderLine] = []
        for (line, part) in zip(lines, parts) { captured.append(try line.capturing(Money(part, amount.currency))) }
        return try OrderDivision(lines: captured, currency: amount.currency)
    }

    /// Each seller's share, in the order in which the lines first name them.
    package var shares: [SellerShare] {
        get throws(MoneyError) {
            var shares: [SellerShare] = []
            for line in lines {
                guard let seller = line.beneficiary else { continue }
                if let place = shares.firstIndex(where: { $0.seller == seller }) {
                    shares[place].amount = try shares[place].amount.adding(line.parts.sellerAmount)
                } else {
                    shares.append(SellerShare(seller: seller, amount: line.parts.sellerAmount))
                }
            }
            return shares
        }
    }

    /// What stays with the platform once the sellers have their shares: fee, tax and own sales less the platform's
    /// discounts. Of a destination charge Stripe keeps it back as the application fee.
    ///
    /// - Throws: `charge_shape_impossible`, saying why, unless every share lies between zero and what the buyer pays.
    package func applicationFeeAmount() throws -> Money {
        let fee = try total.platformAmount
        guard !fee.isNegative else {
            let missing = try fee.negated()
            throw Refusal(
                .chargeShapeImpossible,
                "The platform's discounts exceed its fee, tax and own sales by \(missing), so the sellers would have to "
                    + "receive more than the buyer pays. Stripe moves no more out of a charge than it brought: give a "
                    + "smaller discount, or pay the difference to the seller another way.")
        }
        for share in try shares where share.amount.isNegative {
            let missing = try share.amount.negated()
            throw Refusal(
                .chargeShapeImpossible,
                "The discounts of the seller \(share.seller) exceed that seller's lines by \(missing), so the seller "
                    + "would have to pay for the sale. Give a smaller discount.")
        }
        return fee
    }
}

/// What one seller gets of an order.
package struct SellerShare: Hashable, Sendable {
    package let seller: ID<Seller>
    package var amount: Money

    package init(seller: ID<Seller>, amount: Money) {
        self.seller = seller
        self.amount = amount
    }
}

/// How a charge and its sellers meet at Stripe.
package enum ChargeShape: String, Hashable, Sendable, CaseIterable {
    /// One seller: Stripe moves the charge to the seller's account and the platform keeps its application fee.
    case destination
    /// The platform charges, and transfers to each seller later.
    case separate
    /// The charge is the seller's own.
    case direct

    /// When the sellers receive the money.
    package enum Release: Hashable, Sendable {
        case onPayment
        case onFulfilment
        case afterDays(Int64)
    }

    package static let maximumSellers = 50

    /// Chooses the shape for a draft; `requested` is nil for `auto`. One seller who is paid with the payment gets a
    /// destination charge; everything else needs separate charges and transfers. `reserved` are the sellers from whom a
    /// part is held back.
    ///
    /// - Throws: `charge_shape_impossible`, saying what the order asks that the shape cannot do; `parameter_invalid` for
    ///   too many sellers.
    package static func choose(
        for draft: OrderDraft, requested: ChargeShape?, release: Release, reserved: Set<ID<Seller>> = []
    ) throws(Refusal) -> ChargeShape {
        if requested == .direct {
            throw Refusal(
                .chargeShapeImpossible,
                "Direct charges are not available yet. Leave charge_shape out, or use "
                    + "\"destination\" or \"separate\".", parameter: "charge_shape")
        }
        let sellers = draft.sellers
        guard !sellers.isEmpty else {
            throw Refusal(
                .chargeShapeImpossible, "No line names a seller, so there is nobody to pay.", parameter: "lines")
        }
        guard sellers.count <= maximumSellers else {
            throw Refusal(
                .parameterInvalid,
                "An order has at most \(maximumSellers) sellers; this one names \(sellers.count). Place several orders.",
                parameter: "lines")
        }
        guard let need = needOfSeparateCharges(draft, sellers: sellers, release, reserved) else {
            return requested ?? .destination
        }
        guard requested != .destination else {
            throw Refusal(
                .chargeShapeImpossible,
                "\(need.because) A destination charge cannot do that: leave charge_shape out, or use \"separate\".",
                parameter: need.parameter)
        }
        return .separate
    }

    private static func needOfSeparateCharges(
        _ draft: OrderDraft, sellers: [ID<Seller>], _ release: Release, _ reserved: Set<ID<Seller>>
    ) -> (because: String, parameter: String)? {
        if release != .onPayment {
            return ("The seller is to receive the money later than the payment.", "release")
        }
        if let index = draft.lines.firstIndex(where: { $0.kind == .share }) {
            return ("A third party receives a share.", "lines[\(index)].type")
        }
        if sellers.count > 1 { return ("The lines name \(sellers.count) sellers.", "lines") }
        if let seller = sellers.first(where: reserved.contains) {
            return ("A part of what the seller \(seller) gets is held back as a reserve.", "charge_shape")
        }
        return nil
    }
}

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

    /// What Stripe leaves with the platform when the whole charge goes to the seller: fee, tax and own sales less the
    /// platform's discounts.
    ///
    /// - Throws: `charge_shape_impossible`, saying why, unless it lies between zero and the order's amount.
    package func applicationFeeAmount() throws -> Money {
        let fee = try total.platformAmount
        guard !fee.isNegative else {
            let missing = try fee.negated()
            throw Refusal(
                .chargeShapeImpossible,
                "The platform's discounts exceed its fee, tax and own sales by \(missing), so the seller would have to "
                    + "receive more than the buyer pays. A destination charge cannot do that; separate charges will, "
                    + "and are not available yet.")
        }
        guard fee.minorUnits <= total.amount.minorUnits else {
            let missing = try total.sellerAmount.negated()
            throw Refusal(
                .chargeShapeImpossible,
                "The seller's discounts exceed the seller's lines by \(missing), so the seller would have to pay for "
                    + "the sale. A destination charge cannot do that.")
        }
        return fee
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

    /// When the seller receives the money.
    package enum Release: Hashable, Sendable {
        case onPayment
        case onFulfilment
        case afterDays(Int64)
    }

    /// Chooses the shape for a draft; `requested` is nil for `auto`.
    ///
    /// - Returns: The shape, with the order's only seller.
    /// - Throws: `charge_shape_impossible`, saying what the order asks that the shape, or this version, cannot do.
    package static func choose(
        for draft: OrderDraft, requested: ChargeShape?, release: Release
    ) throws(Refusal) -> (shape: ChargeShape, seller: ID<Seller>) {
        func separateNeeded(_ because: String, parameter: String) -> Refusal {
            Refusal(
                .chargeShapeImpossible,
                requested == .destination
                    ? "\(because) A destination charge cannot do that."
                    : "\(because) That needs separate charges and transfers, which are not available yet.",
                parameter: parameter)
        }
        if requested == .direct {
            throw Refusal(
                .chargeShapeImpossible,
                "Direct charges are not available yet. Leave charge_shape out, or use "
                    + "\"destination\".", parameter: "charge_shape")
        }
        if requested == .separate {
            throw Refusal(
                .chargeShapeImpossible,
                "Separate charges and transfers are not available yet. Leave charge_shape out, or use "
                    + "\"destination\".", parameter: "charge_shape")
        }
        if release != .onPayment {
            throw separateNeeded("The seller is to receive the money later than the payment.", parameter: "release")
        }
        if let index = draft.lines.firstIndex(where: { $0.kind == .share }) {
            throw separateNeeded("A third party receives a share.", parameter: "lines[\(index)].type")
        }
        let sellers = draft.sellers
        guard let seller = sellers.first else {
            throw separateNeeded("No line names a seller, so there is nobody to pay.", parameter: "lines")
        }
        guard sellers.count == 1 else {
            throw separateNeeded("The lines name \(sellers.count) sellers.", parameter: "lines")
        }
        return (.destination, seller)
    }
}

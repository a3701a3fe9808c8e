/// How much of an order is to go back.
package enum RefundExtent: Hashable, Sendable {
    /// Everything that can still be refunded.
    case rest
    case amount(Int64)
    /// Each line by its amount, or by all that remains of it.
    case lines([Line])

    package struct Line: Hashable, Sendable {
        package let id: ID<OrderLine>
        package let amount: Int64?

        package init(id: ID<OrderLine>, amount: Int64?) {
            self.id = id
            self.amount = amount
        }
    }
}

extension RefundAllocation {
    /// What a caller asks for, over what remains of the order's lines.
    ///
    /// - Throws: `illegal_transition` where nothing remains, `amount_too_large` for more than remains,
    ///   `parameter_invalid` for a line that is unknown or named twice, and for an amount that is not positive or lies
    ///   between the steps of the currency.
    package init(of extent: RefundExtent, over lines: [Line], in currency: Currency) throws {
        let remaining = Self.remaining(of: lines, in: currency)
        guard remaining.isPositive else {
            throw Refusal(
                .illegalTransition,
                "Nothing of the order can be refunded any more. GET /v1/orders/{id}/refunds shows what was.")
        }
        switch extent {
        case .rest: try self.init(of: remaining, over: lines)
        case .amount(let minorUnits):
            let amount = Money(minorUnits, currency)
            if amount != remaining { try Self.requireStep(amount, parameter: "amount") }
            try self.init(of: amount, over: lines)
        case .lines(let asked):
            guard !asked.isEmpty else {
                throw Refusal(.parameterInvalid, "Name at least one line, or leave lines out.", parameter: "lines")
            }
            var amounts: [ID<OrderLine>: Money] = [:]
            for (index, line) in asked.enumerated() {
                let path = "lines[\(index)]"
                guard amounts[line.id] == nil else {
                    throw Refusal(.parameterInvalid, "The line \(line.id) is named twice.", parameter: "\(path).line")
                }
                guard let known = lines.first(where: { $0.id == line.id }) else {
                    throw Refusal(.parameterInvalid, "The order has no line \(line.id).", parameter: "\(path).line")
                }
                let amount = Money(line.amount ?? known.remaining, currency)
                if amount.minorUnits != known.remaining {
                    try Self.requireStep(amount, parameter: "\(path).amount")
                }
                amounts[line.id] = amount
            }
            try self.init(lines: amounts, of: lines, currency: currency)
        }
    }

    private static func requireStep(_ amount: Money, parameter: String) throws(Refusal) {
        let step = amount.currency.rule.chargeStep
        guard amount.minorUnits.isMultiple(of: step) else {
            throw Refusal(
                .parameterInvalid, "An amount in \(amount.currency) is a multiple of \(step).", parameter: parameter)
        }
    }
}

/// What Stripe is asked for so that a refund of a destination charge comes from everyone who had its money.
///
/// Stripe's own flags share a partial refund in proportion of the whole charge, which is not how it divides over lines:
/// they are used only where everything goes back at once.
package struct DestinationRefundPlan: Hashable, Sendable {
    /// One call with both flags; else each of the three has its own, and its own amount.
    package let isOneCall: Bool
    /// Of the platform's fee, back to the seller.
    package let feeRefund: Money
    /// Out of the seller's balance, of the charge's transfer.
    package let reversal: Money

    /// What of the charge went back, or is on its way, before this refund.
    package struct Before: Hashable, Sendable {
        /// The parts of the earlier refunds that Souk made and that still count.
        package let refunded: MoneyParts
        /// What was taken from the seller and given back of the fee for refunds that Souk made. More than `refunded` asks
        /// for where one of them does not count any more.
        package let reversed: Money
        package let feeRefunded: Money
        /// What Stripe still has of the transfer and of the fee, less what is on its way.
        package let transferLeft: Money
        package let feeLeft: Money
        /// No refund, reversal or fee refund of anybody's.
        package let isUntouched: Bool

        package init(
            refunded: MoneyParts, reversed: Money, feeRefunded: Money, transferLeft: Money, feeLeft: Money,
            isUntouched: Bool
        ) {
            self.refunded = refunded
            self.reversed = reversed
            self.feeRefunded = feeRefunded
            self.transferLeft = transferLeft
            self.feeLeft = feeLeft
            self.isUntouched = isUntouched
        }
    }

    /// Cumulative over all refunds of the charge, so that nobody pays twice for one sum: the fee that has gone back is
    /// the platform's share of what was refunded, and the reversals less that fee are the seller's. Both only as far as
    /// Stripe still has it.
    package init(of parts: MoneyParts, charge: Money, after before: Before) throws(MoneyError) {
        let refunded = try before.refunded.adding(parts)
        let fee = try refunded.platformAmount.subtracting(before.feeRefunded).clamped(to: before.feeLeft)
        let taken = try before.reversed.subtracting(before.feeRefunded)
        feeRefund = fee
        reversal = try refunded.sellerAmount.subtracting(taken).adding(fee).clamped(to: before.transferLeft)
        isOneCall = before.isUntouched && parts.amount == charge
    }
}

extension Money {
    /// Between zero and `most`.
    fileprivate func clamped(to most: Money) -> Money {
        Money(max(0, min(minorUnits, most.minorUnits)), currency)
    }
}

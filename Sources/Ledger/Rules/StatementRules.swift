package import Domain

/// What a seller's statement is made of. A seller has what Souk still owes (`payable`, `reserve`), what lies in the
/// seller's balance at Stripe or is on its way to the bank (`funds`), less what the seller owes (`receivable`). What only
/// moves between these is no movement of a statement.
package enum StatementRules {
    package enum Line: String, Hashable, Sendable, CaseIterable {
        /// Sales as the seller made them: the seller's share and the fees taken from it.
        case gross
        /// What went back to buyers, in the same measure.
        case refunds
        /// What disputes took, less what they gave back.
        case disputes
        /// The platform's fee, less what of it was given back.
        case platformFee = "platform_fee"
        /// What Stripe charges and the seller bears: passed on by the platform, or in the seller's own balance.
        case stripeFee = "stripe_fee"
        /// Conversion between currencies.
        case fx
        /// Goodwill, corrections, and debts that were forgiven or collected.
        case adjustments
        /// The seller's own business at Stripe, and whatever Souk has no name for.
        case other
        /// What arrived at the seller's bank, less what came back from it.
        case payouts
    }

    /// An amount of one line; positive is to the seller's good.
    package struct Part: Hashable, Sendable {
        package let line: Line
        package let amount: Money

        package init(_ line: Line, _ amount: Money) {
            self.line = line
            self.amount = amount
        }
    }

    /// What the entry means to the seller, line by line; nothing for an entry that leaves what the seller has as it was.
    /// In each currency the parts sum to what the entry changed in the seller's accounts.
    ///
    /// - Throws: `MoneyError.overflow`.
    package static func parts(of entry: RecordedEntry, for seller: ID<Seller>) throws(MoneyError) -> [Part] {
        guard entry.sellers.contains(seller) else { return [] }
        var parts: [Part] = []
        for currency in Set(entry.legs.map(\.amount.currency)).sorted() {
            let effect = try entry.credit(in: currency) { $0.seller == seller }
            let line = line(of: entry)
            guard line.isOfSales else {
                parts.append(Part(line, effect))
                continue
            }
            // Others may have a part in a sale; its fees are those of the sellers alone.
            let fee = try entry.fee(of: seller, in: currency)
            let passedOn = try entry.credit(in: currency) { $0 == .recoveredStripeFees }
            parts.append(Part(line, try effect.adding(fee).adding(passedOn)))
            parts.append(Part(.platformFee, try fee.negated()))
            parts.append(Part(.stripeFee, try passedOn.negated()))
        }
        return parts.filter { !$0.amount.isZero }
    }

    private static func line(of entry: RecordedEntry) -> Line {
        switch entry.cause.kind {
        case "charge_paid": .gross
        case "refund", "refund_canceled", "refund_given_up", "charge_failed_late": .refunds
        case "dispute_withdrawn", "dispute_claimed", "dispute_won", "dispute_lost": .disputes
        case "payout_paid", "payout_failed", "payout_canceled": .payouts
        case "charge_converted", "refund_converted": .fx
        case "adjusted", "written_off", "write_off_recovered", "collected": .adjustments
        case "balance_transaction":
            if entry.isExternal {
                .other
            } else if entry.legs.contains(where: { $0.account == .fxConversion }) {
                .fx
            } else {
                .stripeFee
            }
        default: .other
        }
    }
}

extension StatementRules.Line {
    /// Whether the platform's fee moves with it.
    fileprivate var isOfSales: Bool { [.gross, .refunds, .disputes].contains(self) }
}

extension RecordedEntry {
    /// Credits less debits of the accounts that are asked for.
    fileprivate func credit(
        in currency: Currency, of isMeant: (LedgerAccount) -> Bool
    ) throws(MoneyError) -> Money {
        var sum = Money.zero(currency)
        for leg in legs where leg.amount.currency == currency && isMeant(leg.account) {
            sum = try sum.subtracting(leg.amount)
        }
        return sum
    }

    /// The seller's part of the platform's fee. The parts of all sellers sum to the entry's.
    fileprivate func fee(of seller: ID<Seller>, in currency: Currency) throws(MoneyError) -> Money {
        let whole = try credit(in: currency) { $0 == .applicationFeeRevenue }
        guard sellers.count > 1, !whole.isZero else { return whole }
        let weights = sellers.map { max(0, feeWeights[$0] ?? 0) }
        guard let place = sellers.firstIndex(of: seller), weights.contains(where: { $0 > 0 }) else {
            return .zero(currency)
        }
        let magnitude = whole.isNegative ? try whole.negated() : whole
        let part = Money(Rounding.largestRemainder(magnitude.minorUnits, over: weights)[place], currency)
        return whole.isNegative ? try part.negated() : part
    }
}

/// A seller's month, or any span of time, in one currency: what there was, what moved, what there is.
package struct StatementTotals: Hashable, Sendable {
    package let opening: Money
    package private(set) var sums: [StatementRules.Line: Money] = [:]
    /// How many charges were paid.
    package private(set) var salesCount: Int64 = 0
    /// The platform's fee as it was charged, and what of it was given back: both positive.
    package private(set) var feesCharged: Money
    package private(set) var feesRefunded: Money

    package init(opening: Money) {
        self.opening = opening
        feesCharged = .zero(opening.currency)
        feesRefunded = .zero(opening.currency)
    }

    package var currency: Currency { opening.currency }

    /// - Throws: `MoneyError` for another currency, and past `Int64`.
    package mutating func add(_ part: StatementRules.Part) throws(MoneyError) {
        sums[part.line] = try self[part.line].adding(part.amount)
        switch part.line {
        case .gross where part.amount.isPositive: salesCount += 1
        case .platformFee where part.amount.isNegative: feesCharged = try feesCharged.subtracting(part.amount)
        case .platformFee: feesRefunded = try feesRefunded.adding(part.amount)
        default: break
        }
    }

    /// Adds all that moved in another span of the same currency; its opening balance is not counted.
    package mutating func add(_ other: StatementTotals) throws(MoneyError) {
        for (line, sum) in other.sums { sums[line] = try self[line].adding(sum) }
        salesCount += other.salesCount
        feesCharged = try feesCharged.adding(other.feesCharged)
        feesRefunded = try feesRefunded.adding(other.feesRefunded)
    }

    package subscript(line: StatementRules.Line) -> Money { sums[line] ?? .zero(currency) }

    /// Everything but payouts: what the seller earned.
    package var net: Money {
        get throws(MoneyError) {
            try Money.sum(StatementRules.Line.allCases.filter { $0 != .payouts }.map { self[$0] }, in: currency)
        }
    }

    package var closing: Money {
        get throws(MoneyError) { try opening.adding(net).adding(self[.payouts]) }
    }
}

package import Domain

/// An entry as it stands in the journal.
package struct RecordedEntry: Hashable, Sendable {
    package struct Leg: Hashable, Sendable {
        package let account: LedgerAccount
        /// Positive for a debit, negative for a credit.
        package let amount: Money
        package let subject: String?

        package init(account: LedgerAccount, amount: Money, subject: String?) {
            self.account = account
            self.amount = amount
            self.subject = subject
        }
    }

    package let cause: Cause
    package let legs: [Leg]
    /// The seller whom the entry is about, if it is about one.
    package let seller: ID<Seller>?
    /// Whether the entry books a row of Stripe's that is not Souk's business, such as a seller's own sale elsewhere.
    package let isExternal: Bool
    /// In what proportion the platform's fee divides where several sellers have a part in the entry: by the fees of their
    /// lines.
    package let feeWeights: [ID<Seller>: Int64]

    package init(
        cause: Cause, legs: [Leg], seller: ID<Seller>?, isExternal: Bool = false, feeWeights: [ID<Seller>: Int64] = [:]
    ) {
        self.cause = cause
        self.legs = legs
        self.seller = seller
        self.isExternal = isExternal
        self.feeWeights = feeWeights
    }

    /// The sellers who have a part in the entry, in the order of their ids. Of a sale that is all fee, the seller's part
    /// is no leg.
    package var sellers: [ID<Seller>] {
        Set(legs.compactMap(\.account.seller) + [seller].compactMap(\.self) + feeWeights.keys).sorted()
    }
}

extension LedgerAccount {
    /// Whose money it is, where it is a seller's.
    package var seller: ID<Seller>? {
        switch self {
        case .sellerPayable(let seller), .sellerReserve(let seller), .sellerFunds(let seller),
            .sellerReceivable(let seller):
            seller
        default: nil
        }
    }
}

extension Cause {
    /// `charge_paid` of `charge_paid:ch_1`.
    package var kind: String { String(rawValue.prefix { $0 != ":" }) }
}

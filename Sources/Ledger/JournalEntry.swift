package import Domain

/// Why an entry exists. At most one entry of the journal has a given cause, so that the same fact, however often it is
/// told, is booked once.
package struct Cause: Hashable, Sendable, CustomStringConvertible {
    package let rawValue: String

    package init(rawValue: String) { self.rawValue = rawValue }

    package var description: String { rawValue }

    /// One row of Stripe's own books.
    package static func balanceTransaction(_ id: StripeBalanceTransactionID, of owner: BalanceOwner) -> Cause {
        Cause(rawValue: "balance_transaction:\(owner.code):\(id)")
    }
    /// One row of a seller's balance that the platform has paid.
    package static func collected(_ id: StripeBalanceTransactionID, of owner: BalanceOwner) -> Cause {
        Cause(rawValue: "collected:\(owner.code):\(id)")
    }
    package static func chargePaid(_ id: StripeChargeID) -> Cause { Cause(rawValue: "charge_paid:\(id)") }
    package static func chargeConverted(_ id: StripeChargeID) -> Cause { Cause(rawValue: "charge_converted:\(id)") }
    package static func refundConverted(_ id: StripeRefundID) -> Cause { Cause(rawValue: "refund_converted:\(id)") }
    package static func chargeFailedLate(_ id: StripeChargeID) -> Cause {
        Cause(rawValue: "charge_failed_late:\(id)")
    }
    package static func refund(_ id: StripeRefundID) -> Cause { Cause(rawValue: "refund:\(id)") }
    package static func refundFailed(_ id: StripeRefundID) -> Cause { Cause(rawValue: "refund_failed:\(id)") }
    package static func refundCanceled(_ id: StripeRefundID) -> Cause { Cause(rawValue: "refund_canceled:\(id)") }
    package static func transferMade(_ id: StripeTransferID) -> Cause { Cause(rawValue: "transfer_made:\(id)") }
    package static func netted(_ id: ID<Transfer>) -> Cause { Cause(rawValue: "netted:\(id)") }
    /// By the transfer that moves what is held back.
    package static func reserveHeld(_ id: ID<Transfer>) -> Cause { Cause(rawValue: "reserve_held:\(id)") }
    package static func reserveReleased(_ id: ID<Transfer>) -> Cause { Cause(rawValue: "reserve_released:\(id)") }
    package static func adjusted(_ id: ID<Adjustment>) -> Cause { Cause(rawValue: "adjusted:\(id)") }
    package static func writtenOff(_ id: ID<WriteOff>) -> Cause { Cause(rawValue: "written_off:\(id)") }
    package static func writeOffRecovered(_ id: ID<WriteOffRecovery>) -> Cause {
        Cause(rawValue: "write_off_recovered:\(id)")
    }
    package static func refundPaidOtherwise(_ id: StripeRefundID) -> Cause {
        Cause(rawValue: "refund_paid_otherwise:\(id)")
    }
    package static func refundGivenUp(_ id: StripeRefundID) -> Cause { Cause(rawValue: "refund_given_up:\(id)") }
    package static func reversalMade(_ id: StripeID<StripeTransferReversal>) -> Cause {
        Cause(rawValue: "reversal_made:\(id)")
    }
    package static func feeRefundMade(_ id: StripeID<StripeFeeRefund>) -> Cause {
        Cause(rawValue: "fee_refund_made:\(id)")
    }
    package static func disputeWithdrawn(_ id: StripeDisputeID) -> Cause {
        Cause(rawValue: "dispute_withdrawn:\(id)")
    }
    package static func disputeClaimed(_ id: StripeDisputeID) -> Cause { Cause(rawValue: "dispute_claimed:\(id)") }
    package static func disputeWon(_ id: StripeDisputeID) -> Cause { Cause(rawValue: "dispute_won:\(id)") }
    package static func disputeLost(_ id: StripeDisputeID) -> Cause { Cause(rawValue: "dispute_lost:\(id)") }
    package static func payoutCreated(_ id: StripePayoutID) -> Cause { Cause(rawValue: "payout_created:\(id)") }
    package static func payoutPaid(_ id: StripePayoutID) -> Cause { Cause(rawValue: "payout_paid:\(id)") }
    package static func payoutFailed(_ id: StripePayoutID) -> Cause { Cause(rawValue: "payout_failed:\(id)") }
    package static func payoutCanceled(_ id: StripePayoutID) -> Cause { Cause(rawValue: "payout_canceled:\(id)") }
}

/// One leg of an entry: a positive amount on one side of an account.
package struct Posting: Hashable, Sendable {
    package let account: LedgerAccount
    package let side: Side
    /// Always positive.
    package let amount: Money
    /// The object that the leg is about, such as the transfer of a `clearing:transfer` leg; clearing accounts return to
    /// zero for each subject.
    package let subject: String?

    private init(account: LedgerAccount, side: Side, amount: Money, subject: String?) {
        self.account = account
        self.side = side
        self.amount = amount
        self.subject = subject
    }

    /// Positive for a debit, negative for a credit: the sum over a balanced entry is zero.
    package var signedMinorUnits: Int64 { side == .debit ? amount.minorUnits : -amount.minorUnits }

    /// Zero, one or two legs would be written by hand as conditions: an amount of zero makes no leg, and a negative one
    /// turns to the other side, so that a refund can be written as the sale with its sign turned.
    package static func legs(_ side: Side, _ account: LedgerAccount, _ amount: Money, subject: String? = nil)
        -> [Posting]
    {
        if amount.isZero { return [] }
        guard amount.isNegative else {
            return [Posting(account: account, side: side, amount: amount, subject: subject)]
        }
        let magnitude = Money(Int64(clamping: amount.minorUnits.magnitude), amount.currency)
        return [Posting(account: account, side: side.opposite, amount: magnitude, subject: subject)]
    }

    package static func debit(_ account: LedgerAccount, _ amount: Money, subject: String? = nil) -> [Posting] {
        legs(.debit, account, amount, subject: subject)
    }

    package static func credit(_ account: LedgerAccount, _ amount: Money, subject: String? = nil) -> [Posting] {
        legs(.credit, account, amount, subject: subject)
    }
}

/// What an entry is about, for reading the journal by seller, order or Stripe account.
package struct Dimensions: Hashable, Sendable {
    package var owner: BalanceOwner
    package var seller: ID<Seller>?
    package var order: ID<Order>?

    package init(owner: BalanceOwner, seller: ID<Seller>? = nil, order: ID<Order>? = nil) {
        self.owner = owner
        self.seller = seller
        self.order = order
    }
}

/// A balanced event of the books with one cause. Never changed once written: a mistake gets a reversing entry.
package struct JournalEntry: Hashable, Sendable {
    package let cause: Cause
    /// When it happened in the world; the journal adds when it was recorded.
    package let effectiveAt: Timestamp
    package let dimensions: Dimensions
    /// Two or more; debits equal credits in each currency.
    package let postings: [Posting]

    /// - Throws: `UnbalancedEntry` unless debits equal credits in each currency and there are at least two legs.
    package init(
        cause: Cause, effectiveAt: Timestamp, dimensions: Dimensions, postings: [Posting]
    ) throws(UnbalancedEntry) {
        guard postings.count >= 2 else { throw .tooFewPostings(cause) }
        var sums: [Currency: Int64] = [:]
        for posting in postings {
            let (sum, overflow) = sums[posting.amount.currency, default: 0]
                .addingReportingOverflow(posting.signedMinorUnits)
            guard !overflow else { throw .overflow(cause) }
            sums[posting.amount.currency] = sum
        }
        for (currency, sum) in sums.sorted(by: { $0.key < $1.key }) where sum != 0 {
            throw .unequal(cause, Money(sum, currency))
        }
        self.cause = cause
        self.effectiveAt = effectiveAt
        self.dimensions = dimensions
        self.postings = postings
    }

    /// The same legs on their other sides, under a cause of its own.
    package func reversed(as cause: Cause, effectiveAt: Timestamp) throws(UnbalancedEntry) -> JournalEntry {
        try JournalEntry(
            cause: cause, effectiveAt: effectiveAt, dimensions: dimensions,
            postings: postings.flatMap { Posting.legs($0.side.opposite, $0.account, $0.amount, subject: $0.subject) })
    }
}

package enum UnbalancedEntry: Error, Hashable, CustomStringConvertible {
    case tooFewPostings(Cause)
    /// Debits less credits.
    case unequal(Cause, Money)
    case overflow(Cause)

    package var description: String {
        switch self {
        case .tooFewPostings(let cause): "the entry \(cause) has fewer than two postings"
        case .unequal(let cause, let difference):
            "the entry \(cause) does not balance: debits exceed credits by \(difference)"
        case .overflow(let cause): "the entry \(cause) has amounts past what an entry can hold"
        }
    }
}

/// Where an order stands between being placed and its money being final. The names are those of the API.
package enum OrderStatus: String, Hashable, Sendable, CaseIterable {
    case awaitingPayment = "awaiting_payment"
    /// The buyer must do something at the bank, such as 3-D Secure.
    case requiresAction = "requires_action"
    /// The payment method takes its time; Stripe will say.
    case processing
    /// The buyer's bank holds the amount; capture takes it.
    case authorized
    case paid
    case partiallyRefunded = "partially_refunded"
    case refunded
    /// The last try was declined; a new one may follow.
    case paymentFailed = "payment_failed"
    /// Stripe called it paid, and the bank took the money back.
    case failedAfterPayment = "failed_after_payment"
    /// The page or the authorization ran out; a new try may follow.
    case expired
    case canceled

    /// The buyer's money is, or was, with us.
    package var isPaid: Bool {
        switch self {
        case .paid, .partiallyRefunded, .refunded, .failedAfterPayment: true
        case .awaitingPayment, .requiresAction, .processing, .authorized, .paymentFailed, .expired, .canceled: false
        }
    }

    /// A buyer may still start to pay.
    package var acceptsPayment: Bool {
        switch self {
        case .awaitingPayment, .requiresAction, .paymentFailed, .expired: true
        case .processing, .authorized, .paid, .partiallyRefunded, .refunded, .failedAfterPayment, .canceled: false
        }
    }

    /// The order's status after `change`; a repeat changes nothing.
    ///
    /// What Stripe says last wins among the states before payment, since a buyer may try many times. Money is not
    /// forgotten: a paid order never goes back to waiting, and a canceled one takes no payment (such a payment is
    /// refunded whole instead).
    package func applying(_ change: OrderChange) throws(IllegalTransition) -> OrderStatus {
        switch (self, change) {
        case (.paid, .refundedInAll(let sum, let amount)), (.partiallyRefunded, .refundedInAll(let sum, let amount)),
            (.refunded, .refundedInAll(let sum, let amount)):
            // A refund may fail at the bank days later, so the sum may also shrink.
            if sum <= 0 { return .paid }
            return sum < amount ? .partiallyRefunded : .refunded
        case (.paid, .failedLate), (.partiallyRefunded, .failedLate), (.refunded, .failedLate),
            (.failedAfterPayment, .failedLate):
            return .failedAfterPayment
        // Repeats of what led here.
        case (.paid, .paid), (.partiallyRefunded, .paid), (.refunded, .paid): return self
        case (.canceled, .canceled): return .canceled
        case (.awaitingPayment, _), (.requiresAction, _), (.processing, _), (.paymentFailed, _), (.expired, _):
            return try beforePayment(change)
        case (.authorized, .authorized): return .authorized
        case (.authorized, .paid): return .paid
        case (.authorized, .canceled): return .canceled
        case (.authorized, .expired): return .expired
        default: throw IllegalTransition(status: self, change: change)
        }
    }

    private func beforePayment(_ change: OrderChange) throws(IllegalTransition) -> OrderStatus {
        switch change {
        case .newTry: .awaitingPayment
        case .actionRequired: .requiresAction
        case .processing: .processing
        case .authorized: .authorized
        case .paid: .paid
        case .declined: .paymentFailed
        case .expired: .expired
        case .canceled: .canceled
        case .refundedInAll, .failedLate: throw IllegalTransition(status: self, change: change)
        }
    }
}

/// What may happen to an order's payment.
package enum OrderChange: Hashable, Sendable {
    /// A payable object waits for the buyer again.
    case newTry
    case actionRequired
    case processing
    case authorized
    case paid
    case declined
    case expired
    case canceled
    /// The sum of refunds that stand, of what was paid, in minor units.
    case refundedInAll(Int64, of: Int64)
    case failedLate
}

package struct IllegalTransition: CodedError, Hashable, CustomStringConvertible {
    package let status: OrderStatus
    package let change: OrderChange

    package var code: ErrorCode { .illegalTransition }
    package var parameter: String? { nil }
    package var message: String { "An order that is \(status.rawValue) cannot become that: \(change)." }
    package var description: String { message }

    package init(status: OrderStatus, change: OrderChange) {
        self.status = status
        self.change = change
    }
}

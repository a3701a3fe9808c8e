package import Domain

/// An order as Souk keeps it: what was sold, and what Stripe said of its payment.
package struct OrderRecord: Sendable {
    /// Where the buyer pays.
    package enum Payment: String, Sendable, CaseIterable, Codable {
        /// A page of Stripe's.
        case checkout
        /// The marketplace's own page, with Stripe's elements.
        case paymentIntent = "payment_intent"
    }

    package enum Capture: String, Sendable, CaseIterable, Codable {
        case automatic, manual
    }

    package let id: ID<Order>
    package let externalID: String?
    package var status: OrderStatus
    package let shape: ChargeShape
    /// Who gets what of it; a destination charge has one seller.
    package internal(set) var sellers: [OrderSeller]
    /// When the sellers get their shares.
    package let release: ChargeShape.Release
    /// Who bears a dispute.
    package let disputeBearer: DisputeBearer
    /// What the buyer was asked for when the order was placed.
    package let amount: Money
    /// What stays with the platform. Of a destination charge Stripe keeps it back as the application fee.
    package internal(set) var applicationFee: Money
    package var amountCaptured: Money
    /// The refunds that stand.
    package var amountRefunded: Money
    package let buyerExternalID: String?
    package let buyerEmail: String?
    package let payment: Payment
    package let capture: Capture
    package let successURL: String?
    package let cancelURL: String?
    package let metadata: Metadata
    package var payable: Payable
    /// The charge that paid it.
    package var charge: StripeChargeID?
    package var lastPaymentError: PaymentError?
    /// What its disputes come to.
    package var disputeStage: DisputeStage?
    /// What banks warn of.
    package internal(set) var fraudWarnings: [ID<FraudWarning>] = []
    /// Somebody asked to cancel, and Stripe has not confirmed yet that nobody can pay any more.
    package var cancelRequestedAt: Timestamp?
    package var canceledAt: Timestamp?
    package var paidAt: Timestamp?
    package let livemode: Bool
    package let created: Timestamp
    package var updated: Timestamp
    package internal(set) var lines: [OrderLine]
    /// What was decided of the sellers' shares of separate charges, line by line.
    package internal(set) var releases: [ID<OrderLine>: LineRelease]
    /// What was held back of lines' shares when the order was paid.
    package internal(set) var reserves: [ID<OrderLine>: Money]

    package var currency: Currency { amount.currency }

    /// What the lines come to: the order's amount, or what was captured of it.
    package var total: Money {
        get throws(MoneyError) { try Money.sum(lines.map(\.amount), in: currency) }
    }

    /// To whom Stripe moves the charge by itself; nil for separate charges.
    package var destination: OrderSeller? { shape == .separate ? nil : sellers.first }

    /// How the whole order's money divides.
    package var division: OrderDivision {
        get throws(MoneyError) { try OrderDivision(lines: lines, currency: currency) }
    }
}

/// A seller's part in an order, frozen when it was placed.
package struct OrderSeller: Hashable, Sendable {
    package let seller: ID<Seller>
    /// The seller's account when the order was placed: where the money goes.
    package let stripeAccount: StripeAccountID
    package let amount: Money
    /// What of it is held back after the payment; nil for nothing.
    package let reserve: ReserveTerms?
}

/// The one object at Stripe through which a buyer can pay for an order.
package struct Payable: Hashable, Sendable {
    package enum State: String, Sendable {
        case none
        /// Written down; Stripe has not answered yet, so nobody can pay through it.
        case creating
        case open
        /// Paid, expired, canceled: nobody can pay through it any more.
        case closed
    }

    package var state: State
    /// Counts the objects that were made for the order.
    package var tryNumber: Int
    /// The operation that makes it; also in the object's metadata, which tells it from earlier ones.
    package var operation: ID<Operation>?
    package var checkoutSession: StripeCheckoutSessionID?
    package var checkoutURL: String?
    package var paymentIntent: StripePaymentIntentID?
    /// For the buyer's browser only; never logged and never in an event.
    package var clientSecret: String?
    package var expiresAt: Timestamp?

    package static func creating(tryNumber: Int) -> Payable {
        Payable(
            state: .creating, tryNumber: tryNumber, operation: nil, checkoutSession: nil, checkoutURL: nil,
            paymentIntent: nil, clientSecret: nil, expiresAt: nil)
    }

    /// Nobody can pay through it any more: what a browser could pay with is forgotten.
    package mutating func close() {
        if state == .open || state == .creating { state = .closed }
        checkoutURL = nil
        clientSecret = nil
    }
}

/// Why a try to pay failed, in Stripe's words.
package struct PaymentError: Hashable, Sendable, Codable {
    package let code: String?
    package let declineCode: String?
    /// Made for buyers by Stripe.
    package let message: String?

    package init(code: String?, declineCode: String?, message: String?) {
        self.code = code
        self.declineCode = declineCode
        self.message = message
    }

    private enum CodingKeys: String, CodingKey {
        case code, message
        case declineCode = "decline_code"
    }
}

package import Domain

/// What Stripe calls an early fraud warning: the card's bank says that a charge may be fraudulent, mostly before the buyer
/// disputes it.
package struct FraudWarningResource: StripeObject {
    package let id: StripeFraudWarningID
    /// Neither wholly refunded nor disputed: a refund may still prevent a dispute.
    package let actionable: Bool
    package let charge: Reference<StripeCharge>
    /// Absent from answers of older versions and for charges without one.
    package let paymentIntent: Reference<StripePaymentIntent>?
    /// `made_with_stolen_card`, `unauthorized_use_of_card`, `misc` and further ones of Stripe's list.
    package let fraudType: String
    package let livemode: Bool
    package let created: Timestamp

    package var cursor: String { id.rawValue }

    private enum CodingKeys: String, CodingKey {
        case id, actionable, charge, livemode, created
        case paymentIntent = "payment_intent"
        case fraudType = "fraud_type"
    }
}

/// What Souk does by itself when a card's bank warns that the payment of an order may be fraudulent. The names are those
/// of the configuration.
package enum FraudWarningPolicy: String, Hashable, Sendable, CaseIterable {
    /// It is written down and told, and a person decides.
    case none
    /// What remains of the payment goes back to the buyer, which mostly spares the dispute and its fee.
    case refund
    /// The sellers' shares that are still with the platform stay there.
    case holdRelease = "hold_release"

    /// What is done about a warning when it becomes known, once.
    package func action(on facts: FraudWarningFacts) -> FraudWarningAction {
        guard facts.isActionable, facts.paysOrder else { return .none }
        switch self {
        case .none: return .none
        case .refund:
            let isRefundable = facts.order == .paid || facts.order == .partiallyRefunded
            return isRefundable && facts.dispute == nil && facts.left.isPositive ? .refund : .none
        // Of every other shape the seller has the money with the payment.
        case .holdRelease: return facts.shape == .separate ? .hold : .none
        }
    }
}

/// What was done about a fraud warning.
package enum FraudWarningAction: String, Hashable, Sendable, CaseIterable {
    case none, refund, hold
}

/// What decides about a fraud warning.
package struct FraudWarningFacts: Hashable, Sendable {
    /// Stripe's word: the charge is neither wholly refunded nor disputed.
    package var isActionable: Bool
    /// The charge pays the order; one that came for a canceled or paid order goes back by itself.
    package var paysOrder: Bool
    package var order: OrderStatus
    package var shape: ChargeShape
    package var dispute: DisputeStage?
    /// What nobody has asked to refund and no dispute has claimed.
    package var left: Money

    package init(
        isActionable: Bool, paysOrder: Bool, order: OrderStatus, shape: ChargeShape, dispute: DisputeStage?, left: Money
    ) {
        self.isActionable = isActionable
        self.paysOrder = paysOrder
        self.order = order
        self.shape = shape
        self.dispute = dispute
        self.left = left
    }
}

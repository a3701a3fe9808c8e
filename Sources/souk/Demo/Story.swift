/// What a buyer and the marketplace do with one order, step by step, and how the order must stand after each.
struct Story: Sendable {
    enum Action: Sendable {
        /// The buyer pays with a test payment method.
        case pay(with: String)
        /// The buyer's bank asks, and the buyer passes or not.
        case authenticate(passes: Bool)
        case cancel
        case capture
        /// The buyer never comes back.
        case leave
    }

    struct Step: Sendable {
        let action: Action
        /// The order's status once everything has come to rest.
        let leads: String
    }

    let title: String
    let steps: [Step]
    /// Nil where both ways to pay do.
    var payment: DemoPlan.Payment?
    var isCapturedLater = false
    /// The last status that the order reaches, when more than its steps leads there.
    var end: String?

    var expectedEnd: String { end ?? steps.last?.leads ?? "awaiting_payment" }
    var isPaid: Bool { expectedEnd == "paid" }

    private static func paying(_ card: String, _ leads: String = "paid") -> Step {
        Step(action: .pay(with: "pm_card_\(card)"), leads: leads)
    }

    private static let passing = Step(action: .authenticate(passes: true), leads: "paid")
    private static let failing = Step(action: .authenticate(passes: false), leads: "payment_failed")

    /// Each with how many orders take that course; forty in all. Declined payments that stay so are made without a page,
    /// since Checkout's pages expire a day later.
    static let all: [(Story, count: Int)] = [
        (Story(title: "paid at once (Visa)", steps: [paying("visa")]), 11),
        (Story(title: "paid at once (Mastercard)", steps: [paying("mastercard")]), 6),
        (Story(title: "paid at once (Amex)", steps: [paying("amex")]), 3),
        (
            Story(
                title: "paid after 3-D Secure", steps: [paying("authenticationRequired", "requires_action"), passing]),
            4
        ),
        (
            Story(
                title: "3-D Secure failed, paid with another card",
                steps: [paying("threeDSecure2Required", "requires_action"), failing, paying("visa")]), 1
        ),
        (
            Story(
                title: "3-D Secure failed, given up",
                steps: [paying("threeDSecure2Required", "requires_action"), failing], payment: .paymentIntent), 1
        ),
        (
            Story(
                title: "declined, paid with another card",
                steps: [paying("chargeDeclined", "payment_failed"), paying("visa")]), 3
        ),
        (
            Story(
                title: "insufficient funds, paid with another card",
                steps: [paying("chargeDeclinedInsufficientFunds", "payment_failed"), paying("mastercard")]), 2
        ),
        (
            Story(
                title: "declined, given up", steps: [paying("chargeDeclinedExpiredCard", "payment_failed")],
                payment: .paymentIntent), 3
        ),
        (
            Story(
                title: "authorized, then captured",
                steps: [paying("visa", "authorized"), Step(action: .capture, leads: "paid")], isCapturedLater: true), 2
        ),
        (Story(title: "canceled before payment", steps: [Step(action: .cancel, leads: "canceled")]), 2),
        (
            Story(
                title: "abandoned, page expired", steps: [Step(action: .leave, leads: "awaiting_payment")],
                payment: .checkout, end: "expired"), 2
        ),
    ]
}

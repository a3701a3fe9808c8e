package import Domain

/// Something is wrong between our rows and Stripe's objects: for the log, an operation's reason or a parked event, never
/// for callers.
package enum OrderError: Error, CustomStringConvertible {
    case unreadableRow(String)
    case orderMissing(String)
    /// Stripe took another amount than the order's.
    case amountDiffers(order: ID<Order>, charge: StripeChargeID, expected: Money, actual: Int64, currency: String)
    /// Stripe paid another account than the order's seller's.
    case destinationDiffers(order: ID<Order>, charge: StripeChargeID)
    case chargeNotExpanded(StripePaymentIntentID)
    case listTooLong(String)

    package var description: String {
        switch self {
        case .unreadableRow(let text): "an order's row cannot be read: \(text)"
        case .orderMissing(let id): "the order \(id) of an operation does not exist"
        case .amountDiffers(let order, let charge, let expected, let actual, let currency):
            "the charge \(charge) of order \(order) is over \(actual) \(currency), not over \(expected)"
        case .destinationDiffers(let order, let charge):
            "the charge \(charge) of order \(order) went to another account than the seller's"
        case .chargeNotExpanded(let intent): "Stripe did not expand the charge of \(intent)"
        case .listTooLong(let what): "Stripe has more \(what) than it shows with the charge"
        }
    }
}

package import Domain

/// Something is wrong between our rows and Stripe's objects: for the log, an operation's reason or a parked event, never
/// for callers.
package enum OrderError: Error, CustomStringConvertible {
    case unreadableRow(String)
    case orderMissing(String)
    /// Stripe took another amount than the order's.
    case amountDiffers(order: ID<Order>, charge: StripeChargeID, expected: Money, actual: Int64, currency: String)
    /// A part of the order was captured at Stripe, and with another fee than the order's policies ask of that part.
    case captureDiffers(order: ID<Order>, charge: StripeChargeID, captured: Int64, fee: Int64?)
    /// Stripe paid another account than the order's seller's.
    case destinationDiffers(order: ID<Order>, charge: StripeChargeID)
    /// Stripe moved another amount than the transfer's operation asked for.
    case transferDiffers(StripeTransferID, expected: Money, actual: Int64, currency: String)
    /// Stripe's refund is not the one that was asked for.
    case refundDiffers(ID<Refund>, refund: StripeRefundID, amount: Int64)
    /// Made at Stripe while one of Souk's is under way that claims the same money: one of the two will be refused.
    case refundUnderWay(order: ID<Order>, refund: StripeRefundID)
    /// The bank took a payment back while a refund of it was on its way.
    case refundOnItsWay(order: ID<Order>, charge: StripeChargeID, refund: ID<Refund>)
    /// The bank took a payment back that Stripe had converted: what each must give of it is not computed yet.
    case convertedPaymentFailed(order: ID<Order>, charge: StripeChargeID)
    case chargeNotExpanded(StripePaymentIntentID)
    case listTooLong(String)

    package var description: String {
        switch self {
        case .unreadableRow(let text): "an order's row cannot be read: \(text)"
        case .orderMissing(let id): "the order \(id) of an operation does not exist"
        case .amountDiffers(let order, let charge, let expected, let actual, let currency):
            "the charge \(charge) of order \(order) is over \(actual) \(currency), not over \(expected)"
        case .captureDiffers(let order, let charge, let captured, let fee):
            "\(captured) of the charge \(charge) of order \(order) was captured, with a fee of \(fee ?? 0), which is not what the "
                + "order's policies ask of it"
        case .destinationDiffers(let order, let charge):
            "the charge \(charge) of order \(order) went to another account than the seller's"
        case .transferDiffers(let transfer, let expected, let actual, let currency):
            "the transfer \(transfer) moved \(actual) \(currency), not \(expected)"
        case .refundDiffers(let id, let refund, let amount):
            "Stripe's refund \(refund) is over \(amount), which is not what the refund \(id) asked for"
        case .refundOnItsWay(let order, let charge, let refund):
            "the bank took the charge \(charge) of order \(order) back while the refund \(refund) is on its way"
        case .refundUnderWay(let order, let refund):
            "the refund \(refund) of order \(order) is booked when those that Souk asked for have ended"
        case .convertedPaymentFailed(let order, let charge):
            "the bank took the charge \(charge) of order \(order) back, which Stripe had converted: book it by hand"
        case .chargeNotExpanded(let intent): "Stripe did not expand the charge of \(intent)"
        case .listTooLong(let what): "Stripe has more \(what) than it shows with the charge"
        }
    }
}

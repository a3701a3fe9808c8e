import Domain
import Sellers
import Store
import StripeAPI

/// What Stripe is asked for so that a buyer can pay for an order. Pure: the same order and operation make the same bytes.
package struct PayableRequests: Sendable {
    /// How browsers reach Souk, without a slash at the end.
    let publicURL: String

    package init(publicURL: String) { self.publicURL = publicURL }

    /// Checkout shows at most this many lines.
    static let maximumCheckoutLines = 100

    func request(for order: OrderRecord, operation: ID<Operation>) -> OperationRequest {
        switch order.payment {
        case .checkout: OperationRequest(checkoutSession(for: order, operation: operation))
        case .paymentIntent: OperationRequest(paymentIntent(for: order, operation: operation))
        }
    }

    func checkoutSession(for order: OrderRecord, operation: ID<Operation>) -> StripeRequest {
        CreateCheckoutSession(
            currency: order.currency, lineItems: Self.checkoutItems(of: order),
            successURL: order.successURL ?? "\(publicURL)/checkout/success",
            cancelURL: order.cancelURL ?? "\(publicURL)/checkout/canceled", customerEmail: order.buyerEmail,
            clientReferenceID: order.id.rawValue, applicationFeeAmount: order.sentFee,
            destination: order.destination?.stripeAccount, transferGroup: order.id.rawValue,
            captureMethod: order.sentCapture, description: order.sentDescription, metadata: metadata(order, operation)
        ).request
    }

    func paymentIntent(for order: OrderRecord, operation: ID<Operation>) -> StripeRequest {
        CreatePaymentIntent(
            amount: order.amount, applicationFeeAmount: order.sentFee, destination: order.destination?.stripeAccount,
            transferGroup: order.id.rawValue, captureMethod: order.sentCapture, description: order.sentDescription,
            metadata: metadata(order, operation)
        ).request
    }

    private func metadata(_ order: OrderRecord, _ operation: ID<Operation>) -> [String: String] {
        ["souk_order": order.id.rawValue, "souk_operation": operation.rawValue]
    }

    /// What the buyer sees on Stripe's page. Its items cannot be negative, so an order with discounts shows its total;
    /// one with too many lines shows one item for the sellers' part, one for tax and one for the platform's.
    static func checkoutItems(of order: OrderRecord) -> [CreateCheckoutSession.LineItem] {
        typealias Item = CreateCheckoutSession.LineItem
        let name = order.sentDescription
        guard order.lines.allSatisfy({ $0.kind != .discount }) else {
            return [Item(name: name, unitAmount: order.amount.minorUnits, quantity: 1)]
        }
        guard order.lines.count > maximumCheckoutLines else {
            return order.lines.map {
                Item(name: $0.description, unitAmount: $0.unitAmount.minorUnits, quantity: $0.quantity)
            }
        }
        let groups: [(String, (OrderLine) -> Bool)] = [
            (name, { $0.seller != nil }), ("Tax", { $0.kind == .tax }),
            ("Service", { $0.seller == nil && $0.kind != .tax }),
        ]
        return groups.compactMap { name, belongs in
            let amount = order.lines.filter(belongs).reduce(0) { $0 + $1.amount.minorUnits }
            return amount == 0 ? nil : Item(name: name, unitAmount: amount, quantity: 1)
        }
    }
}

/// Calls about one payment that exists.
enum PaymentCalls {
    /// What one read of a payment must bring, so that nothing else has to be read.
    private static let parts = ["latest_charge.transfer", "latest_charge.application_fee", "latest_charge.refunds"]

    static func retrieve(_ id: StripePaymentIntentID) -> StripeRequest {
        RetrievePaymentIntent(id, expand: parts).request
    }

    static func retrieve(_ id: StripeCheckoutSessionID) -> StripeRequest {
        RetrieveCheckoutSession(id, expand: ["payment_intent"] + parts.map { "payment_intent.\($0)" }).request
    }

    static func cancel(_ id: StripePaymentIntentID) -> StripeRequest {
        CancelPaymentIntent(id, expand: parts).request
    }

    static func capture(_ id: StripePaymentIntentID) -> StripeRequest {
        CapturePaymentIntent(id, expand: parts).request
    }

    /// Takes a part of what was authorized. `fee` is the platform's of that part, nil where Stripe keeps none back.
    static func capture(_ id: StripePaymentIntentID, amount: Money, fee: Money?) -> StripeRequest {
        CapturePaymentIntent(
            id, amountToCapture: amount.minorUnits, applicationFeeAmount: fee?.minorUnits, expand: parts
        ).request
    }

    /// Sends a whole charge back to the buyer from the platform. A destination charge's seller gives it by the reversal of
    /// the transfer, and with the platform's fee; of a separate charge that nobody wanted nothing has been transferred.
    static func refundUnwanted(
        _ charge: ChargeRecord, amount: Int64?, takesTransfer: Bool, takesFee: Bool, operation: ID<Operation>
    ) -> StripeRequest {
        CreateRefund(
            charge: charge.id, amount: amount, reverseTransfer: takesTransfer ? true : nil,
            refundApplicationFee: takesFee ? true : nil,
            metadata: ["souk_order": charge.order.rawValue, "souk_operation": operation.rawValue]
        ).request
    }
}

extension OrderRecord {
    /// No fee is sent as no fee: Stripe makes no application fee object then.
    fileprivate var sentFee: Int64? {
        destination != nil && applicationFee.isPositive ? applicationFee.minorUnits : nil
    }
    fileprivate var sentCapture: String? { capture == .manual ? "manual" : nil }
    /// What support staff see in Stripe's Dashboard.
    fileprivate var sentDescription: String { "Order \(externalID ?? id.rawValue)" }
}

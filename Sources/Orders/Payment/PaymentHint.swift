import Domain
import FoundationEssentials
import Store
import StripeAPI

/// What an event's envelope says of whose payment it is about. Enough to find the order, never enough to believe.
struct PaymentHint: Sendable, Decodable {
    let object: String
    let id: String
    private let paymentIntentReference: Reference<StripePaymentIntent>?
    let status: String?
    let amountRefunded: Int64?
    let amountReversed: Int64?
    private let fee: Reference<StripeApplicationFee>?
    private let sourceTransaction: Reference<StripeCharge>?
    private let originatingTransaction: Reference<StripeCharge>?
    private let metadata: [String: String]?

    init?(_ event: InboundEvent) {
        struct Envelope: Decodable {
            struct Content: Decodable { let object: PaymentHint }
            let data: Content
        }
        guard let envelope = try? JSONDecoder().decode(Envelope.self, from: Data(event.body)) else { return nil }
        self = envelope.data.object
    }

    var paymentIntent: StripePaymentIntentID? {
        object == "payment_intent" ? StripePaymentIntentID(id) : paymentIntentReference?.id
    }

    var checkoutSession: StripeCheckoutSessionID? {
        object == "checkout.session" ? StripeCheckoutSessionID(id) : nil
    }

    /// What the event of a transfer, an application fee or a fee refund says of the charge that it belongs to: it names
    /// no payment.
    var part: PartOfCharge? {
        switch object {
        case "transfer": PartOfCharge(transfer: StripeTransferID(id), fee: nil, charge: sourceTransaction?.id)
        case "application_fee":
            PartOfCharge(transfer: nil, fee: StripeApplicationFeeID(id), charge: originatingTransaction?.id)
        case "fee_refund": PartOfCharge(transfer: nil, fee: fee?.id, charge: nil)
        default: nil
        }
    }

    struct PartOfCharge: Sendable {
        let transfer: StripeTransferID?
        let fee: StripeApplicationFeeID?
        let charge: StripeChargeID?
    }

    var order: ID<Order>? { metadata?["souk_order"].flatMap({ ID<Order>($0) }) }
    /// The operation of ours that made the object.
    var operation: ID<Operation>? { metadata?["souk_operation"].flatMap({ ID<Operation>($0) }) }

    private enum CodingKeys: String, CodingKey {
        case object, id, status, metadata, fee
        case paymentIntentReference = "payment_intent"
        case amountRefunded = "amount_refunded"
        case amountReversed = "amount_reversed"
        case sourceTransaction = "source_transaction"
        case originatingTransaction = "originating_transaction"
    }
}

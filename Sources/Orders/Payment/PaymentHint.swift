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

    var order: ID<Order>? { metadata?["souk_order"].flatMap({ ID<Order>($0) }) }

    private enum CodingKeys: String, CodingKey {
        case object, id, status, metadata
        case paymentIntentReference = "payment_intent"
        case amountRefunded = "amount_refunded"
    }
}

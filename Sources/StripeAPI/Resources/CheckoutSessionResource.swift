package import Domain

/// A payment page of Stripe's. `complete` does not mean paid: `paymentStatus` tells that.
package struct CheckoutSessionResource: StripeObject {
    package let id: StripeCheckoutSessionID
    package let mode: String
    package let status: StripeCheckoutSessionStatus?
    package let paymentStatus: StripeCheckoutPaymentStatus
    /// Only while it is open.
    package let url: String?
    package let amountSubtotal: Int64?
    package let amountTotal: Int64?
    package let currency: Currency?
    /// Nil until the buyer pays.
    package let paymentIntent: Expandable<PaymentIntentResource>?
    package let customer: Reference<StripeCustomer>?
    package let customerEmail: String?
    package let customerDetails: CustomerDetails?
    package let clientReferenceID: String?
    package let totalDetails: TotalDetails?
    package let successURL: String?
    package let cancelURL: String?
    package let metadata: [String: String]
    package let livemode: Bool
    package let expiresAt: Timestamp
    package let created: Timestamp

    /// What the buyer entered.
    package struct CustomerDetails: Codable, Hashable, Sendable {
        package let email: String?
        package let name: String?
    }

    package struct TotalDetails: Codable, Hashable, Sendable {
        package let amountDiscount: Int64
        package let amountShipping: Int64?
        package let amountTax: Int64

        private enum CodingKeys: String, CodingKey {
            case amountDiscount = "amount_discount"
            case amountShipping = "amount_shipping"
            case amountTax = "amount_tax"
        }
    }

    package var cursor: String { id.rawValue }

    private enum CodingKeys: String, CodingKey {
        case id, mode, status, url, currency, customer, metadata, livemode, created
        case paymentStatus = "payment_status"
        case amountSubtotal = "amount_subtotal"
        case amountTotal = "amount_total"
        case paymentIntent = "payment_intent"
        case customerEmail = "customer_email"
        case customerDetails = "customer_details"
        case clientReferenceID = "client_reference_id"
        case totalDetails = "total_details"
        case successURL = "success_url"
        case cancelURL = "cancel_url"
        case expiresAt = "expires_at"
    }
}

/// Whether the page can still be used.
package struct StripeCheckoutSessionStatus: OpenEnum {
    package let rawValue: String
    package init(rawValue: String) { self.rawValue = rawValue }

    package static let open = Self(rawValue: "open")
    package static let complete = Self(rawValue: "complete")
    package static let expired = Self(rawValue: "expired")
}

/// Whether the page brought money.
package struct StripeCheckoutPaymentStatus: OpenEnum {
    package let rawValue: String
    package init(rawValue: String) { self.rawValue = rawValue }

    package static let unpaid = Self(rawValue: "unpaid")
    package static let paid = Self(rawValue: "paid")
    package static let noPaymentRequired = Self(rawValue: "no_payment_required")
}

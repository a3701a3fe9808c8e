package import Domain

/// Stripe's record of a buyer. Its address is not unique.
package struct CustomerResource: StripeObject {
    package let id: StripeID<StripeCustomer>
    package let email: String?
    package let name: String?
    package let metadata: [String: String]
    package let livemode: Bool
    package let created: Timestamp

    package var cursor: String { id.rawValue }
}

package import Domain

/// What an account has at Stripe, per currency; amounts may be negative.
package struct BalanceResource: Codable, Hashable, Sendable {
    package let available: [Amount]
    package let pending: [Amount]
    /// Held in the platform's balance for sellers' negative ones.
    package let connectReserved: [Amount]?
    package let instantAvailable: [Amount]?
    package let livemode: Bool

    package struct Amount: Codable, Hashable, Sendable {
        package let amount: Int64
        package let currency: Currency
    }

    private enum CodingKeys: String, CodingKey {
        case available, pending, livemode
        case connectReserved = "connect_reserved"
        case instantAvailable = "instant_available"
    }
}

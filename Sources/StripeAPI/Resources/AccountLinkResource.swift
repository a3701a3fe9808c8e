package import Domain

/// An address of Stripe's onboarding: works once and for minutes, so it is made on the click and never stored.
package struct AccountLinkResource: Codable, Hashable, Sendable {
    package let url: String
    package let expiresAt: Timestamp
    package let created: Timestamp

    private enum CodingKeys: String, CodingKey {
        case url, created
        case expiresAt = "expires_at"
    }
}

/// An address that opens the seller's Express dashboard: works once.
package struct LoginLinkResource: Codable, Hashable, Sendable {
    package let url: String
    package let created: Timestamp
}

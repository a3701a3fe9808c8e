/// A seller as Souk keeps it.
package struct SellerRecord: Hashable, Sendable {
    package let id: ID<Seller>
    /// The marketplace's own id for this seller; unique.
    package let externalID: String
    /// Where the marketplace reaches the seller. What the seller tells Stripe is `account.email`.
    package var email: String?
    /// ISO 3166-1 alpha-2; fixed once Stripe has made the account.
    package var country: String
    package var businessType: BusinessType?
    package var metadata: Metadata
    package let origin: SellerOrigin
    /// The connected account; nil until Stripe has made it.
    package var stripeAccount: StripeAccountID?
    /// Those that the seller had before, the last one at the end.
    package var formerAccounts: [StripeAccountID]
    /// What Stripe said last about the account.
    package var account: AccountFacts?
    /// When the account left the platform; nil while it belongs to it.
    package var deauthorizedAt: Timestamp?
    package var hold: SellerHold?
    package let livemode: Bool
    package let created: Timestamp
    package var updated: Timestamp

    package init(
        id: ID<Seller>, externalID: String, email: String?, country: String, businessType: BusinessType?,
        metadata: Metadata, origin: SellerOrigin, stripeAccount: StripeAccountID?,
        formerAccounts: [StripeAccountID] = [], account: AccountFacts?,
        deauthorizedAt: Timestamp?, hold: SellerHold?, livemode: Bool, created: Timestamp, updated: Timestamp
    ) {
        self.id = id
        self.externalID = externalID
        self.email = email
        self.country = country
        self.businessType = businessType
        self.metadata = metadata
        self.origin = origin
        self.stripeAccount = stripeAccount
        self.formerAccounts = formerAccounts
        self.account = account
        self.deauthorizedAt = deauthorizedAt
        self.hold = hold
        self.livemode = livemode
        self.created = created
        self.updated = updated
    }

    package var isDeauthorized: Bool { deauthorizedAt != nil }
    package var status: SellerStatus { SellerStatus(account: account, isDeauthorized: isDeauthorized) }
    package var attention: [SellerAttention] { SellerAttention.all(account: account, isDeauthorized: isDeauthorized) }

    /// Whether an order for this seller can become a destination charge now.
    package var canBeCharged: Bool { obstacleToDestinationCharge == nil }

    package var obstacleToDestinationCharge: ChargeObstacle? {
        SellerReadiness.obstacleToDestinationCharge(account: account, isDeauthorized: isDeauthorized, hold: hold)
    }

    package var obstacleToDirectCharge: ChargeObstacle? {
        SellerReadiness.obstacleToDirectCharge(account: account, isDeauthorized: isDeauthorized, hold: hold)
    }

    package var obstacleToTransfer: ChargeObstacle? {
        SellerReadiness.obstacleToTransfer(account: account, isDeauthorized: isDeauthorized, hold: hold)
    }

    /// - Throws: `seller_not_ready`, which names the seller and says what stands in the way.
    package func requireChargeable(parameter: String? = nil) throws(Refusal) {
        guard let obstacle = obstacleToDestinationCharge else { return }
        throw Refusal(
            .sellerNotReady, "Seller \(id) cannot be charged for yet: \(obstacle.message).", parameter: parameter)
    }

    /// Whether a caller would see a difference; `updated` alone is none.
    package func looksLike(_ other: SellerRecord) -> Bool {
        var other = other
        other.updated = updated
        return self == other
    }
}

/// How the connected account came to be.
package enum SellerOrigin: String, Hashable, Sendable, Codable {
    /// Souk had Stripe make it.
    case souk
    /// It existed, and joined with `stripe_account`.
    case joined
}

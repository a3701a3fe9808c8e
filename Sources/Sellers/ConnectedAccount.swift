package import Domain

extension SellerRecord {
    /// The account, for what needs one.
    /// - Parameter purpose: completes "so the seller cannot …".
    /// - Returns: the connected account that belongs to the platform.
    /// - Throws: `seller_not_ready` where there is none yet or none any more.
    package func requireConnectedAccount(to purpose: String) throws(Refusal) -> StripeAccountID {
        if isDeauthorized {
            throw Refusal(
                .sellerNotReady, "The account of seller \(id) has left the platform, so the seller cannot \(purpose).")
        }
        guard let stripeAccount else {
            throw Refusal(
                .sellerNotReady,
                "Seller \(id) has no account at Stripe yet, so the seller cannot \(purpose). Try again when "
                    + "stripe_account is set.")
        }
        return stripeAccount
    }
}

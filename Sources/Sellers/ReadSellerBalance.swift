package import Domain
import Hummingbird
package import Store
package import StripeAPI
import Web

/// What is in a seller's balance at Stripe right now. Never kept: the available balance is read when it is needed.
package struct ReadSellerBalance: Sendable {
    let store: Store
    let stripe: StripeClient

    package init(store: Store, stripe: StripeClient) {
        self.store = store
        self.stripe = stripe
    }

    /// - Throws: `seller_not_found`, `seller_not_ready`, `stripe_unavailable`.
    package func callAsFunction(_ id: ID<Seller>) async throws -> (account: StripeAccountID, balance: BalanceResource) {
        let account = try await store.requireSeller(id).requireConnectedAccount(to: "have a balance")
        return (account, try await stripe.send(RetrieveBalance(account: account)))
    }
}

/// Amounts are in minor units and may be negative, for each currency.
struct SellerBalanceBody: ResponseEncodable, Sendable {
    struct Amount: Encodable, Sendable {
        let amount: Int64
        let currency: Currency

        init(_ amount: BalanceResource.Amount) {
            self.amount = amount.amount
            currency = amount.currency
        }
    }

    let object = "balance"
    let seller: ID<Seller>
    let stripeAccount: StripeAccountID
    let available: [Amount]
    let pending: [Amount]
    let livemode: Bool

    private enum CodingKeys: String, CodingKey {
        case object, seller, stripeAccount, available, pending, livemode
    }
}

extension SellerRoutes {
    @Sendable func balance(_ request: Request, _ context: SoukContext) async throws -> SellerBalanceBody {
        try request.refuseQuery()
        let id = try context.id(of: Seller.self, else: .sellerNotFound)
        let (account, balance) = try await ReadSellerBalance(store: store, stripe: stripe)(id)
        return SellerBalanceBody(
            seller: id, stripeAccount: account, available: balance.available.map(SellerBalanceBody.Amount.init),
            pending: balance.pending.map(SellerBalanceBody.Amount.init), livemode: balance.livemode)
    }
}

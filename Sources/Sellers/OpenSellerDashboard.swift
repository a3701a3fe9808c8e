package import Domain
import Hummingbird
package import Store
package import StripeAPI
import Web

/// Opens the seller's Express dashboard: an address that works once, made when the seller clicks and never kept.
package struct OpenSellerDashboard: Sendable {
    let store: Store
    let stripe: StripeClient

    package init(store: Store, stripe: StripeClient) {
        self.store = store
        self.stripe = stripe
    }

    /// - Throws: `seller_not_ready` before onboarding is finished: Stripe has no dashboard to show until then.
    package func callAsFunction(_ id: ID<Seller>, by caller: Caller) async throws -> LoginLinkResource {
        let seller = try await store.requireSeller(id)
        let account = try seller.requireConnectedAccount(to: "open the Express dashboard")
        guard seller.account?.detailsSubmitted == true else {
            throw Refusal(
                .sellerNotReady,
                "Seller \(id) has not finished onboarding, so there is no Express dashboard yet. Make an onboarding link."
            )
        }
        let link = try await stripe.send(CreateLoginLink(account: account))
        try await store.transaction { try await $0.audit("seller.login_link", subject: id.rawValue, by: caller) }
        return link
    }
}

struct LoginLinkBody: ResponseEncodable, Sendable {
    let object = "login_link"
    let url: String
    let created: Timestamp

    private enum CodingKeys: String, CodingKey { case object, url, created }
}

extension SellerRoutes {
    struct EmptyRequest: Decodable {}

    @Sendable func createLoginLink(
        _ request: Request, _ context: SoukContext
    ) async throws -> EditedResponse<LoginLinkBody> {
        let id = try context.id(of: Seller.self, else: .sellerNotFound)
        _ = try await request.decode(as: EmptyRequest.self, context: context)
        let link = try await OpenSellerDashboard(store: store, stripe: stripe)(id, by: context.caller)
        return EditedResponse(
            status: .created, headers: [.cacheControl: "no-store"],
            response: LoginLinkBody(url: link.url, created: link.created))
    }
}

import Domain
import Hummingbird
package import Store
package import StripeAPI
package import Web

/// The HTTP side of sellers. Each route's handler stands beside the use case that it calls.
package struct SellerRoutes: Sendable {
    let store: Store
    let engine: OperationEngine
    let stripe: StripeClient
    let refreshAccount: RefreshAccount
    let settings: WebSettings

    package init(
        store: Store, engine: OperationEngine, stripe: StripeClient, refreshAccount: RefreshAccount,
        settings: WebSettings
    ) {
        self.store = store
        self.engine = engine
        self.stripe = stripe
        self.refreshAccount = refreshAccount
        self.settings = settings
    }

    package func register(on api: APIRoutes) {
        api.post("/v1/sellers", scope: .sellersWrite, use: create)
        api.get("/v1/sellers", scope: .sellersRead, use: list)
        api.get("/v1/sellers/{id}", scope: .sellersRead, use: retrieve)
        api.post("/v1/sellers/{id}", scope: .sellersWrite, use: update)
        api.post(
            "/v1/sellers/{id}/onboarding_links", scope: .sellersWrite, keepsAnswer: false, use: createOnboardingLink)
        api.post("/v1/sellers/{id}/login_links", scope: .sellersWrite, keepsAnswer: false, use: createLoginLink)
        api.get("/v1/sellers/{id}/balance", scope: .sellersRead, use: balance)
        api.post("/v1/sellers/{id}/hold", scope: .sellersWrite, use: hold)
        api.post("/v1/sellers/{id}/reject", scope: .sellersWrite, use: reject)
        api.post("/v1/sellers/{id}/accounts", scope: .sellersWrite, use: changeAccount)
        api.open(.get, "/onboarding/{token}/refresh", use: refreshOnboarding)
        api.open(.get, "/onboarding/{token}/return", use: returnFromOnboarding)
    }
}

extension SellerRoutes {
    struct CreateBody: Decodable {
        let externalID: String
        let email: String?
        let country: String?
        let businessType: BusinessType?
        let businessProfile: SellerApplication.BusinessProfile?
        let metadata: Metadata?
        let stripeAccount: StripeAccountID?
    }

    @Sendable func create(_ request: Request, _ context: SoukContext) async throws -> EditedResponse<SellerBody> {
        let body = try await request.decode(as: CreateBody.self, context: context)
        let application = SellerApplication(
            externalID: body.externalID, email: body.email, country: body.country, businessType: body.businessType,
            businessProfile: body.businessProfile, metadata: body.metadata ?? .empty,
            stripeAccount: body.stripeAccount)
        let (seller, isNew) = try await CreateSeller(store: store, engine: engine, stripe: stripe)(
            application, by: context.caller, claim: context.idempotency)
        // A repetition after a crash answers as the first try would have.
        let isMade = isNew || context.idempotency?.subject == seller.id.rawValue
        return EditedResponse(status: isMade ? .created : .ok, response: try await store.body(of: seller))
    }
}

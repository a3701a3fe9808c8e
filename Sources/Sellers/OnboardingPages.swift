import Domain
import Hummingbird
import Logging
import Store
import StripeAPI
import Web

// The two public addresses of onboarding. Whoever comes there holds a token and is believed nothing else: what the
// seller has done is read from Stripe.

extension SellerRoutes {
    /// Stripe sends the seller here when the link had expired or was used before: a new one is made, and off they go.
    @Sendable func refreshOnboarding(_ request: Request, _ context: SoukContext) async throws -> Response {
        try await page(for: request, context) {
            let token = OnboardingToken(presented: try context.pathText("token"))
            let link = try await CreateOnboardingLink(
                store: store, stripe: stripe, publicURL: settings.publicURL
            ).renewed(token)
            return .sending(to: link.url)
        }
    }

    /// Stripe sends the seller here when they finished and when they only paused.
    @Sendable func returnFromOnboarding(_ request: Request, _ context: SoukContext) async throws -> Response {
        try await page(for: request, context) {
            let token = OnboardingToken(presented: try context.pathText("token"))
            guard let visit = try await store.visit(with: token) else { throw Refusal.noSuchToken }
            let seller = try await refreshed(visit.seller, context)
            if let url = visit.returnURL { return .sending(to: url) }
            let canContinue = try await store.clock.now() < visit.expiresAt
            return NoticePage(of: seller, canContinue: canContinue).response()
        }
    }

    /// The seller as Stripe shows the account now; as we know it while Stripe is away. The event follows in any case.
    private func refreshed(_ id: ID<Seller>, _ context: SoukContext) async throws -> SellerRecord {
        let seller = try await store.requireSeller(id)
        guard let account = seller.stripeAccount, !seller.isDeauthorized else { return seller }
        do {
            try await refreshAccount(account)
        } catch let error as any CodedError where error.code == .stripeUnavailable {
            context.logger.notice(
                "the account was not read on return from onboarding",
                metadata: ["seller": "\(id)", "error": "\(error)"])
        }
        return try await store.requireSeller(id)
    }

    /// A person in a browser gets a page that says what to do; a program gets the error envelope.
    private func page(
        for request: Request, _ context: SoukContext, _ work: () async throws -> Response
    ) async throws -> Response {
        do {
            return try await work()
        } catch let error as any CodedError where request.headers[.accept]?.contains("text/html") == true {
            context.logger.notice("onboarding page refused", metadata: ["error": "\(error.code.rawValue)"])
            var response = NoticePage(for: error).response(error.code.appearance.status)
            if let seconds = error.retryAfterSeconds { response.headers[.retryAfter] = String(seconds) }
            return response
        }
    }
}

extension Response {
    /// The address is good once and for this person only: neither kept by anybody on the way nor told to the next site.
    fileprivate static func sending(to url: String) -> Response {
        var headers: HTTPFields = [.location: url, .cacheControl: "no-store"]
        headers.hideReferrer()
        return Response(status: .found, headers: headers)
    }
}

extension HTTPFields {
    /// The address holds a token: it is not told to the next site.
    fileprivate mutating func hideReferrer() {
        guard let name = Element.Name("Referrer-Policy") else { preconditionFailure("this is a header name") }
        self[name] = "no-referrer"
    }
}

extension NoticePage {
    /// For sellers whose marketplace gave no page of its own. `canContinue`: their address still opens the form.
    fileprivate init(of seller: SellerRecord, canContinue: Bool) {
        let form = canContinue ? Link("Continue", to: "refresh") : nil
        let way = canContinue ? "" : " Go back to the marketplace and open the onboarding again."
        switch seller.status {
        case .active:
            self.init(
                "You are all set",
                "Stripe has everything it needs. You can sell and be paid. You may close this window.", tone: .good)
        case .onboarding:
            self.init(
                "Not finished yet", "Stripe still needs some details. What you gave is kept." + way, tone: .waiting,
                link: form)
        case .underReview:
            self.init(
                "Thank you", "Stripe is checking your details. The marketplace will tell you when it is done.",
                tone: .good)
        case .actionRequired:
            self.init("A little more is needed", "Stripe asks for more details." + way, tone: .waiting, link: form)
        case .restricted, .disabled, .rejected, .disconnected:
            self.init(
                "Your account cannot be used at the moment", "Please ask the marketplace what to do next.", tone: .bad)
        }
    }

    fileprivate init(for error: any CodedError) {
        switch error.code {
        case .stripeUnavailable, .databaseUnavailable, .rateLimited:
            self.init(
                "Please try again in a moment",
                "The service is not available right now. Nothing that you have entered is lost.", tone: .waiting,
                link: Link("Try again", to: ""))
        default:
            self.init(
                "This link does not work any more",
                "Go back to the marketplace and open the onboarding again from there.", tone: .bad)
        }
    }
}

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
            return OnboardingPage(of: seller).response(.ok)
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
            return OnboardingPage(for: error).response(error.code.appearance.status)
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

/// Souk's own small page for sellers whose marketplace gave no page of its own. All of its words are ours: nothing that
/// anybody sent appears in it.
struct OnboardingPage {
    let title: String
    let text: String

    init(of seller: SellerRecord) {
        switch seller.status {
        case .active:
            title = "You are all set"
            text = "Stripe has everything it needs. You can sell and be paid. You may close this window."
        case .onboarding:
            title = "Not finished yet"
            text = "Stripe still needs some details. Go back to the marketplace and open the onboarding again."
        case .underReview:
            title = "Thank you"
            text = "Stripe is checking your details. The marketplace will tell you when it is done."
        case .actionRequired:
            title = "A little more is needed"
            text = "Stripe asks for more details. Go back to the marketplace and open the onboarding again."
        case .restricted, .disabled, .rejected, .disconnected:
            title = "Your account cannot be used at the moment"
            text = "Please ask the marketplace what to do next."
        }
    }

    init(for error: any CodedError) {
        switch error.code {
        case .stripeUnavailable, .databaseUnavailable, .rateLimited:
            title = "Please try again in a moment"
            text = "The service is not available right now. Nothing that you have entered is lost."
        default:
            title = "This link does not work any more"
            text = "Go back to the marketplace and open the onboarding again from there."
        }
    }

    func response(_ status: HTTPResponse.Status) -> Response {
        var headers: HTTPFields = [
            .contentType: "text/html; charset=utf-8", .cacheControl: "no-store", .xContentTypeOptions: "nosniff",
            .contentSecurityPolicy: "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
        ]
        headers.hideReferrer()
        return Response(status: status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(string: html)))
    }

    private var html: String {
        """
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>\(title)</title>
        <style>
        :root { color-scheme: light dark }
        body { font: 1.05rem/1.6 system-ui, sans-serif; margin: 0; min-height: 100vh; display: grid; place-items: center }
        main { max-width: 28rem; padding: 2rem }
        h1 { font-size: 1.5rem; line-height: 1.3; margin: 0 0 .75rem }
        p { margin: 0 }
        </style>
        </head>
        <body><main><h1>\(title)</h1><p>\(text)</p></main></body>
        </html>
        """
    }
}

package import Domain
import Hummingbird
import Postgres
package import Store
package import StripeAPI
import Web

/// Makes the address at which a seller gives Stripe what Stripe asks for. It works once and for minutes: it is made when
/// the seller clicks, and never kept.
///
/// Stripe sends the seller back to Souk, to an address that holds a random token; only the token's hash is stored.
package struct CreateOnboardingLink: Sendable {
    let store: Store
    let stripe: StripeClient
    let publicURL: String

    /// How long an unfinished onboarding can be taken up again without asking the marketplace for a new link. Whoever
    /// has the address can open the seller's form, so it does not live longer than a day.
    static let tokenLifetime: Duration = .seconds(24 * 3600)

    /// - Parameters:
    ///   - store: where sellers and tokens are.
    ///   - stripe: makes the link.
    ///   - publicURL: how browsers reach Souk, without a slash at the end.
    package init(store: Store, stripe: StripeClient, publicURL: String) {
        self.store = store
        self.stripe = stripe
        self.publicURL = publicURL
    }

    /// - Parameters:
    ///   - id: whose onboarding.
    ///   - returnURL: the marketplace's page to go on to afterwards; nil for Souk's own.
    ///   - refreshURL: the marketplace's page for a link that no longer works; nil has Souk make a new one by itself.
    ///   - caller: who asks, for the audit log.
    /// - Returns: the address, and when it stops working.
    /// - Throws: `seller_not_ready` where no onboarding is possible, `stripe_unavailable`, `stripe_refused`.
    package func callAsFunction(
        _ id: ID<Seller>, returnURL: BrowserURL?, refreshURL: BrowserURL?, by caller: Caller
    ) async throws -> AccountLinkResource {
        let token = OnboardingToken()
        let account = try await store.transaction { tx in
            guard let seller = try await tx.lockSeller(id) else { throw Refusal.noSuchSeller(id) }
            let account = try seller.requireOnboardable()
            try await tx.keep(token, of: id, returnURL: returnURL)
            try await tx.audit("seller.onboarding_link", subject: id.rawValue, by: caller)
            return account
        }
        return try await link(account, token, refreshURL: refreshURL)
    }

    /// A new link in place of one that no longer works, for whoever holds the token.
    func renewed(_ token: OnboardingToken) async throws -> AccountLinkResource {
        guard let visit = try await store.visit(with: token), try await store.clock.now() < visit.expiresAt else {
            throw Refusal.noSuchToken
        }
        return try await link(try await store.requireSeller(visit.seller).requireOnboardable(), token, refreshURL: nil)
    }

    private func link(
        _ account: StripeAccountID, _ token: OnboardingToken, refreshURL: BrowserURL?
    ) async throws -> AccountLinkResource {
        try await stripe.send(
            CreateAccountLink(
                account: account,
                refreshURL: refreshURL?.text ?? "\(publicURL)/onboarding/\(token.text)/refresh",
                returnURL: "\(publicURL)/onboarding/\(token.text)/return"))
    }
}

extension SellerRecord {
    /// - Throws: `seller_not_ready` for a seller whose account can no longer be onboarded.
    fileprivate func requireOnboardable() throws(Refusal) -> StripeAccountID {
        let account = try requireConnectedAccount(to: "be onboarded")
        guard status != .rejected else {
            throw Refusal(.sellerNotReady, "The account of seller \(id) has been rejected and cannot be onboarded.")
        }
        return account
    }
}

/// What stands for a seller's browser in the addresses that Stripe sends it back to: 256 random bits.
package struct OnboardingToken: Sendable {
    let text: String

    init() {
        var random = SystemRandomNumberGenerator()
        text = (0..<4).map { _ in
            let digits = String(UInt64.random(in: 0...UInt64.max, using: &random), radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }.joined()
    }

    init(presented text: String) { self.text = text }
}

/// A seller on the way through Stripe's form.
struct OnboardingVisit: Sendable {
    let seller: ID<Seller>
    let returnURL: String?
    let expiresAt: Timestamp
}

extension Refusal {
    static var noSuchToken: Refusal {
        Refusal(
            .onboardingTokenNotFound,
            "This onboarding address is not valid any more. Ask the marketplace for a new link.")
    }
}

extension StoreTransaction {
    fileprivate func keep(_ token: OnboardingToken, of seller: ID<Seller>, returnURL: BrowserURL?) async throws {
        try await execute(
            """
            INSERT INTO onboarding_tokens (token_hash, seller_id, return_url, created_at, expires_at)
            VALUES (encode(sha256(convert_to(\(token.text), 'UTF8')), 'hex'), \(seller), \(returnURL?.text), \(now),
                \(now.advanced(by: CreateOnboardingLink.tokenLifetime)))
            """)
    }
}

extension Store {
    func visit(with token: OnboardingToken) async throws -> OnboardingVisit? {
        guard
            let row = try await query(
                """
                SELECT seller_id, return_url, expires_at FROM onboarding_tokens
                WHERE token_hash = encode(sha256(convert_to(\(token.text), 'UTF8')), 'hex')
                """
            ).first
        else { return nil }
        return OnboardingVisit(
            seller: try row.get("seller_id"), returnURL: try row.get("return_url"),
            expiresAt: try row.get("expires_at"))
    }
}

struct OnboardingLinkBody: ResponseEncodable, Sendable {
    let object = "onboarding_link"
    let seller: ID<Seller>
    /// Works once: send the seller's browser there at once, and never keep or mail it.
    let url: String
    let created: Timestamp
    let expiresAt: Timestamp

    private enum CodingKeys: String, CodingKey { case object, seller, url, created, expiresAt }
}

extension SellerRoutes {
    struct OnboardingLinkRequest: Decodable {
        let returnURL: String?
        let refreshURL: String?
    }

    @Sendable func createOnboardingLink(
        _ request: Request, _ context: SoukContext
    ) async throws -> EditedResponse<OnboardingLinkBody> {
        let id = try context.id(of: Seller.self, else: .sellerNotFound)
        let body = try await request.decode(as: OnboardingLinkRequest.self, context: context)
        let isLive = settings.livemode
        let link = try await CreateOnboardingLink(store: store, stripe: stripe, publicURL: settings.publicURL)(
            id,
            returnURL: try body.returnURL.map {
                try BrowserURL($0, requiresHTTPS: isLive, parameter: "return_url")
            },
            refreshURL: try body.refreshURL.map {
                try BrowserURL($0, requiresHTTPS: isLive, parameter: "refresh_url")
            },
            by: context.caller)
        return EditedResponse(
            status: .created, headers: [.cacheControl: "no-store"],
            response: OnboardingLinkBody(
                seller: id, url: link.url, created: link.created, expiresAt: link.expiresAt))
    }
}

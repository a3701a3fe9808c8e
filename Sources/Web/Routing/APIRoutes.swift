package import Domain
package import Hummingbird

/// What the HTTP side needs to know of its deployment.
package struct WebSettings: Sendable {
    /// Whether this deployment moves real money.
    package let livemode: Bool
    /// How callers reach Souk, without a slash at the end: `https://pay.example.com`.
    package let publicURL: String
    package let rateLimits: RateLimits

    package init(livemode: Bool, publicURL: String, rateLimits: RateLimits = RateLimits()) {
        self.livemode = livemode
        self.publicURL = publicURL
        self.rateLimits = rateLimits
    }
}

/// Finds who presents a key.
package protocol APIKeyChecking: Sendable {
    /// - Throws: `unauthenticated`, `key_expired`.
    func principal(presenting key: String) async throws -> Principal
}

/// Where features hang their routes. Each route names the scope that its key must have; a POST honours
/// `Idempotency-Key`.
///
/// ```swift
/// api.post("/v1/sellers", scope: .sellersWrite, use: create)
/// api.get("/v1/sellers/{id}", scope: .sellersRead, use: retrieve)
/// ```
package struct APIRoutes {
    package let router: Router<SoukContext>
    package let table: RouteTable
    private let keys: any APIKeyChecking
    private let limits: CallerLimits
    private let idempotency: any MiddlewareProtocol<Request, Response, SoukContext>

    package init(
        settings: WebSettings, keys: any APIKeyChecking,
        idempotency: any MiddlewareProtocol<Request, Response, SoukContext>
    ) {
        router = Router(context: SoukContext.self, options: [.autoGenerateHeadEndpoints])
        table = RouteTable()
        router.add(middleware: TraceMiddleware(livemode: settings.livemode))
        router.add(
            middleware: ErrorMiddleware(rendering: ErrorRendering(publicURL: settings.publicURL), table: table))
        self.keys = keys
        limits = CallerLimits(settings.rateLimits)
        self.idempotency = idempotency
    }

    package func get<Output: ResponseGenerator>(
        _ path: RouterPath, scope: Scope,
        use handler: @escaping @Sendable (Request, SoukContext) async throws -> Output
    ) {
        keyed(.get, path, scope, keepsAnswer: false, handler)
    }

    /// The handler runs once for each `Idempotency-Key`; where `context.idempotency?.subject` is set, an earlier try
    /// has made that object already and this one continues with it.
    ///
    /// `keepsAnswer` is false where an answer is good once, such as a link that logs its holder in: it is neither stored
    /// nor given again, and each request makes a new one whatever its `Idempotency-Key`.
    package func post<Output: ResponseGenerator>(
        _ path: RouterPath, scope: Scope, keepsAnswer: Bool = true,
        use handler: @escaping @Sendable (Request, SoukContext) async throws -> Output
    ) {
        keyed(.post, path, scope, keepsAnswer: keepsAnswer, handler)
    }

    package func delete<Output: ResponseGenerator>(
        _ path: RouterPath, scope: Scope,
        use handler: @escaping @Sendable (Request, SoukContext) async throws -> Output
    ) {
        keyed(.delete, path, scope, keepsAnswer: false, handler)
    }

    /// A route that takes no API key: health, documentation, webhooks, pages with a token in the path.
    ///
    /// `isLimited` is false where a refusal would do harm: a health check that fails because another asks too often, an
    /// event from Stripe.
    package func open<Output: ResponseGenerator>(
        _ method: HTTPRequest.Method, _ path: RouterPath, isLimited: Bool = true,
        use handler: @escaping @Sendable (Request, SoukContext) async throws -> Output
    ) {
        table.add(.init(method: method, path: path, scope: nil, keepsAnswer: false))
        let group: RouterGroup<SoukContext> = router.group()
        if isLimited { group.add(middleware: AddressLimitMiddleware(limits: limits)) }
        group.on(path, method: method) { try await handler($0, $1) }
    }

    private func keyed<Output: ResponseGenerator>(
        _ method: HTTPRequest.Method, _ path: RouterPath, _ scope: Scope, keepsAnswer: Bool,
        _ handler: @escaping @Sendable (Request, SoukContext) async throws -> Output
    ) {
        table.add(.init(method: method, path: path, scope: scope, keepsAnswer: keepsAnswer))
        let group: RouterGroup<SoukContext> = router.group()
        group.add(middleware: AuthenticationMiddleware(keys: keys, scope: scope, limits: limits))
        if keepsAnswer { group.add(middleware: idempotency) }
        group.on(path, method: method) { try await handler($0, $1) }
    }
}

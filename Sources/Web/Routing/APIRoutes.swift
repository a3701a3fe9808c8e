package import Domain
package import Hummingbird

/// What the HTTP side needs to know of its deployment.
package struct WebSettings: Sendable {
    /// Whether this deployment moves real money.
    package let livemode: Bool
    /// How callers reach Souk, without a slash at the end: `https://pay.example.com`.
    package let publicURL: String

    package init(livemode: Bool, publicURL: String) {
        self.livemode = livemode
        self.publicURL = publicURL
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
        self.idempotency = idempotency
    }

    package func get<Output: ResponseGenerator>(
        _ path: RouterPath, scope: Scope,
        use handler: @escaping @Sendable (Request, SoukContext) async throws -> Output
    ) {
        keyed(.get, path, scope, handler)
    }

    /// The handler runs once for each `Idempotency-Key`; where `context.idempotency?.subject` is set, an earlier try
    /// has made that object already and this one continues with it.
    package func post<Output: ResponseGenerator>(
        _ path: RouterPath, scope: Scope,
        use handler: @escaping @Sendable (Request, SoukContext) async throws -> Output
    ) {
        keyed(.post, path, scope, handler)
    }

    package func delete<Output: ResponseGenerator>(
        _ path: RouterPath, scope: Scope,
        use handler: @escaping @Sendable (Request, SoukContext) async throws -> Output
    ) {
        keyed(.delete, path, scope, handler)
    }

    /// A route that takes no API key: health, documentation, webhooks, pages with a token in the path.
    package func open<Output: ResponseGenerator>(
        _ method: HTTPRequest.Method, _ path: RouterPath,
        use handler: @escaping @Sendable (Request, SoukContext) async throws -> Output
    ) {
        table.add(.init(method: method, path: path, scope: nil))
        router.on(path, method: method) { try await handler($0, $1) }
    }

    private func keyed<Output: ResponseGenerator>(
        _ method: HTTPRequest.Method, _ path: RouterPath, _ scope: Scope,
        _ handler: @escaping @Sendable (Request, SoukContext) async throws -> Output
    ) {
        table.add(.init(method: method, path: path, scope: scope))
        let group: RouterGroup<SoukContext> = router.group()
        group.add(middleware: AuthenticationMiddleware(keys: keys, scope: scope))
        if method == .post { group.add(middleware: idempotency) }
        group.on(path, method: method) { try await handler($0, $1) }
    }
}

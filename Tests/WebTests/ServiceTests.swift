import Domain
import Hummingbird
import Metrics
import TestSupport
import Testing
import Web

/// Nobody has a key here: these routes take none.
private struct NoKeys: APIKeyChecking {
    func principal(presenting key: String) async throws -> Principal {
        throw Refusal(.unauthenticated, "There are no keys.")
    }
}

private struct PassThrough: RouterMiddleware {
    func handle(
        _ request: Request, context: SoukContext, next: @concurrent (Request, SoukContext) async throws -> Response
    ) async throws -> Response { try await next(request, context) }
}

@Suite struct ServiceTests {
    private func withClient(
        readiness: Readiness = .ready, _ body: @Sendable (TestClient) async throws -> Void
    ) async throws {
        let api = APIRoutes(
            settings: WebSettings(livemode: false, publicURL: "https://souk.test"), keys: NoKeys(),
            idempotency: PassThrough())
        let registry = PrometheusRegistry()
        Counter(label: "souk_trials_total", dimensions: [], factory: registry).increment()
        try ServiceRoutes(
            metrics: registry, description: Array("openapi: 3.1.0\n".utf8),
            assets: DocumentationAssets(folder: Repository.root + "/openapi/docs")
        ) { _ in readiness }.register(on: api)
        try await ServedAPI.serve(api) { try await body(TestClient($0, key: nil)) }
    }

    @Test func health() async throws {
        try await withClient { client in
            let health = try await client.get("/healthz")
            #expect(health.text == "{\"status\":\"ok\"}")
            let ready = try await client.get("/readyz")
            #expect(ready.text == "{\"status\":\"ready\",\"reason\":null}")
            let metrics = try await client.get("/metrics")
            #expect(metrics.text.contains("souk_trials_total 1\n"))
            let description = try await client.get("/openapi.yaml")
            #expect(description.text == "openapi: 3.1.0\n")
            let misspelt = try await client.get("/readyz?idel=1")
            #expect(misspelt.error?.param == "idel")
        }
        try await withClient(readiness: .notReady("the database is away")) { client in
            let seen = try await client.get("/readyz?idle=1")
            #expect(seen.status == 503 && seen.text.contains("the database is away") && seen.retryAfter == "1")
        }
    }

    @Test("the documentation page loads nothing from outside, and its files are there")
    func documentation() async throws {
        try await withClient { client in
            let page = try await client.get("/docs")
            #expect(page.status == 200 && !page.text.contains("http:") && !page.text.contains("https:"))
            for file in ["swagger-ui-bundle.js", "swagger-ui.css", "start.js", "favicon-32x32.png", "LICENSE"] {
                #expect(try await client.get("/docs/\(file)").status == 200, "\(file)")
            }
            for file in ["README.md", "..%2Fsouk.yaml", "%2e%2e"] {
                #expect(try await client.get("/docs/\(file)").error?.code == "route_not_found", "\(file)")
            }
            let errors = try await client.get("/docs/errors").text
            for code in ErrorCode.allCases { #expect(errors.contains("<tr id=\"\(code.rawValue)\">")) }
        }
    }

    @Test("a page's policy allows this server only")
    func policy() async throws {
        try await withClient { client in
            let policy = try await client.get("/docs").contentSecurityPolicy ?? ""
            #expect(policy.contains("default-src 'none'") && policy.contains("script-src 'self';"))
            #expect(!policy.contains("http") && !policy.contains("unsafe-eval"))
        }
    }
}

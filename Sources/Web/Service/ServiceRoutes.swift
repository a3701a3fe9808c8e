import Domain
import Hummingbird

/// Whether this process should be sent requests.
package enum Readiness: Sendable {
    case ready
    /// Not now, and why: for the operator who looks.
    case notReady(String)
}

/// What is served without a key: health, metrics, and the description of the API with its page.
package struct ServiceRoutes: Sendable {
    private let metrics: PrometheusRegistry
    private let description: [UInt8]
    private let assets: DocumentationAssets
    private let readiness: @Sendable (_ idle: Bool) async -> Readiness

    /// - Parameters:
    ///   - metrics: the process's registry.
    ///   - description: the bytes of openapi/souk.yaml.
    ///   - assets: the documentation page's files.
    ///   - readiness: asked by `/readyz`; with `?idle=1` it also waits, within a limit, until no work is due.
    package init(
        metrics: PrometheusRegistry, description: [UInt8], assets: DocumentationAssets,
        readiness: @escaping @Sendable (_ idle: Bool) async -> Readiness
    ) {
        self.metrics = metrics
        self.description = description
        self.assets = assets
        self.readiness = readiness
    }

    package func register(on api: APIRoutes) {
        api.open(.get, "/healthz", isLimited: false, use: healthz)
        api.open(.get, "/readyz", isLimited: false, use: readyz)
        api.open(.get, "/metrics", isLimited: false, use: exposition)
        api.open(.get, "/openapi.yaml", use: openAPI)
        api.open(.get, "/docs", use: documentation)
        api.open(.get, "/docs/errors", use: errorCatalogue)
        api.open(.get, "/docs/{file}", use: documentationFile)
    }

    /// The process answers; nothing else is looked at, so that a database outage does not restart every process.
    @Sendable func healthz(_ request: Request, _ context: SoukContext) async throws -> Response {
        Response(json: Array("{\"status\":\"ok\"}".utf8), status: .ok)
    }

    struct ReadyQuery: Decodable {
        let idle: Int?
    }

    struct ReadyBody: Encodable {
        let status: String
        let reason: String?
    }

    @Sendable func readyz(_ request: Request, _ context: SoukContext) async throws -> Response {
        let query = try request.query(as: ReadyQuery.self)
        guard [nil, 0, 1].contains(query.idle) else {
            throw Refusal(.parameterInvalid, "Give 1 to wait until no work is due, or leave it out.", parameter: "idle")
        }
        switch await readiness(query.idle == 1) {
        case .ready:
            return Response(json: try JSONWriter.encode(ReadyBody(status: "ready", reason: nil)), status: .ok)
        case .notReady(let reason):
            var response = Response(
                json: try JSONWriter.encode(ReadyBody(status: "not_ready", reason: reason)),
                status: .serviceUnavailable)
            response.headers[.retryAfter] = "1"
            return response
        }
    }

    @Sendable func exposition(_ request: Request, _ context: SoukContext) async throws -> Response {
        Response(text: metrics.text(), type: "text/plain; version=0.0.4; charset=utf-8")
    }

    @Sendable func openAPI(_ request: Request, _ context: SoukContext) async throws -> Response {
        Response(bytes: description, type: "application/yaml; charset=utf-8")
    }

    @Sendable func documentation(_ request: Request, _ context: SoukContext) async throws -> Response {
        try assets.response(for: "index.html")
    }

    @Sendable func documentationFile(_ request: Request, _ context: SoukContext) async throws -> Response {
        try assets.response(for: try context.pathText("file"))
    }

    @Sendable func errorCatalogue(_ request: Request, _ context: SoukContext) async throws -> Response {
        Response.page(ErrorCatalogue.html, scripts: false)
    }
}

extension Response {
    init(bytes: [UInt8], type: String) {
        self.init(
            status: .ok, headers: [.contentType: type], body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
    }

    init(text: String, type: String) { self.init(bytes: Array(text.utf8), type: type) }
}

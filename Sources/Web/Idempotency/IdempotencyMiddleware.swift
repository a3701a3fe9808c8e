import Cryptography
import Domain
package import Hummingbird
import Logging
package import Store

/// Runs a POST once for each `Idempotency-Key` of an API key and route.
///
/// The same request again gets the stored status and bytes; another request under the key is refused; a repeat while the
/// first runs is told to wait. Answers of 500 and above are not stored: the next try continues from the claim's subject.
/// Answers are sealed under a key that only the presented API key yields, because some hold secrets shown once.
package struct IdempotencyMiddleware: RouterMiddleware {
    private let store: Store
    private let rendering: ErrorRendering
    private let lease: Duration

    /// - Parameters:
    ///   - store: where keys are kept.
    ///   - publicURL: for `doc_url` in stored refusals.
    ///   - lease: how long a try may take before the next may take over: longer than any time-out inside a handler.
    package init(store: Store, publicURL: String, lease: Duration = .seconds(60)) {
        self.store = store
        rendering = ErrorRendering(publicURL: publicURL)
        self.lease = lease
    }

    package func handle(
        _ request: Request, context: SoukContext, next: @concurrent (Request, SoukContext) async throws -> Response
    ) async throws -> Response {
        guard let key = try request.idempotencyKey(), let apiKeyID = context.principal.apiKeyID else {
            return try await next(request, context)
        }
        let body = try await request.bodyBytes(upTo: context.maxUploadSize)
        var request = request
        request.body = .init(buffer: ByteBuffer(bytes: body))
        let route = "\(request.method.rawValue) \(context.endpointPath ?? request.uri.path)"
        let seal = AnswerSeal(apiKey: try request.presentedKey(), route: route, key: key)
        let outcome = try await store.claimIdempotencyKey(
            of: apiKeyID, route: route, key: key, fingerprint: Self.fingerprint(of: request, body), lease: lease)
        switch outcome {
        case .claimed(let claim):
            return try await work(on: claim, seal, request, context, next)
        case .answered(let status, let sealedBody):
            context.notes.note { $0.isReplay = true }
            var response = Response(json: try seal.open(sealedBody), status: .init(code: status))
            response.headers.set("Idempotent-Replayed", "true")
            return response
        case .running:
            throw Refusal(
                .idempotencyKeyInUse,
                "The first request with this Idempotency-Key is still running. Repeat it after a moment.")
        case .reused:
            throw Refusal(
                .idempotencyKeyReused,
                "This Idempotency-Key came with another path or body before. Use a new key for a new request.")
        }
    }

    /// The path with its ids, and the exact bytes: `POST /v1/orders/ord_1/refunds` is not the same request as
    /// `POST /v1/orders/ord_2/refunds`, although the route is.
    private static func fingerprint(of request: Request, _ body: [UInt8]) -> [UInt8] {
        SHA256.hash(Array("\(request.uri.path)?\(request.uri.query ?? "")\n".utf8) + body)
    }

    private func work(
        on claim: IdempotencyClaim, _ seal: AnswerSeal, _ request: Request, _ context: SoukContext,
        _ next: @concurrent (Request, SoukContext) async throws -> Response
    ) async throws -> Response {
        var context = context
        context.idempotency = claim
        let response: Response
        do {
            response = try await next(request, context)
        } catch let lost as IdempotencyClaimLost {
            throw lost  // the key is another try's now
        } catch {
            response = try rendering.response(for: error, to: request, context: context)
        }
        await conclude(claim, seal, response, context)
        return response
    }

    private func conclude(
        _ claim: IdempotencyClaim, _ seal: AnswerSeal, _ response: Response, _ context: SoukContext
    ) async {
        do {
            switch response.status.code {
            case 500..., 429:
                try await store.release(claim)
            case 400, 413,
                415 where claim.subject == nil:
                try await store.forget(claim)
            default:
                guard let body = await response.wholeBody() else { return try await store.release(claim) }
                try await store.store(status: response.status.code, sealedBody: try seal.seal(body), for: claim)
            }
        } catch {
            // What was done stays done. A repeat continues from the claim's subject once the lease is over.
            context.logger.warning("answer not stored for its idempotency key", metadata: ["error": "\(error)"])
        }
    }
}

extension Request {
    /// - Throws: `parameter_invalid` for a key that is empty, too long or not printable ASCII.
    func idempotencyKey() throws(Refusal) -> String? {
        var keys = headers.lazy.filter { $0.name.canonicalName == "idempotency-key" }.map(\.value).makeIterator()
        guard let key = keys.next() else { return nil }
        guard keys.next() == nil, (1...255).contains(key.utf8.count),
            key.utf8.allSatisfy({ (0x20...0x7E).contains($0) })
        else {
            throw Refusal(
                .parameterInvalid, "An Idempotency-Key has 1 to 255 printable ASCII characters, and comes once.",
                parameter: "Idempotency-Key")
        }
        return key
    }
}

extension Response {
    /// The body, if the handler made it whole; nil for one that is streamed.
    fileprivate func wholeBody() async -> [UInt8]? {
        guard body.contentLength != nil else { return nil }
        let collector = BodyCollector()
        do {
            try await body.write(collector)
        } catch {
            return nil
        }
        return collector.bytes
    }
}

/// Takes what a body writes. Used by one task.
private final class BodyCollector: ResponseBodyWriter {
    private(set) var bytes: [UInt8] = []

    func write(_ buffer: ByteBuffer) async throws { bytes.append(contentsOf: Array(buffer: buffer)) }
    func finish(_ trailingHeaders: HTTPFields?) async throws {}
}

/// Seals stored answers under a key that is derived from the API key's text, which is not stored anywhere.
struct AnswerSeal {
    private let key: [UInt8]
    private let context: [UInt8]

    init(apiKey: String, route: String, key: String) {
        self.key = HMACSHA256.authenticate(
            key: Array(apiKey.utf8), message: Array("souk stored answer".utf8))
        context = Array("\(route)\n\(key)".utf8)
    }

    func seal(_ body: [UInt8]) throws -> [UInt8] { try AESGCM.seal(body, key: key, context: context) }
    func open(_ sealed: [UInt8]) throws -> [UInt8] { try AESGCM.open(sealed, key: key, context: context) }
}

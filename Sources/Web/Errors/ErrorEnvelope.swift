package import Domain
import Hummingbird
import Logging

/// The one shape of every refusal: `{"error":{"type","code","message","param","doc_url","request_id"}}`.
struct ErrorEnvelope: Encodable {
    struct Body: Encodable {
        let type: ErrorType
        let code: ErrorCode
        let message: String
        let param: String?
        let docURL: String
        let requestID: ID<RequestTrace>
    }

    let error: Body

    /// Wraps a refusal; `documentation` is where the catalogue of errors is served, without the fragment.
    init(_ error: any CodedError, requestID: ID<RequestTrace>, documentation: String) {
        self.error = Body(
            type: error.code.appearance.type, code: error.code, message: error.message, param: error.parameter,
            docURL: "\(documentation)#\(error.code.rawValue)", requestID: requestID)
    }
}

/// Turns any error into the envelope.
struct ErrorRendering: Sendable {
    let documentation: String

    init(publicURL: String) { documentation = "\(publicURL)/docs/errors" }

    func response(for error: any Error, to request: Request, context: SoukContext) throws -> Response {
        let coded = coded(error, context: context)
        context.notes.note {
            $0.errorCode = coded.code
            $0.parameter = coded.parameter
        }
        let envelope = ErrorEnvelope(coded, requestID: context.requestID, documentation: documentation)
        var response = Response(json: try JSONWriter.encode(envelope), status: coded.code.appearance.status)
        if let seconds = coded.retryAfterSeconds { response.headers[.retryAfter] = String(seconds) }
        if response.status == .unauthorized { response.headers[.wwwAuthenticate] = "Bearer realm=\"souk\"" }
        if let refused = error as? MethodRefusal { response.headers[.allow] = refused.allowed.joined(separator: ", ") }
        return response
    }

    private func coded(_ error: any Error, context: SoukContext) -> any CodedError {
        if let coded = error as? any CodedError { return coded }
        if let error = error as? any HTTPResponseError {
            switch error.status {
            case .contentTooLarge: return Refusal(.bodyTooLarge, "The body is larger than this route takes.")
            case .notFound: return Refusal(.routeNotFound, "No such path. /openapi.yaml lists all of them.")
            case .badRequest: return Refusal(.parameterInvalid, "The request is not understood.")
            default: break
            }
        }
        context.logger.error("unexpected error", metadata: ["error": "\(String(reflecting: error))"])
        return Refusal(
            .internalError, "Souk failed at this request. Its log has more under \(context.requestID).")
    }
}

/// A path that exists, asked for with a method that it does not have.
struct MethodRefusal: CodedError {
    let code = ErrorCode.methodNotAllowed
    let message: String
    let parameter: String? = nil
    let allowed: [String]

    init(_ method: String, allowed: [String]) {
        self.allowed = allowed
        message = "This path does not take \(method). It takes \(allowed.joined(separator: ", "))."
    }
}

extension CodedError {
    /// When to try again: long enough for a failover or a restart to go on, short enough not to lose a buyer.
    package var retryAfterSeconds: Int? {
        switch code {
        case .idempotencyKeyInUse, .rateLimited: 1
        case .databaseUnavailable: 2
        case .stripeUnavailable: 5
        default: nil
        }
    }
}

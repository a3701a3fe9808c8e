import Domain
import Hummingbird
import Logging
import Metrics

/// Gives every request its id, one log line and its metrics. The log holds ids and codes, the route's template rather
/// than its path (paths may hold tokens), and never a body, a key or a query.
struct TraceMiddleware: RouterMiddleware {
    let livemode: Bool

    func handle(
        _ request: Request, context: SoukContext, next: @concurrent (Request, SoukContext) async throws -> Response
    ) async throws -> Response {
        var context = context
        context.principal = .anonymous(livemode: livemode)
        let clock = ContinuousClock()
        let start = clock.now
        var response = try await next(request, context)
        response.headers.set("Request-Id", context.requestID.rawValue)
        if let (policy, standing) = context.notes.current.rateLimit {
            response.headers.show(standing, policy: policy)
        }
        record(request, response, context, took: clock.now - start)
        return response
    }

    private func record(_ request: Request, _ response: Response, _ context: SoukContext, took: Duration) {
        let route = context.endpointPath ?? "NotFound"
        if context.logger.logLevel <= .info { log(request, response, context, route, took) }
        let dimensions = [
            ("method", knownMethods.contains(request.method.rawValue) ? request.method.rawValue : "OTHER"),
            ("route", route), ("status", String(response.status.code)),
        ]
        Counter(label: "souk_http_requests_total", dimensions: dimensions).increment()
        Timer(label: "souk_http_request_seconds", dimensions: [("route", route)])
            .recordNanoseconds(took.wholeNanoseconds)
    }

    private func log(
        _ request: Request, _ response: Response, _ context: SoukContext, _ route: String, _ took: Duration
    ) {
        let notes = context.notes.current
        var line: Logger.Metadata = [
            "method": "\(request.method.rawValue)", "route": "\(route)", "status": "\(response.status.code)",
            "milliseconds": "\(took.wholeMilliseconds)",
        ]
        if let key = notes.apiKeyID { line["api_key"] = "\(key)" }
        if let code = notes.errorCode { line["error"] = "\(code.rawValue)" }
        if let parameter = notes.parameter { line["param"] = "\(parameter)" }
        if notes.isReplay { line["replayed"] = "true" }
        context.logger.info("request", metadata: line)
    }
}

/// The methods that appear in metrics by name: a caller's invented ones would make series without end.
private let knownMethods: Set<String> = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]

extension HTTPFields {
    /// Sets a header by its text.
    mutating func set(_ name: StaticString, _ value: String) {
        guard let name = Element.Name("\(name)") else { preconditionFailure("'\(name)' is not a header name") }
        self[name] = value
    }
}

extension Duration {
    var wholeMilliseconds: Int64 { wholeNanoseconds / 1_000_000 }
    var wholeNanoseconds: Int64 { components.seconds * 1_000_000_000 + components.attoseconds / 1_000_000_000 }
}

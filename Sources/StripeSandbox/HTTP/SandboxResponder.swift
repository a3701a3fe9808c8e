import HTTPTypes
import Hummingbird

/// Takes HTTP requests apart, keeps strangers out, and gives each to the API, the control calls or the pages.
struct SandboxResponder: HTTPResponder {
    typealias Context = BasicRequestContext

    private static let maximumBody = 1 << 20
    private static let versionHeader = HTTPField.Name("Stripe-Version")
    private static let accountHeader = HTTPField.Name("Stripe-Account")
    private static let keyHeader = HTTPField.Name("Idempotency-Key")

    let engine: SandboxEngine
    let pages: Pages

    /// The connection is to be closed without a whole answer: the fault `drop_answer`.
    struct Dropped: Error {}

    func respond(to request: Request, context: Context) async throws -> Response {
        guard Self.isLoopback(request.head.authority) else {
            return Self.response(
                SandboxAnswer(
                    StripeFailure(
                        403, type: "invalid_request_error",
                        "The sandbox answers on loopback only; the Host header names another machine.")))
        }
        let body: [UInt8]
        do {
            body = Array(buffer: try await request.body.collect(upTo: Self.maximumBody))
        } catch {
            return Self.response(
                SandboxAnswer(
                    StripeFailure(413, type: "invalid_request_error", "The request body is larger than 1 MiB.")))
        }
        let method = request.method.rawValue
        let path = request.uri.path
        let query = request.uri.query ?? ""
        if path.hasPrefix("/_sandbox/") {
            return Self.response(await Control(engine: engine).answer(method, path, query, body))
        }
        if path.hasPrefix("/v1/") || path.hasPrefix("/v2/") {
            return try await api(
                SandboxRequest(
                    method: method, path: path, query: query, body: body,
                    contentType: request.headers[.contentType], authorization: request.headers[.authorization],
                    version: Self.versionHeader.flatMap { request.headers[$0] },
                    account: Self.accountHeader.flatMap { request.headers[$0] },
                    idempotencyKey: Self.keyHeader.flatMap { request.headers[$0] }))
        }
        return Self.response(await pages.answer(method, path, query, body, engine))
    }

    private func api(_ request: SandboxRequest) async throws -> Response {
        guard let fault = await engine.admit(request) else {
            var answer = SandboxAnswer(
                StripeFailure(
                    409, type: "invalid_request_error", code: "idempotency_key_in_use",
                    "There is currently another in-progress request using this Idempotency Key (that probably means "
                        + "you submitted twice, and the other request is still going through). Please try again "
                        + "later."))
            answer.addHeaders(for: request, requestID: await engine.nextRequestID())
            return Self.response(answer)
        }
        if fault.delayMilliseconds > 0 { try await Task.sleep(for: .milliseconds(fault.delayMilliseconds)) }
        if fault.isHeldBefore { await engine.waitForNextPlan() }
        let answer = await engine.perform(request, fault: fault)
        if fault.takesTime, request.method == "POST" { await engine.release(request) }
        if fault.isHeldAfter { await engine.waitForNextPlan() }
        guard fault.dropsAnswer else { return Self.response(answer) }
        return Response(
            status: .ok, headers: [.contentType: answer.contentType],
            body: ResponseBody(contentLength: answer.body.count) { _ in throw Dropped() })
    }

    private static func isLoopback(_ authority: String?) -> Bool {
        guard let authority else { return false }
        let host =
            authority.hasPrefix("[")
            ? authority.prefix { $0 != "]" }.dropFirst()
            : authority.prefix { $0 != ":" }
        return host == "localhost" || host == "::1" || host.hasPrefix("127.")
    }

    static func response(_ answer: SandboxAnswer) -> Response {
        var headers: HTTPFields = [.contentType: answer.contentType]
        for (name, value) in answer.headers {
            if let name = HTTPField.Name(name) { headers.append(HTTPField(name: name, value: value)) }
        }
        return Response(
            status: HTTPResponse.Status(code: answer.status), headers: headers,
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: answer.body)))
    }
}

import FoundationEssentials
import Transport

/// An HTTP service that takes and gives JSON: Souk's API, or the control calls of the sandbox.
struct JSONService: Sendable {
    let name: String
    /// Without a slash at the end.
    let url: String
    let key: String?
    let http: HTTPClient

    /// Longer than Souk waits for quiet before it says what it is busy with.
    private static let patience: Duration = .seconds(60)

    init(name: String, url: String, key: String?, http: HTTPClient) {
        self.name = name
        self.url = url.hasSuffix("/") ? String(url.dropLast()) : url
        self.key = key
        self.http = http
    }

    func get<Answer: Decodable>(_ path: String, as type: Answer.Type = Answer.self) async throws -> Answer {
        try await send(.get, path, body: [], idempotencyKey: nil)
    }

    /// A repeat of the call with the same `idempotencyKey` is answered, not done again.
    func post<Body: Encodable, Answer: Decodable>(
        _ path: String, _ body: Body, idempotencyKey: String? = nil, as type: Answer.Type = Answer.self
    ) async throws -> Answer {
        try await send(.post, path, body: Array(try JSONEncoder().encode(body)), idempotencyKey: idempotencyKey)
    }

    private func send<Answer: Decodable>(
        _ method: HTTPRequest.Method, _ path: String, body: [UInt8], idempotencyKey: String?
    ) async throws -> Answer {
        var headers: [(String, String)] = [("Accept", "application/json")]
        if let key { headers.append(("Authorization", "Bearer \(key)")) }
        if let idempotencyKey { headers.append(("Idempotency-Key", idempotencyKey)) }
        if !body.isEmpty { headers.append(("Content-Type", "application/json")) }
        let call = "\(method.rawValue) \(path)"
        let response: HTTPResponse
        do throws(TransportError) {
            response = try await http.execute(
                HTTPRequest(method: method, url: url + path, headers: headers, body: body, timeout: Self.patience))
        } catch {
            throw DemoError.unreachable(service: name, url: url, reason: error.message)
        }
        guard (200..<300).contains(response.status) else { throw refusal(of: call, response) }
        do {
            return try JSONDecoder().decode(Answer.self, from: Data(response.body))
        } catch {
            throw DemoError.unreadable(service: name, call: call, reason: "\(error)")
        }
    }

    private func refusal(of call: String, _ response: HTTPResponse) -> DemoError {
        struct Envelope: Decodable {
            struct Refusal: Decodable {
                let code: String?
                let declineCode: String?
                let message: String?
                let requestID: String?

                private enum CodingKeys: String, CodingKey {
                    case code, message
                    case declineCode = "decline_code"
                    case requestID = "request_id"
                }
            }

            let error: Refusal?
            /// Why Souk is not ready.
            let reason: String?
        }
        let envelope = try? JSONDecoder().decode(Envelope.self, from: Data(response.body))
        return .refused(
            ServiceRefusal(
                service: name, call: call, status: response.status, code: envelope?.error?.code,
                declineCode: envelope?.error?.declineCode,
                message: envelope?.error?.message ?? envelope?.reason
                    ?? String(decoding: response.body.prefix(300), as: UTF8.self),
                requestID: envelope?.error?.requestID))
    }
}

/// The body of a call that says nothing.
struct Nothing: Codable, Sendable {}

import FoundationEssentials
import TestSupport
import Transport
import Web

/// What a caller of the API sees.
struct Seen: Sendable, Hashable {
    struct Failure: Decodable {
        struct Body: Decodable {
            let type: String
            let code: String
            let message: String
            let param: String?
            let docURL: String
            let requestID: String

            private enum CodingKeys: String, CodingKey {
                case type, code, message, param
                case docURL = "doc_url"
                case requestID = "request_id"
            }
        }
        let error: Body
    }

    let status: Int
    let body: [UInt8]
    let isReplay: Bool
    let retryAfter: String?
    let allow: String?
    let requestID: String?
    let contentSecurityPolicy: String?
    let rateLimit: String?
    let rateLimitPolicy: String?

    var text: String { String(decoding: body, as: UTF8.self) }

    func decoded<Value: Decodable>(_ type: Value.Type) throws -> Value {
        try JSONDecoder().decode(type, from: Data(body))
    }

    /// nil for an answer that is no refusal in the envelope.
    var error: Failure.Body? { (try? decoded(Failure.self))?.error }
}

/// A caller with one API key, over real HTTP. What openapi/souk.yaml describes must be answered as it says.
struct TestClient: Sendable {
    private let client = HTTPClient()
    let address: String
    let key: String?

    init(_ address: String, key: String?) {
        self.address = address
        self.key = key
    }

    func get(_ path: String) async throws -> Seen { try await send(.get, path) }

    func post(_ path: String, _ body: String, idempotencyKey: String? = nil) async throws -> Seen {
        var headers = [("Content-Type", "application/json")]
        if let idempotencyKey { headers.append(("Idempotency-Key", idempotencyKey)) }
        return try await send(.post, path, headers: headers, body: Array(body.utf8))
    }

    func send(
        _ method: HTTPRequest.Method, _ path: String, headers: [(String, String)] = [], body: [UInt8] = []
    ) async throws -> Seen {
        var headers = headers
        if let key { headers.append(("Authorization", "Bearer \(key)")) }
        let response = try await client.execute(
            HTTPRequest(method: method, url: address + path, headers: headers, body: body))
        try await APIDescription.check(
            method.rawValue, path, status: response.status, headers: response.headers.fields,
            body: String(decoding: response.body, as: UTF8.self))
        return Seen(
            status: response.status, body: response.body, isReplay: response.headers["Idempotent-Replayed"] == "true",
            retryAfter: response.headers["Retry-After"], allow: response.headers["Allow"],
            requestID: response.headers["Request-Id"],
            contentSecurityPolicy: response.headers["Content-Security-Policy"],
            rateLimit: response.headers["RateLimit"], rateLimitPolicy: response.headers["RateLimit-Policy"])
    }
}

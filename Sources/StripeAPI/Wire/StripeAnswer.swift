import FoundationEssentials
package import Transport

/// What Stripe answered, whatever it means: status, headers and the exact bytes.
package struct StripeAnswer: Sendable {
    package let status: Int
    package let headers: HTTPHeaders
    package let body: [UInt8]

    package init(status: Int, headers: HTTPHeaders = [], body: [UInt8] = []) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    package init(_ response: HTTPResponse) {
        self.init(status: response.status, headers: response.headers, body: response.body)
    }

    package var isSuccess: Bool { (200..<300).contains(status) }
    /// `req_…`: what Stripe's support asks for.
    package var requestID: String? { headers["Request-Id"] }
    /// The answer was stored with the idempotency key before; nothing was done now.
    package var isReplay: Bool { headers["Idempotent-Replayed"] == "true" }

    /// Stripe's own advice on repeating the request, if it gives one.
    package var shouldRetry: Bool? {
        switch headers["Stripe-Should-Retry"] {
        case "true": true
        case "false": false
        default: nil
        }
    }

    /// At most a minute is believed; dates are not, Stripe sends seconds.
    package var retryAfter: Duration? {
        guard let text = headers["Retry-After"], let seconds = Int(text), (0...60).contains(seconds) else { return nil }
        return .seconds(seconds)
    }

    /// Reads the body of a success.
    ///
    /// - Throws: `StripeError` if Stripe refused, `StripeAnswerUnreadable` if a success is not what we need.
    package func decode<Answer: Decodable>(_ type: Answer.Type) throws -> Answer {
        guard isSuccess else { throw StripeError(self) }
        do {
            return try JSONDecoder().decode(type, from: Data(body))
        } catch {
            throw StripeAnswerUnreadable(requestID: requestID, expected: "\(type)", detail: "\(error)")
        }
    }
}

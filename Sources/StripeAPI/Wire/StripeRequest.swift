package import Domain

/// One request to Stripe as it goes over the wire. The operations worker stores these fields and repeats them byte for
/// byte, so nothing here is computed anew when a request is sent again.
package struct StripeRequest: Hashable, Sendable {
    package enum Method: String, Hashable, Sendable {
        case get = "GET"
        case post = "POST"
        case delete = "DELETE"
    }

    package let method: Method
    /// Path and query: `/v1/transfers?limit=100`.
    package let path: String
    /// The form of a POST; empty otherwise.
    package let body: [UInt8]
    /// The connected account that the call acts as; nil for the platform itself.
    package let account: StripeAccountID?
    /// Sent with a POST only: Stripe ignores it elsewhere. `StripeClient.send` makes one where none is set.
    package var idempotencyKey: String?
    package let version: String

    /// A request made now, from parameters: in the query of a GET or DELETE, in the body of a POST.
    package init(
        _ method: Method,
        _ path: StripePath,
        form: FormEncoder = FormEncoder(),
        account: StripeAccountID? = nil,
        idempotencyKey: String? = nil
    ) {
        let encoded = form.encoded
        self.method = method
        self.path = method == .post || encoded.isEmpty ? path.text : "\(path.text)?\(encoded)"
        self.body = method == .post ? Array(encoded.utf8) : []
        self.account = account
        self.idempotencyKey = idempotencyKey
        self.version = StripeAPIVersion.pinned
    }

    /// A request that was stored before, maybe by an older build with another version of the API.
    package init(
        storedMethod method: Method,
        path: String,
        body: [UInt8],
        account: StripeAccountID?,
        idempotencyKey: String?,
        version: String
    ) {
        self.method = method
        self.path = path
        self.body = body
        self.account = account
        self.idempotencyKey = idempotencyKey
        self.version = version
    }

    /// The path without its query, which may hold a buyer's address: for logs and metrics.
    package var pathForLogs: String { String(path.prefix { $0 != "?" }) }
}

/// A path whose interpolated parts are escaped, so that an id can never reach another endpoint.
package struct StripePath: Hashable, Sendable, ExpressibleByStringInterpolation {
    package let text: String

    package init(stringLiteral value: String) { text = value }
    package init(stringInterpolation: Interpolation) {
        text = String(decoding: stringInterpolation.bytes, as: UTF8.self)
    }

    package struct Interpolation: StringInterpolationProtocol {
        fileprivate var bytes: [UInt8] = []

        package init(literalCapacity: Int, interpolationCount: Int) { bytes.reserveCapacity(literalCapacity + 32) }
        package mutating func appendLiteral(_ literal: String) { bytes.append(contentsOf: literal.utf8) }

        package mutating func appendInterpolation(_ id: String) {
            PercentEncoding.append(id, to: &bytes, keeping: PercentEncoding.unreserved)
        }

        package mutating func appendInterpolation<Object>(_ id: StripeID<Object>) { appendInterpolation(id.rawValue) }
    }
}

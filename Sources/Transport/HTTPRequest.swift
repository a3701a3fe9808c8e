/// One HTTP exchange to make: sent as it stands, redirects are never followed.
package struct HTTPRequest: Sendable {
    package enum Method: String, Sendable {
        case get = "GET"
        case head = "HEAD"
        case post = "POST"
        case put = "PUT"
        case patch = "PATCH"
        case delete = "DELETE"
    }

    package var method: Method
    /// Absolute, `http` or `https`, without user name.
    package var url: String
    package var headers: [(String, String)]
    package var body: [UInt8]
    /// From submission to the last byte of the answer, waiting for a free connection included.
    package var timeout: Duration
    /// Name resolution, TCP and TLS together.
    package var connectTimeout: Duration
    /// A longer body ends the exchange with `.tooLarge`; nothing of it is kept.
    package var maximumResponseBytes: Int

    package init(
        method: Method = .get,
        url: String,
        headers: [(String, String)] = [],
        body: [UInt8] = [],
        timeout: Duration = .seconds(30),
        connectTimeout: Duration = .seconds(10),
        maximumResponseBytes: Int = 16 << 20
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.timeout = timeout
        self.connectTimeout = connectTimeout
        self.maximumResponseBytes = maximumResponseBytes
    }
}

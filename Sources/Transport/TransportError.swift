/// Why no whole answer came.
package struct TransportError: Error, Hashable, CustomStringConvertible {
    package enum Kind: String, Sendable, Hashable {
        /// The host's name has no address now.
        case resolve
        /// No TCP connection.
        case connect
        /// The address is private, link-local or loopback, and this client may only reach public ones.
        case addressRefused
        /// No trusted, encrypted connection: unknown authority, wrong name, expired, no common protocol.
        case tls
        case timeout
        /// The answer is longer than the request allows.
        case tooLarge
        /// The calling task was canceled.
        case canceled
        /// The connection ended before the answer did.
        case connectionLost
        /// What came back is not HTTP.
        case `protocol`
        /// The request itself cannot be sent: its address or a header is malformed.
        case invalidRequest
        /// The client was shut down.
        case shutDown
    }

    package let kind: Kind
    /// False only if no byte of the request left this process: then repeating it cannot do anything twice.
    package let requestMayHaveBeenSent: Bool
    /// For logs; names hosts and addresses, never headers or bodies.
    package let message: String

    package init(_ kind: Kind, requestMayHaveBeenSent: Bool, message: String) {
        self.kind = kind
        self.requestMayHaveBeenSent = requestMayHaveBeenSent
        self.message = message
    }

    package var description: String {
        "\(kind.rawValue): \(message)\(requestMayHaveBeenSent ? " (the request may have been sent)" : "")"
    }
}

/// Makes HTTP exchanges on one thread of its own: connections are kept and reused, HTTP/2 is spoken where a TLS server
/// offers it, certificates are always verified, and no caller's thread is ever blocked.
///
/// A request that a *reused* connection lost before any byte of an answer came may be sent once more on a fresh
/// connection, as HTTP allows for a connection that the server closed while idle. Whoever must not do a thing twice
/// says so in the request, with an idempotency key.
package final class HTTPClient: Sendable {
    package struct Configuration: Sendable {
        package enum Peers: Sendable {
            case any
            /// Only addresses of the open internet, checked on the address itself and not on a name that may change
            /// between two look-ups. Proxies are not used, since only they would see the address.
            case publicOnly
        }

        package var peers: Peers
        /// Authorities in PEM form to trust instead of the system's.
        package var certificateAuthorityFile: String?
        /// Further requests to that host wait; over HTTP/2 they share a connection instead.
        package var maximumConnectionsPerHost: Int
        /// Idle connections that are kept, all hosts together.
        package var maximumIdleConnections: Int

        package init(
            peers: Peers = .any,
            certificateAuthorityFile: String? = nil,
            maximumConnectionsPerHost: Int = 64,
            maximumIdleConnections: Int = 128
        ) {
            self.peers = peers
            self.certificateAuthorityFile = certificateAuthorityFile
            self.maximumConnectionsPerHost = maximumConnectionsPerHost
            self.maximumIdleConnections = maximumIdleConnections
        }
    }

    private let loop: TransferLoop

    package init(configuration: Configuration = Configuration()) {
        loop = TransferLoop(configuration: configuration)
        loop.start()
    }

    deinit { loop.stop() }

    /// Sends the request and waits for the whole answer. Canceling the task ends the exchange at once.
    package func execute(_ request: HTTPRequest) async throws(TransportError) -> HTTPResponse {
        let transfer = Transfer(request)
        let loop = loop
        defer { withExtendedLifetime(self) {} }  // a client that goes away shuts down
        let outcome = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in loop.submit(transfer, continuation) }
        } onCancel: {
            loop.cancel(transfer)
        }
        return try outcome.get()
    }

    /// Ends what is under way with `.shutDown` and refuses what comes later. May be called more than once.
    package func shutdown() { loop.stop() }
}

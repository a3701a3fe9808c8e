package import Store
import Synchronization

/// The signing secrets that each of the two addresses accepts: several while one is rolled. They may be set later than
/// the server starts, as with the sandbox in this process.
package final class WebhookSecrets: Sendable {
    private let accepted: Mutex<[InboxEndpoint: [String]]>

    package init(_ secrets: [InboxEndpoint: [String]] = [:]) {
        accepted = Mutex(secrets)
    }

    package func set(_ secrets: [String], for endpoint: InboxEndpoint) {
        accepted.withLock { $0[endpoint] = secrets }
    }

    package subscript(endpoint: InboxEndpoint) -> [String] {
        accepted.withLock { $0[endpoint] ?? [] }
    }
}

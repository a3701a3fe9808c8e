/// On whose behalf something is done, as the audit log keeps it.
package struct Caller: Hashable, Sendable {
    package enum Kind: Hashable, Sendable {
        case apiKey(ID<APIKey>)
        /// A person at the command line of the server.
        case shell
        /// Souk itself: a worker, a sweep, an event from Stripe.
        case souk
    }

    package let kind: Kind
    /// The HTTP request in which it was asked for, where there is one.
    package let requestID: ID<RequestTrace>?

    package init(_ kind: Kind, requestID: ID<RequestTrace>? = nil) {
        self.kind = kind
        self.requestID = requestID
    }

    package static let souk = Caller(.souk)
    package static let shell = Caller(.shell)

    /// The key that asks; nil for the shell and for Souk itself.
    package var apiKey: ID<APIKey>? { if case .apiKey(let id) = kind { id } else { nil } }

    /// `key_01…`, `shell` or `souk`: what the audit log shows.
    package var name: String {
        switch kind {
        case .apiKey(let id): id.rawValue
        case .shell: "shell"
        case .souk: "souk"
        }
    }
}

package import Store

/// The one list of Stripe's event types that Souk handles, and which use case takes each. App fills it; the endpoints at
/// Stripe are made from it, the sweep looks for what it names, and any other type is kept without effect.
package struct EventHandlers: Sendable {
    /// Brings our copy of the event's object up to date. Called in any order, any number of times, and once for several
    /// events of one object. Throwing has the event tried again later.
    package typealias UseCase = @Sendable (InboundEvent) async throws -> Void

    struct Entry: Sendable {
        let name: String
        let endpoints: Set<InboxEndpoint>
        let useCase: UseCase
    }

    private var entries: [String: Entry] = [:]

    package init() {}

    /// Has a use case take events of these types, in Stripe's exact names; each may have one use case only.
    ///
    /// Waiting events of one object that go to the use case of the same `name` share one call, with the newest of them.
    /// `endpoints` says whose events: the platform's own, connected accounts', or both.
    package mutating func on(
        _ types: [String], from endpoints: Set<InboxEndpoint>, do name: String,
        _ useCase: @escaping UseCase
    ) {
        for type in types {
            precondition(entries[type] == nil, "two use cases take \(type)")
            entries[type] = Entry(name: name, endpoints: endpoints, useCase: useCase)
        }
    }

    subscript(type: String) -> Entry? { entries[type] }

    func handles(_ type: String, from endpoint: InboxEndpoint) -> Bool {
        entries[type]?.endpoints.contains(endpoint) ?? false
    }

    /// The types that an endpoint must be sent, sorted.
    package func types(of endpoint: InboxEndpoint) -> [String] {
        entries.filter { $0.value.endpoints.contains(endpoint) }.keys.sorted()
    }
}

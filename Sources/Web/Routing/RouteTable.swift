package import Domain
package import Hummingbird
import Synchronization

/// Every route of the process: what a 405 answers in `Allow`, and what openapi/souk.yaml is compared with.
package final class RouteTable: Sendable {
    package struct Entry: Sendable {
        package let method: HTTPRequest.Method
        package let path: RouterPath
        /// nil for routes that take no API key.
        package let scope: Scope?
        /// Whether its answers are kept for `Idempotency-Key`s.
        package let keepsAnswer: Bool

        fileprivate var parameters: Int { path.description.count { $0 == "{" } }

        /// `POST /v1/orders/{id}/refunds`
        package var name: String { "\(method.rawValue) \(path.description)" }
    }

    private let stored = Mutex<[Entry]>([])

    package init() {}

    package var entries: [Entry] { stored.withLock { $0 } }

    func add(_ entry: Entry) { stored.withLock { $0.append(entry) } }

    /// The methods that some route takes at this path, in alphabetical order; none for an unknown path. A path that is
    /// written out (`/v1/orders/preview`) hides those with a parameter (`/v1/orders/{id}`).
    func methods(at path: String) -> [String] {
        let parts = path.split(separator: "/", omittingEmptySubsequences: true)
        let matching = entries.filter { entry in
            entry.path.count == parts.count && zip(entry.path, parts).allSatisfy { $0 ~= $1 }
        }
        let nearest = matching.min { $0.parameters < $1.parameters }
        var methods = Set(matching.filter { $0.path == nearest?.path }.map(\.method.rawValue))
        if methods.contains("GET") { methods.insert("HEAD") }
        return methods.sorted()
    }
}

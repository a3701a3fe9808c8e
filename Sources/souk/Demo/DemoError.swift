/// Why the demonstration cannot go on, in words for the person who started it.
enum DemoError: Error, CustomStringConvertible {
    case cannotStart(String)
    case unreachable(service: String, url: String, reason: String)
    case refused(ServiceRefusal)
    case unreadable(service: String, call: String, reason: String)
    case neverQuiet(String)

    var description: String {
        switch self {
        case .cannotStart(let reason): reason
        case .unreachable(let service, let url, let reason):
            "\(service) does not answer at \(url) (\(reason)). Start it with scripts/run, or say where it is: "
                + "souk demo --url ADDRESS --sandbox-url ADDRESS."
        case .refused(let refusal): refusal.description
        case .unreadable(let service, let call, let reason):
            "\(service) answered \(call) in a way that the demonstration does not understand: \(reason)"
        case .neverQuiet(let reason): "Souk and the sandbox do not come to rest: \(reason)"
        }
    }
}

/// A 4xx or 5xx answer with what the service says about it.
struct ServiceRefusal: Hashable, Sendable, CustomStringConvertible {
    let service: String
    let call: String
    let status: Int
    let code: String?
    /// What the buyer's bank says, in the sandbox's refusals.
    let declineCode: String?
    let message: String
    let requestID: String?

    var description: String {
        let details = [code, requestID].compactMap(\.self)
        let suffix = details.isEmpty ? "" : " [\(details.joined(separator: ", "))]"
        return "\(service) refused \(call) with \(status): \(message)\(suffix)"
    }
}

import Domain
import Synchronization

/// What the layers of one request tell its log line. No personal data, no keys: ids and codes only.
final class RequestNotes: Sendable {
    struct Content: Sendable {
        var apiKeyID: ID<APIKey>?
        var errorCode: ErrorCode?
        var parameter: String?
        var isReplay = false
        var rateLimit: (policy: String, standing: RateLimit.Standing)?
    }

    private let content = Mutex(Content())

    func note(_ change: (inout Content) -> Void) { content.withLock { change(&$0) } }
    var current: Content { content.withLock { $0 } }
}

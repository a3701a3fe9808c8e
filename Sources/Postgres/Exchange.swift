/// What goes over a connection in one turn, from being sent to the server being ready again.
enum WireRequest: Sendable {
    /// One or more statements with parameters, prepared where needed, sent together. Outside a transaction they
    /// are one: all or nothing.
    case statements([PostgresQuery])
    /// Several statements in one text, without parameters.
    case script(String)
    case copyBegin(String)
    case copyChunk([UInt8])
    /// nil: the rows are complete. A text: give up, nothing is stored.
    case copyEnd(failure: String?)
}

/// What came back.
struct WireAnswer: Sendable {
    var results: [PostgresResult]
    /// Notices of severity WARNING (field V) that came meanwhile.
    var warnings: [PostgresServerError]
    var isIdle: Bool
}

/// A turn under way. Only touched while the connection's lock is held.
final class Exchange {
    enum Step {
        case prepare(StatementCache.Key, name: String)
        case execute(StatementCache.Key)
    }

    let number: UInt64
    let request: WireRequest
    let continuation: CheckedContinuation<WireAnswer, any Error>
    let startedAt: UInt64
    /// Past this time the connection is given up.
    var deadline: UInt64
    var isPipelined = false
    var steps: [Step] = []
    var position = 0
    var results: [PostgresResult] = []
    var warnings: [PostgresServerError] = []
    var failure: PostgresServerError?
    var misuse: String?
    var isCanceled = false
    /// While a cancel request is on its way the turn does not end, or it could hit the next statement.
    var cancelsUnderWay = 0
    var isAnswered = false
    var mayCommit: Bool

    init(
        number: UInt64, request: WireRequest, mayCommit: Bool, startedAt: UInt64, deadline: UInt64,
        continuation: CheckedContinuation<WireAnswer, any Error>
    ) {
        self.number = number
        self.request = request
        self.mayCommit = mayCommit
        self.startedAt = startedAt
        self.deadline = deadline
        self.continuation = continuation
    }
}

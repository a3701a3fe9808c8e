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

/// A turn, from being asked for to being answered. Only touched while the connection's lock is held.
final class Exchange: @unchecked Sendable {  // the connection's lock guards every `var`
    enum Step {
        case prepare(StatementCache.Key, name: String)
        case execute(StatementCache.Key)
    }

    let request: WireRequest
    let mayCommit: Bool
    /// Set when the turn begins.
    var continuation: CheckedContinuation<WireAnswer, any Error>?
    var startedAt: UInt64 = 0
    /// Past this time the connection is given up.
    var deadline: UInt64 = 0
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

    init(_ request: WireRequest, mayCommit: Bool) {
        self.request = request
        self.mayCommit = mayCommit
    }
}

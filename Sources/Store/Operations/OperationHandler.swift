package import Domain

/// What one kind of operation means to the feature that asked for it. Every function is repeatable: a process may be
/// killed before its transaction commits, and another one calls it again.
package protocol OperationHandler: Sendable {
    var kind: OperationKind { get }

    /// Whether what it sends lets money leave the platform: such an operation waits while all money out is held.
    var letsMoneyOut: Bool { get }

    /// Types of events whose object, when the event names this operation's key, is what the call made.
    var provingEvents: [String] { get }

    /// What only Stripe can say before a request is computed, asked with no transaction open; nil where nothing is in the
    /// way.
    func obstacle(before operation: OperationRecord) async throws -> Preparation?

    /// Computes the request of a held operation, under the lock of its subject, or says why it stays.
    func prepare(_ operation: OperationRecord, in tx: StoreTransaction) async throws -> Preparation

    /// Applies what Stripe answered, in the transaction that makes the operation `succeeded`.
    /// - Returns: Stripe's id of the object.
    func succeed(_ operation: OperationRecord, answer: [UInt8], in tx: StoreTransaction) async throws -> String?

    /// Stripe refused for good. What becomes of the operation is the feature's to say.
    func refuse(
        _ operation: OperationRecord, _ refusal: OperationRefusal, in tx: StoreTransaction
    ) async throws -> AfterRefusal

    /// Looks for the operation's effect at Stripe, by the object's own state or by listing what may hold
    /// `metadata[souk_operation]`; never by search, which lags.
    func lookUp(_ operation: OperationRecord) async throws -> LookUpResult

    /// A second person agreed to let the held operation go, in the transaction that wakes it.
    func approved(_ operation: OperationRecord, in tx: StoreTransaction) async throws

    /// A person refused to let the held operation go: undoes what asked for it, in the transaction that makes it `failed`.
    func giveUp(_ operation: OperationRecord, because reason: String, in tx: StoreTransaction) async throws
}

extension OperationHandler {
    package var letsMoneyOut: Bool { false }

    package func obstacle(before operation: OperationRecord) async throws -> Preparation? { nil }

    package func approved(_ operation: OperationRecord, in tx: StoreTransaction) async throws {}

    package func giveUp(_ operation: OperationRecord, because reason: String, in tx: StoreTransaction) async throws {
        throw MoneyOutError.notDecided(operation.kind)
    }

    package var provingEvents: [String] { [] }

    package func prepare(_ operation: OperationRecord, in tx: StoreTransaction) async throws -> Preparation {
        .review("an operation of the kind \(kind) is never held, so nothing can compute its request")
    }
}

package enum Preparation: Sendable {
    case request(OperationRequest)
    /// `waitingFor` is the id of our object whose change may let it go sooner: see `wakeOperations(waitingFor:)`.
    case stay(because: String, until: Timestamp, waitingFor: String? = nil)
    case fail(because: String)
    case review(String)
}

package enum AfterRefusal: Sendable {
    case fail(because: String)
    case hold(because: String, until: Timestamp, waitingFor: String? = nil)
    /// The same bytes under a new key: only where the refusal proves that nothing was done.
    case newAttempt(at: Timestamp)
    case review(String)
}

package enum LookUpResult: Sendable {
    /// The effect is there: the object as Stripe shows it now.
    case found([UInt8])
    case notFound
    /// Stripe has no way to tell; a person must.
    case impossible(because: String)
}

/// Stripe's definite refusal, as a person and a handler need it.
package struct OperationRefusal: Hashable, Sendable, Codable {
    package let status: Int
    package let type: String
    package let code: String?
    package let declineCode: String?
    package let message: String
    package let requestID: String?

    package init(
        status: Int, type: String, code: String?, declineCode: String?, message: String, requestID: String?
    ) {
        self.status = status
        self.type = type
        self.code = code
        self.declineCode = declineCode
        self.message = message
        self.requestID = requestID
    }
}

/// Sends an operation's bytes once. The composition root provides it, so that this module knows nothing of HTTP.
package protocol OperationSender: Sendable {
    /// Sends exactly these bytes, within `OperationEngine.sendTimeout`, and never at all from `latestStart` on: whoever
    /// waits for Stripe's limits waits no longer than the lease allows. `sinceFirstSend` is the age of the attempt:
    /// Stripe forgets keys, so an old refusal proves nothing.
    func send(
        _ request: OperationRequest, idempotencyKey: String, sinceFirstSend: Duration,
        latestStart: ContinuousClock.Instant
    ) async -> SendOutcome
}

/// What one send came to, sorted by what may be done next.
package enum SendOutcome: Sendable {
    case succeeded([UInt8])
    /// A new attempt would be allowed: Stripe said no and did nothing.
    case refused(OperationRefusal)
    /// Whether Stripe did it is not known: the same key must be used again.
    case unknown(because: String, retryAfter: Duration?)
    /// Stripe repeats a stored server error, so sending again tells nothing: the effect must be looked up.
    case replayedServerError(because: String)
    /// The key was used with other bytes: a defect of ours.
    case keyConflict(because: String)
}

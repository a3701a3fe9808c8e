package import Domain
import Postgres

/// PostgreSQL cannot be reached, has no room, or has not confirmed that the commit would survive. Nothing is promised to
/// the caller, who may try again: every write of Souk is safe to repeat.
package struct StoreUnavailable: CodedError, CustomStringConvertible {
    /// For the log; callers see `message`.
    package let reason: String

    package init(reason: String) { self.reason = reason }

    package var code: ErrorCode { .databaseUnavailable }
    package var message: String { "Souk's database is not available right now. Try again in a few seconds." }
    package var parameter: String? { nil }
    package var description: String { "the database is not available: \(reason)" }

    /// Turns the errors that mean "not now" into this one, and lets all others through.
    package static func translating<Result>(_ work: () async throws -> Result) async throws -> Result {
        do {
            return try await work()
        } catch let error as PostgresError where error.meansNotNow {
            throw StoreUnavailable(reason: error.description)
        }
    }
}

extension PostgresError {
    fileprivate var meansNotNow: Bool {
        switch self {
        case .connection, .notDurable, .timeout, .poolExhausted: true
        // Insufficient resources, operator intervention, a primary that became a standby, and retries used up.
        case .server(let error):
            ["53", "57", "58"].contains(error.state.classCode) || error.state == .readOnlyTransaction
                || error.state == .serializationFailure || error.state == .deadlockDetected
        case .decoding, .transactionAborted, .configuration, .misuse: false
        }
    }
}

/// Five characters that say what PostgreSQL refused and why (PostgreSQL manual, appendix A).
package struct SQLState: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    package let rawValue: String

    package init(rawValue: String) { self.rawValue = rawValue }

    /// The first two characters: the kind of failure.
    package var classCode: String { String(rawValue.prefix(2)) }

    package var description: String { rawValue }

    package static let featureNotSupported = Self(rawValue: "0A000")
    package static let notNullViolation = Self(rawValue: "23502")
    package static let foreignKeyViolation = Self(rawValue: "23503")
    package static let uniqueViolation = Self(rawValue: "23505")
    package static let checkViolation = Self(rawValue: "23514")
    package static let exclusionViolation = Self(rawValue: "23P01")
    package static let readOnlyTransaction = Self(rawValue: "25006")
    package static let invalidStatementName = Self(rawValue: "26000")
    package static let invalidDatabase = Self(rawValue: "3D000")
    package static let serializationFailure = Self(rawValue: "40001")
    package static let deadlockDetected = Self(rawValue: "40P01")
    package static let syntaxError = Self(rawValue: "42601")
    package static let undefinedTable = Self(rawValue: "42P01")
    package static let insufficientPrivilege = Self(rawValue: "42501")
    package static let diskFull = Self(rawValue: "53100")
    package static let tooManyConnections = Self(rawValue: "53300")
    package static let objectInUse = Self(rawValue: "55006")
    package static let lockNotAvailable = Self(rawValue: "55P03")
    package static let queryCanceled = Self(rawValue: "57014")
    package static let adminShutdown = Self(rawValue: "57P01")
    package static let crashShutdown = Self(rawValue: "57P02")
    package static let cannotConnectNow = Self(rawValue: "57P03")
    package static let idleSessionTimeout = Self(rawValue: "57P05")
    package static let raisedException = Self(rawValue: "P0001")
}

/// What PostgreSQL itself said. `message` may quote stored values (`detail` often does): for logs, not for callers.
package struct PostgresServerError: Error, Hashable, Sendable, CustomStringConvertible {
    package var state: SQLState
    /// Never translated: ERROR, FATAL, PANIC, WARNING, NOTICE, …
    package var severity: String
    package var message: String
    package var detail: String?
    package var hint: String?
    package var schema: String?
    package var table: String?
    package var column: String?
    package var constraint: String?
    package var dataType: String?
    /// Where in the statement, counted in characters from 1.
    package var position: Int?
    package var context: String?
    package var sourceFile: String?
    package var routine: String?

    package var description: String {
        var text = "\(severity) \(state): \(message)"
        if let constraint { text += " [constraint \(constraint)]" }
        if let detail { text += " (\(detail))" }
        if let hint { text += " Hint: \(hint)" }
        return text
    }
}

/// A connection that could not be made, or that broke.
package struct PostgresConnectionError: Error, Hashable, Sendable, CustomStringConvertible {
    package var message: String
    /// Present when the server gave a reason before it hung up.
    package var state: SQLState?
    /// True when a COMMIT, or a statement that commits by itself, was under way: whether it took effect is unknown.
    package var mayHaveCommitted: Bool

    package init(message: String, state: SQLState? = nil, mayHaveCommitted: Bool = false) {
        self.message = message
        self.state = state
        self.mayHaveCommitted = mayHaveCommitted
    }

    package var description: String {
        let suffix = mayHaveCommitted ? "; whether the change was committed is unknown" : ""
        return "PostgreSQL cannot be reached: \(message)\(suffix)"
    }
}

/// A value that is not what the caller asked for. It names the column, never the value.
package struct PostgresDecodingError: Error, Hashable, Sendable, CustomStringConvertible {
    package var column: String
    /// The type in PostgreSQL's words.
    package var found: String
    package var wanted: String
    package var reason: String

    package var description: String {
        "column \"\(column)\" of type \(found) does not read as \(wanted): \(reason)"
    }
}

package enum PostgresError: Error, Hashable, Sendable {
    /// PostgreSQL refused the statement; nothing of it took effect.
    case server(PostgresServerError)
    /// PostgreSQL is away, or went away.
    case connection(PostgresConnectionError)
    /// Committed on this server, but not confirmed by the standby that should hold it too: treat it as not done.
    case notDurable(PostgresServerError)
    /// The statement did not answer in time. With `mayHaveCommitted` its effect is unknown.
    case timeout(after: Duration, mayHaveCommitted: Bool)
    /// No connection became free in time.
    case poolExhausted(after: Duration)
    case decoding(PostgresDecodingError)
    /// A statement of the transaction had failed, its error was swallowed, and COMMIT became ROLLBACK.
    case transactionAborted
    /// The connection string or another setting is unusable.
    case configuration(String)
    /// This module was used in a way that cannot work, e.g. two statements at once on one connection.
    case misuse(String)
}

extension PostgresError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .server(let error): error.description
        case .connection(let error): error.description
        case .notDurable(let warning): "committed here but not on the standby: \(warning.message)"
        case .timeout(let duration, let mayHaveCommitted):
            "PostgreSQL did not answer within \(duration)"
                + (mayHaveCommitted ? "; whether the change was committed is unknown" : "")
        case .poolExhausted(let duration): "no PostgreSQL connection became free within \(duration)"
        case .decoding(let error): error.description
        case .transactionAborted: "the transaction had failed earlier and was rolled back instead of committed"
        case .configuration(let message): "PostgreSQL settings: \(message)"
        case .misuse(let message): message
        }
    }
}

extension PostgresError {
    /// The server's code, when there is one.
    package var state: SQLState? {
        switch self {
        case .server(let error), .notDurable(let error): error.state
        case .connection(let error): error.state
        default: nil
        }
    }

    /// `constraint` is the constraint's or unique index's name; nil accepts any.
    package func isUniqueViolation(constraint: String? = nil) -> Bool {
        violates(.uniqueViolation, constraint)
    }

    package func isForeignKeyViolation(constraint: String? = nil) -> Bool {
        violates(.foreignKeyViolation, constraint)
    }

    package func isCheckViolation(constraint: String? = nil) -> Bool {
        violates(.checkViolation, constraint)
    }

    private func violates(_ state: SQLState, _ constraint: String?) -> Bool {
        guard case .server(let error) = self, error.state == state else { return false }
        return constraint == nil || error.constraint == constraint
    }

    /// PostgreSQL chose this transaction to give way (40001, 40P01): the same work may simply be tried again.
    package var isSerializationConflict: Bool {
        guard case .server(let error) = self else { return false }
        return error.state == .serializationFailure || error.state == .deadlockDetected
    }

    /// PostgreSQL is away or overloaded, and the caller should come back later.
    package var isUnavailable: Bool {
        switch self {
        case .connection, .timeout, .poolExhausted, .notDurable: true
        case .server(let error): ["53", "57", "58"].contains(error.state.classCode)
        default: false
        }
    }

    /// A cached statement no longer fits the schema (a migration ran) or is gone from the session.
    var isStaleStatement: Bool {
        guard case .server(let error) = self else { return false }
        return error.state == .invalidStatementName
            || (error.state == .featureNotSupported && error.routine == "RevalidateCachedQuery")
    }
}

extension Error {
    /// Shorthand for a `catch` of any error.
    package func isUniqueViolation(constraint: String? = nil) -> Bool {
        (self as? PostgresError)?.isUniqueViolation(constraint: constraint) ?? false
    }
}

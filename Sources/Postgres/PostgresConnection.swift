import Logging

/// One session, lent to one piece of work. It runs one statement at a time and is of no use after the work ended.
package final class PostgresConnection: PostgresExecuting, @unchecked Sendable {  // `lock` guards every `var`
    let wire: Wire
    private let logger: Logger
    private let lock = Lock()
    /// BEGIN travels together with the first statement.
    private var pendingBegin: PostgresQuery?
    private var isInTransaction: Bool
    private var isEnded = false
    private var conflict: PostgresError?
    private var last: [PostgresQuery] = []

    init(wire: Wire, begin: PostgresQuery?, logger: Logger) {
        self.wire = wire
        self.logger = logger
        pendingBegin = begin
        isInTransaction = begin != nil
    }

    /// A statement of this transaction was told to give way; even if the body swallowed that, it must run again.
    var retryableConflict: PostgresError? { lock.withLock { conflict } }

    package func query(_ query: PostgresQuery) async throws -> [PostgresRow] {
        try await run([query]).last?.rows ?? []
    }

    @discardableResult
    package func execute(_ query: PostgresQuery) async throws -> Int {
        try await run([query]).last?.affectedRows ?? 0
    }

    @discardableResult
    package func pipeline(_ queries: [PostgresQuery]) async throws -> [[PostgresRow]] {
        guard !queries.isEmpty else { return [] }
        return try await run(queries).map(\.rows)
    }

    /// Runs several statements given as one text, e.g. a migration. No parameters, no rows.
    package func executeScript(_ sql: String) async throws {
        try await beginIfPending()
        _ = try await exchange(.script(sql), mayCommit: true)
    }

    /// What the body does may fail without undoing the rest of the transaction.
    @discardableResult
    package func savepoint<Value>(
        _ body: (PostgresConnection) async throws -> Value
    ) async throws -> Value {
        try await execute("SAVEPOINT souk")
        do {
            let value = try await body(self)
            try await execute("RELEASE SAVEPOINT souk")
            return value
        } catch {
            try await finish("ROLLBACK TO SAVEPOINT souk")
            lock.withLock { conflict = nil }
            throw error
        }
    }

    /// Sends this statement together with COMMIT: what many transactions wait for is then locked for no round trip of ours.
    /// Its rows are not read.
    package func beforeCommit(_ query: PostgresQuery) {
        lock.withLock { last.append(query) }
    }

    // MARK: For the client

    func run(_ queries: [PostgresQuery]) async throws -> [PostgresResult] {
        let (begin, mayCommit) = lock.withLock {
            defer { pendingBegin = nil }
            return (pendingBegin, !isInTransaction)
        }
        let answer = try await exchange(.statements(begin.map { [$0] + queries } ?? queries), mayCommit: mayCommit)
        return begin == nil ? answer.results : Array(answer.results.dropFirst())
    }

    func exchange(_ request: WireRequest, mayCommit: Bool) async throws -> WireAnswer {
        guard lock.withLock({ !isEnded }) else {
            throw PostgresError.misuse("the connection was used after its work had ended")
        }
        do {
            let answer = try await wire.exchange(request, mayCommit: mayCommit)
            if !answer.warnings.isEmpty { try check(answer) }
            return answer
        } catch let error as PostgresError {
            if error.isSerializationConflict || error.isStaleStatement { lock.withLock { conflict = error } }
            throw error
        }
    }

    func beginIfPending() async throws {
        if let begin = takeBegin() { _ = try await exchange(.statements([begin]), mayCommit: false) }
    }

    private func takeBegin() -> PostgresQuery? {
        lock.withLock {
            defer { pendingBegin = nil }
            return pendingBegin
        }
    }

    /// - Throws: `.notDurable` when a statement that committed by itself was not confirmed by the standby. Other
    ///   warnings of statements (RAISE WARNING) are no reason to doubt them: they come from other source files.
    private func check(_ answer: WireAnswer) throws(PostgresError) {
        for warning in answer.warnings {
            logger.warning("PostgreSQL warns", metadata: ["warning": "\(warning)"])
            if answer.isIdle, warning.sourceFile ?? "syncrep.c" == "syncrep.c" { throw .notDurable(warning) }
        }
    }

    /// - Returns: false when there was nothing to commit, because nothing was ever sent.
    /// - Throws: `.notDurable` on **any** warning between COMMIT and its completion; `.transactionAborted` when
    ///   COMMIT turned out to be a ROLLBACK.
    func commit() async throws {
        guard takeBegin() == nil else { return }
        let last = lock.withLock { self.last }
        let answer = try await wire.exchange(.statements(last + ["COMMIT"]), mayCommit: true, isShielded: true)
        guard answer.results.last?.commandTag == "COMMIT" else { throw PostgresError.transactionAborted }
        if let warning = answer.warnings.first {
            logger.warning("a commit is not durable", metadata: ["warning": "\(warning)"])
            throw PostgresError.notDurable(warning)
        }
    }

    /// COMMIT for a BEGIN that was executed as a statement.
    func commitByHand() async throws { try await commit() }

    func rollback() async throws {
        guard takeBegin() == nil else { return }
        try await finish("ROLLBACK")
    }

    /// Also in a canceled task: what was begun must be undone.
    private func finish(_ query: PostgresQuery) async throws {
        _ = try await wire.exchange(.statements([query]), mayCommit: false, isShielded: true)
    }

    func end() {
        lock.withLock { isEnded = true }
    }
}

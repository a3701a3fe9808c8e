import CLibPQ
import Glibc

/// One libpq connection: sends from the caller's thread, reads on the I/O thread, never blocks.
final class Wire: @unchecked Sendable {  // `lock` guards the PGconn and every `var`
    private static let numbers = Counter()
    /// After a cancel request the server has this long to obey before the connection is given up.
    private static let cancelGrace: UInt64 = 3_000_000_000
    /// The server's own time-out fires first, when it can.
    private static let timeoutSlack: UInt64 = 1_000_000_000

    let id = Wire.numbers.next()
    private let statementTimeout: Duration
    /// When the connection is given up.
    private let timeoutNanoseconds: UInt64
    private let descriptor: Int32
    let lock = Lock()
    /// nil once closed.
    private var handle: OpaquePointer?
    private var closedBecause: PostgresConnectionError?
    private(set) var current: Exchange?
    private var cache = StatementCache()
    private var isWatchedForWriting = false
    private var onClose: (@Sendable (Wire) -> Void)?
    private var isSpoiled = false
    /// When it last came back to the pool. Guarded by the pool's lock.
    var idleSince: UInt64 = 0

    /// Takes over an open, non-blocking connection. The caller keeps it when this throws.
    init(taking handle: OpaquePointer, statementTimeout: Duration) throws(PostgresConnectionError) {
        self.statementTimeout = statementTimeout
        timeoutNanoseconds = statementTimeout.nanoseconds &+ Self.timeoutSlack
        descriptor = PQsocket(handle)
        self.handle = handle
        PQsetErrorVerbosity(handle, PQERRORS_VERBOSE)
        PQsetNoticeReceiver(
            handle,
            { context, result in
                guard let context, let result else { return }
                // Called by libpq inside our calls to it: the lock is held, the object is alive.
                Unmanaged<Wire>.fromOpaque(context).takeUnretainedValue().noted(result)
            }, Unmanaged.passUnretained(self).toOpaque())
        guard IOThread.shared.add(self, descriptor: descriptor) else {
            self.handle = nil
            throw PostgresConnectionError(message: "the socket cannot be watched (error \(errno))")
        }
    }

    deinit {
        if let handle { PQfinish(handle) }
    }

    var isOpen: Bool { lock.withLock { handle != nil && !isSpoiled } }

    /// `action` is called once, when the connection is gone; at once when it already is.
    func whenClosed(_ action: @escaping @Sendable (Wire) -> Void) {
        let isGone = lock.withLock {
            if handle != nil { onClose = action }
            return handle == nil
        }
        if isGone { action(self) }
    }

    // MARK: The caller's side

    /// Sends a request and waits for the answer. `mayCommit` says whether a lost answer leaves open if something was
    /// committed; `isShielded` is for what must be finished even in a canceled task (COMMIT, ROLLBACK).
    func exchange(
        _ request: WireRequest, mayCommit: Bool, isShielded: Bool = false
    ) async throws -> WireAnswer {
        let exchange = Exchange(request, mayCommit: mayCommit)
        guard !isShielded else { return try await withCheckedThrowingContinuation { begin(exchange, $0) } }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { begin(exchange, $0) }
        } onCancel: {
            cancel(exchange)
        }
    }

    private func begin(_ exchange: Exchange, _ continuation: CheckedContinuation<WireAnswer, any Error>) {
        let now = monotonicNanoseconds()
        lock.lock()
        guard !exchange.isCanceled else {
            // Before anything was sent.
            lock.unlock()
            continuation.resume(throwing: CancellationError())
            return
        }
        guard let handle else {
            let reason = closedBecause ?? PostgresConnectionError(message: "the connection is closed")
            lock.unlock()
            continuation.resume(throwing: PostgresError.connection(reason))
            return
        }
        guard current == nil else {
            lock.unlock()
            continuation.resume(throwing: PostgresError.misuse("a connection runs one statement at a time"))
            return
        }
        exchange.continuation = continuation
        exchange.startedAt = now
        exchange.deadline = now &+ timeoutNanoseconds
        current = exchange
        var ending: Ending?
        if send(exchange, handle) {
            ending = flush(handle, exchange)
        } else if PQstatus(handle) == CONNECTION_BAD {
            ending = closed(message(handle))
        } else {
            // libpq refused it before anything was sent, e.g. more than 65535 parameters.
            let reason = message(handle)
            current = nil
            isSpoiled = true
            ending = Ending(exchange, .failure(PostgresError.misuse(reason)))
        }
        lock.unlock()
        ending?.deliver()
    }

    private func send(_ exchange: Exchange, _ handle: OpaquePointer) -> Bool {
        switch exchange.request {
        case .statements(let queries):
            return StatementSender(handle: handle).send(queries, exchange, &cache)
        case .script(let sql), .copyBegin(let sql):
            return PQsendQuery(handle, sql) == 1
        case .copyChunk(let bytes):
            return bytes.withUnsafeBytes { bytes in
                PQputCopyData(handle, bytes.bindMemory(to: CChar.self).baseAddress, Int32(bytes.count)) == 1
            }
        case .copyEnd(let failure):
            return PQputCopyEnd(handle, failure) == 1
        }
    }

    // MARK: The I/O thread's side

    /// The socket has something for us, or takes more from us.
    /// - Returns: what is to be told to those who wait.
    func ready(isWritable: Bool) -> Ending? {
        lock.lock()
        defer { lock.unlock() }
        guard let handle else { return nil }
        if PQconsumeInput(handle) == 0 { return lost(handle) }
        guard let exchange = current else {
            _ = PQisBusy(handle)  // takes in notices and parameter changes
            return nil
        }
        if isWritable || isWatchedForWriting, let ending = flush(handle, exchange) { return ending }
        return collect(handle, exchange)
    }

    /// Called about ten times a second.
    func tick(_ now: UInt64) {
        lock.lock()
        guard let exchange = current, now > exchange.deadline, let handle else {
            lock.unlock()
            return
        }
        let cancel = exchange.isCanceled ? nil : PQgetCancel(handle)
        let error: any Error =
            exchange.isCanceled
            ? CancellationError()
            : PostgresError.timeout(after: statementTimeout, mayHaveCommitted: exchange.mayCommit)
        let ending = closed("the server did not answer in time", error)
        lock.unlock()
        // The server may still be at work on it; ask it to stop, but do not wait for that.
        if let cancel { CancelRequest(cancel).send {} }
        ending.deliver()
    }

    private func flush(_ handle: OpaquePointer, _ exchange: Exchange) -> Ending? {
        let unsent = PQflush(handle)
        guard unsent >= 0 else { return lost(handle) }
        if (unsent == 1) != isWatchedForWriting {
            isWatchedForWriting = unsent == 1
            IOThread.shared.watch(self, descriptor: descriptor, forWriting: isWatchedForWriting)
        }
        if unsent == 0, case .copyChunk = exchange.request {
            exchange.isAnswered = true
            return endIfComplete(exchange, handle)
        }
        return nil
    }

    private func collect(_ handle: OpaquePointer, _ exchange: Exchange) -> Ending? {
        if case .copyChunk = exchange.request { return nil }
        var collector = ResultCollector(exchange: exchange, handle: handle)
        while !exchange.isAnswered, PQisBusy(handle) == 0 {
            collector.take(PQgetResult(handle), &cache)
        }
        if PQstatus(handle) == CONNECTION_BAD { return lost(handle) }
        return endIfComplete(exchange, handle)
    }

    private func endIfComplete(_ exchange: Exchange, _ handle: OpaquePointer) -> Ending? {
        guard exchange.isAnswered, exchange.cancelsUnderWay == 0, current === exchange else { return nil }
        current = nil
        if let misuse = exchange.misuse {
            isSpoiled = true
            return Ending(exchange, .failure(PostgresError.misuse(misuse)))
        }
        if let failure = exchange.failure { return Ending(exchange, .failure(error(for: failure, exchange))) }
        let isIdle = PQtransactionStatus(handle) == PQTRANS_IDLE
        return Ending(
            exchange,
            .success(WireAnswer(results: exchange.results, warnings: exchange.warnings, isIdle: isIdle)))
    }

    private func error(for failure: PostgresServerError, _ exchange: Exchange) -> any Error {
        if failure.state == .queryCanceled {
            if exchange.isCanceled { return CancellationError() }
            if monotonicNanoseconds() - exchange.startedAt >= statementTimeout.nanoseconds {
                return PostgresError.timeout(after: statementTimeout, mayHaveCommitted: false)
            }
        }
        // A server that was demoted, or a standby that we were never meant to write to: look for another.
        if failure.state == .readOnlyTransaction { isSpoiled = true }
        return PostgresError.server(failure)
    }

    private func noted(_ result: OpaquePointer) {
        let notice = PostgresServerError(result)
        if notice.severity == "WARNING" { current?.warnings.append(notice) }
    }

    // MARK: The end

    /// The socket is gone. What the server said before it hung up is still to be read.
    private func lost(_ handle: OpaquePointer) -> Ending {
        var reason = message(handle)
        var state: SQLState?
        if let exchange = current {
            // At most one result for each step, its end, and the reason itself. On a dead socket none of it waits.
            for _ in 0..<(2 * exchange.steps.count + 4) where PQstatus(handle) == CONNECTION_BAD {
                guard let result = PQgetResult(handle) else { continue }
                if PQresultStatus(result) == PGRES_FATAL_ERROR, exchange.failure == nil {
                    let error = PostgresServerError(result)
                    if !error.state.rawValue.isEmpty { exchange.failure = error }
                }
                PQclear(result)
            }
            if let failure = exchange.failure {
                reason = failure.message
                state = failure.state
            }
        }
        return closed(reason, nil, state)
    }

    /// Closes the connection; the lock is held. `deliver` tells those who wait.
    private func closed(_ reason: String, _ error: (any Error)? = nil, _ state: SQLState? = nil) -> Ending {
        let exchange = current
        current = nil
        let failure = PostgresConnectionError(
            message: reason, state: state, mayHaveCommitted: exchange?.mayCommit ?? false)
        closedBecause = PostgresConnectionError(message: reason, state: state)
        if let handle {
            IOThread.shared.remove(self, descriptor: descriptor)
            self.handle = nil
            PQfinish(handle)
        }
        let action = onClose
        onClose = nil
        let outcome = error ?? (exchange?.isCanceled == true ? CancellationError() : PostgresError.connection(failure))
        return Ending(exchange, .failure(outcome), closing: action.map { action in { action(self) } })
    }

    func close(_ reason: String) {
        lock.lock()
        guard handle != nil else {
            lock.unlock()
            return
        }
        let ending = closed(reason)
        lock.unlock()
        ending.deliver()
    }

    private func message(_ handle: OpaquePointer) -> String {
        withoutNewline(String(cString: PQerrorMessage(handle)))
    }

    // MARK: Cancellation

    private func cancel(_ exchange: Exchange) {
        lock.lock()
        guard !exchange.isCanceled else {
            lock.unlock()
            return
        }
        exchange.isCanceled = true
        guard let handle, current === exchange else {
            lock.unlock()
            return
        }
        exchange.deadline = min(exchange.deadline, monotonicNanoseconds() + Self.cancelGrace)
        // A COPY in progress is given up by its own last message, not by a cancel request.
        if case .copyChunk = exchange.request {
            lock.unlock()
            return
        }
        guard let request = PQgetCancel(handle) else {
            lock.unlock()
            return
        }
        exchange.cancelsUnderWay += 1
        lock.unlock()
        CancelRequest(request).send { self.cancelWasSent(of: exchange) }
    }

    private func cancelWasSent(of exchange: Exchange) {
        lock.lock()
        guard let handle, current === exchange else {
            lock.unlock()
            return
        }
        exchange.cancelsUnderWay -= 1
        let ending = endIfComplete(exchange, handle)
        lock.unlock()
        ending?.deliver()
    }

    // MARK: Between users

    /// Whether the session may go to the next user as it is.
    var condition: Condition {
        lock.withLock {
            guard let handle, !isSpoiled, current == nil else { return .unusable }
            guard PQtransactionStatus(handle) == PQTRANS_IDLE else { return .needsRollback }
            return cache.isFull ? .needsClearing : .clean
        }
    }

    enum Condition { case clean, needsRollback, needsClearing, unusable }

    func forgetStatements() {
        lock.withLock { cache.removeAll() }
    }
}

/// What is left to do once the lock is released.
struct Ending {
    private let exchange: Exchange?
    private let outcome: Result<WireAnswer, any Error>
    private let closing: (() -> Void)?

    init(_ exchange: Exchange?, _ outcome: Result<WireAnswer, any Error>, closing: (() -> Void)? = nil) {
        self.exchange = exchange
        self.outcome = outcome
        self.closing = closing
    }

    func deliver() {
        closing?()
        exchange?.continuation?.resume(with: outcome)
    }
}

/// Numbers that are never used twice in a process; 0 is not given out.
final class Counter: @unchecked Sendable {  // `lock` guards `value`
    private let lock = Lock()
    private var value: UInt64 = 0

    func next() -> UInt64 {
        lock.withLock {
            value += 1
            return value
        }
    }
}

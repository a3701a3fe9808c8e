import CLibPQ
import Glibc

/// Opens connections, on a thread that may block: libpq resolves names inside `PQconnectStart` and `PQconnectPoll`.
final class Connector: @unchecked Sendable {  // `lock` guards `preferred`
    private let parameters: ConnectionParameters
    private let timeoutNanoseconds: UInt64
    private let statementTimeout: Duration
    private let lock = Lock()
    /// The host that answered last is asked first.
    private var preferred = 0

    init(_ configuration: PostgresConfiguration) throws(PostgresError) {
        parameters = try ConnectionParameters(configuration)
        timeoutNanoseconds = max(1, configuration.connectTimeout.nanoseconds)
        statementTimeout = configuration.statementTimeout
    }

    /// Blocks, at most the connect time-out for each host (name resolution apart).
    func open() throws(PostgresError) -> Wire {
        let first = lock.withLock { preferred }
        var failures: [PostgresConnectionError] = []
        for offset in parameters.candidates.indices {
            let index = (first + offset) % parameters.candidates.count
            do {
                let wire = try open(parameters.candidates[index])
                lock.withLock { preferred = index }
                return wire
            } catch {
                failures.append(error)
            }
        }
        throw .connection(
            PostgresConnectionError(
                message: failures.map(\.message).joined(separator: "; "), state: failures.last?.state))
    }

    private func open(_ options: [String: String]) throws(PostgresConnectionError) -> Wire {
        guard let handle = PQconnectStart(ConnectionParameters.connectionString(options)) else {
            throw PostgresConnectionError(message: "out of memory")
        }
        do throws(PostgresConnectionError) {
            let deadline = monotonicNanoseconds() + timeoutNanoseconds
            try finishConnecting(handle, deadline)
            guard PQsetnonblocking(handle, 1) == 0 else { throw Self.failure(handle) }
            try prepareSession(handle, deadline)
            return try Wire(taking: handle, statementTimeout: statementTimeout)
        } catch {
            PQfinish(handle)
            throw error
        }
    }

    private func finishConnecting(_ handle: OpaquePointer, _ deadline: UInt64) throws(PostgresConnectionError) {
        guard PQstatus(handle) != CONNECTION_BAD else { throw Self.failure(handle) }
        var wanted = PGRES_POLLING_WRITING
        while wanted != PGRES_POLLING_OK {
            try wait(handle, forWriting: wanted == PGRES_POLLING_WRITING, until: deadline)
            wanted = PQconnectPoll(handle)
            guard wanted != PGRES_POLLING_FAILED else { throw Self.failure(handle) }
        }
    }

    private func prepareSession(_ handle: OpaquePointer, _ deadline: UInt64) throws(PostgresConnectionError) {
        guard PQsendQuery(handle, parameters.sessionSettings) == 1 else { throw Self.failure(handle) }
        while true {
            let unsent = PQflush(handle)
            guard unsent >= 0 else { throw Self.failure(handle) }
            while PQisBusy(handle) == 0 {
                guard let result = PQgetResult(handle) else { return }
                defer { PQclear(result) }
                guard PQresultStatus(result) == PGRES_COMMAND_OK else { throw Self.failure(handle) }
            }
            try wait(handle, forWriting: unsent == 1, until: deadline)
            guard PQconsumeInput(handle) == 1 else { throw Self.failure(handle) }
        }
    }

    private func wait(
        _ handle: OpaquePointer, forWriting: Bool, until deadline: UInt64
    ) throws(PostgresConnectionError) {
        var descriptor = pollfd(fd: PQsocket(handle), events: Int16(forWriting ? POLLOUT : POLLIN), revents: 0)
        while true {
            let now = monotonicNanoseconds()
            guard now < deadline else {
                let place = PQhost(handle).map { String(cString: $0) } ?? "the server"
                throw PostgresConnectionError(
                    message: "\(place) did not answer within \(Duration.nanoseconds(Int64(timeoutNanoseconds)))")
            }
            let milliseconds = Int32(min((deadline - now) / 1_000_000 + 1, 60_000))
            let status = poll(&descriptor, 1, milliseconds)
            if status > 0 { return }
            guard status == 0 || errno == EINTR else {
                throw PostgresConnectionError(message: "poll failed with error \(errno)")
            }
        }
    }

    private static func failure(_ handle: OpaquePointer) -> PostgresConnectionError {
        PostgresConnectionError(message: withoutNewline(String(cString: PQerrorMessage(handle))))
    }
}

import Glibc
import Synchronization

/// A tiny HTTP/1.1 server on loopback for tests: one thread for each connection, answers by a closure, and it can
/// misbehave in the ways that networks do.
package final class LocalServer: Sendable {
    package struct Received: Sendable {
        package let method: String
        package let target: String
        package let headers: [(name: String, value: String)]
        package let body: [UInt8]
        /// Counts the connections of this server from one.
        package let connection: Int

        package subscript(name: String) -> String? {
            headers.first { $0.name.lowercased() == name.lowercased() }?.value
        }
    }

    package enum Reply: Sendable {
        case answer(status: Int, headers: [(String, String)] = [], body: String = "")
        /// The bytes as they are; the connection stays open.
        case raw(String)
        /// As above, then the connection is closed without a word.
        case rawThenClose(String)
        /// Nothing, until the client goes away.
        case silence
        /// The connection is closed without an answer.
        case drop
    }

    private struct State: Sendable {
        var received: [Received] = []
        var connections = 0
        var abandoned = 0
        var isStopped = false
        var waiters: [Waiter] = []
    }

    private struct Waiter: Sendable {
        let condition: @Sendable (_ received: Int, _ abandoned: Int) -> Bool
        let continuation: CheckedContinuation<Void, Never>
    }

    private let state = Mutex(State())
    private let listener: Int32
    private let handler: @Sendable (Received) -> Reply
    package let port: UInt16

    package var url: String { "http://127.0.0.1:\(port)" }
    package var received: [Received] { state.withLock { $0.received } }
    package var connections: Int { state.withLock { $0.connections } }

    package struct Failure: Error { let step: String, code: Int32 }

    package init(_ handler: @escaping @Sendable (Received) -> Reply) throws {
        self.handler = handler
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard listener >= 0 else { throw Failure(step: "socket", code: errno) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                bind(listener, generic, length) == 0 && listen(listener, 512) == 0
                    && getsockname(listener, generic, &length) == 0
            }
        }
        self.listener = listener
        port = UInt16(bigEndian: address.sin_port)
        guard bound else { throw Failure(step: "bind", code: errno) }
        Thread.start { [self] in acceptConnections() }
    }

    /// Stops accepting. Open connections end with their clients.
    package func stop() {
        let isFirst = state.withLock { state in
            defer { state.isStopped = true }
            return !state.isStopped
        }
        if isFirst { shutdown(listener, Int32(SHUT_RDWR)) }
    }

    /// Waits until that many requests have arrived.
    package func waitForRequests(_ count: Int) async { await wait { received, _ in received >= count } }

    /// Waits until that many clients have gone away from a silent answer.
    package func waitForAbandoned(_ count: Int) async { await wait { _, abandoned in abandoned >= count } }

    private func wait(_ condition: @escaping @Sendable (Int, Int) -> Bool) async {
        await withCheckedContinuation { continuation in
            let isMet = state.withLock { state in
                if condition(state.received.count, state.abandoned) { return true }
                state.waiters.append(Waiter(condition: condition, continuation: continuation))
                return false
            }
            if isMet { continuation.resume() }
        }
    }

    private func update(_ change: (inout sending State) -> Void) {
        let met = state.withLock { state in
            change(&state)
            let (received, abandoned) = (state.received.count, state.abandoned)
            let met = state.waiters.filter { $0.condition(received, abandoned) }
            state.waiters.removeAll { $0.condition(received, abandoned) }
            return met
        }
        for waiter in met { waiter.continuation.resume() }
    }

    private func acceptConnections() {
        while true {
            let connection = accept(listener, nil, nil)
            guard connection >= 0 else {
                if errno == EINTR { continue }
                close(listener)
                return
            }
            _ = fcntl(connection, F_SETFD, FD_CLOEXEC)
            let number = state.withLock { state in
                state.connections += 1
                return state.connections
            }
            Thread.start { [self] in
                serve(connection, number: number)
                close(connection)
            }
        }
    }

    private func serve(_ connection: Int32, number: Int) {
        var buffer: [UInt8] = []
        while let request = readRequest(connection, number: number, buffer: &buffer) {
            let reply = handler(request)
            update { $0.received.append(request) }
            switch reply {
            case .answer(let status, let headers, let body):
                let withoutBody = request.method == "HEAD" ? "" : body
                let fields = headers.map { "\($0.0): \($0.1)\r\n" }.joined()
                let head = "HTTP/1.1 \(status) Test\r\ncontent-length: \(body.utf8.count)\r\n\(fields)\r\n"
                guard send(connection, head + withoutBody) else { return }
            case .raw(let text):
                guard send(connection, text) else { return }
            case .rawThenClose(let text):
                _ = send(connection, text)
                return
            case .silence:
                var byte: UInt8 = 0
                while recv(connection, &byte, 1, 0) > 0 {}
                update { $0.abandoned += 1 }
                return
            case .drop:
                return
            }
        }
    }

    private func send(_ connection: Int32, _ text: String) -> Bool {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                Glibc.send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }

    private func readRequest(_ connection: Int32, number: Int, buffer: inout [UInt8]) -> Received? {
        let separator = Array("\r\n\r\n".utf8)
        var headEnd: Int?
        while headEnd == nil {
            headEnd = buffer.indices.first { buffer[$0...].starts(with: separator) }
            if headEnd == nil, !receive(connection, into: &buffer) { return nil }
        }
        guard let headEnd else { return nil }
        let head = String(decoding: buffer[..<headEnd], as: UTF8.self)
        buffer.removeFirst(headEnd + separator.count)
        // "\r\n" is one Character.
        let lines = head.split(separator: "\r\n").map(String.init)
        let words = lines.first?.split(separator: " ").map(String.init) ?? []
        guard words.count == 3 else { return nil }
        let headers = lines.dropFirst().compactMap { line -> (name: String, value: String)? in
            guard let colon = line.firstIndex(of: ":") else { return nil }
            let value = line[line.index(after: colon)...].drop { $0 == " " }
            return (name: String(line[..<colon]), value: String(value))
        }
        let length = headers.first { $0.name.lowercased() == "content-length" }.flatMap { Int($0.value) } ?? 0
        while buffer.count < length {
            guard receive(connection, into: &buffer) else { return nil }
        }
        let body = Array(buffer.prefix(length))
        buffer.removeFirst(length)
        return Received(method: words[0], target: words[1], headers: headers, body: body, connection: number)
    }

    private func receive(_ connection: Int32, into buffer: inout [UInt8]) -> Bool {
        var piece = [UInt8](repeating: 0, count: 65_536)
        let count = recv(connection, &piece, piece.count, 0)
        guard count > 0 else { return false }
        buffer.append(contentsOf: piece.prefix(count))
        return true
    }
}

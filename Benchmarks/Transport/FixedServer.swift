import Glibc

/// The server that both clients ask: one thread for each connection, a fixed answer, so that little of the machine goes
/// into it. It runs in a process of its own and says its port on standard output.
enum FixedServer {
    static let answer = Array(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 11\r\n\r\n{\"ok\":true}"
            .utf8)

    static func serve() -> Never {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                bind(listener, generic, length) == 0 && listen(listener, 512) == 0
                    && getsockname(listener, generic, &length) == 0
            }
        }
        guard isBound else { exit(1) }
        print(UInt16(bigEndian: address.sin_port))
        fflush(nil)
        // It ends with its parent, whose end closes standard input.
        start(0) { input in
            var byte: UInt8 = 0
            while read(input, &byte, 1) > 0 {}
            exit(0)
        }
        while true {
            let connection = accept(listener, nil, nil)
            guard connection >= 0 else { exit(1) }
            var on: Int32 = 1
            setsockopt(
                connection, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
            start(connection, answerAll)
        }
    }

    /// Every request ends with the three bytes of its body: that is all of HTTP that this server knows.
    private static let answerAll: @Sendable (Int32) -> Void = { connection in
        var buffer = [UInt8](repeating: 0, count: 65_536)
        var filled = 0
        while true {
            let count = buffer.withUnsafeMutableBytes { free in
                recv(connection, free.baseAddress?.advanced(by: filled), free.count - filled, 0)
            }
            guard count > 0 else { break }
            filled += count
            guard filled >= 3, buffer[filled - 3] == UInt8(ascii: "a"),
                buffer[filled - 1] == UInt8(ascii: "1"),
                buffer[filled - 2] == UInt8(ascii: "=")
            else { continue }
            filled = 0
            guard send(connection, answer, answer.count, Int32(MSG_NOSIGNAL)) == answer.count else {
                break
            }
        }
        close(connection)
    }

    private final class Work: Sendable {
        let descriptor: Int32
        let run: @Sendable (Int32) -> Void

        init(_ descriptor: Int32, _ run: @escaping @Sendable (Int32) -> Void) {
            self.descriptor = descriptor
            self.run = run
        }
    }

    private static func start(_ descriptor: Int32, _ run: @escaping @Sendable (Int32) -> Void) {
        var thread = pthread_t()
        let context = Unmanaged.passRetained(Work(descriptor, run)).toOpaque()
        pthread_create(
            &thread, nil,
            { context in
                guard let context else { return nil }
                let work = Unmanaged<Work>.fromOpaque(context).takeRetainedValue()
                work.run(work.descriptor)
                return nil
            }, context)
        pthread_detach(thread)
    }

    /// Starts this program again as the server.
    ///
    /// - Returns: its address; nil if it did not start. It lives until this process ends.
    static func startInOwnProcess() -> String? {
        var input: [Int32] = [0, 0]
        var output: [Int32] = [0, 0]
        guard pipe(&input) == 0, pipe(&output) == 0 else { return nil }
        // The child must not hold the ends that are ours: it ends when we do.
        for descriptor in input + output { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawn_file_actions_adddup2(&actions, input[0], 0)
        posix_spawn_file_actions_adddup2(&actions, output[1], 1)
        var pid = pid_t()
        let words: [UnsafeMutablePointer<CChar>?] = [strdup("/proc/self/exe"), strdup("serve"), nil]
        let noEnvironment: [UnsafeMutablePointer<CChar>?] = [nil]
        guard posix_spawn(&pid, "/proc/self/exe", &actions, nil, words, noEnvironment) == 0 else {
            return nil
        }
        close(input[0])
        close(output[1])
        var line = [UInt8](repeating: 0, count: 16)
        let count = read(output[0], &line, line.count)
        let port = String(decoding: line.prefix(max(0, count)).prefix { $0 != 10 }, as: UTF8.self)
        return port.isEmpty ? nil : "http://127.0.0.1:\(port)/v1/balance"
    }
}

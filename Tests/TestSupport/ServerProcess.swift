package import Glibc
import Foundation
import LocalHTTP
import Synchronization

/// A server as a process of its own, which a test stops, kills and counts the threads of by its process id.
package final class ServerProcess: Sendable {
    package let id: pid_t
    private let ended = Mutex(false)

    package struct CannotOpen: Error { let path: String }

    /// Starts it with this environment alone; both of its outputs are added to the file `log`.
    package init(_ path: String, _ arguments: [String], environment: [String: String], log: String) throws {
        let output = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard output >= 0 else { throw CannotOpen(path: log) }
        defer { close(output) }
        let nothing = open("/dev/null", O_RDONLY | O_CLOEXEC)
        guard nothing >= 0 else { throw CannotOpen(path: "/dev/null") }
        defer { close(nothing) }
        let undertaker = try Undertaker.shared.get()
        id = try Spawn.start(
            path, arguments, environment: environment.map { "\($0.key)=\($0.value)" }, standardInput: nothing,
            output: output)
        try undertaker.remember(id, program: path)
    }

    /// SIGKILL; returns once it is gone.
    package func kill() async throws {
        Foundation.kill(id, SIGKILL)
        try await eventually("the killed process is gone") { hasEnded }
    }

    /// SIGSTOP; returns once none of its threads runs any more.
    package func pause() async throws {
        Foundation.kill(id, SIGSTOP)
        try await eventually("every thread stands still") { try threads().allSatisfy { $0 == "T" } }
    }

    package func resume() { Foundation.kill(id, SIGCONT) }

    /// Of a process that was not started by `kill`, too: whoever looks takes its end from the system.
    package var hasEnded: Bool {
        ended.withLock { ended in
            if !ended {
                var status: Int32 = 0
                ended = waitpid(id, &status, WNOHANG) == id
            }
            return ended
        }
    }

    /// The state of each of its threads: `R`, `S`, `T`, …
    package func threads() throws -> [Character] {
        try FileManager.default.contentsOfDirectory(atPath: "/proc/\(id)/task").compactMap { thread in
            // "id (name) state …"; the name may hold anything. A thread that ended meanwhile has no file.
            guard let stat = try? String(contentsOfFile: "/proc/\(id)/task/\(thread)/stat", encoding: .utf8),
                let bracket = stat.lastIndex(of: ")")
            else { return nil }
            return stat[bracket...].dropFirst(2).first
        }
    }
}

/// A shell that waits for our end, however it comes, and then kills the servers that we left.
private final class Undertaker: Sendable {
    static let shared = Result { try Undertaker() }

    private let writeEnd: FileHandle

    private init() throws {
        let pipe = Pipe()
        writeEnd = pipe.fileHandleForWriting
        _ = fcntl(writeEnd.fileDescriptor, F_SETFD, FD_CLOEXEC)
        guard let nothing = FileHandle(forWritingAtPath: "/dev/null") else { throw CocoaError(.fileNoSuchFile) }
        _ = try Spawn.start(
            "/bin/sh", ["-c", Self.script], environment: Subprocess.variables(),
            standardInput: pipe.fileHandleForReading.fileDescriptor, output: nothing.fileDescriptor, ownSession: true)
        try pipe.fileHandleForReading.close()
        try nothing.close()
    }

    func remember(_ id: pid_t, program: String) throws {
        try writeEnd.write(contentsOf: Data("\(id) \(program)\n".utf8))
    }

    // A process id may be another program's by then.
    private static let script = """
        trap '' INT TERM HUP
        while read -r id program; do left="$left $id:$program"; done
        for entry in $left; do
            [ "$(readlink -f "/proc/${entry%%:*}/exe")" = "$(readlink -f "${entry#*:}")" ] && kill -KILL "${entry%%:*}"
        done
        """
}

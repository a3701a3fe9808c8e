import Foundation
import LocalHTTP
package import Postgres

/// A private PostgreSQL cluster, only for tests: no port, a socket that only this user reaches, no disk is waited for, in
/// memory where there is enough. It is stopped and deleted when the test process ends, however it ends.
package final class TestCluster: Sendable {
    package struct Options: Sendable {
        /// Written to postgresql.conf, e.g. `["synchronous_commit": "on"]`.
        package var settings: [String: String] = [:]
        /// Makes a streaming standby of this cluster instead of an empty one.
        package var standbyOf: TestCluster?
        /// Benchmarks keep it on.
        package var fsync = false

        package init() {}
    }

    /// The folder of the data and of the socket.
    package let folder: String
    private let dataFolder: String
    private let lifeline: Lifeline

    /// Making a database is making hundreds of files, which a file system in memory does in a fraction of the time.
    private static let home: String = {
        var memory = statvfs()
        guard statvfs("/dev/shm", &memory) == 0, access("/dev/shm", W_OK) == 0 else { return "/tmp" }
        return UInt64(memory.f_bavail) * UInt64(memory.f_frsize) >= 4 << 30 ? "/dev/shm" : "/tmp"
    }()

    private static let programs: String = {
        let folder = try? Subprocess.runBlocking("/usr/bin/env", ["pg_config", "--bindir"])
        return folder?.trimmingCharacters(in: .whitespacesAndNewlines) ?? "/usr/lib/postgresql/15/bin"
    }()

    /// Makes and starts a cluster.
    package init(_ options: Options = Options()) async throws {
        let name = "souk-pg-\(ProcessInfo.processInfo.processIdentifier)-\(UInt32.random(in: 0 ... .max))"
        folder = "\(options.fsync ? "/tmp" : Self.home)/\(name)"
        dataFolder = "\(folder)/data"
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
        if geteuid() == 0 { try await Subprocess.run("/bin/chown", ["postgres", folder]) }
        lifeline = try Lifeline(folder: folder)
        try await initialize(options)
        try await start()
    }

    private func initialize(_ options: Options) async throws {
        if let primary = options.standbyOf {
            try await run("pg_basebackup", ["-D", dataFolder, "-h", primary.folder, "-U", "souk", "-R", "-c", "fast"])
        } else {
            try await run(
                "initdb",
                ["-U", "souk", "--auth=trust", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8", "-D", dataFolder])
        }
        var settings = [
            "listen_addresses": "", "unix_socket_directories": folder, "max_connections": "600",
            "max_prepared_transactions": "0", "shared_buffers": "64MB", "max_wal_size": "256MB",
            // Tables that were filled a moment ago have no statistics yet: guesses would have small queries compiled.
            "jit": "off", "fsync": options.fsync ? "on" : "off", "full_page_writes": options.fsync ? "on" : "off",
            "log_min_messages": "warning",
        ]
        settings.merge(options.settings) { $1 }
        let lines = settings.map { "\($0.key) = '\($0.value)'\n" }.sorted().joined()
        let file = try FileHandle(forWritingTo: URL(fileURLWithPath: "\(dataFolder)/postgresql.conf"))
        try file.seekToEnd()
        try file.write(contentsOf: Data(lines.utf8))
        try file.close()
    }

    package func connectionString(database: String = "postgres", applicationName: String? = nil) -> String {
        let base = "host=\(folder) port=5432 user=souk dbname=\(database)"
        return applicationName.map { "\(base) application_name=\($0)" } ?? base
    }

    package func configuration(database: String = "postgres") -> PostgresConfiguration {
        PostgresConfiguration(connectionString: connectionString(database: database), applicationName: "souk-tests")
    }

    package func start() async throws {
        try await run("pg_ctl", ["start", "-w", "-t", "60", "-D", dataFolder, "-l", "\(folder)/log"])
    }

    package enum StopMode: String, Sendable { case smart, fast, immediate }

    package func stop(_ mode: StopMode) async throws {
        try await run("pg_ctl", ["stop", "-w", "-t", "60", "-D", dataFolder, "-m", mode.rawValue])
    }

    /// Makes a standby the primary and waits until it is.
    package func promote() async throws {
        try await run("pg_ctl", ["promote", "-w", "-t", "60", "-D", dataFolder])
    }

    /// The server's main process.
    package func processIdentifier() throws -> Int32 {
        let text = try String(contentsOfFile: "\(dataFolder)/postmaster.pid", encoding: .utf8)
        guard let first = text.split(separator: "\n").first, let number = Int32(first) else {
            throw CocoaError(.fileReadCorruptFile)
        }
        return number
    }

    /// Sends a signal to every process of the server, e.g. SIGSTOP and SIGCONT: a server that hangs without a word.
    package func signalAll(_ signal: Int32) throws {
        let main = try processIdentifier()
        let children = try FileManager.default.contentsOfDirectory(atPath: "/proc").compactMap(Int32.init).filter {
            // "pid (name) state parent …"; the name may hold anything, so count from its closing bracket.
            guard let stat = try? String(contentsOfFile: "/proc/\($0)/stat", encoding: .utf8),
                let bracket = stat.lastIndex(of: ")")
            else { return false }
            return stat[bracket...].split(separator: " ").dropFirst(2).first == "\(main)"
        }
        for process in [main] + children where kill(process, signal) != 0 && errno != ESRCH {
            throw CocoaError(.featureUnsupported)
        }
    }

    /// The server's own words, for a failing test.
    package func log() throws -> String { try String(contentsOfFile: "\(folder)/log", encoding: .utf8) }

    /// Stops and deletes it now rather than at the end of the process.
    package func remove() async throws {
        try? await stop(.immediate)  // it may be stopped already
        try FileManager.default.removeItem(atPath: folder)
    }

    /// Runs one of PostgreSQL's programs as a user that it accepts (it refuses root).
    @discardableResult
    package func run(_ program: String, _ arguments: [String]) async throws -> String {
        let path = "\(Self.programs)/\(program)"
        guard geteuid() == 0 else { return try await Subprocess.run(path, arguments) }
        return try await Subprocess.run("/sbin/runuser", ["-u", "postgres", "--", path] + arguments)
    }
}

/// A shell that waits for our end and then cleans up, also after SIGKILL.
private final class Lifeline: Sendable {
    private let writeEnd: FileHandle

    init(folder: String) throws {
        let pipe = Pipe()
        writeEnd = pipe.fileHandleForWriting
        // Nobody else may hold it open: the shell waits for its last writer to go.
        _ = fcntl(writeEnd.fileDescriptor, F_SETFD, FD_CLOEXEC)
        guard let nothing = FileHandle(forWritingAtPath: "/dev/null") else { throw CocoaError(.fileNoSuchFile) }
        _ = try Spawn.start(
            "/bin/sh", ["-c", Self.script, "sh", folder], environment: Subprocess.variables(),
            standardInput: pipe.fileHandleForReading.fileDescriptor, output: nothing.fileDescriptor, ownSession: true)
        try pipe.fileHandleForReading.close()
        try nothing.close()
    }

    private static let script = """
        trap '' INT TERM HUP
        read line
        pid=$(head -n 1 "$1/data/postmaster.pid" 2>/dev/null)
        if [ -n "$pid" ]; then
            pkill -CONT -P "$pid" 2>/dev/null
            kill -CONT "$pid" 2>/dev/null
            kill -QUIT "$pid" 2>/dev/null
            for i in 1 2 3 4 5 6 7 8 9 10; do kill -0 "$pid" 2>/dev/null || break; sleep 0.2; done
        fi
        rm -rf "$1"
        """
}

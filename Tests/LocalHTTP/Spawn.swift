package import Glibc

/// A child process without Foundation's `Process`: that one waits for every descendant to close a socket it hands
/// down, and so never sees the end of a program that leaves a server behind.
package enum Spawn {
    package struct Refused: Error {
        package let command: String
        package let code: Int32
    }

    private typealias CloseFrom = @convention(c) (UnsafeMutablePointer<posix_spawn_file_actions_t>, Int32) -> Int32

    /// `posix_spawn_file_actions_addclosefrom_np`, of glibc 2.34: Swift's Glibc does not show it.
    private static let closeFrom = dlsym(nil, "posix_spawn_file_actions_addclosefrom_np").map {
        unsafeBitCast($0, to: CloseFrom.self)
    }

    /// Starts a program, found on PATH if its name has no slash, with the three standard descriptors and no others.
    package static func start(
        _ path: String, _ arguments: [String], environment: [String], standardInput: Int32, output: Int32,
        ownSession: Bool = false
    ) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, standardInput, 0)
        posix_spawn_file_actions_adddup2(&actions, output, 1)
        posix_spawn_file_actions_adddup2(&actions, output, 2)
        // Sockets of tests beside this one would else live as long as the child, and whoever waits for their end would
        // wait for it.
        guard let closeFrom, closeFrom(&actions, 3) == 0 else { throw Refused(command: path, code: ENOSYS) }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // Default signals and none blocked, whatever this thread has.
        var all = sigset_t()
        sigfillset(&all)
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setsigmask(&attributes, &none)
        let flags = POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | (ownSession ? 0x80 : 0)  // POSIX_SPAWN_SETSID
        posix_spawnattr_setflags(&attributes, Int16(flags))

        var argumentPointers: [UnsafeMutablePointer<CChar>?] = ([path] + arguments).map { strdup($0) } + [nil]
        var environmentPointers: [UnsafeMutablePointer<CChar>?] = environment.map { strdup($0) } + [nil]
        defer { for pointer in argumentPointers + environmentPointers { free(pointer) } }
        var child = pid_t()
        let code = posix_spawnp(&child, path, &actions, &attributes, &argumentPointers, &environmentPointers)
        guard code == 0 else { throw Refused(command: path, code: code) }
        return child
    }

    /// Blocks until the child has ended.
    /// - Returns: its exit status, 128 + the signal's number when a signal ended it.
    package static func wait(for child: pid_t) -> Int32 {
        var status: Int32 = 0
        while waitpid(child, &status, 0) < 0, errno == EINTR {}
        let signal = status & 0x7F
        return signal == 0 ? (status >> 8) & 0xFF : 128 + signal
    }
}

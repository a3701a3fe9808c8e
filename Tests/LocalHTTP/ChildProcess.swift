import Glibc

/// A program that a test starts and ends by its process id.
package final class ChildProcess: Sendable {
    package struct Failure: Error, CustomStringConvertible {
        package let description: String
        package init(description: String) { self.description = description }
    }

    private let pid: pid_t

    /// The first argument is the program, found on PATH; both of its outputs go to the file.
    package init(_ arguments: [String], output: String = "/dev/null") throws {
        let standardInput = open("/dev/null", O_RDONLY | O_CLOEXEC)
        let file = open(output, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        defer { for descriptor in [standardInput, file] { close(descriptor) } }
        guard standardInput >= 0, file >= 0 else { throw Failure(description: "\(output) cannot be opened") }
        var environment: [String] = []
        var place = environ
        while let variable = place.pointee {
            environment.append(String(cString: variable))
            place += 1
        }
        pid = try Spawn.start(
            arguments[0], Array(arguments.dropFirst()), environment: environment, standardInput: standardInput,
            output: file)
    }

    /// Waits for its end. For short programs only: it blocks.
    package func exitStatus() -> Int32 { Spawn.wait(for: pid) }

    package func end() {
        kill(pid, SIGTERM)
        _ = exitStatus()
    }

    /// Runs a program to its end.
    package static func run(_ arguments: [String], output: String = "/dev/null") throws {
        let status = try ChildProcess(arguments, output: output).exitStatus()
        guard status == 0 else {
            throw Failure(description: "\(arguments.joined(separator: " ")) ended with \(status)")
        }
    }
}

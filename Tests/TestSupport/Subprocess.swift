import Foundation

/// A program run to its end, off the cooperative pool.
package struct Subprocess: Sendable {
    package struct Failure: Error, CustomStringConvertible {
        package var command: String
        package var status: Int32
        package var output: String

        package var description: String { "\(command) ended with \(status): \(output)" }
    }

    /// Runs a program and gives what it wrote to both outputs.
    /// - Throws: `Failure` when it does not end with 0.
    @discardableResult
    package static func run(
        _ path: String, _ arguments: [String], environment: [String: String] = [:], input: String? = nil
    ) async throws -> String {
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread {
                continuation.resume(
                    with: Result { try runBlocking(path, arguments, environment: environment, input: input) })
            }
        }
    }

    /// The same for code that may block, e.g. at first use of a static.
    @discardableResult
    package static func runBlocking(
        _ path: String, _ arguments: [String], environment: [String: String] = [:], input: String? = nil
    ) throws -> String {
        // A file, not a pipe: a server that the program leaves behind keeps a pipe open for ever.
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("souk-out-\(UUID().uuidString)")
        guard FileManager.default.createFile(atPath: file.path, contents: nil) else {
            throw CocoaError(.fileWriteUnknown)
        }
        defer { try? FileManager.default.removeItem(at: file) }
        let output = try FileHandle(forWritingTo: file)
        defer { try? output.close() }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = arguments
        var variables = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("PG") }
        variables.merge(environment) { $1 }
        process.environment = variables
        process.standardOutput = output
        process.standardError = output
        if let input {
            let pipe = Pipe()
            process.standardInput = pipe
            try process.run()
            try pipe.fileHandleForWriting.write(contentsOf: Data(input.utf8))
            try pipe.fileHandleForWriting.close()
        } else {
            process.standardInput = FileHandle.nullDevice
            try process.run()
        }
        process.waitUntilExit()
        let text = String(decoding: try Data(contentsOf: file), as: UTF8.self)
        guard process.terminationStatus == 0 else {
            throw Failure(
                command: ([path] + arguments).joined(separator: " "), status: process.terminationStatus, output: text)
        }
        return text
    }
}

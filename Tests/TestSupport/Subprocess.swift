import Foundation
import LocalHTTP

/// A program run to its end, off the cooperative pool.
package struct Subprocess: Sendable {
    package struct Failure: Error, CustomStringConvertible {
        package var command: String
        package var status: Int32
        package var output: String

        package var description: String { "\(command) ended with \(status): \(output)" }
    }

    /// Runs a program and gives what it wrote to both outputs. Anything but status 0 is a `Failure`.
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

    /// The same for code that may block.
    @discardableResult
    package static func runBlocking(
        _ path: String, _ arguments: [String], environment: [String: String] = [:], input: String? = nil
    ) throws -> String {
        // Files, not pipes: a server that the program leaves behind keeps a pipe open for ever.
        let folder = FileManager.default.temporaryDirectory
        let outputFile = folder.appendingPathComponent("souk-out-\(UUID().uuidString)")
        let inputFile = folder.appendingPathComponent("souk-in-\(UUID().uuidString)")
        try Data().write(to: outputFile)
        try Data((input ?? "").utf8).write(to: inputFile)
        defer {
            for file in [outputFile, inputFile] { try? FileManager.default.removeItem(at: file) }
        }
        let output = try FileHandle(forWritingTo: outputFile)
        let standardInput = try FileHandle(forReadingFrom: inputFile)
        defer {
            for handle in [output, standardInput] { try? handle.close() }
        }
        let child = try Spawn.start(
            path, arguments, environment: variables(environment), standardInput: standardInput.fileDescriptor,
            output: output.fileDescriptor)
        let status = Spawn.wait(for: child)
        let text = String(decoding: try Data(contentsOf: outputFile), as: UTF8.self)
        guard status == 0 else {
            throw Failure(command: ([path] + arguments).joined(separator: " "), status: status, output: text)
        }
        return text
    }

    /// Ours without PG*: those would silently lead the programs elsewhere.
    static func variables(_ more: [String: String] = [:]) -> [String] {
        var variables = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("PG") }
        variables.merge(more) { $1 }
        return variables.map { "\($0.key)=\($0.value)" }
    }
}

import App
import ArgumentParser
import Glibc
import Logging

/// The settings that may be given as flags. Secrets may not: other users of the machine can read a command line.
struct SettingFlags: ParsableArguments {
    @Option(help: "The port to listen on (SOUK_PORT).") var port: String?
    @Option(help: "The address to listen on (SOUK_HOST).") var host: String?
    @Option(help: "The sandbox's port (SOUK_SANDBOX_PORT).") var sandboxPort: String?
    @Option(name: .customLong("data"), help: "Where the sandbox keeps its state (SOUK_DATA_DIR).") var dataDirectory:
        String?
    @Option(help: "How browsers and Stripe reach Souk (SOUK_PUBLIC_URL).") var publicURL: String?
    @Option(help: "Which parts this process runs: api, worker (SOUK_ROLES).") var roles: String?
    @Option(help: "How much is logged (SOUK_LOG_LEVEL).") var logLevel: String?
    @Option(name: .customLong("config"), help: "A file of NAME=value lines (SOUK_CONFIG_FILE).") var configFile: String?

    var settings: [Setting: String] {
        let given: [Setting: String?] = [
            .port: port, .host: host, .sandboxPort: sandboxPort, .dataDirectory: dataDirectory, .publicURL: publicURL,
            .roles: roles, .logLevel: logLevel, .configFile: configFile,
        ]
        return given.compactMapValues(\.self)
    }

    func configuration() throws -> SoukConfiguration {
        try SoukConfiguration(flags: settings, environment: ProcessEnvironment.all)
    }
}

/// The environment of this process.
enum ProcessEnvironment {
    static var all: [String: String] {
        var values: [String: String] = [:]
        var entry = environ
        while let text = entry.pointee {
            let parts = String(cString: text).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2 { values[String(parts[0])] = String(parts[1]) }
            entry += 1
        }
        return values
    }
}

/// Writes to standard error, so that standard output is what was asked for.
func makeLogger(_ level: Logger.Level) -> Logger {
    var logger = Logger(label: "souk", factory: { label in StreamLogHandler.standardError(label: label) })
    logger.logLevel = level
    return logger
}

/// Ends with the error's own sentence and exit status 1, instead of a description of its type.
func reporting<Result>(_ work: () async throws -> Result) async throws -> Result {
    do {
        return try await work()
    } catch let error as ExitCode {
        throw error
    } catch {
        let line = Array("souk: \(error)\n".utf8)
        _ = line.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
        throw ExitCode.failure
    }
}

/// Prints a line at once, also where standard output is a file or a pipe that somebody waits at.
@Sendable func show(_ line: String) {
    print(line)
    fflush(nil)
}

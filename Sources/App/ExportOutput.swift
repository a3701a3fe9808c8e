import Glibc

/// Where an export goes: standard output, or a file that appears whole or not at all.
final class ExportOutput {
    private let file: String?
    /// Written beside the file, and renamed once all is there.
    private let partial: String?
    private var descriptor: Int32

    /// Standard output, where there is no path.
    init(path: String?) throws(ExportFailure) {
        guard let path else {
            // A reader that goes away is an error to report, not a signal to die of.
            signal(SIGPIPE, SIG_IGN)
            (file, partial, descriptor) = (nil, nil, STDOUT_FILENO)
            return
        }
        let file = try Self.target(of: path)
        let partial = "\(file).\(getpid()).partial"
        descriptor = open(partial, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw ExportFailure(errno, to: path) }
        (self.file, self.partial) = (file, partial)
    }

    /// A link is followed, so that what it points to is replaced and not the link.
    private static func target(of path: String) throws(ExportFailure) -> String {
        var status = stat()
        guard stat(path, &status) == 0 else { return path }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw ExportFailure("\(path) is no file that could be replaced. Name another, or leave --output out.")
        }
        guard let resolved = realpath(path, nil) else { throw ExportFailure(errno, to: path) }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    func write(_ bytes: [UInt8]) throws(ExportFailure) {
        var written = 0
        while written < bytes.count {
            let count = bytes[written...].withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 {
                guard errno == EINTR else { throw ExportFailure(errno, to: file) }
                continue
            }
            written += count
        }
    }

    /// The file is there, under its name, also after a loss of power.
    func finish() throws(ExportFailure) {
        guard let file, let partial else { return }
        let isStored = fsync(descriptor) == 0
        let reason = errno
        let isClosed = close(descriptor) == 0
        descriptor = -1
        guard isStored else { throw ExportFailure(reason, to: file) }
        guard isClosed, rename(partial, file) == 0 else { throw ExportFailure(errno, to: file) }
    }

    /// Leaves nothing behind; what was there under the file's name before stays.
    func abandon() {
        guard let partial else { return }
        if descriptor >= 0 { close(descriptor) }
        unlink(partial)
    }
}

/// Why an export is not there, or not whole.
struct ExportFailure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }

    /// Standard output is meant where there is no file.
    init(_ reason: Int32, to file: String?) {
        let outcome =
            file.map { "\($0) is as it was before." } ?? "What was written to standard output is not the whole ledger."
        switch reason {
        case ENOSPC, EDQUOT:
            description = "There is no room left for the export. \(outcome) Make room and export again."
        case EPIPE:
            description = "Whoever was reading the export has gone. \(outcome)"
        default:
            let what = file.map { "\($0) cannot be written" } ?? "Standard output cannot be written"
            description = "\(what): \(String(cString: strerror(reason))). \(outcome)"
        }
    }
}

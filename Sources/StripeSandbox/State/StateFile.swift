import Glibc

/// The append-only file that the sandbox's state lives in: one JSON record a line, written before its answer is sent.
///
/// A killed process loses nothing: what write(2) took is in the kernel. A line that a power cut tore is dropped on
/// start, since its answer cannot have been sent with the file synced; `fsync` is not called for each record.
final class StateFile {
    struct Failure: Error, CustomStringConvertible {
        let description: String

        init(_ action: String, _ path: String, _ code: Int32) {
            description = "cannot \(action) the sandbox's state \(path): \(String(cString: strerror(code)))"
        }
    }

    let path: String
    private var descriptor: Int32
    private(set) var size: Int64

    /// Opens or makes `state.jsonl` in the folder, which is made if it is missing, and reads every whole record.
    init(folder: String, reading record: (JSONValue) throws -> Void) throws {
        try Self.makeFolder(folder)
        path = folder + "/state.jsonl"
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Failure("open", path, errno) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let code = errno
            close(descriptor)
            throw Failure("lock (another sandbox uses the same data folder?)", path, code)
        }
        size = 0
        size = try readRecords(record)
        // What follows the last whole record was torn by a crash.
        guard ftruncate(descriptor, off_t(size)) == 0, lseek(descriptor, 0, SEEK_END) >= 0 else {
            throw Failure("open", path, errno)
        }
    }

    deinit { close(descriptor) }

    private static func makeFolder(_ folder: String) throws {
        var path = folder.hasPrefix("/") ? "/" : ""
        for part in folder.split(separator: "/") {
            path += part + "/"
            if mkdir(path, 0o700) != 0, errno != EEXIST { throw Failure("make the folder of", folder, errno) }
        }
    }

    private func readRecords(_ record: (JSONValue) throws -> Void) throws -> Int64 {
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        var rest: [UInt8] = []
        var whole: Int64 = 0
        while true {
            let count = buffer.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
            guard count >= 0 else { throw Failure("read", path, errno) }
            guard count > 0 else { return whole }
            rest.append(contentsOf: buffer[..<count])
            var start = 0
            while let end = rest[start...].firstIndex(of: 0x0A) {
                try record(JSONParser.parse(Array(rest[start..<end])))
                whole += Int64(end + 1 - start)
                start = end + 1
            }
            rest.removeFirst(start)
        }
    }

    /// Writes one record wholly, or leaves the file as it was.
    func append(_ bytes: [UInt8]) throws {
        do {
            try Self.writeAll(bytes, to: descriptor, path)
            size += Int64(bytes.count)
        } catch {
            ftruncate(descriptor, off_t(size))
            lseek(descriptor, 0, SEEK_END)
            throw error
        }
    }

    /// Puts a snapshot in the place of all records, by a new file that is renamed over the old one.
    func replace(with records: [[UInt8]]) throws {
        let fresh = path + ".new"
        let other = open(fresh, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard other >= 0 else { throw Failure("compact", path, errno) }
        var total: Int64 = 0
        do {
            for record in records {
                try Self.writeAll(record, to: other, fresh)
                total += Int64(record.count)
            }
            guard fsync(other) == 0, flock(other, LOCK_EX | LOCK_NB) == 0, rename(fresh, path) == 0 else {
                throw Failure("compact", path, errno)
            }
        } catch {
            close(other)
            unlink(fresh)
            throw error
        }
        close(descriptor)
        descriptor = other
        size = total
    }

    private static func writeAll(_ bytes: [UInt8], to descriptor: Int32, _ path: String) throws {
        try bytes.withUnsafeBytes { buffer in
            var written = 0
            while written < buffer.count {
                let count = write(descriptor, buffer.baseAddress?.advanced(by: written), buffer.count - written)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { throw Failure("write", path, errno) }
                written += count
            }
        }
    }
}

import Synchronization

/// One request on its way through the loop.
///
/// `@unchecked Sendable`: `isCanceled` is read and written under the loop's lock, the continuation is set once before the
/// transfer enters the loop, and everything else belongs to the loop's thread.
final class Transfer: @unchecked Sendable {
    typealias Outcome = Result<HTTPResponse, TransportError>

    let request: HTTPRequest
    var isCanceled = false
    var continuation: CheckedContinuation<Outcome, Never>?

    // From here on: only the loop's thread.
    var handle: EasyHandle?
    var peers = HTTPClient.Configuration.Peers.any
    var mayHaveBeenSent = false
    var refusedAddress: PeerAddress?
    private(set) var isTooLarge = false
    private(set) var body: [UInt8] = []
    private(set) var headers = HTTPHeaders([])
    private var headerBytes = 0

    init(_ request: HTTPRequest) { self.request = request }

    func finish(_ outcome: Outcome) {
        continuation?.resume(returning: outcome)
        continuation = nil
    }

    func fail(_ kind: TransportError.Kind, _ message: String) {
        finish(.failure(TransportError(kind, requestMayHaveBeenSent: mayHaveBeenSent, message: message)))
    }

    /// - Returns: false if the body is now longer than the request allows.
    func receive(body bytes: UnsafeRawBufferPointer) -> Bool {
        guard body.count + bytes.count <= request.maximumResponseBytes else {
            isTooLarge = true
            return false
        }
        body.append(contentsOf: bytes)
        return true
    }

    /// Takes one header line. A status line begins the headers anew: those of an interim answer are dropped.
    ///
    /// - Returns: false if the headers are longer than any sensible server sends.
    func receive(headerLine bytes: UnsafeRawBufferPointer) -> Bool {
        headerBytes += bytes.count
        guard headerBytes <= Self.maximumHeaderBytes else {
            isTooLarge = true
            return false
        }
        if bytes.starts(with: "HTTP/".utf8) {
            headers = HTTPHeaders([])
            return true
        }
        guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")) else { return true }
        headers.append(
            String(decoding: bytes[..<colon], as: UTF8.self),
            String(decoding: Self.trimmed(bytes[(colon + 1)...]), as: UTF8.self))
        return true
    }

    private static let maximumHeaderBytes = 256 << 10

    private static func trimmed(_ bytes: Slice<UnsafeRawBufferPointer>) -> Slice<UnsafeRawBufferPointer> {
        func isSpace(_ byte: UInt8) -> Bool { byte == 32 || byte == 9 || byte == 13 || byte == 10 }
        var rest = bytes
        while let first = rest.first, isSpace(first) { rest = rest.dropFirst() }
        while let last = rest.last, isSpace(last) { rest = rest.dropLast() }
        return rest
    }
}

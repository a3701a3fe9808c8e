import CLibCurl
import Glibc

/// One libcurl easy handle, used by one transfer at a time and only on the loop's thread.
final class EasyHandle {
    let pointer: UnsafeMutableRawPointer
    private let message: UnsafeMutablePointer<CChar>
    private var headerList: UnsafeMutablePointer<curl_slist>?

    init?() {
        guard let pointer = curl_easy_init() else { return nil }
        self.pointer = pointer
        message = .allocate(capacity: Int(CURL_ERROR_SIZE))
    }

    deinit {
        curl_easy_cleanup(pointer)
        curl_slist_free_all(headerList)
        message.deallocate()
    }

    /// What libcurl says about the failure; empty if nothing beyond its code.
    var errorMessage: String { String(cString: message) }

    /// Forgets everything of the transfer before; connections, sessions and names live in the multi handle.
    func reset() {
        curl_easy_reset(pointer)
        curl_slist_free_all(headerList)
        headerList = nil
        message[0] = 0
    }

    /// - Throws: `.invalidRequest` for what libcurl would not send, or would send as something else.
    func prepare(
        _ transfer: Transfer, configuration: HTTPClient.Configuration, noProxy: String
    ) throws(TransportError) {
        let request = transfer.request
        message[0] = 0
        try set(CURLOPT_ERRORBUFFER, pointer: UnsafeMutableRawPointer(message))
        let context = Unmanaged.passUnretained(transfer).toOpaque()
        try set(CURLOPT_PRIVATE, pointer: context)
        try set(CURLOPT_NOSIGNAL, 1)
        try set(CURLOPT_URL, request.url)
        try set(CURLOPT_PROTOCOLS_STR, "http,https")
        try set(CURLOPT_DISALLOW_USERNAME_IN_URL, 1)
        try set(CURLOPT_FOLLOWLOCATION, 0)
        try set(CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_2TLS)
        // Whether a TLS server speaks HTTP/2 is known with its handshake: worth waiting for, since the requests then share
        // one connection. Without TLS it would only be known with the first answer.
        try set(CURLOPT_PIPEWAIT, request.url.prefix(8).lowercased() == "https://" ? 1 : 0)
        try set(CURLOPT_TCP_KEEPALIVE, 1)
        try set(CURLOPT_TIMEOUT_MS, request.timeout.positiveMilliseconds)
        try set(CURLOPT_CONNECTTIMEOUT_MS, request.connectTimeout.positiveMilliseconds)
        try setTLS(configuration)
        try setPeers(transfer, configuration: configuration, context: context, noProxy: noProxy)
        try setMethod(request)
        try setHeaders(request)
        try require(souk_curl_setopt_data(pointer, CURLOPT_WRITEFUNCTION, receiveBody))
        try set(CURLOPT_WRITEDATA, pointer: context)
        try require(souk_curl_setopt_data(pointer, CURLOPT_HEADERFUNCTION, receiveHeader))
        try set(CURLOPT_HEADERDATA, pointer: context)
        try require(
            souk_curl_setopt_offset(
                pointer, CURLOPT_MAXFILESIZE_LARGE, curl_off_t(max(1, request.maximumResponseBytes))))
    }

    private func setTLS(_ configuration: HTTPClient.Configuration) throws(TransportError) {
        try set(CURLOPT_SSL_VERIFYPEER, 1)
        try set(CURLOPT_SSL_VERIFYHOST, 2)
        try set(CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2)
        guard let file = configuration.certificateAuthorityFile else { return }
        try set(CURLOPT_CAINFO, file)
        try require(souk_curl_setopt_string(pointer, CURLOPT_CAPATH, nil))
    }

    private func setPeers(
        _ transfer: Transfer, configuration: HTTPClient.Configuration, context: UnsafeMutableRawPointer, noProxy: String
    ) throws(TransportError) {
        transfer.peers = configuration.peers
        switch configuration.peers {
        case .any:
            try set(CURLOPT_NOPROXY, noProxy)
        case .publicOnly:
            try set(CURLOPT_PROXY, "")
            try require(souk_curl_setopt_opensocket(pointer, openSocket))
            try set(CURLOPT_OPENSOCKETDATA, pointer: context)
        }
        try require(souk_curl_setopt_prerequest(pointer, beforeRequest))
        try set(CURLOPT_PREREQDATA, pointer: context)
    }

    private func setMethod(_ request: HTTPRequest) throws(TransportError) {
        let hasBody = !request.body.isEmpty
        switch request.method {
        case .get where !hasBody: return try set(CURLOPT_HTTPGET, 1)
        case .head where !hasBody: return try set(CURLOPT_NOBODY, 1)
        case .delete where !hasBody: return try set(CURLOPT_CUSTOMREQUEST, "DELETE")
        case .get, .head: throw Self.invalid("a \(request.method.rawValue) request has no body")
        case .post, .put, .patch, .delete: break
        }
        try set(CURLOPT_POST, 1)
        if request.method != .post { try set(CURLOPT_CUSTOMREQUEST, request.method.rawValue) }
        try require(
            souk_curl_setopt_offset(pointer, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(request.body.count)))
        // libcurl copies the bytes, so that they outlive every retry of its own. Without any pointer it would read
        // standard input.
        guard hasBody else { return try set(CURLOPT_COPYPOSTFIELDS, "") }
        let copied = request.body.withUnsafeBytes { bytes in
            souk_curl_setopt_pointer(
                pointer, CURLOPT_COPYPOSTFIELDS, UnsafeMutableRawPointer(mutating: bytes.baseAddress))
        }
        try require(copied)
    }

    private func setHeaders(_ request: HTTPRequest) throws(TransportError) {
        // An empty value removes what libcurl would add by itself: it waits a second for the answer to "Expect".
        var lines = ["Expect:"]
        if !request.headers.contains(where: { $0.0.lowercased() == "accept" }) { lines.append("Accept: */*") }
        if !request.headers.contains(where: { $0.0.lowercased() == "content-type" }) { lines.append("Content-Type:") }
        for (name, value) in request.headers {
            guard Self.isToken(name) else { throw Self.invalid("a header has the name '\(name)'") }
            guard !value.utf8.contains(where: { $0 == 10 || $0 == 13 || $0 == 0 }) else {
                throw Self.invalid("the value of header '\(name)' has a line break")
            }
            lines.append(value.isEmpty ? "\(name);" : "\(name): \(value)")
        }
        for line in lines {
            guard let longer = curl_slist_append(headerList, line) else { throw Self.invalid("out of memory") }
            headerList = longer
        }
        try require(souk_curl_setopt_list(pointer, CURLOPT_HTTPHEADER, headerList))
    }

    private static func isToken(_ name: String) -> Bool {
        let marks = Array("!#$%&'*+-.^_`|~".utf8)
        return !name.isEmpty
            && name.utf8.allSatisfy { byte in
                (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
                    || marks.contains(byte)
            }
    }

    private func set(_ option: CURLoption, _ value: Int) throws(TransportError) {
        try require(souk_curl_setopt_long(pointer, option, value))
    }

    private func set(_ option: CURLoption, _ value: String) throws(TransportError) {
        guard !value.utf8.contains(0) else { throw Self.invalid("a text holds a zero byte") }
        try require(souk_curl_setopt_string(pointer, option, value))
    }

    private func set(_ option: CURLoption, pointer value: UnsafeMutableRawPointer) throws(TransportError) {
        try require(souk_curl_setopt_pointer(pointer, option, value))
    }

    private func require(_ code: CURLcode) throws(TransportError) {
        guard code == CURLE_OK else { throw Self.invalid(String(cString: curl_easy_strerror(code))) }
    }

    private static func invalid(_ message: String) -> TransportError {
        TransportError(.invalidRequest, requestMayHaveBeenSent: false, message: message)
    }
}

extension Duration {
    /// At least one: libcurl takes zero for "for ever".
    fileprivate var positiveMilliseconds: Int {
        let (seconds, attoseconds) = components
        let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1000)
        guard !overflow, whole < Int64(Int32.max) else { return Int(Int32.max) }
        return max(1, Int(whole + attoseconds / 1_000_000_000_000_000))
    }
}

// MARK: - Called by libcurl, on the loop's thread

private func transfer(_ context: UnsafeMutableRawPointer?) -> Transfer? {
    context.map { Unmanaged<Transfer>.fromOpaque($0).takeUnretainedValue() }
}

private let receiveBody: souk_curl_data_callback = { data, size, count, context in
    let bytes = UnsafeRawBufferPointer(start: data, count: size * count)
    return transfer(context)?.receive(body: bytes) == true ? bytes.count : 0
}

private let receiveHeader: souk_curl_data_callback = { data, size, count, context in
    let bytes = UnsafeRawBufferPointer(start: data, count: size * count)
    return transfer(context)?.receive(headerLine: bytes) == true ? bytes.count : 0
}

/// Opens the socket only towards an address that may be reached.
private let openSocket: curl_opensocket_callback = { context, purpose, address in
    guard let address, let transfer = transfer(context), purpose == CURLSOCKTYPE_IPCXN,
        let peer = souk_curl_peer(address).flatMap({ PeerAddress($0) })
    else { return CURL_SOCKET_BAD }
    guard peer.isPublic else {
        transfer.refusedAddress = peer
        return CURL_SOCKET_BAD
    }
    return socket(
        address.pointee.family, address.pointee.socktype | Int32(SOCK_CLOEXEC.rawValue), address.pointee.protocol)
}

/// The last moment before the first byte of a request leaves, on a new and on a reused connection.
private let beforeRequest: curl_prereq_callback = { context, peerText, _, _, _ in
    guard let transfer = transfer(context) else { return CURL_PREREQFUNC_ABORT }
    if case .publicOnly = transfer.peers {
        let peer = peerText.flatMap { PeerAddress(String(cString: $0)) }
        guard let peer, peer.isPublic else {
            transfer.refusedAddress = peer
            return CURL_PREREQFUNC_ABORT
        }
    }
    transfer.mayHaveBeenSent = true
    return CURL_PREREQFUNC_OK
}

import CLibCurl
import Glibc
import Synchronization

/// The thread that owns the multi handle. Callers leave work in a box under a lock and wake it; only the thread speaks
/// to libcurl, except for `curl_multi_wakeup`, which is made for that.
///
/// `@unchecked Sendable`: `box` has its own lock; the fields below it belong to the thread alone once it has started.
final class TransferLoop: @unchecked Sendable {
    private struct Box {
        var arrivals: [Transfer] = []
        var cancellations: [Transfer] = []
        var isStopped = false
    }

    private let box = Mutex(Box())
    private let configuration: HTTPClient.Configuration
    private let multi: UnsafeMutableRawPointer
    private let noProxy: String
    private var running: [ObjectIdentifier: Transfer] = [:]
    private var idleHandles: [EasyHandle] = []

    init(configuration: HTTPClient.Configuration) {
        guard Self.libraryIsReady, let multi = curl_multi_init() else {
            preconditionFailure("libcurl could not be started: out of memory")
        }
        self.multi = multi
        self.configuration = configuration
        let inherited = (getenv("no_proxy") ?? getenv("NO_PROXY")).map { String(cString: $0) }
        let loopback = "localhost,127.0.0.0/8,::1"
        noProxy = inherited.map { $0.isEmpty ? loopback : "\($0),\(loopback)" } ?? loopback
        souk_curl_multi_setopt_long(
            multi, CURLMOPT_MAX_HOST_CONNECTIONS, max(1, configuration.maximumConnectionsPerHost))
        souk_curl_multi_setopt_long(multi, CURLMOPT_MAXCONNECTS, max(1, configuration.maximumIdleConnections))
    }

    /// Once for the process, before the first thread of ours.
    private static let libraryIsReady = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK

    func start() {
        var thread = pthread_t()
        let context = Unmanaged.passRetained(self)
        let code = pthread_create(
            &thread, nil,
            { context in
                guard let context else { return nil }
                let loop = Unmanaged<TransferLoop>.fromOpaque(context).takeRetainedValue()
                loop.run()
                return nil
            }, context.toOpaque())
        precondition(code == 0, "no thread for libcurl: error \(code)")
        pthread_detach(thread)
    }

    func submit(_ transfer: Transfer, _ continuation: CheckedContinuation<Transfer.Outcome, Never>) {
        let isAccepted = box.withLock { box in
            transfer.continuation = continuation
            guard !box.isStopped else { return false }
            let wasEmpty = box.arrivals.isEmpty && box.cancellations.isEmpty
            box.arrivals.append(transfer)
            if wasEmpty { curl_multi_wakeup(multi) }
            return true
        }
        if !isAccepted { transfer.fail(.shutDown, "the client was shut down") }
    }

    /// May come before `submit` of the same transfer, which the flag then ends before it starts.
    func cancel(_ transfer: Transfer) {
        box.withLock { box in
            transfer.isCanceled = true
            guard !box.isStopped else { return }
            let wasEmpty = box.arrivals.isEmpty && box.cancellations.isEmpty
            box.cancellations.append(transfer)
            if wasEmpty { curl_multi_wakeup(multi) }
        }
    }

    func stop() {
        box.withLock { box in
            guard !box.isStopped else { return }
            box.isStopped = true
            curl_multi_wakeup(multi)
        }
    }

    // MARK: - The thread

    private func run() {
        while takeFromBox() {
            var count: Int32 = 0
            curl_multi_perform(multi, &count)
            finishCompleted()
            // The long limit costs nothing: arrivals wake the poll, and libcurl shortens it to its next time-out.
            curl_multi_poll(multi, nil, 0, 10_000, nil)
        }
        close()
    }

    /// - Returns: false once the client is shut down.
    private func takeFromBox() -> Bool {
        let (arrivals, cancellations, isStopped) = box.withLock { box in
            defer {
                box.arrivals.removeAll(keepingCapacity: true)
                box.cancellations.removeAll(keepingCapacity: true)
            }
            let live = box.arrivals.filter { !$0.isCanceled }
            return (live, box.cancellations + box.arrivals.filter(\.isCanceled), box.isStopped)
        }
        for transfer in arrivals { begin(transfer) }
        for transfer in cancellations {
            detach(transfer)
            transfer.fail(.canceled, "the caller no longer waits")
        }
        return !isStopped
    }

    private func begin(_ transfer: Transfer) {
        guard let handle = idleHandles.popLast() ?? EasyHandle() else {
            return transfer.fail(.invalidRequest, "out of memory")
        }
        do throws(TransportError) {
            try handle.prepare(transfer, configuration: configuration, noProxy: noProxy)
        } catch {
            handle.reset()
            idleHandles.append(handle)
            return transfer.finish(.failure(error))
        }
        let code = curl_multi_add_handle(multi, handle.pointer)
        guard code == CURLM_OK else {
            return transfer.fail(.invalidRequest, String(cString: curl_multi_strerror(code)))
        }
        transfer.handle = handle
        running[ObjectIdentifier(transfer)] = transfer
    }

    private func finishCompleted() {
        var waiting: Int32 = 0
        while let message = curl_multi_info_read(multi, &waiting) {
            guard message.pointee.msg == CURLMSG_DONE, let easy = message.pointee.easy_handle else { continue }
            var context: UnsafeMutableRawPointer?
            souk_curl_getinfo_pointer(easy, CURLINFO_PRIVATE, &context)
            guard let context else { continue }
            let transfer = Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue()
            let outcome = outcome(of: transfer, code: souk_curl_result(message), easy: easy)
            detach(transfer)
            transfer.finish(outcome)
        }
    }

    private func outcome(of transfer: Transfer, code: CURLcode, easy: UnsafeMutableRawPointer) -> Transfer.Outcome {
        guard code == CURLE_OK else {
            let detail = transfer.handle?.errorMessage ?? ""
            let text = detail.isEmpty ? String(cString: curl_easy_strerror(code)) : detail
            return .failure(TransportError(curl: code, transfer: transfer, text: text))
        }
        var status = 0
        var version = 0
        souk_curl_getinfo_long(easy, CURLINFO_RESPONSE_CODE, &status)
        souk_curl_getinfo_long(easy, CURLINFO_HTTP_VERSION, &version)
        return .success(
            HTTPResponse(
                status: status, headers: transfer.headers, body: transfer.body,
                version: HTTPResponse.Version(curl: version)))
    }

    /// Takes the transfer out of libcurl; its handle waits for the next one.
    private func detach(_ transfer: Transfer) {
        guard let handle = transfer.handle else { return }
        transfer.handle = nil
        running[ObjectIdentifier(transfer)] = nil
        curl_multi_remove_handle(multi, handle.pointer)
        handle.reset()
        if idleHandles.count < 256 { idleHandles.append(handle) }
    }

    private func close() {
        for transfer in Array(running.values) {
            detach(transfer)
            transfer.fail(.shutDown, "the client was shut down")
        }
        idleHandles.removeAll()
        curl_multi_cleanup(multi)
    }
}

extension HTTPResponse.Version {
    fileprivate init(curl version: Int) {
        switch version {
        case CURL_HTTP_VERSION_1_0: self = .http1_0
        case CURL_HTTP_VERSION_2_0: self = .http2
        case CURL_HTTP_VERSION_3: self = .http3
        default: self = .http1_1
        }
    }
}

extension TransportError {
    fileprivate init(curl code: CURLcode, transfer: Transfer, text: String) {
        let kind: Kind
        var message = text
        if let address = transfer.refusedAddress, !transfer.mayHaveBeenSent {
            kind = .addressRefused
            message = "\(address) is not an address of the open internet"
        } else if transfer.isTooLarge || code == CURLE_FILESIZE_EXCEEDED {
            kind = .tooLarge
            message = "the answer is longer than \(transfer.request.maximumResponseBytes) bytes"
        } else if code == CURLE_UNSUPPORTED_PROTOCOL, transfer.mayHaveBeenSent {
            kind = .protocol  // the answer is not HTTP: before sending the same code means an address that is not
        } else {
            kind = Kind(curl: code)
        }
        self.init(kind, requestMayHaveBeenSent: transfer.mayHaveBeenSent, message: message)
    }
}

extension TransportError.Kind {
    fileprivate init(curl code: CURLcode) {
        self =
            switch code {
            case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY: .resolve
            case CURLE_COULDNT_CONNECT: .connect
            case CURLE_OPERATION_TIMEDOUT: .timeout
            case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CONNECT_ERROR, CURLE_SSL_CACERT_BADFILE,
                CURLE_SSL_CERTPROBLEM, CURLE_SSL_CIPHER, CURLE_SSL_ISSUER_ERROR, CURLE_USE_SSL_FAILED:
                .tls
            case CURLE_URL_MALFORMAT, CURLE_UNSUPPORTED_PROTOCOL, CURLE_LOGIN_DENIED: .invalidRequest
            case CURLE_GOT_NOTHING, CURLE_SEND_ERROR, CURLE_RECV_ERROR, CURLE_PARTIAL_FILE: .connectionLost
            default: .protocol
            }
    }
}

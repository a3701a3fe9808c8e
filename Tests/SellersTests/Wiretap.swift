import TestSupport
import Hummingbird
import Logging
import ServiceLifecycle
import Synchronization
import Transport

/// Stands between Souk and the sandbox and keeps what Souk asked of Stripe.
final class Wiretap: Sendable {
    struct Request: Sendable {
        /// `POST /v1/accounts`
        let line: String
        let idempotencyKey: String?
        /// Form-decoded, in the order in which it was sent.
        let form: [(name: String, value: String)]
    }

    private let kept = Mutex<[Request]>([])
    private let refusals = Mutex<[String: String]>([:])
    private let target: String
    private let http: HTTPClient

    init(before target: String, http: HTTPClient) {
        self.target = target
        self.http = http
    }

    /// Answers the next such request as Stripe refuses one, without asking the sandbox.
    func refuseNext(_ line: String, saying message: String) {
        refusals.withLock { $0[line] = message }
    }

    var requests: [Request] { kept.withLock { $0 } }

    func requests(_ line: String) -> [Request] { requests.filter { $0.line == line } }

    func application(onRunning: @escaping @Sendable (Int) -> Void, logger: Logger) -> some ApplicationProtocol {
        Application(
            responder: CallbackResponder<BasicRequestContext> { request, _ in try await self.pass(request) },
            configuration: .init(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { channel in onRunning(channel.localAddress?.port ?? 0) }, logger: logger)
    }

    private func pass(_ request: Hummingbird.Request) async throws -> Response {
        let body = Array(buffer: try await request.body.collect(upTo: 1 << 20))
        let method = Transport.HTTPRequest.Method(rawValue: request.method.rawValue) ?? .get
        kept.withLock {
            $0.append(
                Request(
                    line: "\(request.method.rawValue) \(request.uri.path)",
                    idempotencyKey: request.headers.first { $0.name.canonicalName == "idempotency-key" }?.value,
                    form: Self.decoded(String(decoding: body, as: UTF8.self))))
        }
        if let message = refusals.withLock({ $0.removeValue(forKey: "\(request.method.rawValue) \(request.uri.path)") })
        {
            let text = #"{"error":{"type":"invalid_request_error","message":"\#(message)"}}"#
            return Response(status: .badRequest, body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
        }
        let headers = request.headers.filter { !["content-length", "host"].contains($0.name.canonicalName) }
            .map { ($0.name.rawName, $0.value) }
        let answer: Transport.HTTPResponse
        do {
            answer = try await http.execute(
                Transport.HTTPRequest(
                    method: method, url: target + request.uri.description, headers: headers, body: body))
        } catch {
            // What the sandbox drops is dropped here too.
            throw Dropped()
        }
        var response = Response(
            status: .init(code: answer.status), body: ResponseBody(byteBuffer: ByteBuffer(bytes: answer.body)))
        for (name, value) in answer.headers.fields where name.lowercased() != "content-length" {
            if let field = HTTPFields.Element.Name(name), field.canonicalName != "transfer-encoding" {
                response.headers[field] = value
            }
        }
        return response
    }

    struct Dropped: Error {}

    private static func decoded(_ form: String) -> [(name: String, value: String)] {
        form.split(separator: "&").map { pair in
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(Self.plain)
            return (parts[0], parts.count > 1 ? parts[1] : "")
        }
    }

    private static func plain(_ text: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = text.utf8.makeIterator()
        while let byte = rest.next() {
            switch byte {
            case UInt8(ascii: "+"): bytes.append(0x20)
            case UInt8(ascii: "%"):
                let digits = [rest.next(), rest.next()].compactMap { $0 }
                bytes.append(UInt8(String(decoding: digits, as: UTF8.self), radix: 16) ?? 0x3F)
            default: bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

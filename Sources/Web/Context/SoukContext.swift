package import Domain
package import Hummingbird
import Logging
import NIOCore
package import Store

/// What is known of one request while it is answered.
package struct SoukContext: RequestContext {
    package var coreContext: CoreRequestContextStorage
    /// Made here, never taken from the caller; in the `Request-Id` header, in errors, in the log and the audit log.
    package let requestID: ID<RequestTrace>
    package var principal: Principal
    /// Present where the request carries an `Idempotency-Key`.
    package var idempotency: IdempotencyClaim?
    let notes: RequestNotes
    /// Where the connection comes from: the caller's address, or a proxy's.
    let connectionAddress: String?

    package init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        requestID = .make()
        connectionAddress = source.channel.remoteAddress?.ipAddress
        principal = .anonymous(livemode: false)
        idempotency = nil
        notes = RequestNotes()
        logger[metadataKey: "hb.request.id"] = nil
        logger[metadataKey: "request_id"] = .string(requestID.rawValue)
    }

    /// The largest body of an ordinary call: an order of 500 lines has about a tenth of it.
    package static let maximumBodyBytes = 1 << 20

    package var maxUploadSize: Int { Self.maximumBodyBytes }
    package var requestDecoder: StrictRequestDecoder { StrictRequestDecoder() }
    package var responseEncoder: JSONResponseEncoder { JSONResponseEncoder() }

    /// For audit rows.
    package var caller: Caller {
        guard let id = principal.apiKeyID else { return Caller(.souk, requestID: requestID) }
        return Caller(.apiKey(id), requestID: requestID)
    }

    /// The id in the path.
    /// - Parameters:
    ///   - name: the route's name for it.
    ///   - entity: what it must name.
    ///   - code: the refusal for what is no id of this kind: to the caller it does not exist.
    /// - Returns: the id.
    /// - Throws: `Refusal` with `code`.
    package func id<Entity: Identified>(
        _ name: String = "id", of entity: Entity.Type, else code: ErrorCode
    ) throws(Refusal) -> ID<Entity> {
        let text = try pathText(name)
        guard let id = ID<Entity>(text) else {
            throw Refusal(
                code, "'\(text)' is not an id of this kind: such ids begin with '\(Entity.idPrefix)_'.",
                parameter: name)
        }
        return id
    }

    /// A part of the path, percent-decoded.
    /// - Throws: `Refusal` for broken encoding.
    package func pathText(_ name: String) throws(Refusal) -> String {
        guard let raw = parameters[name[...]] else {
            throw Refusal(.internalError, "The route has no parameter '\(name)'.")
        }
        guard let text = percentDecoded(raw, plusIsSpace: false), text.unicodeScalars.count <= 500 else {
            throw Refusal(.parameterInvalid, "The path is not valid percent-encoded UTF-8.", parameter: name)
        }
        return text
    }
}

/// Reads bodies as `StrictDecoder` does.
package struct StrictRequestDecoder: RequestDecoder {
    package func decode<Body: Decodable>(
        _ type: Body.Type, from request: Request, context: some RequestContext
    ) async throws -> Body {
        let bytes = try await request.bodyBytes(upTo: context.maxUploadSize)
        if !bytes.isEmpty, let type = request.headers[.contentType], !isJSON(mediaType: type) {
            throw Refusal(.unsupportedMediaType, "The body must be application/json; it came as another type.")
        }
        return try StrictDecoder.decode(type, from: bytes)
    }

    private func isJSON(mediaType: String) -> Bool {
        let name = mediaType.prefix { $0 != ";" }.lowercased()
        return name.filter { $0 != " " } == "application/json"
    }
}

package struct JSONResponseEncoder: ResponseEncoder {
    package func encode(_ value: some Encodable, from request: Request, context: some RequestContext) throws -> Response
    {
        Response(json: try JSONWriter.encode(value), status: .ok)
    }
}

extension Response {
    init(json bytes: [UInt8], status: HTTPResponse.Status) {
        self.init(
            status: status, headers: [.contentType: "application/json; charset=utf-8"],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
    }
}

extension Request {
    /// The whole body.
    /// - Throws: `body_too_large`, before reading where `Content-Length` says so already.
    package func bodyBytes(upTo limit: Int) async throws -> [UInt8] {
        let tooLarge = Refusal(.bodyTooLarge, "The body is larger than \(limit) bytes, the most that is taken here.")
        if let declared = headers[.contentLength].flatMap({ Int($0) }), declared > limit { throw tooLarge }
        do {
            return Array(buffer: try await body.collect(upTo: limit))
        } catch let error as any HTTPResponseError where error.status == .contentTooLarge {
            throw tooLarge
        }
    }
}

package import Hummingbird

/// A page of a list as JSON, or with `Accept: text/csv` all of the list as CSV, written as it is read.
package enum ListOrCSV<Body: Encodable & Sendable>: ResponseGenerator, Sendable {
    /// A part of a table, and after what the next part begins; nil after the last one.
    package typealias Part = (lines: String, next: String?)

    case json(Body)
    /// Reads the part after a cursor; nil for the first, which begins with the head. What it throws breaks the answer off,
    /// so that half a table is never taken for one.
    case csv(@Sendable (_ cursor: String?) async throws -> Part)

    package func response(from request: Request, context: some RequestContext) throws -> Response {
        var response: Response
        switch self {
        case .json(let body): response = Response(json: try JSONWriter.encode(body), status: .ok)
        case .csv(let read):
            response = Response(
                status: .ok, headers: [.contentType: "text/csv; charset=utf-8"],
                body: ResponseBody { writer in
                    var cursor: String?
                    repeat {
                        let part = try await read(cursor)
                        try await writer.write(ByteBuffer(string: part.lines))
                        cursor = part.next
                    } while cursor != nil
                    try await writer.finish(nil)
                })
        }
        response.headers[.vary] = "Accept"
        return response
    }
}

extension Request {
    /// Whether the caller likes CSV better than JSON.
    package var prefersCSV: Bool { MediaType.preferred(of: [.json, .csv], by: headers[.accept] ?? "") == .csv }
}

import Domain
import FoundationEssentials
import Hummingbird

/// The documentation page and its script and style, all served by Souk itself. See docs/adr/0016-documentation-page.md.
package struct DocumentationAssets: Sendable {
    private let files: [String: (bytes: [UInt8], type: String)]

    private static let types = [
        "index.html": "text/html; charset=utf-8", "start.js": "text/javascript; charset=utf-8",
        "swagger-ui-bundle.js": "text/javascript; charset=utf-8", "swagger-ui.css": "text/css; charset=utf-8",
        "favicon-32x32.png": "image/png", "LICENSE": "text/plain; charset=utf-8",
    ]

    /// - Parameter folder: openapi/docs of the installation.
    /// - Throws: when a file of the page is missing.
    package init(folder: String) throws {
        var files: [String: (bytes: [UInt8], type: String)] = [:]
        for (name, type) in Self.types {
            files[name] = (Array(try Data(contentsOf: URL(filePath: "\(folder)/\(name)"))), type)
        }
        self.files = files
    }

    /// - Throws: `route_not_found` for a file that is not part of the page.
    func response(for name: String) throws(Refusal) -> Response {
        guard let file = files[name] else {
            throw Refusal(.routeNotFound, "The documentation has no such file. It begins at /docs.")
        }
        guard name != "index.html" else { return .page(String(decoding: file.bytes, as: UTF8.self), scripts: true) }
        var response = Response(bytes: file.bytes, type: file.type)
        response.headers[.cacheControl] = "public, max-age=3600"
        response.headers[.xContentTypeOptions] = "nosniff"
        return response
    }
}

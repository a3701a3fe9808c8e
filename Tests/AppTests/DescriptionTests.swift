import App
import Foundation
import TestSupport
import Testing

/// openapi/souk.yaml and the router say the same.
@Suite(.database) struct DescriptionTests {
    @Test("every route is described, and everything described is a route")
    func routes() throws {
        let routes = try Souk.routes(onDatabase: TestDatabase.current.connectionString)
        let described = try Self.described()
        let served = Set(routes)
        #expect(served.subtracting(described).sorted() == [], "routes that openapi/souk.yaml does not describe")
        #expect(described.subtracting(served).sorted() == [], "described, but no route")
    }

    /// `GET /v1/orders/{id}` for every operation of the file: paths stand two spaces in, methods four.
    private static func described() throws -> Set<String> {
        let text = try String(contentsOfFile: Repository.root + "/openapi/souk.yaml", encoding: .utf8)
        var found: Set<String> = []
        var path: String?
        var inPaths = false
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            if !line.hasPrefix(" "), !line.isEmpty, !line.hasPrefix("#") { inPaths = line.hasPrefix("paths:") }
            guard inPaths else { continue }
            if line.hasPrefix("  /") {
                path = line.trimmingCharacters(in: CharacterSet(charactersIn: " :"))
            } else if let path, let method = ["get", "post", "delete", "put"].first(where: { line == "    \($0):" }) {
                found.insert("\(method.uppercased()) \(path)")
            }
        }
        return found
    }
}

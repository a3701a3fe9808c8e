import App
import Domain
import Foundation
import TestSupport
import Testing
import Web

/// openapi/souk.yaml and the router say the same.
@Suite(.database) struct DescriptionTests {
    @Test("every route is described, and everything described is a route")
    func routes() throws {
        let routes = try Souk.routes(onDatabase: TestDatabase.current.connectionString)
        let described = try Self.described()
        let served = Set(routes.map(\.name))
        #expect(served.subtracting(described.keys).sorted() == [], "routes that openapi/souk.yaml does not describe")
        #expect(Set(described.keys).subtracting(served).sorted() == [], "described, but no route")
    }

    @Test("each route takes the scope that its description names, and keeps answers where it takes an Idempotency-Key")
    func scopes() throws {
        let described = try Self.described()
        for route in try Souk.routes(onDatabase: TestDatabase.current.connectionString) {
            let lines = described[route.name] ?? []
            let prefix = "      x-scope: "
            let scopes = lines.filter { $0.hasPrefix(prefix) }.map { $0.dropFirst(prefix.count) }
            #expect(scopes.map(String.init) == [route.scope?.rawValue].compactMap(\.self), "\(route.name)")
            #expect(lines.contains { $0.contains("/idempotency_key'") } == route.keepsAnswer, "\(route.name)")
        }
    }

    private struct Told: Sendable, CustomStringConvertible {
        let description: String
        var status = 201
        var headers = [
            (name: "Content-Type", value: "application/json; charset=utf-8"),
            (name: "Request-Id", value: "req_01jd7m3c0e8w2v9k4x5y6z7abc"),
        ]
        var body: [String: JSON] = [
            "id": "fpo_01jd7m3c0e8w2v9k4x5y6z7abc", "object": "fee_policy", "created": 1_790_000_000, "livemode": false,
            "scope": "default", "seller": .null, "category": .null, "currency": "usd", "percent_bps": 1500, "fixed": 0,
            "minimum": 0, "maximum": .null,
        ]

        init(_ description: String, _ change: (inout Told) -> Void = { _ in }) {
            self.description = description
            change(&self)
        }

        func check() async throws {
            try await APIDescription.check(
                "POST", "/v1/fee_policies", status: status, headers: headers, body: JSON.object(body).text)
        }
    }

    private static let wrong: [(Told, complaint: String)] = [
        (Told("a status of its own") { $0.status = 418 }, "the status is not described"),
        (Told("another type of content") { $0.headers[0].value = "text/html" }, "the content type 'text/html'"),
        (Told("no request id") { $0.headers.removeLast() }, "the header Request-Id is missing"),
        (Told("a request id of another form") { $0.headers[1].value = "req_1" }, "the header Request-Id is not like"),
        (Told("a header of its own") { $0.headers.append((name: "X-Debug", value: "1")) }, "the header X-Debug"),
        (Told("a member of its own") { $0.body["surprise"] = 1 }, "the body/surprise is not described"),
        (Told("a member left out") { $0.body["percent_bps"] = nil }, "the body has no percent_bps"),
        (Told("text for a number") { $0.body["fixed"] = "0" }, "the body/fixed is not of the type"),
        (Told("a fraction") { $0.body["fixed"] = .number("0.5") }, "the body/fixed is not of the type"),
        (Told("a value outside the list") { $0.body["scope"] = "planet" }, "the body/scope is none of"),
        (Told("another object") { $0.body["object"] = "order" }, "the body/object is not"),
        (
            Told("an id of something else") { $0.body["id"] = "ord_01jd7m3c0e8w2v9k4x5y6z7abc" },
            "the body/id is not like"
        ),
    ]

    @Test("what the tests hold every answer against finds an answer that is not as described", arguments: wrong)
    private func undocumented(told: Told, complaint: String) async throws {
        try await Told("as described").check()
        let found = await #expect(throws: APIDescription.Undocumented.self) { try await told.check() }
        #expect(found?.description.contains(complaint) == true, "\(String(describing: found))")
    }

    /// The lines of every operation of the file, by `GET /v1/orders/{id}`: paths stand two spaces in, methods four.
    private static func described() throws -> [String: [Substring]] {
        let text = try String(contentsOfFile: Repository.root + "/openapi/souk.yaml", encoding: .utf8)
        var found: [String: [Substring]] = [:]
        var path: String?
        var operation: String?
        var inPaths = false
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            if !line.hasPrefix(" "), !line.isEmpty, !line.hasPrefix("#") { inPaths = line.hasPrefix("paths:") }
            guard inPaths else { continue }
            if line.hasPrefix("  /") {
                operation = nil
                path = line.trimmingCharacters(in: CharacterSet(charactersIn: " :"))
            } else if let path, let method = ["get", "post", "delete", "put"].first(where: { line == "    \($0):" }) {
                operation = "\(method.uppercased()) \(path)"
                found[operation ?? ""] = []
            } else if let operation {
                found[operation, default: []].append(line)
            }
        }
        return found
    }
}

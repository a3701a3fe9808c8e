import LocalHTTP
import Testing
import Transport

@Suite(.timeLimit(.minutes(2))) struct HTTPClientTests {
    private let client = HTTPClient()

    @Test(
        "method, headers and body arrive as they were given; the answer comes back whole",
        arguments: [HTTPRequest.Method.get, .head, .post, .put, .patch, .delete])
    func exchange(method: HTTPRequest.Method) async throws {
        let server = try LocalServer { _ in .answer(status: 201, headers: [("X-Answer", " yes ")], body: "done") }
        defer { server.stop() }
        let body: [UInt8] = method == .get || method == .head ? [] : [0, 1, 255, 10]
        let response = try await client.execute(
            HTTPRequest(
                method: method, url: server.url + "/path?q=a%20b", headers: [("X-Test", "value"), ("X-Empty", "")],
                body: body))
        #expect(response.status == 201)
        #expect(response.headers["x-answer"] == "yes")
        #expect(response.body == (method == .head ? [] : Array("done".utf8)))
        #expect(response.version == .http1_1)
        let seen = try #require(server.received.first)
        #expect(seen.method == method.rawValue)
        #expect(seen.target == "/path?q=a%20b")
        #expect(seen["x-test"] == "value")
        #expect(seen["x-empty"] == "")
        #expect(seen["expect"] == nil && seen["content-type"] == nil)
        #expect(seen.body == body)
    }

    @Test("a POST without a body says so and reads no standard input")
    func emptyPost() async throws {
        let server = try LocalServer { _ in .answer(status: 200) }
        defer { server.stop() }
        _ = try await client.execute(HTTPRequest(method: .post, url: server.url))
        #expect(server.received.first?["content-length"] == "0")
    }

    @Test("connections are reused")
    func reuse() async throws {
        let server = try LocalServer { _ in .answer(status: 200) }
        defer { server.stop() }
        for _ in 1...20 { _ = try await client.execute(HTTPRequest(url: server.url)) }
        #expect(server.connections == 1)
        #expect(server.received.count == 20)
    }

    @Test("500 requests at once get their own answers over at most 8 connections")
    func concurrency() async throws {
        let server = try LocalServer { .answer(status: 200, body: "\($0.target)") }
        defer { server.stop() }
        let client = HTTPClient(configuration: .init(maximumConnectionsPerHost: 8))
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for number in 1...500 {
                group.addTask {
                    let response = try await client.execute(HTTPRequest(url: "\(server.url)/\(number)"))
                    return response.body == Array("/\(number)".utf8)
                }
            }
            for try await isRight in group { #expect(isRight) }
        }
        #expect(server.connections <= 8)
    }

    @Test("an idle connection that the server closed costs nothing but a new one")
    func closedWhileIdle() async throws {
        let server = try LocalServer { _ in .rawThenClose("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok") }
        defer { server.stop() }
        for _ in 1...5 { #expect(try await client.execute(HTTPRequest(url: server.url)).status == 200) }
        #expect(server.connections == 5)
    }

    @Test("redirects are answers, not instructions")
    func redirect() async throws {
        let server = try LocalServer { _ in .answer(status: 302, headers: [("Location", "/elsewhere")]) }
        defer { server.stop() }
        let response = try await client.execute(HTTPRequest(url: server.url))
        #expect(response.status == 302 && response.headers["location"] == "/elsewhere")
        #expect(server.received.count == 1)
    }

    @Test("interim answers are passed over")
    func interim() async throws {
        let server = try LocalServer { _ in
            .raw(
                "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
                    + "HTTP/1.1 200 OK\r\nX-A: 1\r\nx-a: 2\r\ncontent-length: 2\r\n\r\nok")
        }
        defer { server.stop() }
        let response = try await client.execute(HTTPRequest(url: server.url))
        #expect(response.status == 200 && response.headers["link"] == nil)
        #expect(response.headers.values(of: "X-a") == ["1", "2"])
    }

    @Test("an answer of exactly the limit comes, one byte more does not", arguments: [true, false])
    func tooLarge(announced: Bool) async throws {
        let server = try LocalServer { request in
            let body = String(repeating: "x", count: request.target == "/fits" ? 100 : 101)
            let chunk = "\(String(body.utf8.count, radix: 16))\r\n\(body)\r\n0\r\n\r\n"
            return announced
                ? .answer(status: 200, body: body)
                : .raw("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n\(chunk)")
        }
        defer { server.stop() }
        let fits = try await client.execute(HTTPRequest(url: server.url + "/fits", maximumResponseBytes: 100))
        #expect(fits.body.count == 100)
        let error = await failure(HTTPRequest(url: server.url + "/big", maximumResponseBytes: 100))
        #expect(error?.kind == .tooLarge && error?.requestMayHaveBeenSent == true)
    }

    @Test("headers without end are refused")
    func endlessHeaders() async throws {
        let server = try LocalServer { _ in
            let line = "X-Filler: \(String(repeating: "x", count: 60_000))\r\n"
            return .raw("HTTP/1.1 200 OK\r\n" + String(repeating: line, count: 6) + "content-length: 0\r\n\r\n")
        }
        defer { server.stop() }
        #expect(await failure(HTTPRequest(url: server.url))?.kind == .tooLarge)
    }

    private func failure(_ request: HTTPRequest) async -> TransportError? {
        do throws(TransportError) {
            _ = try await client.execute(request)
            return nil
        } catch {
            return error
        }
    }
}

import LocalHTTP
import Testing
import Transport

@Suite(.timeLimit(.minutes(2))) struct HTTPClientFailureTests {
    private let client = HTTPClient()

    @Test("the total time-out ends a silent exchange, which may have been sent")
    func totalTimeout() async throws {
        let server = try LocalServer { _ in .silence }
        defer { server.stop() }
        let error = await failure(client, HTTPRequest(url: server.url, timeout: .milliseconds(150)))
        #expect(error?.kind == .timeout && error?.requestMayHaveBeenSent == true)
        await server.waitForAbandoned(1)
    }

    @Test("the connect time-out covers TLS; nothing was sent")
    func connectTimeout() async throws {
        // It reads the first bytes of the handshake as a request that never ends.
        let server = try LocalServer { _ in .silence }
        defer { server.stop() }
        let error = await failure(
            client,
            HTTPRequest(
                url: "https://127.0.0.1:\(server.port)", timeout: .seconds(30), connectTimeout: .milliseconds(150)))
        #expect(error?.kind == .timeout && error?.requestMayHaveBeenSent == false)
    }

    @Test("nobody listens: nothing was sent")
    func refused() async throws {
        let server = try LocalServer { _ in .drop }
        server.stop()
        let error = await failure(client, HTTPRequest(url: server.url))
        #expect(error?.kind == .connect && error?.requestMayHaveBeenSent == false)
    }

    @Test("a name without an address: nothing was sent")
    func unresolved() async {
        let error = await failure(client, HTTPRequest(url: "http://no-such-host.invalid/"))
        #expect(error?.kind == .resolve && error?.requestMayHaveBeenSent == false)
    }

    @Test("a connection that ends without an answer may have carried the request, and it is not sent again")
    func dropped() async throws {
        let server = try LocalServer { _ in .drop }
        defer { server.stop() }
        let error = await failure(client, HTTPRequest(method: .post, url: server.url, body: [1]))
        #expect(error?.kind == .connectionLost && error?.requestMayHaveBeenSent == true)
        #expect(server.received.count == 1)
    }

    @Test("an answer that ends early is no answer")
    func truncated() async throws {
        let server = try LocalServer { _ in .rawThenClose("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf") }
        defer { server.stop() }
        #expect(await failure(client, HTTPRequest(url: server.url))?.kind == .connectionLost)
    }

    @Test("what is not HTTP is no answer")
    func gibberish() async throws {
        let server = try LocalServer { _ in .rawThenClose("SSH-2.0-OpenSSH_9.2\r\n") }
        defer { server.stop() }
        let error = await failure(client, HTTPRequest(url: server.url))
        #expect(error?.kind == .protocol)
    }

    @Test("canceling the task ends the exchange at the server too")
    func cancellation() async throws {
        let server = try LocalServer { _ in .silence }
        defer { server.stop() }
        let client = client
        let url = server.url
        await withTaskGroup(of: TransportError?.self) { group in
            for _ in 1...10 { group.addTask { await failure(client, HTTPRequest(url: url)) } }
            await server.waitForRequests(10)
            group.cancelAll()
            for await error in group { #expect(error?.kind == .canceled && error?.requestMayHaveBeenSent == true) }
        }
        await server.waitForAbandoned(10)
    }

    @Test("a task that is canceled already sends nothing")
    func canceledBefore() async throws {
        let server = try LocalServer { _ in .answer(status: 200) }
        defer { server.stop() }
        let client = client
        let url = server.url
        await withTaskGroup(of: TransportError?.self) { group in
            group.cancelAll()
            group.addTask { await failure(client, HTTPRequest(url: url)) }
            for await error in group { #expect(error?.kind == .canceled && error?.requestMayHaveBeenSent == false) }
        }
        #expect(server.received.isEmpty)
    }

    @Test("shutting down ends what runs and refuses what comes")
    func shutdown() async throws {
        let server = try LocalServer { _ in .silence }
        defer { server.stop() }
        let client = HTTPClient()
        let url = server.url
        async let running = failure(client, HTTPRequest(url: url))
        await server.waitForRequests(1)
        client.shutdown()
        client.shutdown()
        #expect(await running?.kind == .shutDown)
        let late = await failure(client, HTTPRequest(url: url))
        #expect(late?.kind == .shutDown && late?.requestMayHaveBeenSent == false)
    }

    @Test(
        "what cannot be sent as it stands is refused",
        arguments: [
            HTTPRequest(url: "ftp://127.0.0.1/"), HTTPRequest(url: "file:///etc/passwd"), HTTPRequest(url: ""),
            HTTPRequest(url: "http://user:password@127.0.0.1/"), HTTPRequest(url: "http://127.0.0.1/\r\nX: y"),
            HTTPRequest(url: "http://127.0.0.1/", headers: [("X-A", "b\r\nX-C: d")]),
            HTTPRequest(url: "http://127.0.0.1/", headers: [("X A", "b")]),
            HTTPRequest(url: "http://127.0.0.1/", headers: [("", "b")]),
            HTTPRequest(url: "http://127.0.0.1/", body: [1]),
        ])
    func invalid(request: HTTPRequest) async {
        let error = await failure(client, request)
        #expect(error?.kind == .invalidRequest && error?.requestMayHaveBeenSent == false)
    }
}

func failure(_ client: HTTPClient, _ request: HTTPRequest) async -> TransportError? {
    do throws(TransportError) {
        _ = try await client.execute(request)
        return nil
    } catch {
        return error
    }
}

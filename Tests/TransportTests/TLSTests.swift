import Glibc
import LocalHTTP
import Testing
import Transport

/// Debian's nghttpx in front of a local server, with certificates of a private authority.
@Suite(.serialized, .timeLimit(.minutes(2))) struct TLSTests {
    @Test("HTTP/2 is spoken where it is offered, and requests share one connection")
    func http2() async throws {
        let backend = try LocalServer { .answer(status: 200, body: $0.target) }
        defer { backend.stop() }
        let proxy = try await TLSProxy(.good, backend: backend)
        defer { proxy.end() }
        let client = HTTPClient(configuration: .init(certificateAuthorityFile: proxy.authority))
        #expect(try await client.execute(HTTPRequest(url: proxy.url + "/first")).version == .http2)
        try await withThrowingTaskGroup(of: (Bool, HTTPResponse.Version).self) { group in
            for number in 1...50 {
                group.addTask {
                    let response = try await client.execute(
                        HTTPRequest(method: .post, url: "\(proxy.url)/\(number)", body: Array("a=1".utf8)))
                    return (response.body == Array("/\(number)".utf8), response.version)
                }
            }
            for try await (isRight, version) in group { #expect(isRight && version == .http2) }
        }
        #expect(try proxy.frontendConnections() == 1)
    }

    @Test("an authority that is not trusted is refused")
    func unknownAuthority() async throws {
        try await expectRefusal(.good, trustingItsAuthority: false, host: "127.0.0.1")
    }

    @Test("a certificate for another name is refused")
    func wrongName() async throws {
        try await expectRefusal(.otherName, trustingItsAuthority: true, host: "127.0.0.1")
    }

    @Test("an expired certificate is refused")
    func expired() async throws {
        try await expectRefusal(.expired, trustingItsAuthority: true, host: "127.0.0.1")
    }

    @Test("the same certificate under a name that it names is accepted")
    func rightName() async throws {
        let backend = try LocalServer { _ in .answer(status: 204) }
        defer { backend.stop() }
        let proxy = try await TLSProxy(.good, backend: backend)
        defer { proxy.end() }
        let client = HTTPClient(configuration: .init(certificateAuthorityFile: proxy.authority))
        #expect(try await client.execute(HTTPRequest(url: "https://localhost:\(proxy.port)/")).status == 204)
    }

    private func expectRefusal(
        _ certificate: TLSProxy.Certificate, trustingItsAuthority: Bool, host: String
    ) async throws {
        let backend = try LocalServer { _ in .answer(status: 200) }
        defer { backend.stop() }
        let proxy = try await TLSProxy(certificate, backend: backend)
        defer { proxy.end() }
        let client = HTTPClient(
            configuration: .init(certificateAuthorityFile: trustingItsAuthority ? proxy.authority : nil))
        let error = await failure(client, HTTPRequest(method: .post, url: "https://\(host):\(proxy.port)/", body: [1]))
        #expect(error?.kind == .tls && error?.requestMayHaveBeenSent == false, "\(String(describing: error))")
        #expect(backend.received.isEmpty)
    }
}

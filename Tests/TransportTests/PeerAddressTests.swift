import LocalHTTP
import Testing
import Transport

@Suite(.timeLimit(.minutes(1))) struct PeerAddressTests {
    @Test(
        "addresses of one's own network are not public",
        arguments: [
            "127.0.0.1", "127.255.255.254", "0.0.0.0", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1",
            "169.254.169.254", "100.64.0.1", "100.127.255.255", "192.0.0.1", "192.0.2.1", "192.88.99.1", "198.18.0.1",
            "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255",
            "::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::1",
            "fe80::1", "fe80::1%eth0", "fc00::1", "fd12:3456::1", "ff02::1", "fec0::1", "2001::1", "2001:db8::1",
            "2002:7f00:1::", "2002:a00:1::", "3fff::1", "100::1",
        ])
    func reserved(text: String) throws { #expect(try !#require(PeerAddress(text)).isPublic, "\(text)") }

    @Test(
        "addresses of the open internet are public",
        arguments: [
            "1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.1", "172.15.255.255", "172.32.0.1", "192.167.255.255",
            "192.169.0.1", "100.63.255.255", "100.128.0.1", "198.17.255.255", "198.20.0.1", "223.255.255.255",
            "54.187.174.169", "2606:4700:4700::1111", "2a00:1450:4001:800::200e", "2001:4860:4860::8888",
            "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1",
        ])
    func open(text: String) throws { #expect(try #require(PeerAddress(text)).isPublic, "\(text)") }

    @Test func description() {
        #expect(PeerAddress("::FFFF:10.0.0.1")?.description == "::ffff:10.0.0.1")
        #expect(PeerAddress("10.0.0.1")?.description == "10.0.0.1")
        #expect(PeerAddress("localhost") == nil)
    }

    @Test(
        "a client for public addresses reaches no other, however it is spelled",
        arguments: ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1", "0.0.0.0", "127.1"])
    func refused(host: String) async throws {
        let server = try LocalServer { _ in .answer(status: 200) }
        defer { server.stop() }
        let client = HTTPClient(configuration: .init(peers: .publicOnly))
        let error = await failure(client, HTTPRequest(url: "http://\(host):\(server.port)/"))
        #expect(error?.kind == .addressRefused && error?.requestMayHaveBeenSent == false)
        #expect(server.connections == 0)
    }
}

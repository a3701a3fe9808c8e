package import Domain
import FoundationEssentials
import StripeAPI
package import StripeSandbox
package import Transport

/// Business time in trial: that of the sandbox in this process.
package struct SandboxClock: BusinessClock {
    let sandbox: StripeSandbox.Server

    package init(sandbox: StripeSandbox.Server) { self.sandbox = sandbox }

    package func now() async -> Timestamp { Timestamp(milliseconds: await sandbox.now()) }
}

/// Business time in trial: that of a sandbox in another process, asked each time, since it may be moved at any moment.
package struct RemoteSandboxClock: BusinessClock {
    let http: HTTPClient
    /// `http://127.0.0.1:12111`, without a slash at the end.
    let baseURL: String

    package init(http: HTTPClient, baseURL: String) {
        self.http = http
        self.baseURL = baseURL
    }

    /// - Throws: `StripeUnavailable` when the sandbox does not answer.
    package func now() async throws -> Timestamp {
        let response: HTTPResponse
        do throws(TransportError) {
            response = try await http.execute(HTTPRequest(method: .get, url: "\(baseURL)/_sandbox/clock"))
        } catch {
            throw StripeUnavailable(error)
        }
        return Timestamp(milliseconds: try JSONDecoder().decode(Reading.self, from: Data(response.body)).nowMs)
    }

    private struct Reading: Decodable {
        let nowMs: Int64
        private enum CodingKeys: String, CodingKey { case nowMs = "now_ms" }
    }
}

package import Domain
import FoundationEssentials
import StripeAPI
package import StripeSandbox
import Synchronization
package import Transport

/// Business time in trial: that of the sandbox in this process.
package struct SandboxClock: BusinessClock {
    let sandbox: StripeSandbox.Server

    package init(sandbox: StripeSandbox.Server) { self.sandbox = sandbox }

    package func now() async -> Timestamp { Timestamp(milliseconds: await sandbox.now()) }
}

/// Business time in trial: that of a sandbox in another process, asked each time, since it may be moved at any moment.
///
/// While the sandbox is away its clock runs on, but nobody can move it: what it last said is enough then, so that a
/// Stripe that is away looks as it does in production.
package final class RemoteSandboxClock: BusinessClock {
    private let http: HTTPClient
    /// `http://127.0.0.1:12111`, without a slash at the end.
    private let baseURL: String
    /// By how many milliseconds it was ahead of wall time when it last answered.
    private let lead = Mutex<Int64?>(nil)

    package init(http: HTTPClient, baseURL: String) {
        self.http = http
        self.baseURL = baseURL
    }

    /// - Throws: `StripeUnavailable` when the sandbox has never answered.
    package func now() async throws -> Timestamp {
        let response: HTTPResponse
        do throws(TransportError) {
            response = try await http.execute(HTTPRequest(method: .get, url: "\(baseURL)/_sandbox/clock"))
        } catch {
            guard let lead = lead.withLock({ $0 }) else { throw StripeUnavailable(error) }
            return Timestamp(milliseconds: WallClock.now().milliseconds + lead)
        }
        let now = try JSONDecoder().decode(Reading.self, from: Data(response.body)).nowMs
        lead.withLock { $0 = now - WallClock.now().milliseconds }
        return Timestamp(milliseconds: now)
    }

    private struct Reading: Decodable {
        let nowMs: Int64
        private enum CodingKeys: String, CodingKey { case nowMs = "now_ms" }
    }
}

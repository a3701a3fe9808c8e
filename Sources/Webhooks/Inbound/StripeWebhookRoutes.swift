package import Domain
import Hummingbird
import Store
import StripeAPI
package import Web

/// Where Stripe delivers its events: `POST /webhooks/stripe` for the platform's own, `POST /webhooks/stripe/connect` for
/// those of connected accounts. 200 means that the event is committed; anything else makes Stripe deliver it again.
package struct StripeWebhookRoutes: Sendable {
    /// Stripe's largest events have some hundred kilobytes.
    package static let maximumBodyBytes = 1 << 20

    private let intake: WebhookIntake
    private let secrets: WebhookSecrets
    private let now: @Sendable () -> Timestamp
    private let metrics = IntakeMetrics()

    /// `now` is wall time, which signatures are made with.
    package init(
        intake: WebhookIntake, secrets: WebhookSecrets, now: @escaping @Sendable () -> Timestamp = WallClock.now
    ) {
        self.intake = intake
        self.secrets = secrets
        self.now = now
    }

    package func register(on api: APIRoutes) {
        api.open(.post, "/webhooks/stripe", isLimited: false) { request, _ in
            try await receive(request, at: .platform)
        }
        api.open(.post, "/webhooks/stripe/connect", isLimited: false) { request, _ in
            try await receive(request, at: .connect)
        }
    }

    private func receive(_ request: Request, at endpoint: InboxEndpoint) async throws -> Response {
        let body: [UInt8]
        do {
            body = try await request.bodyBytes(upTo: Self.maximumBodyBytes)
        } catch let refusal as Refusal where refusal.code == .bodyTooLarge {
            metrics.count(.tooLarge, endpoint)
            throw refusal
        }
        do throws(WebhookSignatureError) {
            try WebhookSignature.verify(
                header: request.headers[Self.signatureHeader], body: body, secrets: secrets[endpoint], now: now())
        } catch {
            metrics.count(.badSignature, endpoint)
            throw error
        }
        _ = try await intake.accept(body, at: endpoint)
        return Self.received
    }

    private static let received = Response(
        status: .ok, headers: [.contentType: "application/json"],
        body: ResponseBody(byteBuffer: ByteBuffer(string: #"{"received":true}"#)))

    private static let signatureHeader: HTTPFields.Element.Name = {
        guard let name = HTTPFields.Element.Name(WebhookSignature.headerName) else {
            preconditionFailure("'\(WebhookSignature.headerName)' is no header name")
        }
        return name
    }()
}

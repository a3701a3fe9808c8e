import Hummingbird
import Web

/// Where Stripe's page sends a buyer whose marketplace names no address of its own. They say what may be believed: a
/// redirect proves nothing, so neither page knows of any order.
enum CheckoutPages {
    @Sendable static func success(_ request: Request, _ context: SoukContext) async throws -> Response {
        NoticePage(
            "Thank you",
            "Your payment is on its way. The shop hears of it as soon as it is confirmed; you can close this page.",
            tone: .good
        ).response()
    }

    @Sendable static func canceled(_ request: Request, _ context: SoukContext) async throws -> Response {
        NoticePage(
            "Not paid", "You left the payment page and nothing was charged. Go back to the shop to try again.",
            tone: .waiting
        ).response()
    }
}

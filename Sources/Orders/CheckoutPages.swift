import Hummingbird
import Web

/// Where Stripe's page sends a buyer whose marketplace names no address of its own. They say what may be believed: a
/// redirect proves nothing, so neither page knows of any order.
enum CheckoutPages {
    @Sendable static func success(_ request: Request, _ context: SoukContext) async throws -> Response {
        page(
            title: "Thank you",
            text:
                "Your payment is on its way. The shop hears of it as soon as it is confirmed; you can close this page.")
    }

    @Sendable static func canceled(_ request: Request, _ context: SoukContext) async throws -> Response {
        page(
            title: "Not paid",
            text: "You left the payment page and nothing was charged. Go back to the shop to try again.")
    }

    private static func page(title: String, text: String) -> Response {
        let html = """
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="robots" content="noindex">
            <title>\(title)</title>
            <style>
            body { font: 1.1rem/1.5 system-ui, sans-serif; margin: 20vh auto; max-width: 32rem; padding: 0 1rem }
            </style>
            </head>
            <body><main><h1>\(title)</h1><p>\(text)</p></main></body>
            </html>
            """
        return Response(
            status: .ok,
            headers: [
                .contentType: "text/html; charset=utf-8", .cacheControl: "no-store",
                .contentSecurityPolicy: "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
            ],
            body: ResponseBody(byteBuffer: ByteBuffer(string: html)))
    }
}

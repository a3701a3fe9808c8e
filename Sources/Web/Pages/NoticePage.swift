package import Hummingbird

/// A small page for a person whom Stripe sent to Souk, where the marketplace gave no page of its own. All of its words are
/// ours: nothing that anybody sent appears in it.
package struct NoticePage: Sendable {
    package enum Tone: Sendable {
        case good, waiting, bad

        fileprivate var sign: String {
            switch self {
            case .good: #"<path d="m15 24.5 6.5 6.5L34 18"/>"#
            case .waiting: #"<path d="M24 14v11l7 4"/>"#
            case .bad: #"<path d="M24 14v13M24 33.5v.5"/>"#
            }
        }

        fileprivate var name: String {
            switch self {
            case .good: "good"
            case .waiting: "waiting"
            case .bad: "bad"
            }
        }
    }

    /// Where to go from here, relative to the page's own address.
    package struct Link: Sendable {
        let label: String
        let address: String

        package init(_ label: String, to address: String) {
            self.label = label
            self.address = address
        }
    }

    let title: String
    let text: String
    let tone: Tone
    let link: Link?

    package init(_ title: String, _ text: String, tone: Tone, link: Link? = nil) {
        self.title = title
        self.text = text
        self.tone = tone
        self.link = link
    }

    package func response(_ status: HTTPResponse.Status = .ok) -> Response {
        var response = Response.page(html, scripts: false)
        response.status = status
        response.headers[.cacheControl] = "no-store"
        return response
    }

    private var html: String {
        let button = link.map { "<p><a class=\"button\" href=\"\($0.address)\">\($0.label)</a></p>" } ?? ""
        return """
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="robots" content="noindex">
            <title>\(title)</title>
            <link rel="icon" href="data:,">
            <style>
            \(PageStyle.base)
            body { display: grid; place-items: center; min-height: 100vh }
            main { background: var(--card); border: 1px solid var(--line); border-radius: 16px; margin: 1.25rem; max-width: 27rem;
              padding: 2.25rem; text-align: center }
            svg { fill: none; height: 3rem; stroke: currentcolor; stroke-linecap: round; stroke-linejoin: round; stroke-width: 3; width: 3rem }
            .good { color: var(--good) } .waiting { color: var(--accent) } .bad { color: var(--bad) }
            h1 { font-size: 1.5rem; letter-spacing: -.01em; line-height: 1.25; margin: .75rem 0 .5rem }
            p { color: var(--muted); margin: 0 }
            .button { background: var(--accent); border-radius: 8px; color: #fff; display: inline-block; font-weight: 600; margin-top: 1.5rem;
              padding: .65rem 1.5rem; text-decoration: none }
            </style>
            </head>
            <body><main>
            <svg class="\(tone.name)" viewBox="0 0 48 48" aria-hidden="true"><circle cx="24" cy="24" r="21.5"/>\(tone.sign)</svg>
            <h1>\(title)</h1>
            <p>\(text)</p>
            \(button)
            </main></body>
            </html>
            """
    }
}

/// What Souk's own pages have in common, in light and in dark.
enum PageStyle {
    static let base = """
        :root { color-scheme: light dark; --page: #f5f6f9; --card: #fff; --text: #1a1d2b; --muted: #586072; --line: #dfe3ea;
          --accent: #4f46e5; --link: #4338ca; --ring: #6d66f0; --good: #0b6640; --bad: #b4122f; --mark: #fff3d1 }
        @media (prefers-color-scheme: dark) { :root { --page: #0f1119; --card: #191c28; --text: #eceef5; --muted: #a5adbf;
          --line: #2d3242; --accent: #6059ea; --link: #b3b1ff; --ring: #a3a0ff; --good: #7fdcae; --bad: #ff98a6; --mark: #33290c } }
        * { box-sizing: border-box }
        body { background: var(--page); color: var(--text); font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; margin: 0 }
        a { color: var(--link) }
        :focus-visible { outline: 3px solid var(--ring); outline-offset: 3px }
        """
}

extension Response {
    /// Nothing from outside is loaded or called; styles may stand in the page, scripts may not.
    static func page(_ html: String, scripts: Bool) -> Response {
        var response = Response(text: html, type: "text/html; charset=utf-8")
        response.headers[.contentSecurityPolicy] = """
            default-src 'none'; script-src \(scripts ? "'self'" : "'none'"); style-src 'self' 'unsafe-inline'; \
            img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'
            """
        response.headers[.xContentTypeOptions] = "nosniff"
        // The address may hold a token: it is not told to the next site.
        response.headers.set("Referrer-Policy", "no-referrer")
        return response
    }
}

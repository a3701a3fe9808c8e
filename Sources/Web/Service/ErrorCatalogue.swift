import Domain
import Hummingbird

/// The page behind `doc_url`: every code with its status and what to do.
enum ErrorCatalogue {
    static let html: String = {
        let rows = ErrorCode.allCases.map { code in
            let appearance = code.appearance
            return """
                <tr id="\(code.rawValue)"><td><code>\(code.rawValue)</code></td><td>\(appearance.status.code)</td>\
                <td><code>\(appearance.type.rawValue)</code></td><td>\(escaped(appearance.meaning))</td></tr>
                """
        }
        return """
            <!DOCTYPE html>
            <html lang="en"><head><meta charset="utf-8"><title>Souk: errors</title>
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <link rel="icon" type="image/png" href="/docs/favicon-32x32.png">
            <style>
            \(PageStyle.base)
            main { margin: 0 auto; max-width: 68rem; padding: 2rem 1.25rem 4rem }
            h1 { font-size: 1.9rem; letter-spacing: -.02em; margin: 0 0 .5rem }
            p { color: var(--muted); max-width: 46rem }
            code { color: var(--text); font-size: .92em; overflow-wrap: anywhere }
            table { background: var(--card); border: 1px solid var(--line); border-collapse: separate; border-radius: 12px; border-spacing: 0;
              margin-top: 1.5rem; width: 100% }
            th, td { border-top: 1px solid var(--line); padding: .6rem .9rem; text-align: left; vertical-align: top }
            th { border: 0; color: var(--muted); font-size: .9rem; font-weight: 500 }
            tr:target { background: var(--mark) }
            @media (max-width: 40rem) { thead { display: none } tr { display: block; border-top: 1px solid var(--line); padding: .5rem 0 }
              td { border: 0; display: block; padding: .15rem .9rem } }
            </style></head>
            <body><main><h1>Errors</h1>
            <p>Every refusal has this shape:
            <code>{"error":{"type","code","message","param","doc_url","request_id"}}</code>.
            Branch on <code>code</code>. The whole API: <a href="/docs">/docs</a>.</p>
            <table><thead><tr><th scope="col">Code</th><th scope="col">Status</th><th scope="col">Type</th><th scope="col">Meaning</th></tr></thead><tbody>
            \(rows.joined(separator: "\n"))
            </tbody></table></main></body></html>
            """
    }()

    private static func escaped(_ text: String) -> String {
        var result = ""
        for character in text {
            switch character {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "`": result += ""
            default: result.append(character)
            }
        }
        return result
    }
}

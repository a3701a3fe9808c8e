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
            <style>
            body { font: 16px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }
            table { border-collapse: collapse; width: 100%; }
            th, td { text-align: left; vertical-align: top; padding: .4rem .8rem .4rem 0; border-bottom: 1px solid #ddd; }
            tr:target { background: #fff3c4; }
            </style></head>
            <body><h1>Errors</h1>
            <p>Every refusal has this shape:
            <code>{"error":{"type","code","message","param","doc_url","request_id"}}</code>.
            Branch on <code>code</code>. The whole API: <a href="/docs">/docs</a>.</p>
            <table><thead><tr><th>code</th><th>status</th><th>type</th><th>meaning</th></tr></thead><tbody>
            \(rows.joined(separator: "\n"))
            </tbody></table></body></html>
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

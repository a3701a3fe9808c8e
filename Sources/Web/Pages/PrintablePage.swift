import Hummingbird

/// A document for the screen and for paper: facts and tables of two columns, without script. All that is put into it is
/// shown as text, whatever it holds.
package struct PrintablePage: Sendable {
    package struct Table: Sendable {
        package struct Row: Sendable {
            let name: String
            let value: String
            let isSum: Bool

            /// - Parameters:
            ///   - name: what the line is.
            ///   - value: its amount, or why there is none.
            ///   - isSum: whether it sums up the lines above it.
            package init(_ name: String, _ value: String, isSum: Bool = false) {
                self.name = name
                self.value = value
                self.isSum = isSum
            }
        }

        let caption: String
        let columns: (name: String, value: String)
        let rows: [Row]

        package init(_ caption: String, columns: (name: String, value: String), rows: [Row]) {
            self.caption = caption
            self.columns = columns
            self.rows = rows
        }
    }

    let title: String
    let facts: [(name: String, value: String)]
    let tables: [Table]
    let notes: [String]

    package init(
        _ title: String, facts: [(name: String, value: String)], tables: [Table], notes: [String]
    ) {
        self.title = title
        self.facts = facts
        self.tables = tables
        self.notes = notes
    }

    func response() -> Response {
        var response = Response.page(html, scripts: false)
        response.headers[.cacheControl] = "no-store"
        return response
    }

    private var html: String {
        """
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="robots" content="noindex">
        <title>\(escaped(title))</title>
        <link rel="icon" href="data:,">
        <style>
        \(PageStyle.base)
        main { margin: 0 auto; max-width: 44rem; padding: 2.5rem 1.25rem 3rem }
        h1 { font-size: 1.9rem; letter-spacing: -.02em; line-height: 1.2; margin: 0 0 1.25rem }
        dl { display: grid; gap: .2rem 1.5rem; grid-template-columns: max-content 1fr; margin: 0 0 2rem }
        dt { color: var(--muted) } dd { margin: 0; overflow-wrap: anywhere }
        table { background: var(--card); border: 1px solid var(--line); border-collapse: separate; border-radius: 12px; border-spacing: 0;
          margin: 0 0 2rem; width: 100% }
        caption { font-size: 1.2rem; font-weight: 600; padding: 0 0 .5rem; text-align: left }
        th, td { border-top: 1px solid var(--line); padding: .5rem .9rem; text-align: left; vertical-align: top }
        th { font-weight: 400 } thead th { border: 0; color: var(--muted); font-size: .9rem }
        th:last-child, td { font-variant-numeric: tabular-nums; text-align: right }
        .sum th, .sum td { font-weight: 600 }
        .note { color: var(--muted); font-size: .92rem; margin: 0 0 .5rem; overflow-wrap: anywhere }
        @media (max-width: 30rem) { dl { display: block } dd { margin: 0 0 .6rem } }
        @media print { :root { color-scheme: light; --page: #fff; --card: #fff; --text: #000; --muted: #333; --line: #999 }
          main { max-width: none; padding: 0 } table { border-radius: 0; break-inside: avoid } }
        </style>
        </head>
        <body><main>
        <h1>\(escaped(title))</h1>
        <dl>
        \(facts.map { "<dt>\(escaped($0.name))</dt><dd>\(escaped($0.value))</dd>" }.joined(separator: "\n"))
        </dl>
        \(tables.map(\.html).joined(separator: "\n"))
        \(notes.map { "<p class=\"note\">\(escaped($0))</p>" }.joined(separator: "\n"))
        </main></body>
        </html>
        """
    }
}

extension PrintablePage.Table {
    fileprivate var html: String {
        """
        <table><caption>\(escaped(caption))</caption>
        <thead><tr><th scope="col">\(escaped(columns.name))</th><th scope="col">\(escaped(columns.value))</th></tr></thead>
        <tbody>
        \(rows.map(\.html).joined(separator: "\n"))
        </tbody></table>
        """
    }
}

extension PrintablePage.Table.Row {
    fileprivate var html: String {
        "<tr\(isSum ? " class=\"sum\"" : "")><th scope=\"row\">\(escaped(name))</th><td>\(escaped(value))</td></tr>"
    }
}

/// For text and for values of attributes.
private func escaped(_ text: String) -> String {
    var result = ""
    for character in text {
        switch character {
        case "&": result += "&amp;"
        case "<": result += "&lt;"
        case ">": result += "&gt;"
        case "\"": result += "&quot;"
        default: result.append(character)
        }
    }
    return result
}

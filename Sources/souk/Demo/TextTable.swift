/// Rows under a heading, in columns as wide as their content.
struct TextTable {
    enum Alignment { case left, right }

    struct Column {
        let title: String
        let alignment: Alignment

        static func text(_ title: String) -> Column { Column(title: title, alignment: .left) }
        static func number(_ title: String) -> Column { Column(title: title, alignment: .right) }
    }

    private enum Row {
        case cells([String])
        case rule
    }

    let title: String
    let columns: [Column]
    private var rows: [Row] = []

    init(_ title: String, _ columns: [Column]) {
        self.title = title
        self.columns = columns
    }

    mutating func add(_ cells: [String]) { rows.append(.cells(cells)) }
    /// A line that sets off what follows, such as sums.
    mutating func addRule() { rows.append(.rule) }

    var text: String {
        var widths = columns.map(\.title.count)
        for case .cells(let cells) in rows {
            for (index, cell) in cells.enumerated() where index < widths.count {
                widths[index] = max(widths[index], cell.count)
            }
        }
        let rule = "  " + widths.map { String(repeating: "─", count: $0) }.joined(separator: "  ")
        var lines = [title, "", line(columns.map(\.title), widths), rule]
        for row in rows {
            switch row {
            case .cells(let cells): lines.append(line(cells, widths))
            case .rule: lines.append(rule)
            }
        }
        return lines.joined(separator: "\n")
    }

    private func line(_ cells: [String], _ widths: [Int]) -> String {
        var text = ""
        for (index, cell) in cells.enumerated() where index < widths.count {
            let padding = String(repeating: " ", count: widths[index] - cell.count)
            text += "  " + (columns[index].alignment == .left ? cell + padding : padding + cell)
        }
        while text.last == " " { text.removeLast() }
        return text
    }
}

/// Rows under a heading, in columns as wide as their content.
package struct TextTable {
    package enum Alignment { case left, right }

    package struct Column {
        package let title: String
        package let alignment: Alignment

        package static func text(_ title: String) -> Column { Column(title: title, alignment: .left) }
        package static func number(_ title: String) -> Column { Column(title: title, alignment: .right) }
    }

    private enum Row {
        case cells([String])
        case rule
    }

    let title: String
    let columns: [Column]
    private var rows: [Row] = []

    package init(_ title: String, _ columns: [Column]) {
        self.title = title
        self.columns = columns
    }

    package mutating func add(_ cells: [String]) { rows.append(.cells(cells)) }
    /// A line that sets off what follows, such as sums.
    package mutating func addRule() { rows.append(.rule) }

    package var text: String {
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

internal import BlazePlatform

/// Rows under headings: aligned for a terminal, tab-separated for a pipe.
struct Table {
    enum Alignment {
        case left
        case right
    }

    struct Column {
        let heading: String
        let alignment: Alignment

        init(_ heading: String, _ alignment: Alignment = .left) {
            self.heading = heading
            self.alignment = alignment
        }
    }

    /// A cell: what a person reads, and what a script cuts out.
    struct Cell {
        let shown: String
        let plain: String

        init(_ text: String) {
            shown = text
            plain = text
        }

        init(shown: String, plain: String) {
            self.shown = shown
            self.plain = plain
        }
    }

    private let columns: [Column]
    private let leastWidths: [Int]
    private var rows: [[Cell]] = []

    /// A table.
    ///
    /// - Parameter widths: how wide the columns are at least.
    init(_ columns: [Column], widths: [Int] = []) {
        self.columns = columns
        leastWidths = widths.isEmpty ? columns.map { _ in 0 } : widths
    }

    mutating func add(_ row: [Cell]) { rows.append(row) }

    /// The table's lines.
    func lines(style: Style) -> [String] {
        guard style.aligned else {
            return [columns.map(\.heading).joined(separator: "\t")]
                + rows.map { row in
                    row.map { Self.onOneLine($0.plain) }.joined(separator: "\t")
                }
        }
        let widths = columns.indices.map { i in
            ([columns[i].heading] + rows.map { $0[i].shown }).map(Terminal.width).reduce(leastWidths[i], max)
        }
        func line(_ cells: [String]) -> String {
            var out = ""
            for (i, text) in cells.enumerated() {
                if i > 0 { out += "  " }
                let padding = String(repeating: " ", count: widths[i] - Terminal.width(text))
                switch columns[i].alignment {
                case .right: out += padding + text
                case .left: out += i == cells.count - 1 ? text : text + padding
                }
            }
            return out
        }
        return [style.bold(line(columns.map(\.heading)))] + rows.map { line($0.map(\.shown)) }
    }

    /// Tabs and line ends would make more cells and rows of one.
    private static func onOneLine(_ text: String) -> String {
        String(text.map { $0 == "\t" || $0.isNewline ? " " : $0 })
    }
}

/// Names and values, one pair a line.
struct FactList {
    private var facts: [(name: String, value: String)] = []

    mutating func add(_ name: String, _ value: String?) {
        if let value { facts.append((name, value)) }
    }

    func lines(style: Style) -> [String] {
        guard style.aligned else { return facts.map { "\($0.name)\t\($0.value)" } }
        let width = facts.map { Terminal.width($0.name) }.max() ?? 0
        return facts.map { fact in
            style.dim(fact.name) + String(repeating: " ", count: width - Terminal.width(fact.name) + 2) + fact.value
        }
    }
}

internal import BlazePlatform

/// A table whose rows are shown as they come: aligned as far as the widths of the rows so far allow.
struct StreamedTable {
    /// Room that is kept for cells, so that most rows that come later stay in line.
    private static let usualWidth = 8

    private let columns: [Table.Column]
    private let style: Style
    private var widths: [Int]
    private var isEmpty = true

    init(_ columns: [Table.Column], style: Style) {
        self.columns = columns
        self.style = style
        widths = columns.map { max(Self.usualWidth, Terminal.width($0.heading)) }
    }

    /// The lines to show for another row: the headings before the first.
    mutating func add(_ row: [Table.Cell]) -> [String] {
        for (i, cell) in row.enumerated() { widths[i] = max(widths[i], Terminal.width(cell.shown)) }
        var table = Table(columns, widths: widths)
        table.add(row)
        let lines = table.lines(style: style)
        defer { isEmpty = false }
        return isEmpty ? lines : Array(lines.dropFirst())
    }
}

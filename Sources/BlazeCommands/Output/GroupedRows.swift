internal import BlazeClient

extension WireListGroup {
    /// The heading for people.
    var titleText: String { title.isEmpty ? "no app known" : title }

    var json: JSONValue {
        .object(["name": .optional(title.isEmpty ? nil : title), "count": .count(count)])
    }
}

extension WireDatabaseRow {
    /// The lines of `ls`: without groups one table; with groups a table under each heading, or, for scripts, one table
    /// with the group in its first column.
    static func lines(_ rows: [WireDatabaseRow], groups: [WireListGroup]?, style: Style) -> [String] {
        guard let groups else { return table(rows, style: style) }
        var out: [String] = []
        var start = 0
        var plain = Table([.init("GROUP")] + columns)
        for group in groups {
            let end = min(start + Int(group.count), rows.count)
            let members = rows[start..<end]
            start = end
            if style.aligned {
                if !out.isEmpty { out.append("") }
                out.append(style.bold("\(group.titleText) (\(members.count))"))
                out += table(Array(members), style: style)
            } else {
                for row in members { plain.add([.init(group.title)] + row.cells) }
            }
        }
        return style.aligned ? out : plain.lines(style: style)
    }
}

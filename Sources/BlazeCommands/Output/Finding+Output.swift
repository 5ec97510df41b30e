internal import BlazeModel

extension Finding {
    var json: JSONValue {
        .object([
            "name": .string(name.rawValue), "severity": .string(severity.rawValue),
            "page": page.map { .integer(Int64($0)) } ?? .null, "record": .optional(record?.description),
            "count": .count(count), "possible": .bool(isPossible), "message": .string(message),
        ])
    }

    /// One line for people.
    func line(style: Style) -> String {
        "\(style.severity(severity)) [\(name)] \(message)"
    }
}

extension [Finding] {
    /// Worst first, then by name and place.
    var worstFirst: [Finding] {
        sorted { a, b in
            if a.severity != b.severity { return a.severity > b.severity }
            if a.name != b.name { return a.name.rawValue < b.name.rawValue }
            return (a.page ?? 0, a.record ?? RecordID(high: 0, low: 0))
                < (b.page ?? 0, b.record ?? RecordID(high: 0, low: 0))
        }
    }

    var json: JSONValue { .array(map(\.json)) }

    /// Lines for people: of many findings alike the first few, and a count of the rest. Expects them worst first.
    func lines(style: Style) -> [String] {
        var out: [String] = []
        var rest = self[...]
        while let first = rest.first {
            let alike = rest.prefix { $0.name == first.name && $0.severity == first.severity }
            out += alike.prefix(Self.shownAlike).map { $0.line(style: style) }
            if alike.count > Self.shownAlike {
                out.append(
                    "\(style.severity(first.severity)) [\(first.name)] and \(alike.count - Self.shownAlike) more (-o json)"
                )
            }
            rest = rest.dropFirst(alike.count)
        }
        return out
    }

    private static var shownAlike: Int { 3 }

    func count(_ severity: Finding.Severity) -> Int { count { $0.severity == severity } }
}

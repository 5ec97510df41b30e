internal import BlazeModel

/// Counts the secondary indexes' keys and ids; the keys themselves are values (trap T11) and are not taken out.
enum SecondaryIndexes {
    /// Reads `secondaryIndexes`, if it is there, in either shape:
    ///
    ///     [{"name":n,"entries":[{"key":{"components":[...]},"ids":[UUID, ...]}, ...]}, ...]
    ///     {n:[{"components":[...]},[UUID, ...], ...], ...}
    ///
    /// The result is sorted by name. An index that is defined but has no entries is in it too.
    static func read(
        _ scanner: inout JSONScanner?, definitions: [String: [String]], index: RecordIndex
    ) throws(JSONError) -> [Metadata.IndexSummary] {
        var counts: [String: Counts] = [:]
        if var s = scanner {
            if s.peek() == UInt8(ascii: "{") {
                try s.members { (s: inout JSONScanner, key: JSONText) throws(JSONError) in
                    counts[try s.text(key)] = try flatEntries(&s, index)
                }
            } else {
                try s.elements { (s: inout JSONScanner) throws(JSONError) in
                    let (name, entries) = try namedEntries(&s, index)
                    counts[name] = entries
                }
            }
        }
        let names = Set(counts.keys).union(definitions.keys)
        return names.sorted().map { name in
            let found = counts[name] ?? Counts()
            return Metadata.IndexSummary(
                name: name, fields: definitions[name] ?? name.split(separator: "+").map(String.init),
                keys: found.keys, entries: found.ids, dangling: found.dangling)
        }
    }

    private struct Counts {
        var keys = 0
        var ids = 0
        var dangling = 0

        /// Consumes a list of ids.
        mutating func addIDs(_ scanner: inout JSONScanner, _ index: RecordIndex) throws(JSONError) {
            var (ids, dangling) = (0, 0)
            try scanner.elements { (s: inout JSONScanner) throws(JSONError) in
                let id = s.recordID(try s.string())
                ids += 1
                if id.map({ !index.contains($0) }) ?? true { dangling += 1 }
            }
            self.ids += ids
            self.dangling += dangling
        }
    }

    private static func namedEntries(
        _ scanner: inout JSONScanner, _ index: RecordIndex
    ) throws(JSONError) -> (name: String, counts: Counts) {
        var name: String?
        var counts = Counts()
        try scanner.members { (s: inout JSONScanner, key: JSONText) throws(JSONError) in
            if s.equals(key, "name") {
                name = try s.text(try s.string())
            } else if s.equals(key, "entries") {
                try s.elements { (s: inout JSONScanner) throws(JSONError) in
                    counts.keys += 1
                    try s.members { (s: inout JSONScanner, key: JSONText) throws(JSONError) in
                        if s.equals(key, "ids") { try counts.addIDs(&s, index) } else { try s.skipValue() }
                    }
                }
            } else {
                try s.skipValue()
            }
        }
        guard let name else { throw scanner.wrongShape("a secondary index with a name") }
        return (name, counts)
    }

    private static func flatEntries(_ scanner: inout JSONScanner, _ index: RecordIndex) throws(JSONError) -> Counts {
        var counts = Counts()
        var isKey = true
        try scanner.elements { (s: inout JSONScanner) throws(JSONError) in
            if isKey {
                counts.keys += 1
                try s.skipValue()
            } else {
                try counts.addIDs(&s, index)
            }
            isKey.toggle()
        }
        return counts
    }
}

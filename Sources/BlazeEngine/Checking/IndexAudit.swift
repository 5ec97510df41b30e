internal import BlazeModel
internal import Crypto

/// The entries of the secondary indexes, held against the records as they are read. It keeps the indexes' text, and 24 bytes
/// for each id in it; keys are taken apart one at a time, and no finding tells one (trap T11).
struct IndexAudit {
    private struct Entry {
        let id: RecordID
        /// Where its key begins in the text.
        let key: UInt32
    }

    private struct Index {
        let name: String
        let fields: [String]
        /// Sorted by id.
        var entries: [Entry]
        var stale = 0
        var firstStale: RecordID?
        var missing = 0
        var firstMissing: RecordID?
    }

    private let text: [UInt8]
    private var indexes: [Index] = []

    /// Reads the indexes of the metadata that a reader goes by; nil when all of them are empty, and so left for BlazeDB to fill.
    ///
    /// Throws what reading the metadata throws.
    init?(_ generation: Generation, key: SymmetricKey) throws(EngineError) {
        guard generation.metadata.indexes.contains(where: { $0.entries > 0 }) else { return nil }
        let file = try MetadataFile(generation.metadataFile)
        guard file.isVerified(by: key, texts: try file.signedTexts()) else { throw EngineError.changed(file.path) }
        let source = file.wrapper.payload.map { JSONScanner($0) } ?? JSONScanner(file.bytes, in: file.wrapper.layout)
        do {
            guard let range = try Self.range(source) else { return nil }
            text = Array(source.bytes[range])
            try read(fields: Dictionary(generation.metadata.indexes.map { ($0.name, $0.fields) }) { a, _ in a })
        } catch {
            throw EngineError(error, in: "secondary indexes of", path: file.path)
        }
    }

    /// Where the indexes stand.
    private static func range(_ payload: JSONScanner) throws(JSONError) -> Range<Int>? {
        var scanner = payload
        var found: Range<Int>?
        try scanner.members { (s: inout JSONScanner, key: JSONText) throws(JSONError) in
            let isWanted = s.equals(key, "secondaryIndexes")
            let range = try s.skipValue()
            if isWanted { found = range }
        }
        return found
    }

    /// Either shape, as `SecondaryIndexes` has it.
    private mutating func read(fields: [String: [String]]) throws(JSONError) {
        var scanner = JSONScanner(text)
        var found: [(name: String, entries: [Entry])] = []
        if scanner.peek() == UInt8(ascii: "{") {
            try scanner.members { (s: inout JSONScanner, key: JSONText) throws(JSONError) in
                let name = try s.text(key)
                found.append((name, try Self.flatEntries(&s)))
            }
        } else {
            try scanner.elements { (s: inout JSONScanner) throws(JSONError) in
                var name = ""
                var entries: [Entry] = []
                try s.members { (s: inout JSONScanner, key: JSONText) throws(JSONError) in
                    if s.equals(key, "name") {
                        name = try s.text(try s.string())
                    } else if s.equals(key, "entries") {
                        try s.elements { (s: inout JSONScanner) throws(JSONError) in
                            try Self.readEntry(&s, into: &entries)
                        }
                    } else {
                        try s.skipValue()
                    }
                }
                found.append((name, entries))
            }
        }
        // One without entries is filled by BlazeDB when it opens.
        for (name, entries) in found where !entries.isEmpty {
            indexes.append(
                Index(
                    name: name, fields: fields[name] ?? name.split(separator: "+").map(String.init),
                    entries: entries.sorted { $0.id < $1.id }))
        }
    }

    private static func readEntry(
        _ scanner: inout JSONScanner, into entries: inout [Entry]
    ) throws(JSONError) {
        var ids: [RecordID] = []
        var place: Int?
        try scanner.members { (s: inout JSONScanner, key: JSONText) throws(JSONError) in
            if s.equals(key, "ids") {
                ids += try Self.ids(&s)
            } else if s.equals(key, "key") {
                place = try s.skipValue().lowerBound
            } else {
                try s.skipValue()
            }
        }
        guard let key = place.flatMap(UInt32.init(exactly:)) else { return }
        for id in ids { entries.append(Entry(id: id, key: key)) }
    }

    private static func flatEntries(_ scanner: inout JSONScanner) throws(JSONError) -> [Entry] {
        var entries: [Entry] = []
        var place: Int?
        try scanner.elements { (s: inout JSONScanner) throws(JSONError) in
            guard let start = place else {
                place = try s.skipValue().lowerBound
                return
            }
            place = nil
            let ids = try Self.ids(&s)
            guard let key = UInt32(exactly: start) else { return }
            for id in ids { entries.append(Entry(id: id, key: key)) }
        }
        return entries
    }

    private static func ids(_ scanner: inout JSONScanner) throws(JSONError) -> [RecordID] {
        var ids: [RecordID] = []
        try scanner.elements { (s: inout JSONScanner) throws(JSONError) in
            // What is no id leads nowhere, and counts as dangling.
            if let id = s.recordID(try s.string()) { ids.append(id) }
        }
        return ids
    }

    /// Holds the entries of a record against what it holds now.
    mutating func note(_ id: RecordID, _ record: Record) {
        for number in indexes.indices {
            let (own, fields) = (entries(of: id, in: indexes[number].entries), indexes[number].fields)
            let stale = own.count { entry in
                guard let key = IndexKey(JSONScanner(text, in: Int(entry.key)..<text.count)) else { return true }
                return !key.fits(record, fields: fields)
            }
            if stale > 0 {
                indexes[number].stale += stale
                indexes[number].firstStale = indexes[number].firstStale ?? id
            }
            guard own.isEmpty, !record.isHidden, fields.allSatisfy({ record.holds($0) }), !fields.isEmpty else {
                continue
            }
            indexes[number].missing += 1
            indexes[number].firstMissing = indexes[number].firstMissing ?? id
        }
    }

    private func entries(of id: RecordID, in entries: [Entry]) -> ArraySlice<Entry> {
        var low = 0
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].id < id { low = middle + 1 } else { high = middle }
        }
        return entries[low...].prefix { $0.id == id }
    }

    /// Adds what was found.
    func report(to findings: inout FindingCollector) {
        for index in indexes {
            findings.add(
                .indexStale, .advice, count: index.stale, record: index.firstStale,
                "index \(index.name) has \(index.stale) entries under keys that are not their records' values now")
            findings.add(
                .indexMissing, .advice, count: index.missing, record: index.firstMissing,
                "index \(index.name) has no entry for \(index.missing) records that have its fields")
        }
    }
}

extension Record {
    /// Whether it has a value under a name.
    fileprivate func holds(_ name: String) -> Bool {
        switch self[name] {
        case nil, .null: false
        default: true
        }
    }
}

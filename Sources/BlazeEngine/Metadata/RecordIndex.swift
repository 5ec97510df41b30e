internal import BlazeModel

/// The index of all records: ids in ascending order, each with its list of pages in one shared array. No dictionary
/// and no array per record, because a hundred thousand of either cost more than reading the file.
struct RecordIndex: Sendable {
    struct Entry: Sendable {
        let id: RecordID
        let start: UInt32
        let count: UInt32
    }

    /// What the index says that no sound writer says. Places are counted, with the first one named.
    struct Irregularities: Sendable {
        /// Page numbers that are negative, no integers, or over 32 bits; they are left out of the lists.
        var pagesOutOfRange = 0
        var firstWithPageOutOfRange: RecordID?
        /// Entries for an id that has another entry further on; the last one counts.
        var duplicates = 0
        var firstDuplicate: RecordID?
        /// Entries without a UUID; they are left out.
        var withoutID = 0
        /// Entries out of order in the form that is always written in order.
        var unsorted = 0
    }

    fileprivate(set) var entries: [Entry] = []
    fileprivate(set) var pages: [UInt32] = []
    fileprivate(set) var irregularities = Irregularities()

    var count: Int { entries.count }

    /// The page list of an entry, as it stands in the metadata.
    func pages(of entry: Entry) -> ArraySlice<UInt32> {
        pages[Int(entry.start)..<Int(entry.start) + Int(entry.count)]
    }

    func entry(_ id: RecordID) -> Entry? {
        position(of: id).map { entries[$0] }
    }

    func contains(_ id: RecordID) -> Bool {
        position(of: id) != nil
    }

    private func position(of id: RecordID) -> Int? {
        var low = 0
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].id < id { low = middle + 1 } else { high = middle }
        }
        return low < entries.count && entries[low].id == id ? low : nil
    }
}

extension RecordIndex {
    /// What becomes of a record: its new pages, or nothing of it.
    struct Change {
        let id: RecordID
        let pages: [UInt32]?
    }

    /// The index after changes, which are in ascending order of their ids, each id once.
    func applying(_ changes: [Change]) -> RecordIndex {
        var out = RecordIndex()
        out.entries.reserveCapacity(entries.count + changes.count)
        out.pages.reserveCapacity(pages.count + changes.count)
        var next = changes.startIndex
        func isBefore(_ id: RecordID) -> Bool { next < changes.endIndex && changes[next].id < id }
        for entry in entries {
            while isBefore(entry.id) {
                out.append(changes[next])
                next += 1
            }
            if next < changes.endIndex, changes[next].id == entry.id {
                out.append(changes[next])
                next += 1
            } else {
                out.append(entry.id, pages(of: entry))
            }
        }
        for change in changes[next...] { out.append(change) }
        return out
    }

    private mutating func append(_ change: Change) {
        if let pages = change.pages { append(change.id, pages) }
    }

    /// Puts entries that were appended in another order into ascending order of their ids.
    mutating func sort() { entries.sort { $0.id < $1.id } }

    /// Appends an entry behind all others.
    mutating func append(_ id: RecordID, _ list: some Collection<UInt32>) {
        entries.append(Entry(id: id, start: UInt32(pages.count), count: UInt32(list.count)))
        pages += list
    }
}

/// Reads an index in any of the shapes of FORMAT.md 5.2 and 5.3.
struct RecordIndexBuilder {
    private var index = RecordIndex()
    private var isSorted = true

    /// Consumes the value of `indexMap`:
    ///
    ///     [{"id":UUID,"pages":[...]}, ...]     [UUID,[...], UUID,[...], ...]
    ///     [[UUID,[...]], ...]                  {UUID:[...], ...}
    static func read(_ scanner: inout JSONScanner) throws(JSONError) -> RecordIndex {
        var builder = RecordIndexBuilder()
        switch scanner.peek() {
        case UInt8(ascii: "{"):
            try scanner.members { (s: inout JSONScanner, key: JSONText) throws(JSONError) in
                let start = builder.start
                try builder.readPages(&s)
                builder.close(s.recordID(key), from: start)
            }
        case UInt8(ascii: "["): try builder.readArray(&scanner)
        default: throw scanner.wrongShape("an object or an array of record ids and their pages")
        }
        return builder.finish()
    }

    private mutating func readArray(_ scanner: inout JSONScanner) throws(JSONError) {
        try scanner.expect(UInt8(ascii: "["), "an array")
        if scanner.take(UInt8(ascii: "]")) { return }
        let shape = scanner.peek()
        repeat {
            guard scanner.peek() == shape else { throw scanner.wrongShape("index entries of one shape") }
            let start = start
            switch shape {
            case UInt8(ascii: "{"): try readObject(&scanner)
            case UInt8(ascii: "["):
                try scanner.expect(UInt8(ascii: "["), "an array")
                let id = scanner.recordID(try scanner.string())
                try scanner.expect(UInt8(ascii: ","), "a comma and pages")
                try readPages(&scanner)
                while scanner.take(UInt8(ascii: ",")) { try scanner.skipValue() }
                try scanner.expect(UInt8(ascii: "]"), "the pair's end")
                close(id, from: start)
            case UInt8(ascii: "\""):
                let id = scanner.recordID(try scanner.string())
                try scanner.expect(UInt8(ascii: ","), "a comma and pages")
                try readPages(&scanner)
                close(id, from: start)
            default: throw scanner.wrongShape("an index entry")
            }
        } while scanner.take(UInt8(ascii: ","))
        try scanner.expect(UInt8(ascii: "]"), "a comma or the array's end")
    }

    private mutating func readObject(_ scanner: inout JSONScanner) throws(JSONError) {
        let start = start
        let previous = index.entries.last?.id
        var id: RecordID?
        try scanner.members { (s: inout JSONScanner, key: JSONText) throws(JSONError) in
            if s.equals(key, "pages") || s.equals(key, "value") {
                try readPages(&s)
            } else if s.equals(key, "id") || s.equals(key, "key"), s.peek() == UInt8(ascii: "\"") {
                id = s.recordID(try s.string())
            } else {
                try s.skipValue()
            }
        }
        if let id, let previous, id < previous { index.irregularities.unsorted += 1 }
        close(id, from: start)
    }

    private var start: Int { index.pages.count }

    /// Consumes pages: a number, text of one, lists of them at any depth, or an object that holds them.
    private mutating func readPages(_ scanner: inout JSONScanner) throws(JSONError) {
        var depth = 0
        while true {
            switch scanner.peek() ?? 0 {
            case UInt8(ascii: "["):
                scanner.position += 1
                guard depth < EngineLimits.nesting else {
                    throw scanner.failed("at most \(EngineLimits.nesting) levels")
                }
                if !scanner.take(UInt8(ascii: "]")) {
                    depth += 1
                    continue
                }
            case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
                try append(scanner.pageNumber(try scanner.number()), scanner)
            case UInt8(ascii: "\""):
                let text = try scanner.string()
                try append(scanner.pageNumber(text.range), scanner)
            case UInt8(ascii: "{"): try readPagesObject(&scanner)
            default: _ = try scanner.literal()
            }
            while depth > 0, !scanner.take(UInt8(ascii: ",")) {
                try scanner.expect(UInt8(ascii: "]"), "a comma or the list's end")
                depth -= 1
            }
            if depth == 0 { return }
        }
    }

    /// `{"pages": list}` or `{"value": list}` in place of a list; deeper objects name no pages.
    private mutating func readPagesObject(_ scanner: inout JSONScanner) throws(JSONError) {
        var found: [Range<Int>] = []
        try scanner.members { (s: inout JSONScanner, key: JSONText) throws(JSONError) in
            let counts = s.equals(key, "pages") || s.equals(key, "value")
            let isList = s.peek() == UInt8(ascii: "[")
            let range = try s.skipValue()
            if counts, isList { found.append(range) }
        }
        for range in found.prefix(1) {
            var list = JSONScanner(scanner.bytes, in: range)
            try list.elements { (s: inout JSONScanner) throws(JSONError) in
                guard let c = s.peek(), c == UInt8(ascii: "-") || c &- UInt8(ascii: "0") < 10 else {
                    try s.skipValue()
                    return
                }
                try append(s.pageNumber(try s.number()), s)
            }
        }
    }

    private mutating func append(_ page: UInt64?, _ scanner: JSONScanner) throws(JSONError) {
        guard let page = page.flatMap(UInt32.init(exactly:)) else {
            index.irregularities.pagesOutOfRange += 1
            return
        }
        guard index.pages.count < EngineLimits.indexedPages else {
            throw scanner.wrongShape("at most \(EngineLimits.indexedPages) pages")
        }
        index.pages.append(page)
    }

    private mutating func close(_ id: RecordID?, from start: Int) {
        guard let id else {
            index.irregularities.withoutID += 1
            index.pages.removeLast(index.pages.count - start)
            return
        }
        if index.irregularities.pagesOutOfRange > 0, index.irregularities.firstWithPageOutOfRange == nil {
            index.irregularities.firstWithPageOutOfRange = id
        }
        if let last = index.entries.last, !(last.id < id) { isSorted = false }
        // The limit on pages keeps both within 32 bits.
        index.entries.append(
            RecordIndex.Entry(id: id, start: UInt32(start), count: UInt32(index.pages.count - start)))
    }

    /// Sorts by id; of entries for one id the last one stays, as in a dictionary.
    private consuming func finish() -> RecordIndex {
        guard !isSorted else { return index }
        var sorted = index.entries
        // `start` never falls from one entry to the next, and falls back on the list's place among equal ones.
        for i in sorted.indices {
            sorted[i] = RecordIndex.Entry(id: sorted[i].id, start: UInt32(i), count: 0)
        }
        sorted.sort { $0.id != $1.id ? $0.id < $1.id : $0.start < $1.start }
        var out: [RecordIndex.Entry] = []
        out.reserveCapacity(sorted.count)
        for place in sorted {
            if out.last?.id == place.id {
                out.removeLast()
                index.irregularities.duplicates += 1
                index.irregularities.firstDuplicate = index.irregularities.firstDuplicate ?? place.id
            }
            out.append(index.entries[Int(place.start)])
        }
        index.entries = out
        return index
    }
}

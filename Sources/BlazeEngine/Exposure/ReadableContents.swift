internal import BlazeModel

/// What an object of metadata holds unencrypted: names and counts (FORMAT.md 5.2, 5.3). Keys of indexes and search words are
/// values of records. They are counted and hashed, so that two copies can be told apart, and never taken out; no hash leaves
/// this process.
struct ReadableContents {
    /// A set of things, as far as it is needed to tell it from another one.
    struct Fingerprint: Equatable {
        private(set) var count = 0
        private var sum = 0

        mutating func add(_ hash: Int) {
            count += 1
            sum &+= hash
        }
    }

    /// A secondary index: its keys, each with the ids under it.
    struct Keys: Equatable {
        var keys = Fingerprint()
        var entries = 0
    }

    private(set) var keys: [String: Keys] = [:]
    private(set) var recordIDs: Fingerprint?
    private(set) var searchFields: Set<String> = []
    /// Whether it has any member that metadata has; anything else is not known here.
    private(set) var isMetadata = false
    private var fields: [String: [String]] = [:]
    private var words: Set<Int> = []

    /// Reads one object that fills the scanner's range. A member that stands there twice counts twice: both can be read.
    init(_ source: JSONScanner) throws(JSONError) {
        var scanner = source
        try scanner.members { (s: inout JSONScanner, key: JSONText) throws(JSONError) in
            guard let member = Member.allCases.first(where: { s.equals(key, $0.name) }) else {
                try s.skipValue()
                return
            }
            isMetadata = true
            guard s.peek() != UInt8(ascii: "n") else {
                try s.skipValue()
                return
            }
            switch member {
            case .recordIndex:
                var found = recordIDs ?? Fingerprint()
                for entry in try RecordIndexBuilder.read(&s).entries { found.add(entry.id.hashValue) }
                recordIDs = found
            case .indexes: try readIndexes(&s)
            case .definitions:
                for (name, list) in try small(&s).keyedValues { fields[name] = list.array?.compactMap(\.string) }
            case .searchFields: searchFields.formUnion(try small(&s).array?.compactMap(\.string) ?? [])
            case .searchIndex: try readSearchIndex(&s)
            }
        }
        try scanner.expectEnd()
    }

    /// Reads the separate index file, of which no more is known than that it holds secondary indexes.
    init(separate source: JSONScanner) throws(JSONError) {
        if let whole = try? ReadableContents(source), whole.isMetadata {
            self = whole
            return
        }
        var scanner = source
        try readIndexes(&scanner)
        try scanner.expectEnd()
    }

    private enum Member: CaseIterable {
        case recordIndex, indexes, definitions, searchFields, searchIndex

        var name: StaticString {
            switch self {
            case .recordIndex: "indexMap"
            case .indexes: "secondaryIndexes"
            case .definitions: "secondaryIndexDefinitions"
            case .searchFields: "searchIndexedFields"
            case .searchIndex: "searchIndex"
            }
        }
    }

    /// The indexes that hold anything, sorted by name.
    var indexes: [Exposure.Index] {
        keys.filter { $0.value.keys.count > 0 }.sorted { $0.key < $1.key }.map { name, keys in
            Exposure.Index(
                name: name, fields: fields[name] ?? name.split(separator: "+").map(String.init),
                keys: keys.keys.count, entries: keys.entries)
        }
    }

    /// Distinct words of a search index; nil when there are none.
    var searchWords: Int? { words.isEmpty ? nil : words.count }

    /// Whether there is anything that another copy has not.
    func differs(from other: ReadableContents) -> Bool {
        let isEmpty = indexes.isEmpty && words.isEmpty && (recordIDs?.count ?? 0) == 0
        return !isEmpty
            && (keys.filter { $0.value.keys.count > 0 } != other.keys.filter { $0.value.keys.count > 0 }
                || words != other.words || recordIDs != other.recordIDs)
    }

    /// A member of which a tree of values is built.
    private func small(_ scanner: inout JSONScanner) throws(JSONError) -> JSONValue {
        let range = try scanner.skipValue()
        var value = JSONScanner(scanner.bytes, in: range)
        guard range.count <= EngineLimits.settingsBytes else {
            throw value.wrongShape("settings of at most \(EngineLimits.settingsBytes) bytes")
        }
        return try value.value()
    }

    // MARK: Secondary indexes

    private mutating func readIndexes(_ scanner: inout JSONScanner) throws(JSONError) {
        guard scanner.peek() == UInt8(ascii: "{") else {
            try scanner.elements { (s: inout JSONScanner) throws(JSONError) in
                let (name, found) = try namedIndex(&s)
                add(found, to: name)
            }
            return
        }
        try scanner.members { (s: inout JSONScanner, key: JSONText) throws(JSONError) in
            add(try flatIndex(&s), to: try s.text(key))
        }
    }

    private mutating func add(_ found: [(key: Int, ids: [Int])], to name: String) {
        var all = keys[name] ?? Keys()
        for (key, ids) in found {
            var hasher = Hasher()
            hasher.combine(key)
            hasher.combine(ids.reduce(0, &+))
            all.keys.add(hasher.finalize())
            all.entries += ids.count
        }
        keys[name] = all
    }

    /// `{"name":n,"entries":[{"key":{...},"ids":[UUID, ...]}, ...]}`
    private func namedIndex(
        _ scanner: inout JSONScanner
    ) throws(JSONError) -> (name: String, found: [(key: Int, ids: [Int])]) {
        var name: String?
        var found: [(key: Int, ids: [Int])] = []
        try scanner.members { (s: inout JSONScanner, key: JSONText) throws(JSONError) in
            if s.equals(key, "name") {
                name = try s.text(try s.string())
            } else if s.equals(key, "entries") {
                try s.elements { (s: inout JSONScanner) throws(JSONError) in
                    var entry: (key: Int, ids: [Int]) = (0, [])
                    try s.members { (s: inout JSONScanner, key: JSONText) throws(JSONError) in
                        if s.equals(key, "ids") {
                            entry.ids = try ids(&s)
                        } else if s.equals(key, "key") {
                            entry.key = try hash(&s)
                        } else {
                            try s.skipValue()
                        }
                    }
                    found.append(entry)
                }
            } else {
                try s.skipValue()
            }
        }
        guard let name else { throw scanner.wrongShape("a secondary index with a name") }
        return (name, found)
    }

    /// `[{...},[UUID, ...], {...},[UUID, ...], ...]`
    private func flatIndex(_ scanner: inout JSONScanner) throws(JSONError) -> [(key: Int, ids: [Int])] {
        var found: [(key: Int, ids: [Int])] = []
        var isKey = true
        try scanner.elements { (s: inout JSONScanner) throws(JSONError) in
            if isKey {
                found.append((try hash(&s), []))
            } else {
                found[found.count - 1].ids = try ids(&s)
            }
            isKey.toggle()
        }
        return found
    }

    private func ids(_ scanner: inout JSONScanner) throws(JSONError) -> [Int] {
        var out: [Int] = []
        try scanner.elements { (s: inout JSONScanner) throws(JSONError) in
            var again = s
            if let id = s.recordID(try s.string()) {
                out.append(id.hashValue)
            } else {
                out.append(try hash(&again))
            }
        }
        return out
    }

    // MARK: Search index

    /// `{"globalIndex":{word:[...]},"fieldIndexes":{field:{word:[...]}},"indexedFields":[...], ...}`
    private mutating func readSearchIndex(_ scanner: inout JSONScanner) throws(JSONError) {
        try scanner.members { (s: inout JSONScanner, key: JSONText) throws(JSONError) in
            if s.equals(key, "globalIndex") {
                try readWords(&s)
            } else if s.equals(key, "fieldIndexes") {
                try s.members { (s: inout JSONScanner, field: JSONText) throws(JSONError) in
                    searchFields.insert(try s.text(field))
                    try readWords(&s)
                }
            } else if s.equals(key, "indexedFields") {
                searchFields.formUnion(try small(&s).array?.compactMap(\.string) ?? [])
            } else {
                try s.skipValue()
            }
        }
    }

    private mutating func readWords(_ scanner: inout JSONScanner) throws(JSONError) {
        try scanner.members { (s: inout JSONScanner, word: JSONText) throws(JSONError) in
            words.insert((word.hasEscapes ? try s.unescape(word.range) : Array(s.bytes[word.range])).hashValue)
            try s.skipValue()
        }
    }

    /// Consumes a value; a hash that white space and ways of escaping do not change.
    private func hash(_ scanner: inout JSONScanner) throws(JSONError) -> Int {
        let range = try scanner.skipValue()
        var tokens = JSONScanner(scanner.bytes, in: range)
        var hasher = Hasher()
        while let next = tokens.peek() {
            hasher.combine(next)
            if next == UInt8(ascii: "\"") {
                let text = try tokens.string()
                hasher.combine(text.hasEscapes ? try tokens.unescape(text.range) : Array(tokens.bytes[text.range]))
            } else {
                tokens.position += 1
            }
        }
        return hasher.finalize()
    }
}

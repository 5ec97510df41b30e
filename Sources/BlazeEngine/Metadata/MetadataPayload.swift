internal import BlazeModel

/// The metadata proper, read from the signed payload or, in old files, from `layout`: either holds the same members,
/// in the shapes of FORMAT.md 5.2 and 5.3.
struct MetadataPayload {
    var index = RecordIndex()
    var nextPageIndex: UInt64 = 0
    var freePages: [UInt32] = []
    var freePagesOutOfRange = 0
    var encodingFormat = "blazeBinary"
    var formatVersion: String?
    var schemaVersion: Metadata.SchemaVersion?
    var searchIndexedFields: [String] = []
    var indexes: [Metadata.IndexSummary] = []
    var keptMembers: [Metadata.RawMember] = []

    /// Reads one object that fills the scanner's range.
    init(_ source: JSONScanner) throws(JSONError) {
        var scanner = source
        var ranges: [String: Range<Int>] = [:]
        var index = RecordIndex()
        try scanner.members { (s: inout JSONScanner, key: JSONText) throws(JSONError) in
            // The index is by far the longest member, so it is not walked twice.
            if s.equals(key, "indexMap") {
                index = try RecordIndexBuilder.read(&s)
            } else {
                ranges[try s.text(key)] = try s.skipValue()
            }
        }
        try scanner.expectEnd()
        self.index = index
        func member(_ name: String) -> JSONScanner? {
            ranges[name].map { JSONScanner(source.bytes, in: $0) }
        }
        // Nothing is verified yet, and these are the members of which trees are built.
        func small(_ name: String) throws(JSONError) -> JSONScanner? {
            guard let scanner = member(name), let range = ranges[name] else { return nil }
            guard range.count <= EngineLimits.settingsBytes else {
                throw scanner.wrongShape("\(name) of at most \(EngineLimits.settingsBytes) bytes")
            }
            return scanner
        }

        if var next = member("nextPageIndex") {
            let at = next
            guard let c = next.peek(), c == UInt8(ascii: "-") || c &- UInt8(ascii: "0") < 10,
                let number = next.pageNumber(try next.number())
            else { throw at.wrongShape("nextPageIndex to be a whole number from 0 on") }
            nextPageIndex = number
        }
        if var free = member("deletedPages") {
            (freePages, freePagesOutOfRange) = try Self.freePages(&free)
        }
        if var format = member("encodingFormat"), format.peek() == UInt8(ascii: "\"") {
            encodingFormat = try format.text(try format.string())
        }
        if var fields = try small("searchIndexedFields") {
            searchIndexedFields = try fields.value().array?.compactMap(\.string) ?? []
        }
        if var settings = try small("metaData") { readSettings(try settings.value()) }
        var definitions: [String: [String]] = [:]
        if var written = try small("secondaryIndexDefinitions") {
            for (name, fields) in try written.value().keyedValues {
                definitions[name] = fields.array?.compactMap(\.string) ?? []
            }
        }
        var secondary = member("secondaryIndexes")
        indexes = try SecondaryIndexes.read(&secondary, definitions: definitions, index: index)
        keptMembers = ranges.filter { !Self.rebuiltMembers.contains($0.key) }.sorted { $0.key < $1.key }
            .map { Metadata.RawMember(key: $0.key, value: Array(source.bytes[$0.value])) }
    }

    /// The members that a writer makes anew; every other one it keeps.
    static let rebuiltMembers: Set = [
        "indexMap", "nextPageIndex", "deletedPages", "encodingFormat", "secondaryIndexes",
    ]

    private static func freePages(_ scanner: inout JSONScanner) throws(JSONError) -> ([UInt32], Int) {
        var pages: [UInt32] = []
        var outOfRange = 0
        try scanner.elements { (s: inout JSONScanner) throws(JSONError) in
            guard let c = s.peek(), c == UInt8(ascii: "-") || c &- UInt8(ascii: "0") < 10 else {
                throw s.wrongShape("deletedPages to hold numbers only")
            }
            guard let page = s.pageNumber(try s.number()).flatMap(UInt32.init(exactly:)) else {
                outOfRange += 1
                return
            }
            guard pages.count < EngineLimits.indexedPages else {
                throw s.wrongShape("at most \(EngineLimits.indexedPages) free pages")
            }
            pages.append(page)
        }
        return (pages, outOfRange)
    }

    private mutating func readSettings(_ settings: JSONValue) {
        var values: [String: JSONValue] = [:]
        for (key, value) in settings.keyedValues { values[key] = value }
        formatVersion = values["formatVersion"]?.string
        if let major = values["schema_version_major"]?.integer {
            schemaVersion = Metadata.SchemaVersion(major: major, minor: values["schema_version_minor"]?.integer ?? 0)
        }
    }
}

extension JSONValue {
    /// The pairs of a dictionary in any of its written shapes: an object, or an array of `{"key":k,"value":v}`.
    var keyedValues: [(key: String, value: JSONValue)] {
        switch self {
        case .object(let members): members.map { ($0.key, $0.value) }
        case .array(let pairs):
            pairs.compactMap { pair in pair["key"]?.string.map { ($0, pair["value"] ?? .null) } }
        default: []
        }
    }
}

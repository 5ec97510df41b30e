internal import BlazeModel
internal import BlazePlatform
internal import SystemPackage

/// Encodes an old `layout` in the form of FORMAT.md 5.2, which is what a version 1 signature may cover: members,
/// entries and names sorted, no spaces, `/` escaped.
enum CanonicalPayload {
    /// The encodings that a writer may have signed: with the page lists as they stand, and with them sorted.
    static func encodings(of source: JSONScanner, path: FilePath) throws(EngineError) -> [[UInt8]] {
        guard source.end - source.position <= EngineLimits.reencodedMetadataBytes else {
            throw EngineError(
                .limitExceeded,
                "metadata \(path.displayString) is of version 1 and over \(EngineLimits.reencodedMetadataBytes) bytes",
                path: path)
        }
        do {
            let payload = try MetadataPayload(source)
            var scanner = source
            let layout = try scanner.value()
            let asWritten = encode(layout, payload, sortingPages: false)
            let sorted = encode(layout, payload, sortingPages: true)
            return asWritten == sorted ? [asWritten] : [asWritten, sorted]
        } catch {
            throw EngineError(error, in: "metadata", path: path)
        }
    }

    private static func encode(_ layout: JSONValue, _ payload: MetadataPayload, sortingPages: Bool) -> [UInt8] {
        var members: [(String, JSONValue)] = [
            ("deletedPages", numbers(payload.freePages.sorted())),
            ("encodingFormat", .string(payload.encodingFormat)),
            ("fieldTypes", pairs(layout["fieldTypes"])),
            (
                "indexMap",
                .array(
                    payload.index.entries.map { entry in
                        let pages = Array(payload.index.pages(of: entry))
                        return object([
                            ("id", .string(entry.id.description)),
                            ("pages", numbers(sortingPages ? pages.sorted() : pages)),
                        ])
                    })
            ),
            ("metaData", pairs(layout["metaData"])),
            ("nextPageIndex", .number(String(payload.nextPageIndex))),
            ("searchIndexedFields", .array(payload.searchIndexedFields.sorted(by: utf8Order).map { .string($0) })),
            ("secondaryIndexDefinitions", pairs(layout["secondaryIndexDefinitions"])),
            ("secondaryIndexes", secondary(layout["secondaryIndexes"])),
            ("version", layout["version"] ?? .number("1")),
        ]
        if let search = layout["searchIndex"], case .object = search { members.append(("searchIndex", search)) }
        var out: [UInt8] = []
        append(object(members), to: &out)
        return out
    }

    /// `[{"key":k,"value":v}, ...]` sorted by key.
    private static func pairs(_ value: JSONValue?) -> JSONValue {
        var byKey: [String: JSONValue] = [:]
        for (key, value) in value?.keyedValues ?? [] { byKey[key] = value }
        return .array(
            byKey.keys.sorted(by: utf8Order).map { object([("key", .string($0)), ("value", byKey[$0] ?? .null)]) })
    }

    /// `[{"entries":[{"ids":[...],"key":{"components":[...]}}],"name":n}, ...]` sorted by name.
    private static func secondary(_ value: JSONValue?) -> JSONValue {
        var byName: [String: [JSONValue]] = [:]
        switch value {
        case .object(let members):
            for member in members {
                let flat = member.value.array ?? []
                byName[member.key] = stride(from: 0, to: flat.count - 1, by: 2).map { entry(flat[$0], flat[$0 + 1]) }
            }
        case .array(let indexes):
            for index in indexes {
                guard let name = index["name"]?.string else { continue }
                byName[name] = (index["entries"]?.array ?? []).map { entry($0["key"] ?? .null, $0["ids"] ?? .null) }
            }
        default: break
        }
        return .array(
            byName.keys.sorted(by: utf8Order)
                .map { object([("entries", .array(byName[$0] ?? [])), ("name", .string($0))]) })
    }

    private static func entry(_ key: JSONValue, _ ids: JSONValue) -> JSONValue {
        let sorted = (ids.array ?? []).compactMap(\.string).sorted(by: utf8Order)
        return object([
            ("ids", .array(sorted.map { .string($0) })), ("key", object([("components", key["components"] ?? .null)])),
        ])
    }

    private static func object(_ members: [(String, JSONValue)]) -> JSONValue {
        .object(members.map { JSONValue.Member(key: $0.0, value: $0.1) })
    }

    private static func numbers(_ pages: [UInt32]) -> JSONValue {
        .array(pages.map { .number(String($0)) })
    }

    private static func utf8Order(_ a: String, _ b: String) -> Bool {
        a.utf8.lexicographicallyPrecedes(b.utf8)
    }

    /// No layout that was ever written nests this deep. What does is left out, so that it cannot verify.
    private static let deepest = 64

    /// Appends JSON with sorted names.
    private static func append(_ value: JSONValue, depth: Int = 0, to out: inout [UInt8]) {
        guard depth < deepest else { return }
        switch value {
        case .null: out.append(contentsOf: "null".utf8)
        case .bool(let flag): out.append(contentsOf: (flag ? "true" : "false").utf8)
        case .number(let text): out.append(contentsOf: text.utf8)
        case .string(let text): JSONQuoting.append(text, to: &out)
        case .array(let values):
            out.append(UInt8(ascii: "["))
            for (i, element) in values.enumerated() {
                if i > 0 { out.append(UInt8(ascii: ",")) }
                append(element, depth: depth + 1, to: &out)
            }
            out.append(UInt8(ascii: "]"))
        case .object(let members):
            out.append(UInt8(ascii: "{"))
            for (i, member) in members.sorted(by: { utf8Order($0.key, $1.key) }).enumerated() {
                if i > 0 { out.append(UInt8(ascii: ",")) }
                JSONQuoting.append(member.key, to: &out)
                out.append(UInt8(ascii: ":"))
                append(member.value, depth: depth + 1, to: &out)
            }
            out.append(UInt8(ascii: "}"))
        }
    }
}

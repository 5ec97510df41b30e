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
            (
                "searchIndexedFields",
                .array(payload.searchIndexedFields.sorted(by: JSONValue.utf8Order).map { .string($0) })
            ),
            ("secondaryIndexDefinitions", pairs(layout["secondaryIndexDefinitions"])),
            ("secondaryIndexes", secondary(layout["secondaryIndexes"])),
            ("version", layout["version"] ?? .number("1")),
        ]
        if let search = layout["searchIndex"], case .object = search { members.append(("searchIndex", search)) }
        var out: [UInt8] = []
        object(members).append(to: &out)
        return out
    }

    /// `[{"key":k,"value":v}, ...]` sorted by key.
    private static func pairs(_ value: JSONValue?) -> JSONValue {
        var byKey: [String: JSONValue] = [:]
        for (key, value) in value?.keyedValues ?? [] { byKey[key] = value }
        return .array(
            byKey.keys.sorted(by: JSONValue.utf8Order).map {
                object([("key", .string($0)), ("value", byKey[$0] ?? .null)])
            })
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
            byName.keys.sorted(by: JSONValue.utf8Order)
                .map { object([("entries", .array(byName[$0] ?? [])), ("name", .string($0))]) })
    }

    private static func entry(_ key: JSONValue, _ ids: JSONValue) -> JSONValue {
        let sorted = (ids.array ?? []).compactMap(\.string).sorted(by: JSONValue.utf8Order)
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
}

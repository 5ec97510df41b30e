internal import BlazeModel
internal import BlazePlatform
internal import CBoringSSL
internal import Crypto

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// Metadata to be written: the wrapper of version 2 around the signed payload (FORMAT.md 5.1, 5.2). Decoding stands in
/// `MetadataWrapper` and `MetadataPayload`.
///
/// The contents of secondary indexes are left empty: BlazeDB fills every empty index when it opens, and stale entries are
/// worse than none. The unsigned mirror is empty as well; what it is for is in the payload.
struct MetadataImage: Sendable {
    var index = RecordIndex()
    var nextPageIndex: UInt64 = 0
    /// The free list, ascending.
    var freePages: [UInt32] = []
    /// Members of the payload that are written as they were read.
    private var kept: [Metadata.RawMember] = []
    private let unknownWrapperMembers: [Metadata.RawMember]

    /// The metadata of a new database.
    init() { unknownWrapperMembers = [] }

    /// The same as what was read.
    init(_ metadata: Metadata) throws(EngineError) {
        index = metadata.index
        nextPageIndex = metadata.nextPageIndex
        freePages = metadata.freePages
        unknownWrapperMembers = metadata.unknownWrapperMembers
        for member in metadata.keptPayloadMembers {
            kept.append(Self.keyed.contains(member.key) ? try Self.inPairs(member) : member)
        }
    }

    /// Leaves out what a search index says of records: they have changed.
    mutating func dropSearchIndex() { kept.removeAll { $0.key == "searchIndex" } }

    private static let keyed: Set = ["metaData", "fieldTypes", "secondaryIndexDefinitions"]

    /// Dictionaries are plain objects in old files and pairs in the payload (FORMAT.md 5.3).
    private static func inPairs(_ member: Metadata.RawMember) throws(EngineError) -> Metadata.RawMember {
        guard member.value.first == UInt8(ascii: "{") else { return member }
        var out = [UInt8(ascii: "[")]
        do throws(JSONError) {
            var scanner = JSONScanner(member.value)
            try scanner.members { (s: inout JSONScanner, key: JSONText) throws(JSONError) in
                if out.count > 1 { out.append(UInt8(ascii: ",")) }
                out += Array("{\"key\":\"".utf8) + member.value[key.range] + Array("\",\"value\":".utf8)
                out += member.value[try s.skipValue()]
                out.append(UInt8(ascii: "}"))
            }
        } catch {
            throw EngineError(.metadataMalformed, "the metadata's \(member.key) is malformed")
        }
        return Metadata.RawMember(key: member.key, value: out + [UInt8(ascii: "]")])
    }

    // MARK: Bytes

    /// The whole file, signed with the key now.
    func bytes(key: SymmetricKey) throws(EngineError) -> [UInt8] {
        let payload = self.payload
        guard payload.count <= Int(EngineLimits.metadataBytes) / 2 else {
            throw EngineError(
                .limitExceeded, "the metadata would have \(payload.count) bytes, more than can be read back",
                hint: "this database is at the format's limit: split it")
        }
        let signature = try MetadataFile.authenticationCode(of: payload, key: key)
        var members: [(key: String, value: [UInt8])] = unknownWrapperMembers.map { ($0.key, $0.value) }
        func text(_ text: some Sequence<UInt8>) -> [UInt8] { [UInt8(ascii: "\"")] + text + [UInt8(ascii: "\"")] }
        members += [
            ("encodingFormat", text("blazeBinary".utf8)), ("layout", Array("{}".utf8)),
            ("secureLayoutVersion", Array("2".utf8)),
            ("signature", text(Data(signature).base64EncodedData())),
            ("signedAt", text(Date.now.ISO8601Format().utf8)),
            ("signedPayload", text(Data(payload).base64EncodedData())),
        ]
        return Self.object(members)
    }

    private var payload: [UInt8] {
        var members: [String: [UInt8]] = [
            "encodingFormat": Array("\"blazeBinary\"".utf8), "fieldTypes": Array("[]".utf8),
            "metaData": Array("[{\"key\":\"formatVersion\",\"value\":\"1.0.0\"}]".utf8),
            "searchIndexedFields": Array("[]".utf8), "secondaryIndexDefinitions": Array("[]".utf8),
            "secondaryIndexes": Array("[]".utf8), "version": Array("1".utf8),
        ]
        for member in kept { members[member.key] = member.value }
        members["indexMap"] = indexMap
        members["nextPageIndex"] = Array("\(nextPageIndex)".utf8)
        var free: [UInt8] = []
        Self.append(freePages[...], to: &free)
        members["deletedPages"] = free
        return Self.object(members.map { ($0.key, $0.value) })
    }

    private var indexMap: [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(index.count * 72 + index.pages.count * 7 + 2)
        out.append(UInt8(ascii: "["))
        for entry in index.entries {
            if out.count > 1 { out.append(UInt8(ascii: ",")) }
            out += Self.idKey
            entry.id.appendText(to: &out)
            out += Self.pagesKey
            Self.append(index.pages(of: entry), to: &out)
            out.append(UInt8(ascii: "}"))
        }
        out.append(UInt8(ascii: "]"))
        return out
    }

    private static let idKey = Array("{\"id\":\"".utf8)
    private static let pagesKey = Array("\",\"pages\":".utf8)

    private static func append(_ numbers: ArraySlice<UInt32>, to out: inout [UInt8]) {
        out.append(UInt8(ascii: "["))
        var isFirst = true
        for number in numbers {
            if !isFirst { out.append(UInt8(ascii: ",")) }
            isFirst = false
            append(number, to: &out)
        }
        out.append(UInt8(ascii: "]"))
    }

    private static func append(_ number: UInt32, to out: inout [UInt8]) {
        var divisor: UInt32 = 1
        while number / divisor >= 10 { divisor *= 10 }
        while divisor > 0 {
            out.append(UInt8(ascii: "0") + UInt8(number / divisor % 10))
            divisor /= 10
        }
    }

    /// An object with its members in the order of their names, as BlazeDB writes them. Names are written as they were read.
    private static func object(_ members: [(key: String, value: [UInt8])]) -> [UInt8] {
        var out = [UInt8(ascii: "{")]
        out.reserveCapacity(members.reduce(2) { $0 + $1.key.utf8.count + $1.value.count + 4 })
        for (key, value) in members.sorted(by: { $0.key < $1.key }) {
            if out.count > 1 { out.append(UInt8(ascii: ",")) }
            JSONQuoting.append(key, to: &out)
            out.append(UInt8(ascii: ":"))
            out += value
        }
        out.append(UInt8(ascii: "}"))
        return out
    }
}

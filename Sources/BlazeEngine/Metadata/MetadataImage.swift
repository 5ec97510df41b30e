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
        var members = unknownWrapperMembers.map { ($0.key, $0.value[...]) }
        members += [
            ("encodingFormat", Array("\"blazeBinary\"".utf8)[...]), ("layout", Array("{}".utf8)[...]),
            ("secureLayoutVersion", Array("2".utf8)[...]), ("signature", Self.base64(signature)[...]),
            ("signedAt", Array("\"\(Date.now.ISO8601Format())\"".utf8)[...]),
            ("signedPayload", Self.base64(payload)[...]),
        ]
        return Self.object(members)
    }

    private static func base64(_ bytes: [UInt8]) -> [UInt8] {
        let encoded = Data(bytes).base64EncodedData()
        return [UInt8](unsafeUninitializedCapacity: encoded.count + 2) { out, count in
            out[0] = UInt8(ascii: "\"")
            _ = encoded.copyBytes(to: UnsafeMutableBufferPointer(rebasing: out[1...]))
            out[encoded.count + 1] = UInt8(ascii: "\"")
            count = encoded.count + 2
        }
    }

    private var payload: [UInt8] {
        var members: [String: ArraySlice<UInt8>] = [
            "encodingFormat": Array("\"blazeBinary\"".utf8)[...], "fieldTypes": Array("[]".utf8)[...],
            "metaData": Array("[{\"key\":\"formatVersion\",\"value\":\"1.0.0\"}]".utf8)[...],
            "searchIndexedFields": Array("[]".utf8)[...], "secondaryIndexDefinitions": Array("[]".utf8)[...],
            "secondaryIndexes": Array("[]".utf8)[...], "version": Array("1".utf8)[...],
        ]
        for member in kept { members[member.key] = member.value[...] }
        members["indexMap"] = IndexText.indexMap(index)[...]
        members["nextPageIndex"] = Array("\(nextPageIndex)".utf8)[...]
        members["deletedPages"] = IndexText.list(freePages)[...]
        return Self.object(members.map { ($0.key, $0.value) })
    }

    /// An object with its members in the order of their names, as BlazeDB writes them.
    private static func object(_ members: [(key: String, value: ArraySlice<UInt8>)]) -> [UInt8] {
        var out = [UInt8(ascii: "{")]
        out.reserveCapacity(members.reduce(2) { $0 + 2 * $1.key.utf8.count + $1.value.count + 4 })
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

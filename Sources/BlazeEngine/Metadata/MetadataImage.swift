internal import BlazePlatform
internal import Crypto
internal import Dispatch
internal import Synchronization

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

    /// The metadata of a new database, with members that came from elsewhere; those that a writer makes itself are left out.
    init(payload: [Metadata.RawMember], wrapper: [Metadata.RawMember]) {
        kept = payload.filter { !MetadataPayload.rebuiltMembers.contains($0.key) }
        unknownWrapperMembers = wrapper.filter { !MetadataWrapper.knownMembers.contains($0.key) }
    }

    /// What a dump takes along: the members of the payload and of the wrapper that are written as they were read.
    var keptMembers: (payload: [Metadata.RawMember], wrapper: [Metadata.RawMember]) { (kept, unknownWrapperMembers) }

    /// Leaves out what a search index says of records: they have changed.
    mutating func dropSearchIndex() { kept.removeAll { $0.key == "searchIndex" } }

    /// Whether it says what an app has defined: metadata that BlazeDB writes at an insert does not (trap T14).
    var hasDefinitions: Bool {
        kept.contains { ["secondaryIndexDefinitions", "metaData"].contains($0.key) && $0.value.count > 2 }
    }

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

    /// The whole file, signed with the key now, in the pieces that it is put together from: the payload may be long.
    struct Encoded {
        fileprivate let head: [UInt8]
        fileprivate let payload: Data
        fileprivate let tail: [UInt8]

        /// Its length in bytes.
        var count: Int { head.count + payload.count + tail.count }

        /// Writes it from the beginning of a file.
        func write(to file: any WritableFile) throws {
            try file.write(head, at: 0)
            try payload.withUnsafeBytes { try file.write($0, at: UInt64(head.count)) }
            try file.write(tail, at: UInt64(head.count + payload.count))
        }
    }

    /// The file. Throws `.limitExceeded` for one that could not be read back, and `.noMemory`.
    func encoded(key: SymmetricKey) throws(EngineError) -> Encoded {
        let payload = self.payload
        guard payload.count <= Int(EngineLimits.metadataBytes) / 2 else {
            throw EngineError(
                .limitExceeded, "the metadata would have \(payload.count) bytes, more than can be read back",
                hint: "this database is at the format's limit: split it")
        }
        let (signature, text) = try Self.sign(payload, key)
        var members = unknownWrapperMembers.map { ($0.key, $0.value[...]) }
        members += [
            ("encodingFormat", Array("\"blazeBinary\"".utf8)[...]), ("layout", Array("{}".utf8)[...]),
            ("secureLayoutVersion", Array("2".utf8)[...]),
            ("signature", Array("\"\(Data(signature).base64EncodedString())\"".utf8)[...]),
            ("signedAt", Array("\"\(Date.now.ISO8601Format())\"".utf8)[...]), ("signedPayload", []),
        ]
        let sorted = members.sorted { $0.0 < $1.0 }
        let place = sorted.firstIndex { $0.0 == "signedPayload" } ?? sorted.endIndex
        var head = [UInt8(ascii: "{")]
        for (key, value) in sorted[..<place] { Self.append(key, value, to: &head) }
        Self.append("signedPayload", [UInt8(ascii: "\"")], to: &head)
        var tail = [UInt8(ascii: "\"")]
        for (key, value) in sorted[place...].dropFirst() { Self.append(key, value, to: &tail) }
        tail.append(UInt8(ascii: "}"))
        return Encoded(head: head, payload: text, tail: tail)
    }

    /// From how many bytes on a second core pays.
    private static let parallelBytes = 128 << 10

    /// The payload's signature and its base64 text; side by side where it is long.
    private static func sign(_ payload: [UInt8], _ key: SymmetricKey) throws(EngineError) -> ([UInt8], Data) {
        @Sendable func text() -> Data {
            payload.withUnsafeBytes { bytes in
                guard let base = bytes.baseAddress else { return Data() }
                return Data(
                    bytesNoCopy: UnsafeMutableRawPointer(mutating: base), count: bytes.count, deallocator: .none
                ).base64EncodedData()
            }
        }
        guard payload.count >= parallelBytes else {
            return (try MetadataFile.authenticationCode(of: payload, key: key), text())
        }
        let result = Mutex((signature: Result<[UInt8], EngineError>.success([]), text: Data()))
        DispatchQueue.concurrentPerform(iterations: 2) { part in
            if part == 0 {
                let encoded = text()
                result.withLock { $0.text = encoded }
            } else {
                let signed = Result { () throws(EngineError) in
                    try MetadataFile.authenticationCode(of: payload, key: key)
                }
                result.withLock { $0.signature = signed }
            }
        }
        let (signature, encoded) = result.withLock { ($0.signature, $0.text) }
        return (try signature.get(), encoded)
    }

    private var payload: [UInt8] {
        var members: [String: ArraySlice<UInt8>] = [
            "encodingFormat": Array("\"blazeBinary\"".utf8)[...], "fieldTypes": Array("[]".utf8)[...],
            "metaData": Array("[{\"key\":\"formatVersion\",\"value\":\"1.0.0\"}]".utf8)[...],
            "searchIndexedFields": Array("[]".utf8)[...], "secondaryIndexDefinitions": Array("[]".utf8)[...],
            "secondaryIndexes": Array("[]".utf8)[...], "version": Array("1".utf8)[...],
        ]
        for member in kept { members[member.key] = member.value[...] }
        members["indexMap"] = []
        members["nextPageIndex"] = Array("\(nextPageIndex)".utf8)[...]
        members["deletedPages"] = IndexText.list(freePages)[...]
        var out = [UInt8(ascii: "{")]
        out.reserveCapacity(
            members.reduce(2) { $0 + 2 * $1.key.utf8.count + $1.value.count + 4 } + IndexText.bound(index))
        for (key, value) in members.sorted(by: { $0.key < $1.key }) {
            Self.append(key, value, to: &out)
            if key == "indexMap" { IndexText.append(index, to: &out) }
        }
        out.append(UInt8(ascii: "}"))
        return out
    }

    /// A member of an object, in the order of their names as BlazeDB writes them, with the comma before it.
    private static func append(_ key: String, _ value: ArraySlice<UInt8>, to out: inout [UInt8]) {
        if out != [UInt8(ascii: "{")] { out.append(UInt8(ascii: ",")) }
        JSONQuoting.append(key, to: &out)
        out.append(UInt8(ascii: ":"))
        out += value
    }
}

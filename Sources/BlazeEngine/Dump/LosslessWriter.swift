internal import BlazeModel
internal import BlazePlatform
internal import Crypto

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// Our own dump (Protocol/dump.md 3). Integers are big-endian.
///
///     "BLZDUMP\n"   u16 version 1   u16 zero   u32 length, header: JSON
///     record: 01, 16 bytes id, u32 length, the record's bytes as they are stored; ids ascend
///     end: 00, u64 count of records, u64 count of records left out, SHA-256 of everything before it
enum LosslessDump {
    static let magic: [UInt8] = Array("BLZDUMP\n".utf8)
    static let version = 1
    static let recordMark: UInt8 = 1
    static let endMark: UInt8 = 0
    static let hashBytes = SHA256.byteCount
    static let header = (
        name: "databaseName", id: "databaseId", moment: "exportedAt", live: "live", payload: "payload",
        tool: "toolVersion", wrapper: "wrapper"
    )

    static func bigEndian<T: FixedWidthInteger>(_ value: T) -> [UInt8] {
        withUnsafeBytes(of: value.bigEndian) { Array($0) }
    }
}

enum LosslessWriter {
    static func write(
        _ reader: DatabaseReader, _ title: Dump.Title, _ skipsUnreadable: Bool,
        _ progress: (MaintenanceProgress) throws -> Void, _ sink: ([UInt8]) throws -> Void
    ) throws -> Dump.Report {
        var hash = SHA256()
        func hashing(_ bytes: [UInt8]) throws {
            hash.update(data: bytes)
            try sink(bytes)
        }
        var image = try MetadataImage(reader.metadata)
        // What a search index says is of one moment, and the records of others.
        if reader.ownership.isOwned || skipsUnreadable { image.dropSearchIndex() }
        let header = try header(title, image, isLive: reader.ownership.isOwned)
        try hashing(
            LosslessDump.magic + LosslessDump.bigEndian(UInt16(LosslessDump.version)) + [0, 0]
                + LosslessDump.bigEndian(UInt32(header.count)) + header)
        var survey = DumpSurvey(skipsUnreadable: skipsUnreadable)
        var buffer = PieceBuffer()
        try survey.read(reader, keepsBytes: true, progress) { id, found in
            guard let bytes = found.bytes else {
                throw EngineError(.changedWhileReading, "record \(id) changed while it was read", page: found.main)
            }
            try buffer.append(hashing) { out in
                out.append(LosslessDump.recordMark)
                out += id.bytes
                out += LosslessDump.bigEndian(UInt32(bytes.count))
                out += bytes
            }
        }
        let report = try survey.finish(reader)
        try buffer.append(hashing) { out in
            out.append(LosslessDump.endMark)
            out += LosslessDump.bigEndian(report.records)
            out += LosslessDump.bigEndian(report.unreadableCount + report.unstable)
        }
        try buffer.flush(hashing)
        try sink(Array(hash.finalize()))
        return report
    }

    private static func header(
        _ title: Dump.Title, _ image: MetadataImage, isLive: Bool
    ) throws(EngineError) -> [UInt8] {
        let names = LosslessDump.header
        let (payload, wrapper) = image.keptMembers
        var id: [UInt8] = Array("null".utf8)
        if let identity = title.identity {
            id = []
            JSONQuoting.append(identity.description, to: &id)
        }
        func quoted(_ text: String) -> [UInt8] {
            var out: [UInt8] = []
            JSONQuoting.append(text, to: &out)
            return out
        }
        let members: [(String, [UInt8])] = [
            (names.id, id), (names.name, quoted(title.name)), (names.moment, quoted(Date.now.ISO8601Format())),
            (names.live, Array((isLive ? "true" : "false").utf8)), (names.payload, object(payload)),
            (names.tool, quoted(title.tool)), (names.wrapper, object(wrapper)),
        ]
        let out = object(members.map { Metadata.RawMember(key: $0.0, value: $0.1) })
        guard out.count <= EngineLimits.dumpHeaderBytes else {
            throw EngineError(
                .limitExceeded,
                "the metadata beside the index has \(out.count) bytes; a dump holds \(EngineLimits.dumpHeaderBytes)")
        }
        return out
    }

    private static func object(_ members: [Metadata.RawMember]) -> [UInt8] {
        var out = [UInt8(ascii: "{")]
        for (i, member) in members.sorted(by: { JSONValue.utf8Order($0.key, $1.key) }).enumerated() {
            if i > 0 { out.append(UInt8(ascii: ",")) }
            JSONQuoting.append(member.key, to: &out)
            out.append(UInt8(ascii: ":"))
            out += member.value
        }
        out.append(UInt8(ascii: "}"))
        return out
    }
}

internal import BlazeModel
internal import BlazePlatform
internal import Crypto

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// Writes BlazeDB's `.blazedump` (FORMAT.md 7.7). The hash of the records stands in front of them, so they are read twice:
/// to be hashed, and to be written. Nothing of them is kept in between.
enum BlazeDumpWriter {
    private struct Payload: Equatable {
        var records: UInt64 = 0
        var size = 0
        var hash: [UInt8] = []
    }

    static func write(
        _ reader: DatabaseReader, _ title: Dump.Title, _ skipsUnreadable: Bool,
        _ progress: (MaintenanceProgress) throws -> Void, _ sink: ([UInt8]) throws -> Void
    ) throws -> Dump.Report {
        let (payload, _) = try records(reader, skipsUnreadable, progress) { _ in }
        try sink(head(title, reader.metadata, payload))
        let (again, report) = try records(reader, skipsUnreadable, progress, sink)
        guard again == payload else {
            throw EngineError(
                .changedWhileReading, "the records changed while they were dumped",
                hint: "try again, end the process that changes them, or use --format lossless", path: reader.files.data)
        }
        try sink([UInt8(ascii: "}")])
        return report
    }

    private static func records(
        _ reader: DatabaseReader, _ skipsUnreadable: Bool, _ progress: (MaintenanceProgress) throws -> Void,
        _ sink: ([UInt8]) throws -> Void
    ) throws -> (Payload, Dump.Report) {
        var hash = SHA256()
        var payload = Payload()
        var text = BlazeDumpText()
        var buffer = PieceBuffer()
        func hashing(_ bytes: [UInt8]) throws {
            hash.update(data: bytes)
            payload.size += bytes.count
            try sink(bytes)
        }
        var survey = DumpSurvey(skipsUnreadable: skipsUnreadable)
        try buffer.append(hashing) { $0.append(UInt8(ascii: "[")) }
        try survey.read(reader, keepsBytes: false, progress) { id, found in
            try buffer.append(hashing) { out in
                if payload.records > 0 { out.append(UInt8(ascii: ",")) }
                payload.records += 1
                try text.append(found.record, id, to: &out)
            }
        }
        try buffer.append(hashing) { $0.append(UInt8(ascii: "]")) }
        try buffer.flush(hashing)
        var report = try survey.finish(reader)
        report.losses = text.losses
        payload.hash = Array(hash.finalize())
        return (payload, report)
    }

    private static func head(_ title: Dump.Title, _ metadata: Metadata, _ payload: Payload) -> [UInt8] {
        // BlazeDB's own id of a database is not known; a UUID reads as text and as a UUID.
        let id = title.identity.flatMap { RecordID(bytes: $0.bytes) } ?? RecordID(high: 0, low: 0)
        let schema = metadata.schemaVersion ?? Metadata.SchemaVersion(major: 0, minor: 0)
        var header: [UInt8] = []
        JSONValue.object([
            .init(key: "databaseId", value: .string("\(id)")), .init(key: "databaseName", value: .string(title.name)),
            .init(key: "exportedAt", value: .string(Date.now.ISO8601Format())),
            .init(key: "formatVersion", value: .number("1")),
            .init(
                key: "schemaVersion",
                value: .object([
                    .init(key: "major", value: .number("\(schema.major)")),
                    .init(key: "minor", value: .number("\(schema.minor)")),
                ])),
            .init(key: "toolVersion", value: .string(title.tool)),
        ]).append(to: &header)
        let headerHash = BlazeDumpReader.hex(SHA256.hash(data: header))
        let payloadHash = BlazeDumpReader.hex(payload.hash)
        let combined = BlazeDumpReader.hex(SHA256.hash(data: Array((headerHash + payloadHash).utf8)))
        var out = Array("{\"header\":".utf8) + header + Array(",\"manifest\":".utf8)
        JSONValue.object([
            .init(key: "combinedHash", value: .string(combined)), .init(key: "headerHash", value: .string(headerHash)),
            .init(key: "payloadHash", value: .string(payloadHash)),
            .init(key: "payloadSize", value: .number("\(payload.size)")),
            .init(key: "recordCount", value: .number("\(payload.records)")),
        ]).append(to: &out)
        return out + Array(",\"records\":".utf8)
    }
}

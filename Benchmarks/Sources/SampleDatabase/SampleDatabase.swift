public import BlazeModel
public import Crypto
import FormatWriter
public import Foundation

/// The databases that are measured: `full`, whose every page holds a plaintext of 4,059 bytes, and `mixed`, whose records
/// have eight fields of the usual types. No secondary indexes, one page for each record.
public enum SampleDatabase: String, CaseIterable, Sendable {
    /// Full pages: a record is an id and data.
    case full
    /// Small records.
    case mixed

    /// The key of both. Nothing in them is worth hiding.
    public static let key = SymmetricKey(data: [UInt8](repeating: 7, count: 32))

    /// How many records it has.
    public var count: Int { self == .full ? 25_000 : 100_000 }

    /// Its data file in a directory.
    public func data(in directory: URL) -> URL { directory.appendingPathComponent("\(rawValue).blazedb") }

    /// Writes it into an existing directory; replaces what is there.
    public func write(in directory: URL) throws {
        let writer = PageWriter(key: Self.key)
        let data = data(in: directory)
        let base = data.deletingPathExtension()
        try Data().write(to: data)
        let file = try FileHandle(forWritingTo: data)
        var index: [MetadataWriter.Entry] = []
        var batch = Data()
        for n in 0..<count {
            let id = id(n)
            guard let record = RecordWriter.bytes(record(n)) else { throw CocoaError(.coderInvalidValue) }
            batch.append(contentsOf: try writer.recordPage(record, nonce: UInt64(n)))
            index.append(MetadataWriter.Entry(id, pages: [UInt32(n)]))
            if batch.count >= 1 << 22 {
                try file.write(contentsOf: batch)
                batch.removeAll(keepingCapacity: true)
            }
        }
        try file.write(contentsOf: batch)
        try file.close()
        let payload = MetadataWriter.payload(index: index, nextPageIndex: UInt64(count))
        try Data(MetadataWriter.file(payload: payload, key: Self.key)).write(to: base.appendingPathExtension("meta"))
        try Data(0..<16).write(to: base.appendingPathExtension("salt"))
        try Data().write(to: base.appendingPathExtension("wal"))
    }

    /// The id of a record.
    public func id(_ n: Int) -> RecordID {
        RecordID(high: 0x0000_0000_0000_4000, low: 0x8000_0000_0000_0000 | UInt64(n))
    }

    /// A record.
    public func record(_ n: Int) -> Record {
        let id = id(n)
        switch self {
        case .full:
            // Header 8, id 18, name of data 7, tag and length 5: the rest fills the page.
            return Record(fields: [
                Field("id", .uuid(id)), Field("data", .data([UInt8](repeating: UInt8(n & 255), count: 4059 - 38))),
            ])
        case .mixed:
            return Record(fields: [
                Field("createdAt", .date(700_000_000 + Double(n))), Field("done", .bool(n % 3 == 0)),
                Field("id", .uuid(id)), Field("priority", .int(Int64(n % 5))), Field("project", .string("Default")),
                Field("score", .double(Double(n) / 7)),
                Field("tags", .array([.string("alpha"), .string("beta"), .string("release \(n % 10)")])),
                Field("title", .string("Task number \(n), with a title of the usual length")),
            ])
        }
    }
}

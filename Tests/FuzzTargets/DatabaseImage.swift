import BlazeEngine
import BlazeModel
import BlazePlatform
import Crypto
import FormatWriter
import SystemPackage
import TestSupport

/// The files of a database, in memory, under a key that everybody knows: what authenticates is the input's choice.
struct DatabaseImage {
    static let files = FileSet(data: "/db/image.blazedb")
    static let key = SymmetricKey(data: [UInt8](repeating: 7, count: 32))
    static let writer = PageWriter(key: key)

    var pages: [[UInt8]] = []
    var index: [MetadataWriter.Entry] = []
    var free: [UInt32] = []
    var nextPageIndex: UInt64?
    /// The metadata file's bytes where they are not to be made from the above.
    var metadata: [UInt8]?
    var wal: [UInt8] = []
    /// How many bytes the data file lacks at its end.
    var missingTail = 0

    static func id(_ n: Int) -> RecordID {
        RecordID(high: 0x0000_0000_0000_4000, low: 0x8000_0000_0000_0000 | UInt64(n))
    }

    /// The bytes of a record `{id, n, data}`; without data when `size` is 0.
    static func record(_ id: RecordID, n: UInt8 = 1, size: Int = 0) -> [UInt8] {
        var fields = [Field("id", .uuid(id)), Field("n", .int(Int64(n)))]
        if size > 0 { fields.append(Field("data", .data((0..<size).map { UInt8(truncatingIfNeeded: $0) }))) }
        return RecordWriter.bytes(Record(fields: fields)) ?? []
    }

    var nextNonce: UInt64 { UInt64(pages.count) }

    func storage() -> MemoryStorage {
        let storage = MemoryStorage()
        let bytes = pages.flatMap(\.self)
        storage[Self.files.data] = Array(bytes.dropLast(missingTail))
        let payload = MetadataWriter.payload(
            index: index, nextPageIndex: nextPageIndex ?? UInt64(pages.count), free: free)
        storage[Self.files.meta] = metadata ?? MetadataWriter.file(payload: payload, key: Self.key)
        storage[Self.files.salt] = [UInt8](0..<16)
        storage[Self.files.wal] = wal
        return storage
    }
}

/// Ends the run when the writer itself fails, which no input can bring about.
func written<T>(_ body: () throws -> T) throws(Violation) -> T {
    do {
        return try body()
    } catch {
        throw Violation("the writer failed: \(error)")
    }
}

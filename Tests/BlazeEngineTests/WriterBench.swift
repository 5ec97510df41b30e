import BlazeModel
import BlazePlatform
import Crypto
import SystemPackage
import TestSupport

@testable import BlazeEngine

/// What a database holds: the typed JSON of every record by its id.
typealias Contents = [RecordID: [UInt8]]

/// A database on a disk that crashes, and ways to look at it.
struct WriterBench {
    static let files = FileSet(data: "/db/notes.blazedb")
    static let key = SymmetricKey(data: [UInt8](repeating: 9, count: 32))
    static let salt = [UInt8](0..<16)

    var files = Self.files
    var key = Self.key

    /// Opens for changes, under a lock of its own.
    func open(_ storage: CrashStorage) throws -> DatabaseWriter {
        let named = try storage.status(of: files.data) != nil ? files.data : files.dataAside
        let lock = try storage.lock(named)
        return try DatabaseWriter(files, in: storage, key: key, lock: lock)
    }

    /// Makes a database that holds some records.
    func made(_ records: [Record]) throws -> CrashStorage {
        let storage = CrashStorage()
        let writer = try DatabaseWriter.create(files, in: storage, key: key, salt: Self.salt)
        try writer.transaction { transaction in for record in records { try transaction.insert(record) } }
        try writer.close()
        return storage.copy()
    }

    /// Everything, as a reader sees it that holds the lock.
    func contents(_ storage: CrashStorage) throws -> Contents {
        let reader = try DatabaseReader(files, in: storage, key: key, underLease: true)
        var out: Contents = [:]
        let report = try reader.forEachRecord { out[$0] = typedJSON($1) }
        let damage = (report.findings + (try reader.quickCheck()).findings).filter { $0.severity == .damage }
        guard damage.isEmpty else { throw Damaged(findings: damage) }
        return out
    }

    struct Damaged: Error { let findings: [Finding] }

    static func contents(_ records: some Sequence<Record>) -> Contents {
        Dictionary(uniqueKeysWithValues: records.map { ($0.id!, typedJSON($0)) })
    }

    /// A record with `size` bytes of data.
    static func record(_ n: Int, size: Int = 3, mark: Int = 0) -> Record {
        Record(fields: [
            Field("data", .data((0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ n &+ mark) })),
            Field("id", .uuid(DatabaseBuilder.id(n))), Field("mark", .int(Int64(mark))),
        ])
    }

    /// Names that no finished operation leaves.
    func leftovers(_ storage: CrashStorage) -> [String] {
        let sound = [files.data, files.meta, files.salt, files.wal].map(\.string)
        return storage.paths.map(\.string).filter { !sound.contains($0) }
    }
}

internal import BlazeModel
internal import BlazePlatform
internal import Crypto
internal import SystemPackage

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// New files of a database, complete, under names that BlazeDB does not know. They are synced last: while they are read back
/// the disk is already writing.
struct Successor {
    let files: FileSet
    let image: MetadataImage
    /// Data file and metadata, in bytes.
    let bytes: UInt64
    /// Which files they are.
    let dataIdentity: FileIdentity
    let metaIdentity: FileIdentity
    /// Index entries that were left out.
    var deleted = 0
    /// Records of no index, which are left out.
    var unindexed = 0
    private let storage: any ChangingStorage
    private let key: SymmetricKey
    private let digest: RecordsDigest
    private let data: any WritableFile
    private let meta: any WritableFile

    fileprivate init(
        _ builder: SuccessorBuilder, _ image: MetadataImage, digest: RecordsDigest, meta: any WritableFile,
        metadataBytes: Int
    ) throws {
        files = builder.files
        storage = builder.storage
        key = builder.key
        data = builder.data
        self.meta = meta
        self.image = image
        self.digest = digest
        dataIdentity = try data.status().identity
        metaIdentity = try meta.status().identity
        bytes = try data.status().size + UInt64(metadataBytes)
    }

    /// Copies every record in the order of the index. Throws `.damaged` when one cannot be read.
    init(of writer: DatabaseWriter, _ progress: (MaintenanceProgress) throws -> Void) throws {
        let builder = try SuccessorBuilder(
            writer.files.successor, in: writer.storage, key: writer.key, cipher: writer.cipher,
            like: writer.store.status
        )
        let reader = try DatabaseReader(writer.files, in: writer.storage, key: writer.key, underLease: true)
        var survey = RecordSurvey(in: reader)
        try survey.read(keepsBytes: true, progress, as: .writing) { id, found in
            try Self.withBytes(of: found, id) { (bytes) throws(EngineError) in try builder.add(id, bytes) }
        }
        let use = try PageUse(
            reader.generation.store, chains: survey.chains, freeList: reader.metadata.freePages,
            index: reader.metadata.index, check: { try progress(survey.progress(.writing)) })
        var image = writer.image
        if !survey.deleted.isEmpty { image.dropSearchIndex() }
        self = try builder.finish(image, like: writer.metadataStatus)
        unindexed = use.unindexed
        deleted = survey.deleted.count
    }

    /// Reads everything back, from the signature to each record's id, and compares it with what was copied.
    func verify(_ progress: (MaintenanceProgress) throws -> Void) throws {
        let reader = try DatabaseReader(files, in: storage, key: key, underLease: true)
        var survey = RecordSurvey(in: reader)
        var hash = RecordsDigest()
        try survey.read(keepsBytes: true, progress, as: .verifying) { id, found in
            try Self.withBytes(of: found, id) { (bytes) throws(EngineError) in hash.add(id, bytes) }
        }
        guard hash == digest, survey.deleted.isEmpty else {
            throw EngineError(
                .writeFailed, "the new files do not hold what was written to them",
                hint: "the disk may be failing; the database was left as it is", path: files.data)
        }
    }

    /// Makes both durable.
    func sync() throws {
        try data.sync()
        try meta.sync()
    }

    private static func withBytes(
        of found: FoundRecord, _ id: RecordID, _ body: (UnsafeRawBufferPointer) throws(EngineError) -> Void
    ) throws {
        guard let bytes = found.bytes else {
            throw EngineError(.changedWhileReading, "record \(id) changed while it was read", page: found.main)
        }
        try bytes.withUnsafeBytes { try body($0) }
    }
}

/// Writes records side by side into a new data file, and then the metadata that names them.
final class SuccessorBuilder {
    let files: FileSet
    fileprivate let storage: any ChangingStorage
    fileprivate let key: SymmetricKey
    fileprivate let data: any WritableFile
    private let run: PageRun
    private var index = RecordIndex()
    private var next: UInt64 = 0
    private var digest = RecordsDigest()
    private var isSorted = true
    private var last: RecordID?

    /// Makes the data file; what has its name is removed.
    init(
        _ files: FileSet, in storage: any ChangingStorage, key: SymmetricKey, cipher: PageCipher,
        like model: FileStatus?
    ) throws {
        self.files = files
        self.storage = storage
        self.key = key
        for path in [files.data, files.meta] { try storage.remove(path) }
        data = try storage.create(files.data, like: model)
        run = PageRun(data, cipher: cipher)
    }

    /// Adds a record by its bytes. Ids come in any order, each once; ascending ones need no sorting at the end.
    func add(_ id: RecordID, _ bytes: UnsafeRawBufferPointer) throws(EngineError) {
        let shape = try RecordShape(bytes)
        guard next + UInt64(shape.pages) < UInt64(UInt32.max) else {
            throw EngineError(.limitExceeded, "the data file has no page numbers left")
        }
        let pages = Array(UInt32(next)..<UInt32(next) + UInt32(shape.pages))
        try run.write(bytes, shape, to: pages)
        index.append(id, pages)
        if let last, id <= last { isSorted = false }
        last = id
        next += UInt64(shape.pages)
        digest.add(id, bytes)
    }

    /// The files, with metadata that says of everything but the records what `image` says.
    func finish(_ image: MetadataImage, like model: FileStatus?) throws -> Successor {
        try run.flush()
        if !isSorted { index.sort() }
        var image = image
        image.index = index
        image.freePages = []
        image.nextPageIndex = next
        let metadata = try image.encoded(key: key)
        let meta = try storage.create(files.meta, like: model)
        try metadata.write(to: meta)
        return try Successor(
            self, image, digest: digest, meta: meta, metadataBytes: metadata.count)
    }
}

/// What tells whether the same records are there, in whatever order they come: the exclusive or of a hash of each. That
/// finds every accident; it is no proof against somebody who makes records for it, who has the key then.
private struct RecordsDigest: Equatable {
    private var sum = [UInt8](repeating: 0, count: SHA256.byteCount)

    /// Adds a record with its id and its length, so that no two lists of records look the same.
    mutating func add(_ id: RecordID, _ bytes: UnsafeRawBufferPointer) {
        var hash = SHA256()
        for word in [id.high, id.low, UInt64(bytes.count)] {
            withUnsafeBytes(of: word.bigEndian) { hash.update(bufferPointer: $0) }
        }
        hash.update(bufferPointer: bytes)
        for (i, byte) in hash.finalize().enumerated() { sum[i] ^= byte }
    }
}

public import BlazeModel
public import BlazePlatform
public import Crypto
internal import SystemPackage

/// A database at rest, opened for reading: no lock is taken and not a byte is changed.
///
/// What it reads is what the files say, FORMAT.md 8.1a applied: a WAL image counts only where the data file's page is
/// neither zero nor authentic. Not Sendable: one thread at a time.
public final class DatabaseReader {
    /// The database's files.
    public let files: FileSet
    /// The verified metadata.
    public let metadata: Metadata
    /// What the write-ahead log holds.
    public let wal: WALSummary

    let storage: any Storage
    let store: PageStore
    let opened: Opened

    /// The files as they were when they were opened.
    struct Opened {
        let meta: FileStatus
        let wal: FileStatus?
    }

    /// How often opening starts again when another process replaces the files meanwhile.
    private static let attempts = 3

    /// Opens data and WAL, reads the metadata, and verifies it with the key.
    ///
    /// Throws `.metadataMissing`, `.metadataNotJSON`, `.metadataMalformed`, `.metadataUnsigned`, `.metadataUnverified`,
    /// `.wrongPassword`, `.unsupportedFormat`, `.limitExceeded`, `.changedWhileReading`, and what opening a file throws.
    public init(_ files: FileSet, in storage: any Storage, key: SymmetricKey) throws(EngineError) {
        _ = try files.openData(in: storage)
        for _ in 0..<Self.attempts {
            let store = try PageStore(files.data, in: storage, cipher: PageCipher(key))
            let file = try MetadataFile(files, in: storage)
            guard file.isVerified(by: key, texts: try file.signedTexts()) else {
                throw KeyProbe.explainUnverified(files, in: storage, keys: [key])
            }
            let metadata = Metadata(try file.payload(), wrapper: file.wrapper)
            try Self.checkFormat(metadata, files)
            let (wal, walStatus) = try WALOverlay.lay(files.wal, over: store, index: metadata.index, in: storage)
            // Opened one after the other, they belong together only if none was replaced meanwhile.
            if try Self.identity(of: files.data, in: storage) == store.status.identity,
                try Self.identity(of: files.meta, in: storage) == file.status.identity
            {
                self.files = files
                self.storage = storage
                self.store = store
                self.metadata = metadata
                self.wal = wal
                opened = Opened(meta: file.status, wal: walStatus)
                return
            }
        }
        throw EngineError.changed(files.data)
    }

    private static func identity(of path: FilePath, in storage: any Storage) throws(EngineError) -> FileIdentity? {
        do {
            return try storage.status(of: path)?.identity
        } catch {
            throw EngineError(error)
        }
    }

    private static func checkFormat(_ metadata: Metadata, _ files: FileSet) throws(EngineError) {
        let version = metadata.formatVersion ?? "1.0.0"
        guard version.split(separator: ".", omittingEmptySubsequences: false).first == "1" else {
            throw EngineError(
                .unsupportedFormat, "\(files.data.displayString) has another major format version than 1",
                hint: "a newer blazedb-agent may read it", path: files.data)
        }
    }

    /// Whether data, metadata and WAL are still as they were when they were opened.
    func isUnchanged() throws(EngineError) -> Bool {
        do {
            let data = try storage.status(of: files.data)
            let meta = try storage.status(of: files.meta)
            let wal = try storage.status(of: files.wal)
            return Self.same(data, store.status) && Self.same(meta, opened.meta) && Self.same(wal, opened.wal)
        } catch {
            throw EngineError(error)
        }
    }

    private static func same(_ a: FileStatus?, _ b: FileStatus?) -> Bool {
        a?.identity == b?.identity && a?.size == b?.size && a?.modified == b?.modified
    }

    /// Refuses to call damage what another process's writing may explain.
    func refuseIfChanged(_ findings: FindingCollector) throws(EngineError) {
        guard findings.hasDamage, try !isUnchanged() else { return }
        throw EngineError.changed(files.data)
    }

    /// The record of an id; nil when it is not indexed, or when its page is zero (deleted, FORMAT.md trap T4).
    ///
    /// Throws `.unreadableRecord` when it is indexed and cannot be read, or carries another id.
    public func record(_ id: RecordID) throws(EngineError) -> Record? {
        guard let entry = metadata.index.entry(id) else { return nil }
        do throws(RecordReader.Absence) {
            let found = try RecordReader(store: store).find(id, in: metadata.index.pages(of: entry))
            guard found.decoded.record.id == id else {
                throw RecordReader.Absence(
                    failure: RecordFailure(.idMismatch, page: found.main, "holds another record"), isOutOfOrder: false)
            }
            return found.decoded.record
        } catch {
            let failure = error.failure
            if failure.name == .phantom, failure.severity == .advice { return nil }
            guard try isUnchanged() else { throw EngineError.changed(files.data) }
            throw EngineError(
                .unreadableRecord, "record \(id) cannot be read: page \(failure.page) \(failure.reason)",
                hint: "run check for all findings", path: files.data, page: failure.page)
        }
    }
}

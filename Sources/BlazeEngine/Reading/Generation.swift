internal import BlazeModel
internal import BlazePlatform
internal import Crypto
internal import SystemPackage

/// One data file with one state of its metadata: what a read goes by until it finds that there is a newer one.
struct Generation {
    let store: PageStore
    var metadata: Metadata
    /// The metadata file that was read, held open so that its inode stays its own.
    private(set) var metadataFile: any StorageFile
    private(set) var metadataStatus: FileStatus
    /// What the WAL holds; nil when it was not read.
    private(set) var wal: WALSummary?
    private(set) var walStatus: FileStatus?
    /// How many states of the metadata came before.
    private(set) var number = 0

    private let files: FileSet
    private let storage: any Storage

    /// Opens data and metadata and verifies the signature. Throws what `DatabaseReader.init` throws.
    init(_ files: FileSet, in storage: any Storage, key: SymmetricKey, readingWAL: Bool) throws(EngineError) {
        self.files = files
        self.storage = storage
        store = try PageStore(files.data, in: storage, cipher: try PageCipher(key))
        (metadata, metadataFile, metadataStatus) = try Self.metadata(files, in: storage, key: key)
        if readingWAL { try readWAL() }
    }

    /// Lays the WAL's counting images over the pages, unless that was done.
    mutating func readWAL() throws(EngineError) {
        guard wal == nil else { return }
        (wal, walStatus) = try WALOverlay.lay(files.wal, over: store, index: metadata.index, in: storage)
    }

    /// Takes the WAL's images off the pages: beside a writer they stay right no longer than one look.
    mutating func dropWAL() {
        store.overlay = [:]
        store.wal = nil
        (wal, walStatus) = (nil, nil)
    }

    /// Takes a newer metadata, if the path names another file than the one that was read; false when it does not.
    mutating func renewMetadata(key: SymmetricKey) throws(EngineError) -> Bool {
        guard try Self.status(of: files.meta, in: storage)?.identity != metadataStatus.identity else { return false }
        (metadata, metadataFile, metadataStatus) = try Self.metadata(files, in: storage, key: key)
        number += 1
        return true
    }

    /// The same state of a data file that has come into this one's place.
    func successor(key: SymmetricKey) throws(EngineError) -> Generation {
        var next = try Generation(files, in: storage, key: key, readingWAL: false)
        next.number = number + 1
        return next
    }

    /// Whether the data file's path still names the file that was opened.
    func hasDataFile() throws(EngineError) -> Bool {
        try Self.status(of: files.data, in: storage)?.identity == store.status.identity
    }

    /// Whether the metadata's path still names the file that was read.
    func hasMetadataFile() throws(EngineError) -> Bool {
        try Self.status(of: files.meta, in: storage)?.identity == metadataStatus.identity
    }

    /// What tells a change of the files apart from no change.
    struct Stamp: Equatable {
        let data: FileStamp?
        let meta: FileStamp?
        let wal: FileStamp?
    }

    struct FileStamp: Equatable {
        let identity: FileIdentity
        let size: UInt64
        let modified: Int64

        init?(_ status: FileStatus?) {
            guard let status else { return nil }
            identity = status.identity
            size = status.size
            modified = status.modified
        }
    }

    /// The files as they are now.
    func stampNow() throws(EngineError) -> Stamp {
        Stamp(
            data: FileStamp(try Self.status(of: files.data, in: storage)),
            meta: FileStamp(try Self.status(of: files.meta, in: storage)),
            wal: FileStamp(try Self.status(of: files.wal, in: storage)))
    }

    /// When the data file, the metadata or the WAL changed last, in nanoseconds since 1970.
    func newestChange() throws(EngineError) -> Int64 {
        let now = try stampNow()
        return [now.data, now.meta, now.wal].compactMap { $0?.modified }.max() ?? 0
    }

    /// Whether data, metadata and WAL are still as they were when they were opened.
    func isUnchanged() throws(EngineError) -> Bool {
        let now = try stampNow()
        return now.data == FileStamp(store.status) && now.meta == FileStamp(metadataStatus)
            && (wal == nil || now.wal == FileStamp(walStatus))
    }

    private static func metadata(
        _ files: FileSet, in storage: any Storage, key: SymmetricKey
    ) throws(EngineError) -> (Metadata, any StorageFile, FileStatus) {
        let file = try MetadataFile(files, in: storage)
        guard file.isVerified(by: key, texts: try file.signedTexts()) else {
            throw KeyProbe.explainUnverified(files, in: storage, keys: [key])
        }
        let metadata = Metadata(try file.payload(), wrapper: file.wrapper)
        try checkFormat(metadata, files)
        return (metadata, file.file, file.status)
    }

    private static func checkFormat(_ metadata: Metadata, _ files: FileSet) throws(EngineError) {
        let version = metadata.formatVersion ?? "1.0.0"
        guard version.split(separator: ".", omittingEmptySubsequences: false).first == "1" else {
            throw EngineError(
                .unsupportedFormat, "\(files.data.displayString) has another major format version than 1",
                hint: "a newer blazedb-agent may read it", path: files.data)
        }
    }

    private static func status(of path: FilePath, in storage: any Storage) throws(EngineError) -> FileStatus? {
        do {
            return try storage.status(of: path)
        } catch {
            throw EngineError(error)
        }
    }
}

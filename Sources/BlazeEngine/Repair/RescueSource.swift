internal import BlazeModel
internal import BlazePlatform
internal import Crypto
internal import SystemPackage

/// What a rescue reads from: the pages of one data file, with the WAL's images that count, and the metadata that describes
/// them, where one verifies. Nothing is changed.
struct RescueSource {
    /// The pages, the WAL's counting images laid over them.
    let store: PageStore
    /// The metadata, its signature verified; nil when there is none that can be used.
    let metadata: Metadata?
    /// Why there is none, or why nothing but a rescue takes it.
    let problem: EngineError?
    /// The file of the metadata, whether it can be used or not; nil when there is none.
    let metadataStatus: FileStatus?
    /// What the WAL holds; nil when none belongs to this source.
    let wal: WALSummary?
    /// The pages from here on are of a change of ours that was not finished.
    let limit: UInt64?

    /// How far behind the end of the data file the WAL may have pages where no index tells which there are: damaged numbers would
    /// make the file longer than any disk.
    private static let pagesBehindEnd: UInt64 = 1 << 16

    /// Opens data, metadata and WAL. Metadata that cannot be used is no error.
    ///
    /// - Parameters:
    ///   - data: nil for a source of which only the WAL is left.
    ///   - wal: nil where no WAL belongs to these files.
    ///   - marked: the files whose marker may say that pages at the end do not count; nil where none can.
    init(
        data: FilePath?, meta: FilePath, wal walPath: FilePath?, in storage: any ChangingStorage, key: SymmetricKey,
        marked: FileSet? = nil
    ) throws(EngineError) {
        let cipher = try PageCipher(key)
        let store =
            try data.map { path throws(EngineError) in try PageStore(path, in: storage, cipher: cipher) }
            ?? PageStore(missing: walPath ?? meta, cipher: cipher)
        let (metadata, problem, metadataStatus) = try Self.metadata(meta, in: storage, key: key)
        wal = try walPath.map { path throws(EngineError) in
            try WALOverlay.lay(path, over: store, index: metadata?.index ?? RecordIndex(), in: storage).summary
        }
        (self.store, self.metadata, self.problem, self.metadataStatus) = (store, metadata, problem, metadataStatus)
        if !store.overlay.isEmpty {
            // A page that the index does not name holds nothing that was acknowledged, and its number is not authenticated.
            let listed = metadata.map { Set($0.index.pages) }
            let end = data == nil ? UInt64.max : store.filePages + Self.pagesBehindEnd
            store.overlay = store.overlay.filter { page, _ in listed?.contains(page) ?? (UInt64(page) < end) }
        }
        limit = try Self.limit(marked, metadata, metadataStatus, store, in: storage)
    }

    private static func metadata(
        _ path: FilePath, in storage: any Storage, key: SymmetricKey
    ) throws(EngineError) -> (Metadata?, EngineError?, FileStatus?) {
        var status: FileStatus?
        do throws(EngineError) {
            status = try onStorage(path) { try storage.status(of: path) }
            let (file, unknown) = try Self.file(path, in: storage, key: key)
            status = file.status
            guard file.isVerified(by: key, texts: try file.signedTexts()) else {
                throw EngineError(
                    .metadataUnverified,
                    "the signature of \(path.displayString) does not verify: altered, forged or damaged",
                    path: path)
            }
            let metadata = Metadata(try file.payload(), wrapper: file.wrapper)
            guard metadata.formatVersion?.hasPrefix("1.") ?? true else {
                throw EngineError(
                    .unsupportedFormat, "\(path.displayString) is of another major format version than 1",
                    hint: "a newer blazedb-agent may read it", path: path)
            }
            return (metadata, unknown, status)
        } catch {
            switch error.code {
            case .permissionDenied, .unsupportedFormat, .noMemory: throw error
            default: return (nil, error, status)
            }
        }
    }

    /// The metadata's file, and why other readers refuse it although its signature verifies. Throws `.unsupportedFormat` where
    /// its version is not known and nothing tells that the number is damaged.
    private static func file(
        _ path: FilePath, in storage: any Storage, key: SymmetricKey
    ) throws(EngineError) -> (MetadataFile, EngineError?) {
        do throws(EngineError) {
            return (try MetadataFile(path, in: storage), nil)
        } catch {
            guard error.code == .unsupportedFormat,
                let file = try? MetadataFile(path, in: storage, isRescue: true), let texts = try? file.signedTexts(),
                file.isVerified(by: key, texts: texts)
            else {
                guard error.code == .unsupportedFormat else { throw error }
                throw EngineError(
                    error.code, error.message,
                    hint: "a newer blazedb-agent may read it; where it is damaged, move \(path.displayString) away, "
                        + "and repair makes the index anew from the pages", path: path)
            }
            return (file, error)
        }
    }

    private static func limit(
        _ files: FileSet?, _ metadata: Metadata?, _ status: FileStatus?, _ store: PageStore,
        in storage: any ChangingStorage
    ) throws(EngineError) -> UInt64? {
        guard let files, let metadata, let status else { return nil }
        let next = metadata.nextPageIndex
        let counts = try onStorage(files.growthMarker) {
            try GrowthMarker.counts(files, in: storage, next: next, metadata: status)
        }
        guard counts, store.filePages > next else { return nil }
        // As for `Recovery.cutUnfinished`: where a record reaches a page there, everything counts.
        let scan = try HeaderScan(store, metadata)
        let reached = try ChainReach(metadata, store, scan).pages
        return reached.allSatisfy { $0 < next } && scan.listed.allSatisfy { $0 < next } ? next : nil
    }
}

extension RescueSource {
    /// Which files are the database's after an interrupted replacement has been resolved as `InterruptedSwap` does; nil for
    /// a data file that is nowhere.
    static func places(
        of files: FileSet, in storage: any Storage
    ) throws(EngineError) -> (data: FilePath?, meta: FilePath, isInterrupted: Bool) {
        try onStorage(files.data) {
            func identity(_ path: FilePath) throws -> FileIdentity? { try storage.status(of: path)?.identity }
            let (data, aside) = (try identity(files.data), try identity(files.dataAside))
            let metaAside = try identity(files.metaAside)
            let isMarked = try identity(files.swapMarker) != nil
            if try identity(files.swapSuccess) != nil { return (data.map { _ in files.data }, files.meta, true) }
            if isMarked || data == nil {
                let place = aside != nil ? files.dataAside : data != nil ? files.data : nil
                return (place, metaAside != nil ? files.metaAside : files.meta, isMarked || aside != nil)
            }
            let isTwin = aside != nil && aside == data
            let hasMeta = try identity(files.meta) != nil
            return (files.data, isTwin && !hasMeta && metaAside != nil ? files.metaAside : files.meta, isTwin)
        }
    }
}

/// No data file, where only a WAL is left: every page is absent.
private final class MissingFile: StorageFile {
    static let none = FileStatus(
        kind: .regular, size: 0, allocated: 0, identity: FileIdentity(device: 0, inode: 0), modified: 0, mode: 0o600,
        owner: 0)

    let path: FilePath

    init(path: FilePath) { self.path = path }

    func status() throws(StorageError) -> FileStatus { Self.none }
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(StorageError) -> Int { 0 }
    func nextData(from offset: UInt64) throws(StorageError) -> UInt64? { nil }
}

extension PageStore {
    /// The pages of a data file that is missing, for a WAL to be laid over them.
    fileprivate convenience init(missing path: FilePath, cipher: PageCipher) {
        self.init(
            Source(file: MissingFile(path: path), status: MissingFile.none, cipher: cipher, overlay: [:], wal: nil))
    }
}

public import BlazeModel
public import BlazePlatform
public import Crypto
internal import SystemPackage

/// A database opened for changes, under its lock, by copy on write (FORMAT.md 8.1): what is new goes to free pages and is
/// synced, then the metadata that names it is written beside the old one, synced and renamed over it, and the directory is
/// synced; only then are the old pages zeroed. Whenever the machine stops, the state before or the state after is there.
///
/// After a failed write nothing more is done through the handle (`.poisoned`): what the disk holds is then known only by
/// opening again.
///
/// Not Sendable: one thread at a time.
public final class DatabaseWriter {
    /// The database's files.
    public let files: FileSet
    /// What opening put right, in the order that it was done.
    public let recovery: [RecoveryStep]
    /// How many records are indexed.
    public var recordCount: Int { image.index.count }

    let storage: any ChangingStorage
    let key: SymmetricKey
    let cipher: PageCipher
    var locks: [any FileLock]
    /// The data file, for writing and for reading.
    var data: any WritableFile
    var store: PageStore
    /// What the metadata on the disk says.
    var image: MetadataImage
    var allocator: PageAllocator
    /// Which file the metadata is, and what a new one is made like.
    var metadataStatus: FileStatus?
    /// Pages that two records have: they are never given back.
    private let shared: Set<UInt32>
    private(set) var poison: EngineError?
    private var isClosed = false
    private var isBusy = false
    private var growth: GrowthMarker?
    /// For which nextPageIndex the marker says it; nil when it has to be written.
    private var markedNext: UInt64?
    /// Whether the metadata on the disk says less than `image`.
    var isMetadataStale: Bool

    /// Opens, after putting right what an interrupted operation left (FORMAT.md 8.1, 8.1a; traps T2, T5, T5b).
    ///
    /// - Parameters:
    ///   - lock: the lock of the data file, or of the one that a vacuum set aside when there is no data file. It is given
    ///     up when the handle is closed.
    ///   - further: other locks of the database that the caller holds.
    ///   - progress: called now and then; what it throws ends the opening.
    /// - Throws: what `DatabaseReader.init` throws; `.recoveryUndecided` when what is left cannot be put right without
    ///   losing something; `.noSpace`, `.readOnly`, `.writeFailed` and `.replacedMeanwhile`; what `progress` throws.
    public init(
        _ files: FileSet, in storage: any ChangingStorage, key: SymmetricKey, lock: any FileLock,
        further: [any FileLock] = [], progress: (MaintenanceProgress) throws -> Void = { _ in }
    ) throws {
        try progress(MaintenanceProgress(.recovering, done: 0, total: 1))
        let recovered = try Recovery(files, in: storage, key: key, locks: [lock] + further).run()
        self.files = files
        self.storage = storage
        self.key = key
        locks = recovered.locks
        cipher = recovered.store.cipher
        data = recovered.data
        store = recovered.store
        image = recovered.image
        allocator = recovered.allocator
        metadataStatus = recovered.metadataStatus
        shared = recovered.shared
        recovery = recovered.steps
        isMetadataStale = recovered.isMetadataStale
    }

    /// Makes an empty database (FORMAT.md 5.2) and opens it.
    ///
    /// - Parameters:
    ///   - salt: the salt that the key was derived with, 1 byte or more.
    /// - Throws: `.alreadyExists` where there is a database, or what looks like the rest of one; what writing throws.
    public static func create(
        _ files: FileSet, in storage: any ChangingStorage, key: SymmetricKey, salt: [UInt8]
    ) throws -> DatabaseWriter {
        let lock = try DatabaseCreation(files, in: storage).run(key: key, salt: salt)
        return try DatabaseWriter(files, in: storage, key: key, lock: lock)
    }

    /// Makes durable what opening found out and the last zeroed pages, and gives up the lock. A second call does nothing.
    ///
    /// Throws when the last sync fails: everything that was acknowledged is durable all the same.
    public func close() throws(EngineError) {
        guard !isClosed else { return }
        isClosed = true
        defer { locks = [] }
        guard poison == nil else { return }
        if isMetadataStale { try replaceMetadata(image) }
        try onStorage(files.data) {
            try data.sync()
            if growth != nil { try storage.remove(files.growthMarker) }
        }
    }

    /// Carries out what changes files. Whatever goes wrong in it poisons the handle.
    func changing<T>(_ body: () throws(EngineError) -> T) throws(EngineError) -> T {
        try checkUsable()
        do throws(EngineError) {
            return try body()
        } catch {
            poison = poison ?? error
            throw error
        }
    }

    /// Throws `.poisoned` after an earlier failure, and when the handle is closed.
    func checkUsable() throws(EngineError) {
        if let poison {
            throw EngineError(
                .poisoned,
                "nothing more is done with \(files.data.displayString) after a failed write: \(poison.message)",
                hint: "open it again: what was acknowledged is there", path: files.data)
        }
        guard !isClosed else {
            throw EngineError(.poisoned, "\(files.data.displayString) was closed", path: files.data)
        }
    }

    /// Carries out one operation. A transaction's body, and what is told of progress, must not begin another one: it would
    /// take the same pages.
    func exclusively<T>(_ body: () throws -> T) throws -> T {
        try checkUsable()
        precondition(!isBusy, "an operation of a database must not begin another one")
        isBusy = true
        defer { isBusy = false }
        return try body()
    }

    /// Gives the disk back what a failed transaction has taken at the end of the file: nothing durable names it. Where that
    /// fails too, it stays behind.
    func cutBack() {
        guard let size = try? data.status().size, size > allocator.next * UInt64(PageView.byteCount) else { return }
        try? data.truncate(to: allocator.next * UInt64(PageView.byteCount))
    }

    /// Says, before a page at the end of the file is filled, that nothing durable names it yet.
    func markGrowth() throws(EngineError) {
        guard markedNext != image.nextPageIndex else { return }
        try onStorage(files.growthMarker) {
            let marker = try growth ?? GrowthMarker(files, in: storage)
            growth = marker
            try marker.note(image.nextPageIndex, beside: metadataStatus)
        }
        markedNext = image.nextPageIndex
    }

    /// Notes that there is other metadata, with which the marker says nothing.
    func forgetGrowth() { markedNext = nil }

    /// Notes a failure behind a commit that is durable: the next operation is refused.
    func poison(by error: EngineError) { poison = poison ?? error }

    /// Those of a record's pages that no other record has.
    func owned(_ chain: [UInt32]) -> [UInt32] { shared.isEmpty ? chain : chain.filter { !shared.contains($0) } }

    // MARK: Reading

    /// The record of an id; nil when there is none. Throws `.unreadableRecord` when there is one that cannot be read.
    public func record(_ id: RecordID) throws(EngineError) -> Record? {
        try checkUsable()
        guard let entry = image.index.entry(id) else { return nil }
        return try stored(id, in: image.index.pages(of: entry))?.record
    }

    /// The ids of all indexed records, in ascending order.
    public var recordIDs: some Collection<RecordID> { image.index.entries.lazy.map(\.id) }

    /// What stands in the pages of a list; nil when they are zero: deleted, and the index not saved since (trap T4).
    func stored(_ id: RecordID, in list: ArraySlice<UInt32>) throws(EngineError) -> FoundRecord? {
        func unreadable(_ failure: RecordFailure) -> EngineError {
            EngineError(
                .unreadableRecord, "record \(id) cannot be read: page \(failure.page) \(failure.reason)",
                hint: "run check for all findings", path: files.data, page: failure.page)
        }
        guard !list.isEmpty else { throw unreadable(RecordFailure(.noPages, page: 0, "is on no list")) }
        let found: FoundRecord
        do throws(RecordReader.Absence) {
            found = try RecordReader(store: store).find(id, in: list)
        } catch {
            if error.failure.name == .phantom, error.failure.severity == .advice { return nil }
            throw unreadable(error.failure)
        }
        guard found.id == id else {
            throw unreadable(RecordFailure(.idMismatch, page: found.main, "holds another record"))
        }
        return found
    }
}

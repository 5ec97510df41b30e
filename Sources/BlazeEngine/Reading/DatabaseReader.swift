public import BlazeModel
public import BlazePlatform
public import Crypto
internal import SystemPackage

/// A database opened for reading, at rest or beside the process that owns it: no lock is taken and not a byte is changed.
///
/// It goes by what FORMAT.md 8.1a says. Records are read one by one: beside a writer there is no moment at which all files
/// belong together. The data file is the truth; a WAL image counts only where its page is neither zero nor authentic. What
/// cannot be read beside an owner is read again, against the newest metadata, before anything is said of it.
///
/// Not Sendable: one thread at a time.
public final class DatabaseReader {
    /// The database's files.
    public let files: FileSet
    /// The verified metadata that was read last.
    public var metadata: Metadata { generation.metadata }
    /// What the write-ahead log holds; nil when it was not read, because its owner is at work on it.
    public var wal: WALSummary? { generation.wal }
    /// Whether a process has the database open. Once one was seen, or one could not tell, that stays.
    public private(set) var ownership: Ownership

    let storage: any Storage
    let key: SymmetricKey
    var generation: Generation
    var patience: Patience

    /// How long files that were just changed must stand still until they count as being at rest.
    private static let moment: Duration = .milliseconds(250)

    /// How often opening starts again when files at rest are replaced meanwhile.
    private static let attempts = 3

    /// Opens data and WAL, reads the metadata, and verifies it with the key.
    ///
    /// - Parameter underLease: the caller holds the data file's lock, so that nobody else is writing.
    /// - Throws: `.metadataMissing`, `.metadataNotJSON`, `.metadataMalformed`, `.metadataUnsigned`, `.metadataUnverified`,
    ///   `.wrongPassword`, `.unsupportedFormat`, `.limitExceeded`, `.changedWhileReading`, and what opening a file throws.
    public convenience init(
        _ files: FileSet, in storage: any Storage, key: SymmetricKey, underLease: Bool = false
    ) throws(EngineError) {
        try self.init(files, in: storage, key: key, underLease: underLease, patience: Patience())
    }

    init(
        _ files: FileSet, in storage: any Storage, key: SymmetricKey, underLease: Bool = false, patience: Patience
    ) throws(EngineError) {
        self.files = files
        self.storage = storage
        self.key = key
        self.patience = patience
        (generation, ownership) = try Self.open(files, in: storage, key: key, underLease, &self.patience)
    }

    private static func open(
        _ files: FileSet, in storage: any Storage, key: SymmetricKey, _ underLease: Bool, _ patience: inout Patience
    ) throws(EngineError) -> (Generation, Ownership) {
        let start = ContinuousClock.now
        var tries = 0
        var pause: Int32 = 1
        while true {
            tries += 1
            // A lease of another request of this process is no owner: who changes a database under one is told as its owner by
            // the storage.
            let seen = files.ownership(in: storage)
            let now: Ownership = underLease ? .leased : seen == .leased ? .free : seen
            do throws(EngineError) {
                let generation = try Generation(files, in: storage, key: key, readingWAL: !now.isOwned)
                // Opened one after the other, they belong together only if none was replaced meanwhile; beside an owner
                // the metadata is replaced all the time, and each record is held against the newest.
                let hasMetadata = now.isQuiet ? try generation.hasMetadataFile() : true
                if try generation.hasDataFile(), hasMetadata {
                    patience.note(try generation.stampNow())
                    return (generation, now)
                }
                let isOver = now.isQuiet ? tries >= Self.attempts : patience.isExhausted(since: start)
                if isOver { throw EngineError.changed(files.data) }
            } catch {
                // While an owner swaps its files, each of them has no name for a moment.
                guard !now.isQuiet, error.isPassing, !patience.isExhausted(since: start) else {
                    throw files.explained(error, in: storage)
                }
            }
            if !now.isQuiet {
                patience.rest(pause)
                pause = min(pause * 2, 64)
            }
        }
    }

    /// Notes what was found out of the ownership later: an owner that was there counts to the end.
    func note(_ now: Ownership) {
        switch (ownership, now) {
        case (.leased, _), (.owned, _): break
        case (.unknown, _): if now.isOwned { ownership = now }
        case (.free, .leased), (.shared, .leased): break
        default: ownership = now
        }
    }

    /// Whether what was read stands: nobody has the database open, and its files are as they were.
    ///
    /// Throws `.changedWhileReading` when files change although their lock is held by the caller.
    func isStanding() throws(EngineError) -> Bool {
        switch ownership {
        case .owned, .unknown: return false
        case .leased:
            guard try generation.isUnchanged() else { throw EngineError.changed(files.data) }
            return true
        case .free, .shared:
            let start = ContinuousClock.now
            while true {
                let now = files.ownership(in: storage)
                guard now.isQuiet, try generation.isUnchanged() else {
                    note(now.isQuiet ? .unknown("its files changed while they were read") : now)
                    return false
                }
                // A process that starts puts files in order before it takes the lock (trap T6): what changed only just now
                // must stand still for a moment.
                let isFresh = Recency.isRecent(try generation.newestChange(), within: Self.moment)
                if !isFresh || ContinuousClock.now - start >= Self.moment { return true }
                patience.rest(20)
            }
        }
    }

    /// The record of an id; nil when it is not indexed, or when its page is zero (deleted, FORMAT.md trap T4).
    ///
    /// Throws `.unreadableRecord` when it is indexed and cannot be read, or carries another id; `.changedWhileReading`
    /// when it kept changing.
    public func record(_ id: RecordID) throws(EngineError) -> Record? {
        guard let entry = metadata.index.entry(id) else { return nil }
        var outcomes = [RecordReader(store: generation.store).outcome(of: entry, in: metadata.index)]
        try settle([id], &outcomes)
        switch outcomes[0] {
        case .read(let found) where found.id == id: return found.record
        case .read(let found):
            throw unreadable(id, RecordFailure(.idMismatch, page: found.main, "holds another record"))
        case .gone: return nil
        case .absent where outcomes[0].isDeleted: return nil
        case .absent(let absence): throw unreadable(id, absence.failure)
        case .noPages: throw unreadable(id, RecordFailure(.noPages, page: 0, "is on no list"))
        case .unstable(let page):
            throw EngineError(
                .changedWhileReading, "record \(id) kept changing while it was read", hint: "try again",
                path: files.data, page: page)
        }
    }

    private func unreadable(_ id: RecordID, _ failure: RecordFailure) -> EngineError {
        EngineError(
            .unreadableRecord, "record \(id) cannot be read: page \(failure.page) \(failure.reason)",
            hint: "run check for all findings", path: files.data, page: failure.page)
    }
}

extension FileSet {
    /// Whether another process has the data file open as its owner.
    public func ownership(in storage: any Storage) -> Ownership {
        // While its owner swaps the data file, that one stands aside under its lock, and the new one may have none yet
        // (FORMAT.md 7.4).
        var found: Ownership = .free
        for path in [data, dataAside] {
            guard let status = try? storage.status(of: path) else { continue }
            let one = storage.ownership(of: status.identity, at: path)
            switch (found, one) {
            case (.owned(let holders), _): found = .owned(holders + one.holders)
            case (_, .owned), (.free, _): found = one
            case (.leased, .unknown), (.shared, .unknown): found = one
            default: break
            }
        }
        return found
    }

    /// Whether a vacuum is putting new files into the place of the old ones, one after the other: the old data file stands
    /// aside, or the asynchronous vacuum's new one is there (FORMAT.md 7.4). The latter stays behind when a process dies, so
    /// an old one tells nothing.
    func isBeingSwapped(in storage: any Storage) -> Bool {
        guard let leftovers = try? FileSetStatus.read(self, in: storage).leftovers else { return false }
        return leftovers.contains { leftover in
            if leftover.kind == .vacuumBackup { return true }
            guard leftover.kind == .asyncVacuum, leftover.path.extension != "wal",
                let modified = try? storage.status(of: leftover.path)?.modified
            else { return false }
            return Recency.isRecent(modified, within: .seconds(60))
        }
    }

    /// `error`, or that an interrupted vacuum has moved the data file aside.
    fileprivate func explained(_ error: EngineError, in storage: any Storage) -> EngineError {
        guard error.code == .notFound else { return error }
        do throws(EngineError) {
            _ = try openData(in: storage)
            return error
        } catch let explained {
            return explained
        }
    }
}

extension EngineError {
    /// Whether it may come of files being swapped at this moment.
    var isPassing: Bool {
        switch code {
        case .notFound, .metadataMissing, .changedWhileReading, .dataMovedAside: true
        default: false
        }
    }
}

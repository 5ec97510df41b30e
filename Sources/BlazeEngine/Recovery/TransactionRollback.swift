internal import BlazeModel
internal import BlazePlatform
internal import Crypto
internal import SystemPackage

/// Rolls a transaction of BlazeDB's back that did not end (FORMAT.md 7.1, trap T5): the copies from its beginning become the
/// database again, page by page. The copies stay until that is done and durable, so that it may be interrupted anywhere.
///
/// BlazeDB puts copies back whatever happened since, and none at all once the directory was moved. Here they are put back
/// wherever they are, but only where nothing tells that the database was changed after that transaction:
///
/// - Every record page that differs was written since the WAL was emptied, which a transaction's begin does.
/// - With nothing in the WAL the metadata is still the copied one: a clean close would have saved it.
/// - Where the copies are of another path, BlazeDB may have opened the database since without seeing them: then the metadata
///   must be of the seconds in which the transaction began, and no file much younger than the copies.
struct TransactionRollback {
    /// The files of one transaction.
    struct Copies {
        var data: FilePath?
        var meta: FilePath?
        var state: FilePath?
        var all: [FilePath] { [state, data, meta].compactMap(\.self) }
    }

    let files: FileSet
    let storage: any ChangingStorage
    let key: SymmetricKey
    /// The data file as it is now.
    let data: any StorageFile

    init(_ files: FileSet, in storage: any ChangingStorage, key: SymmetricKey, data: any StorageFile) {
        self.files = files
        self.storage = storage
        self.key = key
        self.data = data
    }

    /// What was done. Throws `.recoveryUndecided`, and what reading and writing throws.
    func run() throws(EngineError) -> [RecoveryStep] {
        try onStorage(files.data) {
            let groups = try found()
            guard !groups.isEmpty else {
                if try storage.status(of: files.rollbackMarker) != nil { try storage.remove(files.rollbackMarker) }
                return []
            }
            var steps: [RecoveryStep] = []
            var open: [(Copies, Backup)] = []
            for copies in groups {
                if let backup = try backup(copies) {
                    open.append((copies, backup))
                } else {
                    try remove(copies)
                    steps.append(
                        RecoveryStep(
                            .transactionFilesRemoved,
                            "files of a transaction that had not begun, or was over, were removed"))
                }
            }
            guard open.count < 2 else { throw undecided("copies of \(open.count) transactions are there") }
            for (copies, backup) in open { steps += try rollBack(copies, backup) }
            try storage.remove(files.rollbackMarker)
            return steps
        }
    }

    /// The copies that the database is to go back to, without going; nil when there are none. Throws `.recoveryUndecided`.
    ///
    /// - Parameter isDecided: somebody has decided that it is to go back, whatever speaks against it.
    func toReturnTo(isDecided: Bool = false) throws(EngineError) -> Backup? {
        try onStorage(files.data) {
            let open = try found().compactMap { copies in
                try backup(copies, isDecided: isDecided).map { (copies, $0) }
            }
            guard open.count < 2 else { throw undecided("copies of \(open.count) transactions are there") }
            guard let (copies, backup) = open.first else { return nil }
            let isDecided = try isDecided || isMarked(backup)
            if try !compare(backup, isDecided: isDecided).isEmpty, !isDecided {
                try checkNothingFollowed(copies, backup)
            }
            return backup
        }
    }

    private func isMarked(_ backup: Backup) throws -> Bool {
        try storage.status(of: files.rollbackMarker) != nil
            && storage.open(files.rollbackMarker).bytes(count: 256, at: 0) == backup.mark
    }

    /// Keeps the decision to go back to a copy: once the WAL is empty it does not tell any more what the transaction wrote.
    func mark(_ backup: Backup) throws {
        try storage.remove(files.rollbackMarker)
        let marker = try storage.create(files.rollbackMarker, like: nil)
        try marker.write(backup.mark, at: 0)
        try marker.sync()
        try storage.syncDirectory(of: files.data)
    }

    func undecided(_ why: String) -> EngineError {
        EngineError(
            .recoveryUndecided,
            "a transaction of \(files.data.displayString) did not end, and cannot be rolled back by itself: \(why)",
            hint:
                "copy all files of the database away, then decide: blazectl repair --transaction roll-back, or keep",
            path: files.data)
    }

    /// The copies beside the database, by the hash in their names.
    private func found() throws(EngineError) -> [Copies] {
        var groups: [[UInt8]: Copies] = [:]
        let status = try FileSetStatus.read(files, in: storage)
        guard status.leftoversKnown else {
            throw EngineError(
                .readFailed, "the directory of \(files.data.displayString) could not be listed",
                hint: "what an interrupted transaction left there must be known before the database is changed",
                path: files.data)
        }
        for leftover in status.leftovers where leftover.kind == .transactionCopy {
            let path = leftover.path
            let name = path.withoutExtension.bytes
            switch path.extension {
            case "state": groups[name, default: Copies()].state = path
            case "meta": groups[name, default: Copies()].meta = path
            default: groups[name, default: Copies()].data = path
            }
        }
        return groups.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map(\.value)
    }

    struct Backup {
        let path: FilePath
        let data: any StorageFile
        let status: FileStatus
        let meta: MetadataFile
        /// What the marker of a rollback of this copy says.
        var mark: [UInt8] { Array("\(status.identity.inode) \(status.size) \(status.modified)\n".utf8) }
    }

    /// The state to go back to; nil when the transaction had not begun, or was over: a begin copies both files and then
    /// writes the state, and a commit is durable before it removes the first of them.
    ///
    /// - Parameter isDecided: somebody has decided that it is to go back, whatever speaks against it.
    private func backup(_ copies: Copies, isDecided: Bool = false) throws -> Backup? {
        guard let dataPath = copies.data, let metaPath = copies.meta else { return nil }
        let data = try storage.open(dataPath)
        let status = try data.status()
        if copies.state == nil, !isDecided {
            guard try isBeginning(data, status) else { throw undecided("what it had come to is not written down") }
            return nil
        }
        let meta = try MetadataFile(metaPath, in: storage)
        guard meta.isVerified(by: key, texts: try meta.signedTexts()) else {
            throw undecided("the signature of \(metaPath.displayString) does not verify")
        }
        let backup = Backup(path: dataPath, data: data, status: status, meta: meta)
        if !isDecided { try checkWhole(backup) }
        return backup
    }

    /// That the copy holds every record that its index names: BlazeDB does not sync copies, and a machine that stopped may have
    /// kept less of them than of the half-done state.
    private func checkWhole(_ backup: Backup) throws {
        let copy = try PageStore(backup.path, in: storage, cipher: try PageCipher(key))
        let index = try backup.meta.payload().index
        let reader = RecordReader(store: copy)
        for entry in index.entries {
            switch reader.outcome(of: entry, in: index) {
            case .read(let found) where found.id == entry.id: continue
            case .absent(let absence) where absence.failure.severity == .advice:
                // Deleted before it began: the page is zero now as well.
                let at = UInt64(absence.failure.page) * UInt64(PageView.byteCount)
                let now = try data.bytes(count: PageView.byteCount, at: at)
                if now.allSatisfy({ $0 == 0 }) { continue }
            default: break
            }
            throw undecided("its copy does not hold record \(entry.id)")
        }
    }

    private static let slice = 256 << 10

    /// Whether a copy is the data file, or the beginning of it.
    private func isBeginning(_ copy: any StorageFile, _ status: FileStatus) throws -> Bool {
        var at: UInt64 = 0
        while at < status.size {
            let count = Int(min(UInt64(Self.slice), status.size - at))
            guard try copy.bytes(count: count, at: at) == data.bytes(count: count, at: at) else { return false }
            at += UInt64(count)
        }
        return true
    }

    private func rollBack(_ copies: Copies, _ backup: Backup) throws -> [RecoveryStep] {
        let isDecided = try isMarked(backup)
        let differing = try compare(backup, isDecided: isDecided)
        if !isDecided, !differing.isEmpty { try checkNothingFollowed(copies, backup) }
        if !isDecided { try mark(backup) }
        if let wal = try storage.status(of: files.wal), wal.size > 0 {
            let wal = try storage.openForWriting(files.wal)
            try wal.truncate(to: 0)
            try wal.sync()
        }
        let data = try storage.openForWriting(files.data)
        for page in differing {
            let at = page * UInt64(PageView.byteCount)
            let count = Int(min(UInt64(PageView.byteCount), backup.status.size - at))
            try data.write(try backup.data.bytes(count: count, at: at), at: at)
        }
        try data.truncate(to: backup.status.size)
        try data.sync()
        try storage.remove(files.metaNew)
        let new = try storage.create(files.metaNew, like: try storage.status(of: files.meta))
        try new.write(backup.meta.bytes, at: 0)
        try new.sync()
        try storage.rename(files.metaNew, to: files.meta)
        try storage.syncDirectory(of: files.meta)
        try remove(copies)
        let begun = begun(copies).map { " begun at \($0)" } ?? ""
        return [
            RecoveryStep(
                .transactionRolledBack,
                "a transaction\(begun) that did not end was rolled back: \(differing.count) pages are as they were before it"
            )
        ]
    }

    /// The state goes first: without it nothing would be rolled back twice.
    private func remove(_ copies: Copies) throws(StorageError) {
        for path in copies.all { try storage.remove(path) }
        try storage.syncDirectory(of: files.data)
    }
}

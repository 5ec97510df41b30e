internal import BlazePlatform
internal import SystemPackage

/// Puts new files in the place of a database's, step by step as in FORMAT.md 8.1b, so that BlazeDB finishes or undoes it by
/// itself. From the success marker on the new files count. The caller holds the lock of the data file, the WAL is empty, and
/// the new files are whole and durable.
struct FileSwap {
    private let files: FileSet
    private let storage: any ChangingStorage
    /// What the markers are made like.
    private let model: FileStatus
    private let new: FileSet
    private let dataIdentity: FileIdentity
    /// Nil takes the metadata away: the new files have none.
    private let metaIdentity: FileIdentity?

    init(
        _ files: FileSet, in storage: any ChangingStorage, like model: FileStatus, to new: FileSet, data: FileIdentity,
        meta: FileIdentity?
    ) {
        self.files = files
        self.storage = storage
        self.model = model
        self.new = new
        dataIdentity = data
        metaIdentity = meta
    }

    /// Up to the success marker. A database without metadata has no backup of it: where this is interrupted, what the repair's
    /// marker says takes the new metadata away.
    ///
    /// - Parameter hold: takes over the lock of the new data file, before that has the database's name.
    func prepare(_ hold: (any FileLock) -> Void) throws {
        try storage.syncDirectory(of: files.data)
        try storage.link(files.data, to: files.dataAside)
        if try storage.status(of: files.meta) != nil { try storage.link(files.meta, to: files.metaAside) }
        try storage.syncDirectory(of: files.data)
        try storage.create(files.swapMarker, like: model).sync()
        try storage.syncDirectory(of: files.data)
        hold(try storage.lock(new.data))
        try storage.rename(new.data, to: files.data)
        if metaIdentity != nil { try storage.rename(new.meta, to: files.meta) } else { try storage.remove(files.meta) }
        try storage.syncDirectory(of: files.data)
        try check()
        try storage.create(files.swapSuccess, like: model).sync()
        try storage.syncDirectory(of: files.data)
    }

    /// Takes the old files' other names and the markers away, in the order of `InterruptedSwap.finish`.
    func finish() throws {
        for path in [files.dataAside, files.metaAside, files.swapSuccess, files.swapMarker] {
            try storage.remove(path)
            try storage.syncDirectory(of: files.data)
        }
    }

    /// That the new files are where they were put: BlazeDB looks for backups before it takes the lock (trap T6), and may have put
    /// the old ones back.
    func check() throws {
        guard try storage.status(of: files.meta)?.identity == metaIdentity,
            try storage.status(of: files.data)?.identity == dataIdentity
        else {
            throw EngineError(
                .replacedMeanwhile, "another process put the old files of \(files.data.displayString) back",
                hint: "see blazectl holders, then try again", path: files.data)
        }
    }

    /// That the names which the swap takes are not in use, and that the file system gives files a second name: told before
    /// anything is built.
    static func checkNames(_ files: FileSet, in storage: any ChangingStorage, probe: FilePath) throws(EngineError) {
        for path in [files.dataAside, files.metaAside]
        where try onStorage(path, { try storage.status(of: path) }) != nil {
            throw EngineError(
                .recoveryUndecided,
                "\(path.displayString) is there, and belongs to no vacuum that could be ended or undone",
                hint: "move it away", path: path)
        }
        do throws(StorageError) {
            try storage.remove(files.returning)
            try storage.link(probe, to: files.returning)
            try storage.remove(files.returning)
        } catch {
            let error = EngineError(error)
            throw error.code == .writeFailed || error.code == .permissionDenied
                ? EngineError(
                    .writeFailed,
                    "the file system of \(files.data.displayString) gives files no second name: \(error.message)",
                    hint: "copy the database to another file system and do it there", path: files.data)
                : error
        }
    }
}

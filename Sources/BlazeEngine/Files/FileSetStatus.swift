public import BlazePlatform
internal import SystemPackage

/// What stat tells about a database's files. Takes no lock and opens nothing.
public struct FileSetStatus: Sendable, Hashable {
    /// The data file; nil when there is none.
    public let data: FileStatus?
    /// The metadata; nil when there is none.
    public let meta: FileStatus?
    /// The salt; nil when there is none.
    public let salt: FileStatus?
    /// The write-ahead log; nil when there is none.
    public let wal: FileStatus?
    /// The separate index file; nil when there is none.
    public let indexes: FileStatus?
    /// Files left by operations, sorted by path.
    public let leftovers: [Leftover]
    /// Whether the directory could be listed; if not, `leftovers` is empty without meaning it.
    public let leftoversKnown: Bool
    /// How many directories keep the files from before a repair.
    public let kept: Int
    /// Bytes of all files that carry this database's name, leftovers included. Copies made while opening do not
    /// tell which database they are of and are left out.
    public let totalSize: UInt64
    /// The newest change of data, metadata or WAL, in nanoseconds since 1970; 0 when none of them exists.
    public let modified: Int64

    /// The status of every file of the set. Throws what stat throws, except that a missing file is nil.
    public static func read(_ files: FileSet, in storage: any Storage) throws(EngineError) -> FileSetStatus {
        do {
            let (leftovers, known, kept) = try Self.leftovers(files, in: storage)
            return FileSetStatus(
                data: try storage.status(of: files.data), meta: try storage.status(of: files.meta),
                salt: try storage.status(of: files.salt), wal: try storage.status(of: files.wal),
                indexes: try storage.status(of: files.indexes), leftovers: leftovers, leftoversKnown: known,
                kept: kept)
        } catch {
            throw EngineError(error)
        }
    }

    private init(
        data: FileStatus?, meta: FileStatus?, salt: FileStatus?, wal: FileStatus?, indexes: FileStatus?,
        leftovers: [Leftover], leftoversKnown: Bool, kept: Int
    ) {
        self.kept = kept
        self.data = data
        self.meta = meta
        self.salt = salt
        self.wal = wal
        self.indexes = indexes
        self.leftovers = leftovers
        self.leftoversKnown = leftoversKnown
        let sizes =
            [data, meta, salt, wal, indexes].compactMap { $0?.size }
            + leftovers.filter { $0.kind != .openBackup }.map(\.size)
        totalSize = sizes.reduce(0) { $0.addingReportingOverflow($1).partialValue }
        modified = [data, meta, wal].compactMap { $0?.modified }.max() ?? 0
    }

    private static func leftovers(
        _ files: FileSet, in storage: any Storage
    ) throws(StorageError) -> (found: [Leftover], known: Bool, kept: Int) {
        let names: [FilePath.Component]
        do {
            names = try storage.names(in: files.directory)
        } catch {
            return ([], false, 0)
        }
        var out: [Leftover] = []
        var kept = 0
        let (name, dataName) = (files.nameBytes, files.dataNameBytes)
        for entry in names {
            let bytes = FilePath(root: nil, [entry]).bytes
            if files.isKept(bytes) { kept += 1 }
            guard bytes != dataName, let kind = Leftover.Kind(file: bytes, name: name, dataName: dataName) else {
                continue
            }
            let path = files.directory.appending(entry)
            // A leftover that went away between listing and stat is none.
            guard let status = try storage.status(of: path), status.kind == .regular else { continue }
            out.append(Leftover(path: path, kind: kind, size: status.size))
        }
        return (out.sorted { $0.path.bytes.lexicographicallyPrecedes($1.path.bytes) }, true, kept)
    }
}

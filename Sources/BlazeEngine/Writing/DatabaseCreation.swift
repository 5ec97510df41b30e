internal import BlazeModel
internal import BlazePlatform
internal import Crypto
internal import SystemPackage

/// Makes the files of an empty database: salt and data first, the metadata last. Without metadata there is no database yet,
/// so what an interrupted creation left is made anew.
struct DatabaseCreation {
    private let files: FileSet
    private let storage: any ChangingStorage

    init(_ files: FileSet, in storage: any ChangingStorage) {
        self.files = files
        self.storage = storage
    }

    /// The lock of the new data file, taken before anything else is made: an owner that has just opened the same path for the
    /// first time has a data file under its lock and no metadata yet.
    func run(key: SymmetricKey, salt: [UInt8]) throws(EngineError) -> any FileLock {
        precondition(!salt.isEmpty, "a database has a salt")
        return try onStorage(files.data) {
            try checkNames()
            if try storage.status(of: files.data) == nil { try storage.create(files.data, like: nil).sync() }
            let lock = try storage.lock(files.data)
            try checkNames()
            try storage.remove(files.salt)
            try write(salt, to: files.salt)
            try storage.syncDirectory(of: files.data)
            try storage.remove(files.metaNew)
            let meta = try storage.create(files.metaNew, like: nil)
            try MetadataImage().encoded(key: key).write(to: meta)
            try meta.sync()
            // A name that somebody has given meanwhile is not taken from him.
            try storage.link(files.metaNew, to: files.meta)
            try storage.remove(files.metaNew)
            try storage.syncDirectory(of: files.meta)
            return lock
        }
    }

    /// That there is no database: an empty data file or WAL is what an interrupted creation leaves.
    private func checkNames() throws {
        for path in [files.data, files.meta, files.wal, files.dataAside, files.metaAside, files.swapMarker] {
            guard let status = try storage.status(of: path) else { continue }
            guard status.kind == .regular, status.size == 0, path == files.data || path == files.wal else {
                throw EngineError(
                    .alreadyExists, "\(path.displayString) exists already",
                    hint: "name another path, or move it away", path: path)
            }
        }
    }

    private func write(_ bytes: [UInt8], to path: FilePath) throws(StorageError) {
        let file = try storage.create(path, like: nil)
        try file.write(bytes, at: 0)
        try file.sync()
    }
}

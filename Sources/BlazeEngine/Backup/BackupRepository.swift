public import BlazeModel
public import BlazePlatform
public import SystemPackage

/// Where backups are kept: `ROOT/DATABASE-ID/BACKUP-ID/`, each directory closed to others.
public struct BackupRepository: Sendable {
    /// The root directory; made with the first backup.
    public let root: FilePath
    private let storage: any ChangingStorage

    /// A repository, which need not exist.
    public init(_ root: FilePath, in storage: any ChangingStorage) {
        self.root = root
        self.storage = storage
    }

    /// A backup that is there, as far as that can be told without a key.
    public struct Entry: Sendable, Hashable {
        /// Its name.
        public let id: BackupID
        /// Its directory.
        public let directory: BackupDirectory
        /// What its manifest says; nil for one that cannot be read.
        public let manifest: BackupManifest?
        /// Why the manifest cannot be read; nil where it can.
        public let problem: String?
        /// When it was found sound last, in nanoseconds since 1970; nil where it was not.
        public let verified: Int64?
    }

    /// The backups that are there, the newest first.
    ///
    /// - Parameter database: only those of one database.
    public func list(of database: DatabaseID? = nil) throws(EngineError) -> [Entry] {
        var out: [Entry] = []
        let databases: [DatabaseID]
        if let database {
            databases = [database]
        } else {
            databases = try names(in: root).compactMap(Self.database)
        }
        for database in databases {
            let parent = root.appending(database.description)
            for name in try names(in: parent) {
                guard let id = BackupID(name.string) else { continue }
                let directory = BackupDirectory(parent.appending(name))
                guard let entry = try entry(id, directory) else { continue }
                out.append(entry)
            }
        }
        return out.sorted { $0.id.text > $1.id.text }
    }

    /// A backup by its directory; nil where there is no manifest.
    public func entry(at path: FilePath) throws(EngineError) -> Entry? {
        guard let id = path.lastComponent.flatMap({ BackupID($0.string) }) else { return nil }
        return try entry(id, BackupDirectory(path))
    }

    private func entry(_ id: BackupID, _ directory: BackupDirectory) throws(EngineError) -> Entry? {
        do throws(EngineError) {
            let manifest = try directory.readManifest(in: storage)
            guard manifest.id == id.text else {
                return Entry(
                    id: id, directory: directory, manifest: nil, problem: "the manifest is another backup's",
                    verified: nil)
            }
            return Entry(
                id: id, directory: directory, manifest: manifest, problem: nil,
                verified: directory.verified(in: storage))
        } catch {
            if error.code == .notFound { return nil }
            return Entry(id: id, directory: directory, manifest: nil, problem: error.message, verified: nil)
        }
    }

    private func names(in directory: FilePath) throws(EngineError) -> [FilePath.Component] {
        do throws(StorageError) {
            return try storage.names(in: directory)
        } catch {
            guard error.code == .notFound else { throw EngineError(error) }
            return []
        }
    }

    /// Makes the directory of a new backup, and locks what says that it is not one yet.
    func make(_ id: BackupID, of database: DatabaseID) throws(EngineError) -> (BackupDirectory, any FileLock) {
        try onStorage(root) {
            let parent = root.appending(database.description)
            for path in [root, parent] {
                guard try storage.status(of: path) == nil else { continue }
                do throws(StorageError) {
                    try storage.makeDirectory(path, like: nil)
                } catch {
                    guard error.code == .exists else { throw error }
                }
                try storage.syncDirectory(of: path)
            }
            // Whoever else could write there could put other files in the place of ours.
            guard let own = try storage.ownStatus(of: parent), own.kind == .directory, own.mode & 0o022 == 0 else {
                throw EngineError(
                    .permissionDenied, "\(parent.displayString) is no directory that only its owner can write to",
                    hint: "choose another place, or chmod 700 it", path: parent)
            }
            return try makeUnfinished(parent.appending(id.text))
        }
    }

    private func makeUnfinished(_ path: FilePath) throws -> (BackupDirectory, any FileLock) {
        let directory = BackupDirectory(path)
        try storage.makeDirectory(path, like: nil)
        try storage.create(directory.unfinished, like: nil).sync()
        let lock = try storage.lock(directory.unfinished)
        try storage.syncDirectory(of: directory.unfinished)
        try storage.syncDirectory(of: path)
        return (directory, lock)
    }

    /// A directory to restore to for a moment, beside the backup.
    func makeScratch(beside directory: BackupDirectory) throws(EngineError) -> (BackupDirectory, any FileLock) {
        try onStorage(directory.path) {
            let number = String(UInt64.random(in: 0...UInt64.max), radix: 16)
            return try makeUnfinished(
                directory.path.removingLastComponent().appending(Self.scratchMark + number))
        }
    }

    private static let scratchMark = "scratch-"

    /// Whether a directory's name is that of a backup, or of one that is being verified: what is in it is no database to be found.
    public static func isOwnName(_ name: [UInt8]) -> Bool {
        let text = String(decoding: name, as: UTF8.self)
        return BackupID(text) != nil || isScratch(text)
    }

    /// Removes what interrupted backups and verifications left: directories that say they are unfinished, whose process has
    /// ended.
    ///
    /// - Returns: how many.
    @discardableResult
    public func sweep() throws(EngineError) -> Int {
        var count = 0
        for name in try names(in: root) where Self.database(name) != nil {
            let parent = root.appending(name)
            // A link leads to what is not ours.
            guard try onStorage(parent, { try storage.ownStatus(of: parent)?.kind }) == .directory else { continue }
            for name in try names(in: parent) where BackupID(name.string) != nil || Self.isScratch(name.string) {
                do throws(EngineError) {
                    if try sweep(BackupDirectory(parent.appending(name))) { count += 1 }
                } catch {
                    // One that cannot be removed is in nobody's way.
                    continue
                }
            }
        }
        return count
    }

    /// The database that a directory is of, by its name as it is written here.
    private static func database(_ name: FilePath.Component) -> DatabaseID? {
        DatabaseID(name.string).flatMap { $0.description == name.string ? $0 : nil }
    }

    private static func isScratch(_ name: String) -> Bool {
        guard name.hasPrefix(scratchMark) else { return false }
        let number = name.dropFirst(scratchMark.count)
        return !number.isEmpty && number.count <= 16 && number.allSatisfy { $0.isASCII && $0.isHexDigit }
    }

    private func sweep(_ directory: BackupDirectory) throws(EngineError) -> Bool {
        try onStorage(directory.path) {
            guard try storage.ownStatus(of: directory.path)?.kind == .directory else { return false }
            guard let mark = try storage.ownStatus(of: directory.unfinished) else {
                // One that has nothing in it is what a crash left between two calls, or is being made this moment: who makes it
                // is told that it is gone.
                guard try storage.names(in: directory.path).isEmpty else { return false }
                try storage.removeDirectory(directory.path)
                return true
            }
            guard mark.kind == .regular else { return false }
            let lock: any FileLock
            do throws(StorageError) {
                lock = try storage.lock(directory.unfinished)
            } catch {
                guard error.code == .locked || error.code == .notFound else { throw error }
                return false
            }
            return try withExtendedLifetime(lock) {
                guard try storage.status(of: directory.manifest) == nil else {
                    // It was finished but for this.
                    try storage.remove(directory.unfinished)
                    try storage.syncDirectory(of: directory.unfinished)
                    return false
                }
                try directory.remove(in: storage)
                return true
            }
        }
    }

    /// Removes a backup.
    public func remove(_ entry: Entry) throws(EngineError) { try entry.directory.remove(in: storage) }
}

internal import BlazeModel
public import BlazePlatform
public import Crypto
internal import SystemPackage

/// Puts the files of a backup to another path, where nothing is. Nothing is written over, and until the metadata has its name there
/// is no database there.
public struct Restore {
    /// What was restored.
    public struct Report: Sendable, Hashable {
        /// Which backup.
        public let manifest: BackupManifest
        /// Records that can be read.
        public let records: UInt64
        /// Index entries whose record is damaged, as it was when the backup was taken.
        public let unreadable: UInt64
    }

    /// A file of the backup, with the name that it is built under and the one that it gets.
    private struct Part {
        let file: BackupManifest.File
        let temporary: FilePath
        let target: FilePath
    }

    private let directory: BackupDirectory
    private let target: FileSet
    private let storage: any ChangingStorage
    private let key: SymmetricKey

    /// - Parameters:
    ///   - target: the restored database's files, of which none may be there.
    ///   - key: the key of the database as it was when the backup was taken.
    public init(_ directory: BackupDirectory, to target: FileSet, in storage: any ChangingStorage, key: SymmetricKey) {
        self.directory = directory
        self.target = target
        self.storage = storage
        self.key = key
    }

    /// That a backup can be restored to the path: told before anything is read. Throws `.alreadyExists`, `.invalidRecord` for a raw
    /// copy under another name.
    public static func check(
        _ manifest: BackupManifest, to target: FileSet, in storage: any ChangingStorage
    ) throws(EngineError) {
        if manifest.method == .raw, target.data.lastComponent != manifest.dataName {
            throw EngineError(
                .invalidRecord,
                "a raw copy holds files whose names begin with the database's: it keeps its name",
                hint: "--to a directory's \(FilePath.displayString(FilePath(root: nil, [manifest.dataName]).bytes))",
                path: target.data)
        }
        for part in try parts(manifest, target) {
            guard try onStorage(part.target, { try storage.ownStatus(of: part.target) }) == nil else {
                throw EngineError(alreadyThere: part.target)
            }
        }
        try target.checkFree(in: storage)
    }

    private static func parts(_ manifest: BackupManifest, _ target: FileSet) throws(EngineError) -> [Part] {
        let source = FileSet(data: FilePath(root: nil, [manifest.dataName]))
        let new = target.successor
        var parts: [Part] = []
        for (number, file) in manifest.files.enumerated() {
            let temporary: FilePath
            let name: FilePath
            switch FilePath(root: nil, [file.name]) {
            case source.data: (temporary, name) = (new.data, target.data)
            case source.meta: (temporary, name) = (new.meta, target.meta)
            case source.salt: (temporary, name) = (new.salt, target.salt)
            case source.wal: (temporary, name) = (new.wal, target.wal)
            case source.indexes: (temporary, name) = (new.indexes, target.indexes)
            default:
                guard manifest.method == .raw else {
                    throw EngineError(
                        .damaged, "the backup's manifest names a file that is none of the database's",
                        hint: "blazectl backup verify tells more")
                }
                temporary = new.data.appendingSuffix(".\(number)")
                name = target.directory.appending(file.name)
            }
            parts.append(Part(file: file, temporary: temporary, target: name))
        }
        guard manifest.method == .raw || parts.contains(where: { $0.target == target.data }) else {
            throw EngineError(.damaged, "the backup has no data file", hint: "blazectl backup verify tells more")
        }
        // The data file gets its name behind the salt, and the metadata last: without it there is no database.
        func isLate(_ part: Part) -> Bool { part.target == target.meta || part.target == target.data }
        return parts.filter { !isLate($0) } + parts.filter { $0.target == target.data }
            + parts.filter { $0.target == target.meta }
    }

    /// Restores: copies, hashes, opens and reads everything, and gives the files their names then.
    ///
    /// - Parameter progress: called now and then; what it throws ends the restore, and nothing of it is left.
    /// - Throws: `.damaged` where the backup is not what was copied, `.alreadyExists`, `.noSpace`, `.writeFailed`.
    public func run(progress: (MaintenanceProgress) throws -> Void = { _ in }) throws -> Report {
        let manifest = try Self.checkedManifest(directory, key: key, in: storage)
        try Self.check(manifest, to: target, in: storage)
        let needed = manifest.bytes
        if let available = storage.available(at: target.data), available < needed {
            throw EngineError(
                .noSpace, "the restored database takes \(needed) bytes of disk, and \(available) are left",
                hint: "make room on the file system of \(target.data.displayString)", path: target.data)
        }
        let parts = try Self.parts(manifest, target)
        do {
            for part in parts { try storage.remove(part.temporary) }
            var written: [any WritableFile] = []
            for (number, part) in parts.enumerated() {
                let copy = try Self.copy(part.file, of: directory, to: part.temporary, in: storage) {
                    try progress(MaintenanceProgress(.writing, done: number, total: parts.count))
                }
                written.append(copy)
            }
            let contents = try contents(manifest, progress)
            for file in written { try file.sync() }
            try progress(MaintenanceProgress(.swapping, done: parts.count, total: parts.count))
            // Whoever opens the path before all names are given finds it locked.
            let lock = try parts.first { $0.target == target.data }.map { try storage.lock($0.temporary) }
            try withExtendedLifetime(lock) { try name(parts) }
            return Report(
                manifest: manifest, records: contents?.records ?? 0, unreadable: contents?.unreadable ?? 0)
        } catch {
            // Why it ended is the error to tell.
            _ = try? Self.resolve(target, in: storage)
            throw error
        }
    }

    /// The manifest, when papers and seal are sound.
    static func checkedManifest(
        _ directory: BackupDirectory, key: SymmetricKey, in storage: any Storage
    ) throws(EngineError) -> BackupManifest {
        let (manifest, problems) = try directory.checkPapers(key: key, in: storage)
        // The mark says when it was verified, and nothing of what is in it.
        let grave = problems.filter { $0.file != "verified" }
        guard let manifest, grave.isEmpty, directory.path.lastComponent?.string == manifest.id else {
            let problem = grave.first ?? Backup.Problem("manifest.json", "it is missing")
            throw EngineError(
                .damaged, "the backup is damaged: \(problem.file): \(problem.message)",
                hint:
                    "blazectl backup verify tells all of it; the database's files stand in \(directory.path.displayString)",
                path: directory.path)
        }
        return manifest
    }

    /// Copies a file of a backup, and holds its bytes against the manifest.
    static func copy(
        _ file: BackupManifest.File, of directory: BackupDirectory, to path: FilePath, in storage: any ChangingStorage,
        like model: FileStatus? = nil, _ check: () throws -> Void
    ) throws -> any WritableFile {
        let copy = try FileCopy(storage: storage).copy(directory.file(file.name), to: path, like: model, check)
        guard copy.bytes == file.bytes, copy.digest == file.digest else {
            throw EngineError(
                .damaged,
                "the backup is damaged: the bytes of \(directory.file(file.name).displayString) are not those that were copied",
                hint: "blazectl backup verify tells all of it", path: directory.file(file.name))
        }
        return copy.file
    }

    private func contents(
        _ manifest: BackupManifest, _ progress: (MaintenanceProgress) throws -> Void
    ) throws -> BackupManifest.Contents? {
        if manifest.method == .raw, manifest.contents == nil { return nil }
        let reader = try DatabaseReader(target.successor, in: storage, key: key, underLease: true)
        let contents = try reader.tallyContents(progress, as: .verifying)
        if let told = manifest.contents, told != contents {
            throw EngineError(
                .damaged, "what the restored files hold is not what was copied",
                hint: "the disk may be failing; the backup is as it was", path: target.data)
        }
        return contents
    }

    private func name(_ parts: [Part]) throws {
        // What tells of a restore is durable before it has an effect.
        try storage.syncDirectory(of: target.data)
        for part in parts {
            // All other names are durable before there is a database.
            if part.target == target.meta { try storage.syncDirectory(of: target.data) }
            try storage.link(part.temporary, to: part.target)
        }
        try storage.syncDirectory(of: target.data)
        for part in parts { try storage.remove(part.temporary) }
        try storage.syncDirectory(of: target.data)
    }

    // MARK: After a crash

    /// Tidies up what an interrupted restore left at a path: names that it has given are taken away again, unless it had come to
    /// the last one. Where there is metadata, whoever wrote it, there is a database, and nothing but temporary names goes. The
    /// caller holds the lock of the data file, where there is one.
    ///
    /// - Returns: whether the restored database is there; nil where nothing tells of a restore.
    public static func resolve(_ target: FileSet, in storage: any ChangingStorage) throws(EngineError) -> Bool? {
        try onStorage(target.data) {
            let new = target.successor
            let prefix = FilePath(root: nil, [new.data.lastComponent].compactMap(\.self)).bytes
            let others = try storage.names(in: target.directory)
                .filter { FilePath(root: nil, [$0]).bytes.starts(with: prefix + [UInt8(ascii: ".")]) }
                .map { target.directory.appending($0) }
            let pairs: [(FilePath, FilePath)] = [
                (new.meta, target.meta), (new.salt, target.salt), (new.wal, target.wal),
                (new.indexes, target.indexes), (new.data, target.data),
            ]
            let left = try (pairs.map(\.0) + others).filter { try storage.status(of: $0) != nil }
            guard !left.isEmpty else { return nil }
            func isSame(_ pair: (FilePath, FilePath)) throws -> Bool {
                guard let temporary = try storage.status(of: pair.0) else { return false }
                return try storage.status(of: pair.1)?.identity == temporary.identity
            }
            // The last name is given when the one of the metadata is, or the data file's where there is no other.
            let hasMeta = try storage.status(of: new.meta) != nil
            let isThere = try storage.status(of: target.meta) != nil
            let isDone = try isThere || (!hasMeta && isSame(pairs[4]))
            if !isDone {
                for pair in pairs where try isSame(pair) { try storage.remove(pair.1) }
                let identities = try others.compactMap { try storage.status(of: $0)?.identity }
                for name in try storage.names(in: target.directory) {
                    let path = target.directory.appending(name)
                    guard !others.contains(path), let identity = try storage.status(of: path)?.identity,
                        identities.contains(identity)
                    else { continue }
                    try storage.remove(path)
                }
                try storage.syncDirectory(of: target.data)
            }
            for path in left { try storage.remove(path) }
            try storage.syncDirectory(of: target.data)
            return isDone
        }
    }
}

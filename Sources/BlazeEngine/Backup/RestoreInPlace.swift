internal import BlazeModel
public import BlazePlatform
public import Crypto
public import SystemPackage

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// Puts a backup in the place of the database that is there, under its lock. The old files are kept beside it, and `RepairUndo` puts
/// them back. Killed at any point, the next one to come finds the old set or the restored one.
///
/// The restored database has the key of the one that it replaces: a backup of the same key comes back file by file, one of another
/// salt or password is written anew, record by record.
///
/// One thread at a time.
public struct RestoreInPlace {
    /// What was restored.
    public struct Report: Sendable, Hashable {
        /// Which backup.
        public let manifest: BackupManifest
        /// Records of the restored database.
        public let records: UInt64
        /// Index entries whose record is damaged, as it was when the backup was taken.
        public let unreadable: UInt64
        /// Whether the records were encrypted with another key than the backup's.
        public let isReencrypted: Bool
        /// The directory that keeps the old files.
        public let kept: FilePath
        /// What was put right first.
        public let recovery: [RecoveryStep]
    }

    private let directory: BackupDirectory
    private let backupKey: SymmetricKey
    private let files: FileSet
    private let storage: any ChangingStorage
    private let key: SymmetricKey
    private var locks: [any FileLock]

    /// - Parameters:
    ///   - backupKey: the key of the database as it was when the backup was taken.
    ///   - key: the key of the database that is there, and of the restored one.
    ///   - locks: those of the data file, and of the one that a vacuum set aside where there is one.
    public init(
        _ directory: BackupDirectory, backupKey: SymmetricKey, over files: FileSet, in storage: any ChangingStorage,
        key: SymmetricKey, locks: [any FileLock]
    ) {
        self.directory = directory
        self.backupKey = backupKey
        self.files = files
        self.storage = storage
        self.key = key
        self.locks = locks
    }

    /// Restores.
    ///
    /// - Parameter progress: called now and then; what it throws before the restored files are put in place leaves the old ones.
    /// - Throws: `.damaged` where the backup is not what was copied, `.invalidRecord` for a raw copy, `.noSpace`, `.readOnly`,
    ///   `.writeFailed`, `.replacedMeanwhile`.
    public mutating func apply(progress: (MaintenanceProgress) throws -> Void = { _ in }) throws -> Report {
        let manifest = try Restore.checkedManifest(directory, key: backupKey, in: storage)
        try Self.check(manifest)
        var steps: [RecoveryStep] = []
        if try storage.status(of: files.repairMarker) != nil {
            steps = try FileRecovery.resolve(files, in: storage, locks: locks).steps
        }
        let needed = manifest.bytes + (try storage.status(of: files.wal)?.size ?? 0)
        if let available = storage.available(at: files.data), available < needed {
            throw EngineError(
                .noSpace, "a restore takes some \(needed) bytes of disk, and \(available) are left",
                hint: "make room on the file system of \(files.data.displayString)", path: files.data)
        }
        let places = try RescueSource.places(of: files, in: storage)
        guard let data = places.data else {
            throw EngineError(
                .notFound, "\(files.data.displayString) is missing: there is nothing to restore in the place of",
                hint: "restore it with --to", path: files.data)
        }
        let present = try RescueSource(
            data: data, meta: places.meta, wal: files.wal, in: storage, key: key, marked: files)
        let ids = try Self.ids(directory, manifest, key: backupKey, in: storage)
        try checkKey(manifest)
        var replacement = Replacement(
            files, in: storage, key: key, locks: locks, before: .restore, present: present, backup: nil)
        let isSame = backupKey == key
        var contents = manifest.contents
        let (directory, storage, files, key, backupKey) = (directory, storage, files, key, backupKey)
        let done = try replacement.run(
            report: Self.report(manifest), hasRecord: { ids.contains($0) }, total: ids.count, progress
        ) {
            let builder = RestoredFiles(
                directory, manifest, over: files, present: present, in: storage, key: key, backupKey: backupKey)
            let (new, found) = try isSame ? builder.copied(progress) : builder.reencrypted(progress)
            contents = found
            return new
        }
        locks = replacement.locks
        return Report(
            manifest: manifest, records: contents?.records ?? 0, unreadable: contents?.unreadable ?? 0,
            isReencrypted: !isSame, kept: done.kept, recovery: steps + done.steps)
    }

    /// That the key which the restored database gets is the one that the salt in place gives.
    private func checkKey(_ manifest: BackupManifest) throws(EngineError) {
        let source = directory.files(manifest.dataName)
        let fits =
            backupKey == key
            ? try Salt.read(source, in: storage).bytes == Salt.read(files, in: storage).bytes
            : try RescueEvidence(files, in: storage).isFitted(by: key)
        guard !fits else { return }
        throw EngineError(
            .wrongPassword, "the key at hand is not that of the files in the place of \(files.data.displayString)",
            hint: "lock the database and unlock it again; restore --to another path needs no present key",
            path: files.data)
    }

    /// That a backup can be put in the place of a database.
    public static func check(_ manifest: BackupManifest) throws(EngineError) {
        guard manifest.method != .raw else {
            throw EngineError(
                .invalidRecord, "a raw copy is of a damaged database, and is not put in the place of another one",
                hint: "restore it with --to, and repair that")
        }
    }

    /// Which records it has, once its metadata is known to be what was copied.
    private static func ids(
        _ directory: BackupDirectory, _ manifest: BackupManifest, key: SymmetricKey, in storage: any Storage
    ) throws -> Set<RecordID> {
        try RestoredFiles.hold(manifest.files.filter { $0.name != manifest.dataName }, directory, in: storage) {}
        let reader = try DatabaseReader(directory.files(manifest.dataName), in: storage, key: key, underLease: true)
        return Set(reader.metadata.index.entries.map(\.id))
    }

    private static func report(_ manifest: BackupManifest) -> [UInt8] {
        var out: [UInt8] = []
        JSONValue.object([
            ("version", .number("1")), ("restored", .string(manifest.id)),
            ("time", .string(Date.now.formatted(.iso8601))),
        ]).append(to: &out)
        return out + [UInt8(ascii: "\n")]
    }
}

/// Makes the files that come into the place of the old ones.
private struct RestoredFiles {
    private let directory: BackupDirectory
    private let manifest: BackupManifest
    private let files: FileSet
    private let present: RescueSource
    private let storage: any ChangingStorage
    private let key: SymmetricKey
    private let backupKey: SymmetricKey

    init(
        _ directory: BackupDirectory, _ manifest: BackupManifest, over files: FileSet, present: RescueSource,
        in storage: any ChangingStorage, key: SymmetricKey, backupKey: SymmetricKey
    ) {
        self.directory = directory
        self.manifest = manifest
        self.files = files
        self.present = present
        self.storage = storage
        self.key = key
        self.backupKey = backupKey
    }

    /// The backup's own data file and metadata.
    func copied(
        _ progress: (MaintenanceProgress) throws -> Void
    ) throws -> (NewFiles, BackupManifest.Contents) {
        let source = directory.files(manifest.dataName)
        let new = files.successor
        let model = present.store.status
        func copy(_ path: FilePath, to target: FilePath, like model: FileStatus) throws -> any WritableFile {
            guard let file = manifest.files.first(where: { $0.name == path.lastComponent }) else {
                throw EngineError(
                    .damaged, "the backup has no \(path.displayString)", hint: "blazectl backup verify tells more",
                    path: path)
            }
            try storage.remove(target)
            return try Restore.copy(file, of: directory, to: target, in: storage, like: model) {
                try progress(MaintenanceProgress(.writing, done: 0, total: 0))
            }
        }
        let data = try copy(source.data, to: new.data, like: model)
        let meta = try copy(source.meta, to: new.meta, like: present.metadataStatus ?? model)
        let reader = try DatabaseReader(new, in: storage, key: key, underLease: true)
        let contents = try reader.tallyContents(progress, as: .verifying)
        try check(contents)
        try data.sync()
        try meta.sync()
        let files = NewFiles(
            files: new, dataIdentity: try data.status().identity, metaIdentity: try meta.status().identity,
            bytes: try data.status().size + meta.status().size)
        return (files, contents)
    }

    /// The backup's records, by another key. Damaged ones cannot come with them.
    func reencrypted(
        _ progress: (MaintenanceProgress) throws -> Void
    ) throws -> (NewFiles, BackupManifest.Contents) {
        try Self.hold(manifest.files, directory, in: storage) {
            try progress(MaintenanceProgress(.reading, done: 0, total: 0))
        }
        let reader = try DatabaseReader(
            directory.files(manifest.dataName), in: storage, key: backupKey, underLease: true)
        let model = present.store.status
        let builder = try SuccessorBuilder(
            files.successor, in: storage, key: key, cipher: try PageCipher(key), like: model)
        var tally = ContentTally()
        var done = 0
        let total = reader.metadata.index.count
        try reader.forEachOutcome(
            keepsBytes: true, interrupt: { try progress(MaintenanceProgress(.writing, done: done, total: total)) }
        ) { id, outcome, _ in
            done += 1
            switch outcome {
            case .read(let found) where found.id == id:
                guard let bytes = found.bytes else { throw EngineError.changed(directory.path) }
                try bytes.withUnsafeBytes { bytes in
                    try builder.add(id, bytes)
                    tally.add(id, found.record, bytes)
                }
            case .absent(let absence) where absence.failure.severity == .advice: break
            case .gone: break
            case .read, .absent, .noPages, .unstable: tally.addUnreadable()
            }
        }
        let contents = tally.contents(indexes: reader.metadata.indexes)
        try check(contents)
        var image = try MetadataImage(reader.metadata)
        if contents.unreadable > 0 { image.dropSearchIndex() }
        let successor = try builder.finish(image, like: present.metadataStatus ?? model)
        try successor.verify(progress)
        try successor.sync()
        return (NewFiles(successor), contents)
    }

    /// That the files which are read are those that were copied: the manifest's digests hold for them.
    static func hold(
        _ files: [BackupManifest.File], _ directory: BackupDirectory, in storage: any Storage,
        _ check: () throws -> Void
    ) throws {
        for file in files {
            let (bytes, digest) = try FileCopy.digest(of: try storage.open(directory.file(file.name)), check)
            guard bytes == file.bytes, digest == file.digest else {
                throw EngineError(
                    .damaged,
                    "the backup is damaged: the bytes of \(directory.file(file.name).displayString) are not those that were copied",
                    hint: "blazectl backup verify tells all of it", path: directory.file(file.name))
            }
        }
    }

    private func check(_ contents: BackupManifest.Contents) throws(EngineError) {
        guard let told = manifest.contents, told != contents else { return }
        throw EngineError(
            .damaged, "what the backup's files hold is not what was copied", hint: "blazectl backup verify tells more",
            path: directory.path)
    }
}

internal import BlazeModel
public import BlazePlatform
public import Crypto
internal import SystemPackage

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// Makes one backup of a database. Nothing of the database is changed.
///
/// One thread at a time.
public struct BackupCreation {
    private let files: FileSet
    private let storage: any ChangingStorage
    private let observed: any Storage
    private let key: SymmetricKey
    private let options: Backup.Options
    private let repository: BackupRepository

    /// - Parameter observed: how looking at the database sees it beside an owner.
    public init(
        _ files: FileSet, in storage: any ChangingStorage, observed: any Storage, key: SymmetricKey,
        to repository: BackupRepository, _ options: Backup.Options
    ) {
        self.files = files
        self.storage = storage
        self.observed = observed
        self.key = key
        self.repository = repository
        self.options = options
    }

    /// What was copied, before it is known to be sound.
    private struct Taken {
        var files: [(name: FilePath.Component, file: any WritableFile)] = []
        var copied: [BackupManifest.File] = []
        var steps: [String] = []
        var method: BackupManifest.Method
        var formatVersion: String?
        var contents: BackupManifest.Contents?
        var problems: [Backup.Problem] = []
        var leftOut: UInt64 = 0
    }

    /// Makes it.
    ///
    /// - Parameters:
    ///   - moment: now, in nanoseconds since 1970.
    ///   - underLease: the caller holds the database's lock. Without it each record is read by itself, beside whoever has it open.
    ///   - progress: called now and then; what it throws ends the backup, and nothing is left of it.
    /// - Throws: `.recoveryUndecided`, `.changedWhileReading` where records kept changing, `.noSpace`, `.writeFailed`; what reading
    ///   the database throws.
    public func run(
        at moment: Int64, underLease: Bool, progress: (MaintenanceProgress) throws -> Void = { _ in }
    ) throws -> Backup.Report {
        let salt = try Salt.read(files, in: storage)
        guard let database = salt.identity(dataFile: try onStorage(files.data) { try storage.status(of: files.data) }),
            let dataName = files.data.lastComponent
        else { throw EngineError(.notFound, "\(files.data.displayString) is missing", path: files.data) }
        guard underLease || !options.isRaw else {
            throw EngineError(
                .invalidRecord, "a raw copy takes the lock: beside a writer the files do not belong together",
                path: files.data)
        }
        let id = BackupID.fresh(at: moment)
        let (directory, unfinished) = try repository.make(id, of: database)
        return try withExtendedLifetime(unfinished) {
            do {
                let taken = underLease ? try copyFiles(directory, progress) : try copyRecords(directory, progress)
                var manifest = BackupManifest(
                    id: id, database: database, source: files.data, dataName: dataName, taken: moment,
                    method: taken.method, tag: options.tag, formatVersion: taken.formatVersion, steps: taken.steps,
                    files: taken.copied, contents: taken.contents)
                manifest.leftOut = taken.leftOut
                guard manifest.files.allSatisfy({ !BackupDirectory.ownNames.contains($0.name) }) else {
                    throw EngineError(
                        .invalidRecord, "a database of this name cannot be kept beside a backup's papers",
                        hint: "give it another name", path: files.data)
                }
                try onStorage(directory.path) { for copy in taken.files { try copy.file.sync() } }
                guard options.verifies else {
                    try directory.commit(manifest, key: key, in: storage)
                    return Backup.Report(
                        manifest: manifest, directory: directory.path, isVerified: false, problems: taken.problems)
                }
                let verification = BackupVerification(directory, in: storage, key: key)
                let found = try verification.run(manifest, in: repository, progress)
                // What is copied under a lock is what the same bytes say.
                manifest.contents = manifest.contents ?? found.contents
                // What was written is not what can be read back: there is no backup. Records that were damaged before are no fault
                // of it.
                let faults = found.problems.filter { $0.file != BackupVerification.contentsName }
                guard faults.isEmpty else {
                    throw EngineError(
                        .writeFailed,
                        "the backup does not hold what was written to it: \(faults[0].file): \(faults[0].message)",
                        hint: "the disk may be failing", path: directory.path)
                }
                try directory.commit(manifest, key: key, in: storage)
                let isVerified = found.isSound && found.contents != nil && mark(directory, at: moment)
                return Backup.Report(
                    manifest: manifest, directory: directory.path, isVerified: isVerified,
                    problems: taken.problems + found.problems)
            } catch {
                // Why it ended is the error to tell; what stays behind, the next one to come removes.
                try? directory.remove(in: storage)
                throw error
            }
        }
    }

    /// Notes that it is proven to restore; whether that could be noted. A backup that is whole stays in any case.
    private func mark(_ directory: BackupDirectory, at moment: Int64) -> Bool {
        do throws(EngineError) {
            try directory.markVerified(at: moment, key: key, in: storage)
            return true
        } catch {
            return false
        }
    }

    // MARK: Under the lock

    private func copyFiles(
        _ directory: BackupDirectory, _ progress: (MaintenanceProgress) throws -> Void
    ) throws -> Taken {
        let status = try FileSetStatus.read(files, in: storage)
        guard status.data != nil || options.isRaw else {
            throw EngineError(
                .recoveryUndecided,
                "\(files.data.displayString) is missing: an interrupted operation has moved it, or it is lost",
                hint: "blazectl repair shows what can be done", path: files.data)
        }
        let markers = [files.growthMarker, files.rollbackMarker, files.repairMarker]
        let left = status.leftovers.filter {
            $0.kind == .agentTemporary ? markers.contains($0.path) : Self.isUndecided($0.kind)
        }
        let isClean = left.isEmpty && (status.wal?.size ?? 0) == 0
        var paths = [files.data, files.meta, files.salt, files.indexes]
        if options.isRaw {
            paths += [files.wal] + status.leftovers.map(\.path)
        } else if !isClean {
            paths += [files.wal] + left.map(\.path)
        }
        var taken = Taken(method: options.isRaw ? .raw : .exact)
        var seen: [(path: FilePath, status: FileStatus?)] = []
        let copy = FileCopy(storage: storage)
        for (number, path) in paths.enumerated() {
            guard let name = path.lastComponent, try storage.status(of: path)?.kind == .regular else { continue }
            func check() throws {
                try progress(MaintenanceProgress(.writing, done: number, total: paths.count))
            }
            try check()
            seen.append((path, try storage.status(of: path)))
            let result = try copy.copy(path, to: directory.file(name), check)
            taken.files.append((name, result.file))
            taken.copied.append(BackupManifest.File(name: name, bytes: result.bytes, digest: result.digest))
        }
        // BlazeDB restores what a crash left before it takes the lock (trap T6).
        for (path, status) in seen where try storage.status(of: path) != status {
            throw EngineError.changed(path)
        }
        guard try FileSetStatus.read(files, in: storage).leftovers.map(\.path) == status.leftovers.map(\.path) else {
            throw EngineError.changed(files.data)
        }
        if !isClean, !options.isRaw { try settle(directory, &taken, progress) }
        let copied = directory.files(try name(of: files.data))
        do {
            let reader = try DatabaseReader(copied, in: storage, key: key, underLease: true)
            taken.formatVersion = reader.metadata.formatVersion
            if options.isRaw { taken.contents = try reader.tallyContents(progress, as: .reading) }
        } catch let error as EngineError {
            // Of a raw copy nothing is expected; of any other one the verification tells.
            guard options.isRaw || options.verifies else { throw error }
        }
        return taken
    }

    /// Whether an operation's files say that what is in place may not be what counts.
    private static func isUndecided(_ kind: Leftover.Kind) -> Bool {
        switch kind {
        case .transactionCopy, .vacuumMarker, .vacuumBackup: true
        case .openBackup, .transactionLog, .vacuumNew, .asyncVacuum, .agentTemporary: false
        }
    }

    private func name(of path: FilePath) throws(EngineError) -> FilePath.Component {
        guard let name = path.lastComponent else {
            throw EngineError(.notRegularFile, "\(path.displayString) has no name", path: path)
        }
        return name
    }

    /// Puts right in the copy what a crash left in the database, as opening that for a change would: BlazeDB's own way of putting
    /// it right brings deleted records back (traps T3 to T5), and a backup is to open well by itself.
    private func settle(
        _ directory: BackupDirectory, _ taken: inout Taken, _ progress: (MaintenanceProgress) throws -> Void
    ) throws {
        let copied = directory.files(try name(of: files.data))
        taken.files = []
        for marker in [files.repairMarker, files.rollbackMarker] where try storage.status(of: marker) != nil {
            throw EngineError(
                .recoveryUndecided, "an operation on \(files.data.displayString) did not end",
                hint: "blazectl gc run puts that right; backup create --raw copies all files as they are",
                path: marker)
        }
        // What becomes of a transaction is decided by files that are where they were, at the times that they had.
        let isRolledBack =
            try TransactionRollback(files, in: storage, key: key, data: storage.open(files.data))
            .toReturnTo(isDecided: false) != nil
        do {
            let lock = try storage.lock(copied.data)
            let writer = try DatabaseWriter(copied, in: storage, key: key, lock: lock, progress: progress)
            taken.steps = writer.recovery.map(\.message)
            let hasRolledBack = writer.recovery.contains { $0.kind == .transactionRolledBack }
            try writer.close()
            guard hasRolledBack == isRolledBack else {
                throw EngineError(
                    .recoveryUndecided, "what becomes of an interrupted transaction is told only where it began",
                    path: files.data)
            }
        } catch let error as EngineError where error.code == .recoveryUndecided || error.code == .damaged {
            throw EngineError(
                error.code,
                "what a crash left of \(files.data.displayString) cannot be put right without a decision: \(error.message)",
                hint: "backup create --raw copies all files as they are; blazectl repair decides", path: files.data)
        }
        let kept = [copied.data, copied.meta, copied.salt, copied.indexes].compactMap(\.lastComponent)
        for name in try storage.names(in: directory.path) where !kept.contains(name) {
            if name != BackupDirectory.unfinishedName { try storage.remove(directory.file(name)) }
        }
        taken.copied = []
        for name in kept where try storage.status(of: directory.file(name)) != nil {
            let file = try storage.openForWriting(directory.file(name))
            let (bytes, digest) = try FileCopy.digest(of: file) {
                try progress(MaintenanceProgress(.writing, done: 0, total: 0))
            }
            taken.files.append((name, file))
            taken.copied.append(BackupManifest.File(name: name, bytes: bytes, digest: digest))
        }
    }

    // MARK: Beside an owner

    /// Reads record by record (FORMAT.md 8.1a), and writes them side by side into new files.
    private func copyRecords(
        _ directory: BackupDirectory, _ progress: (MaintenanceProgress) throws -> Void
    ) throws -> Taken {
        let reader = try DatabaseReader(files, in: observed, key: key)
        let first = try MetadataImage(reader.metadata)
        let copied = directory.files(try name(of: files.data))
        let builder = try SuccessorBuilder(
            copied, in: storage, key: key, cipher: reader.generation.store.cipher, like: nil)
        var tally = ContentTally()
        var unreadable: [RecordID] = []
        var unstable = 0
        var done = 0
        try reader.forEachOutcome(
            keepsBytes: true,
            interrupt: {
                try progress(MaintenanceProgress(.writing, done: done, total: reader.metadata.index.count))
            }
        ) { id, outcome, _ in
            done += 1
            switch outcome {
            case .read(let found) where found.id == id:
                guard let bytes = found.bytes else { throw EngineError.changed(files.data) }
                try bytes.withUnsafeBytes { bytes in
                    try builder.add(id, bytes)
                    tally.add(id, found.record, bytes)
                }
            case .absent(let absence) where absence.failure.severity == .advice: break
            case .gone: break
            case .unstable: unstable += 1
            case .read, .absent, .noPages: unreadable.append(id)
            }
        }
        guard unstable == 0 else {
            throw EngineError(
                .changedWhileReading, "\(unstable) records kept changing while they were read",
                hint: "try again, or when the database is free: --wait 30s --tier lease", path: files.data)
        }
        // An insert of the owner's writes metadata without definitions, and puts them back later (trap T14).
        let last = try MetadataImage(reader.metadata)
        var image = last.hasDefinitions || !first.hasDefinitions ? last : first
        image.dropSearchIndex()
        var taken = Taken(method: .live)
        taken.formatVersion = reader.metadata.formatVersion
        let successor = try builder.finish(image, like: nil)
        let written = try DatabaseReader(successor.files, in: storage, key: key, underLease: true)
        taken.contents = tally.contents(indexes: written.metadata.indexes)
        if !unreadable.isEmpty {
            taken.leftOut = UInt64(unreadable.count)
            taken.problems.append(
                Backup.Problem(
                    BackupVerification.contentsName,
                    "\(unreadable.count) damaged records are not in it, \(unreadable[0]) among them"))
        }
        if try storage.status(of: files.salt) != nil {
            _ = try FileCopy(storage: storage).copy(files.salt, to: copied.salt) {}
        }
        for path in [copied.data, copied.meta, copied.salt] {
            guard try storage.status(of: path) != nil else { continue }
            let file = try storage.openForWriting(path)
            let (bytes, digest) = try FileCopy.digest(of: file) {
                try progress(MaintenanceProgress(.writing, done: done, total: done))
            }
            let name = try name(of: path)
            taken.files.append((name, file))
            taken.copied.append(BackupManifest.File(name: name, bytes: bytes, digest: digest))
        }
        return taken
    }
}

extension BackupDirectory {
    /// The database that is in it.
    func files(_ dataName: FilePath.Component) -> FileSet { FileSet(data: file(dataName)) }
}

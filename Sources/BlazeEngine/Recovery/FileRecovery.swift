public import BlazePlatform
internal import SystemPackage

/// Puts right what an interrupted replacement of a database's files left: one of ours, or a vacuum of BlazeDB's (FORMAT.md
/// 7.4, 8.1b, trap T5b). Needs no key. Killed at any point, the next call goes on.
public enum FileRecovery {
    /// Which files are in place now.
    public enum Outcome: String, Sendable, Hashable {
        /// No replacement was under way.
        case nothing
        /// The old ones.
        case old
        /// The new ones.
        case new
    }

    /// Resolves file by file, under the lock of the data file, or of the one set aside when there is no data file.
    ///
    /// Throws `.replacedMeanwhile` when another process has one of the files locked, and what changing files throws.
    ///
    /// - Parameter locks: all that the caller holds: taken twice by one process, a lock keeps itself out.
    public static func resolve(
        _ files: FileSet, in storage: any ChangingStorage, locks: [any FileLock]
    ) throws(EngineError) -> (outcome: Outcome, steps: [RecoveryStep]) {
        var swap = InterruptedSwap(files, in: storage, locks: locks)
        var outcome = try swap.resolve()
        let repair = try RepairMarker.resolve(files, in: storage)
        // What tells of a repair is removed last, so that its swap may have been resolved before.
        if outcome == .nothing, let kind = repair.first?.kind { outcome = kind == .repairFinished ? .new : .old }
        return (outcome, swap.steps + repair)
    }
}

/// The files of a replacement that may have been interrupted, and the way out.
struct InterruptedSwap {
    private let files: FileSet
    private let storage: any ChangingStorage
    /// The locks held, those taken here among them.
    private(set) var locks: [any FileLock]
    private(set) var steps: [RecoveryStep] = []

    init(_ files: FileSet, in storage: any ChangingStorage, locks: [any FileLock]) {
        self.files = files
        self.storage = storage
        self.locks = locks
    }

    /// Each file that has a backup is given back, unless the new ones count; nothing else is touched.
    mutating func resolve() throws(EngineError) -> FileRecovery.Outcome {
        try onStorage(files.data) {
            let isMarked = try storage.status(of: files.swapMarker) != nil
            let isDone = try storage.status(of: files.swapSuccess) != nil
            let outcome: FileRecovery.Outcome
            if isDone {
                try finish()
                outcome = .new
            } else if isMarked {
                outcome = try undo()
            } else {
                outcome = try tidyUnmarked() ? .old : .nothing
            }
            let removed = try removeOwn()
            return outcome == .nothing && removed ? .old : outcome
        }
    }

    /// The new files count: the old ones go, then the markers. The one that says so goes before the other: alone, the other is
    /// nothing to BlazeDB, but a success that was left would make it throw away the backups of its next vacuum.
    private mutating func finish() throws {
        let lacksMeta = try storage.status(of: files.meta) == nil
        let mayLackMeta = try lacksMeta && RepairMarker.read(files, in: storage)?.dropsMeta == true
        guard try storage.status(of: files.data) != nil, !lacksMeta || mayLackMeta else {
            throw EngineError(
                .recoveryUndecided,
                "a vacuum of \(files.data.displayString) had ended, but one of the new files is missing",
                hint: "copy all files of the database away; restore them from a backup", path: files.data)
        }
        try removeBackups()
        try storage.remove(files.swapSuccess)
        try storage.syncDirectory(of: files.data)
        try storage.remove(files.swapMarker)
        try storage.syncDirectory(of: files.data)
        steps.append(RecoveryStep(.vacuumFinished, "a vacuum had ended: what was left of the old files was removed"))
    }

    /// The data file's backup goes first: without it BlazeDB restores nothing, with it alone it would take the metadata away.
    private func removeBackups() throws(StorageError) {
        try storage.remove(files.dataAside)
        try storage.syncDirectory(of: files.data)
        try storage.remove(files.metaAside)
        try storage.syncDirectory(of: files.data)
    }

    /// The old files count. Both backups stay until both files are back: BlazeDB, which may come next, restores both or none.
    private mutating func undo() throws -> FileRecovery.Outcome {
        let hasBackup = try [files.dataAside, files.metaAside].contains { try storage.status(of: $0) != nil }
        let isBuilding = try files.vacuumNew.contains { try storage.status(of: $0) != nil }
        // Whoever waits for the lock must not get it on a file that has just lost its name, or got it back.
        try hold(files.dataAside)
        var restored: [String] = []
        if try putBack(files.dataAside, files.data) { restored.append("the data file") }
        if try putBack(files.metaAside, files.meta) { restored.append("the metadata") }
        // Beside the old data file of a database that had no metadata, the new one would lead everybody astray.
        if try storage.status(of: files.metaAside) == nil,
            let new = try RepairMarker.read(files, in: storage)?.newMeta, let meta = try storage.status(of: files.meta),
            new == WrittenStamp(meta)
        {
            try storage.remove(files.meta)
        }
        try storage.syncDirectory(of: files.data)
        try removeBackups()
        // What BlazeDB's vacuum was building.
        for path in files.vacuumNew { try storage.remove(path) }
        try storage.remove(files.swapMarker)
        try storage.syncDirectory(of: files.data)
        guard hasBackup || isBuilding else {
            // The last name of a vacuum that has ended.
            steps.append(RecoveryStep(.vacuumFinished, "a vacuum had ended: its marker was removed"))
            return .new
        }
        steps.append(
            RecoveryStep(
                .vacuumUndone,
                restored.isEmpty
                    ? "a vacuum that did not end was undone: the files were still the old ones"
                    : "a vacuum that did not end was undone: \(restored.joined(separator: " and ")) put back"))
        return .old
    }

    /// Without a marker, backups are names that were given just before it is made, or just before it is gone; whether there
    /// were any. Another file than the data file is left alone, unless there is none.
    private mutating func tidyUnmarked() throws -> Bool {
        guard let aside = try storage.status(of: files.dataAside) else {
            guard try storage.status(of: files.data) != nil, let meta = try storage.status(of: files.metaAside) else {
                return false
            }
            // Its data file's other name is gone already.
            guard try meta.identity == storage.status(of: files.meta)?.identity else { return false }
            try storage.remove(files.metaAside)
            try storage.syncDirectory(of: files.data)
            return true
        }
        if let data = try storage.status(of: files.data) {
            guard data.identity == aside.identity else { return false }
            if try storage.status(of: files.meta) == nil { _ = try putBack(files.metaAside, files.meta) }
            // The metadata may have been replaced since: its second name is then an older one.
            try removeBackups()
            return true
        }
        _ = try undo()
        return true
    }

    /// Gives a file its name back, and leaves its backup; false when it has none, or has its name already.
    private func putBack(_ aside: FilePath, _ path: FilePath) throws -> Bool {
        guard let backup = try storage.status(of: aside) else { return false }
        guard try storage.status(of: path)?.identity != backup.identity else { return false }
        try storage.remove(files.returning)
        do throws(StorageError) {
            try storage.link(aside, to: files.returning)
        } catch {
            // A file system without second names, on which only BlazeDB can have begun.
            try storage.rename(aside, to: path)
            return true
        }
        try storage.rename(files.returning, to: path)
        return true
    }

    private mutating func hold(_ path: FilePath) throws {
        guard let status = try storage.status(of: path), !locks.contains(where: { $0.identity == status.identity })
        else { return }
        do throws(StorageError) {
            locks.append(try storage.lock(path))
        } catch {
            guard error.code == .locked else { throw error }
            throw EngineError(
                .replacedMeanwhile, "another process is at work on \(path.displayString)",
                hint: "try again when it has ended", path: path)
        }
    }

    /// Removes what we were building.
    private mutating func removeOwn() throws -> Bool {
        var isFound = false
        let new = files.successor
        for path in [new.data, new.meta, new.salt, new.wal, new.indexes, files.metaNew, files.returning]
        where try storage.status(of: path) != nil {
            try storage.remove(path)
            isFound = true
        }
        if isFound {
            try storage.syncDirectory(of: files.data)
            steps.append(
                RecoveryStep(.temporaryFilesRemoved, "temporary files of an operation that did not end were removed"))
        }
        return isFound
    }
}

internal import BlazeModel
internal import BlazePlatform
internal import Crypto
internal import SystemPackage

/// Puts new files in the place of a database's under its lock, and keeps the old ones beside it: what repair and restore have in
/// common.
///
/// Until the new files are in place nothing of the old ones is changed but names that an interrupted vacuum had moved, and torn
/// pages that the WAL fills (FORMAT.md 8.1a). Killed at any point, the next one to come finds the old set or the new one.
struct Replacement {
    /// What was done.
    struct Done {
        /// The directory that keeps the old files.
        let kept: FilePath
        /// Data file and metadata, in bytes.
        let bytes: UInt64
        /// What was put right meanwhile, and what the next opening has still to do.
        let steps: [RecoveryStep]
    }

    private let files: FileSet
    private let storage: any ChangingStorage
    private let key: SymmetricKey
    private let reason: KeptReason
    private let present: RescueSource
    private let backup: TransactionRollback.Backup?
    /// The locks held, that of the new data file among them in the end.
    private(set) var locks: [any FileLock]

    /// - Parameters:
    ///   - present: the files that are there.
    ///   - backup: the copy from before a transaction that the new files are made from.
    init(
        _ files: FileSet, in storage: any ChangingStorage, key: SymmetricKey, locks: [any FileLock],
        before reason: KeptReason, present: RescueSource, backup: TransactionRollback.Backup?
    ) {
        self.files = files
        self.storage = storage
        self.key = key
        self.locks = locks
        self.reason = reason
        self.present = present
        self.backup = backup
    }

    /// Does it.
    ///
    /// - Parameters:
    ///   - report: what is done, for people; kept with the old files.
    ///   - hasRecord: whether the database has a record of an id.
    ///   - total: how many records the new files have.
    ///   - build: makes the new files under their names beside the old ones, verified and durable.
    mutating func run(
        report: [UInt8], hasRecord: (RecordID) -> Bool, total: Int, _ progress: (MaintenanceProgress) throws -> Void,
        build: () throws -> NewFiles
    ) throws -> Done {
        let kept = try KeptSet.fresh(of: files, before: reason, in: storage)
        var marker = RepairMarker(
            .repair, kept: try component(kept.directory), from: WrittenStamp(present.store.status))
        var steps: [RecoveryStep] = []
        let new: NewFiles
        do {
            try marker.write(files, in: storage)
            let keptFiles = try KeptFiles(files, in: storage, key: key, hasRecord: hasRecord)
            let list = try keep(keptFiles, kept)
            // What an interrupted vacuum moved has its name back from here on.
            var interrupted = InterruptedSwap(files, in: storage, locks: locks)
            _ = try interrupted.resolve()
            locks = interrupted.locks
            steps += interrupted.steps
            try checkPlace()
            try FileSwap.checkNames(files, in: storage, probe: files.data)
            new = try build()
            let (newData, newMeta) = (try status(files.successor.data), try status(files.successor.meta))
            marker.data = WrittenStamp(newData)
            if try storage.status(of: files.meta) == nil { marker.newMeta = WrittenStamp(newMeta) }
            note(list.filter { keptFiles.moves($0.name) }, in: &marker)
            try kept.write(
                report: report, manifest: try KeptManifest(list, data: newData, meta: newMeta).bytes())
            try progress(MaintenanceProgress(.swapping, done: total, total: total))
            try emptyWAL()
            marker.from = WrittenStamp(try status(files.data))
            try marker.write(files, in: storage)
            try marker.removeMoved(marker.early, files, in: storage)
        } catch {
            takeBack()
            if let error = error as? StorageError { throw EngineError(error) }
            throw error
        }
        if let outstanding = try swap(to: new, marker, kept) { steps.append(outstanding) }
        return Done(kept: kept.directory, bytes: new.bytes, steps: steps)
    }

    /// Copies of a transaction that are not what the new files are made from go before these count: BlazeDB would put them in their
    /// place. Everything else goes afterwards.
    private func note(_ moved: [KeptSet.File], in marker: inout RepairMarker) {
        for file in moved {
            let bytes = FilePath(root: nil, [file.name]).bytes
            let kind = Leftover.Kind(file: bytes, name: files.nameBytes, dataName: files.dataNameBytes)
            let move = RepairMarker.Move(name: file.name, inode: file.inode)
            if kind == .transactionCopy, backup == nil {
                marker.early.append(move)
            } else {
                marker.moves.append(move)
            }
        }
    }

    private func component(_ path: FilePath) throws(EngineError) -> FilePath.Component {
        guard let name = path.lastComponent else {
            throw EngineError(.notRegularFile, "\(path.displayString) has no name", path: path)
        }
        return name
    }

    private func status(_ path: FilePath) throws -> FileStatus {
        guard let status = try storage.status(of: path) else { throw EngineError.changed(path) }
        return status
    }

    private func keep(_ paths: KeptFiles, _ kept: KeptSet) throws -> [KeptSet.File] {
        // The WAL is emptied, and pages of the data file are filled from it; a salt is so short that a copy costs nothing.
        var copied: Set<FilePath> = [files.wal, files.salt]
        if !present.store.overlay.isEmpty { copied.insert(files.data) }
        return try kept.make(
            paths.own + paths.moved.map { KeptSet.Source(path: $0, name: $0) }, copied: copied,
            like: present.store.status)
    }

    /// That the data file in place is the one that was read, and locked.
    private func checkPlace() throws(EngineError) {
        let named = try onStorage(files.data) { try storage.status(of: files.data)?.identity }
        guard let named, named == present.store.status.identity, locks.contains(where: { $0.identity == named })
        else {
            throw EngineError(
                .replacedMeanwhile, "\(files.data.displayString) is another file than the one whose lock is held",
                hint: "another process replaced it; try again", path: files.data)
        }
    }

    /// Empties the WAL before the new files come: what counts of it is put into the old data file first, so that whoever goes
    /// back to that has lost nothing.
    private func emptyWAL() throws {
        if let backup {
            try TransactionRollback(files, in: storage, key: key, data: present.store.file).mark(backup)
        }
        guard let status = try storage.status(of: files.wal), status.size > 0 else { return }
        let store = present.store
        if !store.overlay.isEmpty {
            let data = try storage.openForWriting(files.data)
            let run = PageRun(data, cipher: store.cipher)
            for page in store.overlay.keys.sorted() { try run.put(try store.page(page).view, at: page) }
            try run.flush()
            try data.sync()
        }
        let wal = try storage.openForWriting(files.wal)
        try wal.truncate(to: 0)
        try wal.sync()
    }

    /// Leaves the old files, where nothing has been put in their place. What cannot be taken back here is so by the next one
    /// who opens the database for a change: why it ended is the error to tell.
    private func takeBack() {
        _ = try? FileRecovery.resolve(files, in: storage, locks: locks)
    }

    /// - Returns: what could not be done any more once the new files counted.
    private mutating func swap(
        to new: NewFiles, _ marker: RepairMarker, _ kept: KeptSet
    ) throws(EngineError) -> RecoveryStep? {
        let model = try onStorage(files.data) { try status(files.data) }
        let swap = FileSwap(
            files, in: storage, like: model, to: new.files, data: new.dataIdentity, meta: new.metaIdentity)
        do throws(EngineError) {
            try onStorage(files.data) { try swap.prepare { locks.append($0) } }
        } catch {
            // Where the new files may count already, only the next opening can tell.
            guard (try? storage.status(of: files.swapSuccess)) == .some(nil) else { throw error }
            takeBack()
            throw error
        }
        do throws(EngineError) {
            try onStorage(files.data) {
                try swap.check()
                try swap.finish()
                _ = try marker.finish(files, kept, in: storage)
            }
        } catch {
            // The new files count: what is left to do is done by the next opening.
            guard error.code == .replacedMeanwhile else {
                return RecoveryStep(
                    .repairOutstanding, "the new files are in place, and the next change tidies up: \(error.message)")
            }
            try? storage.remove(files.swapSuccess)
            throw error
        }
        return nil
    }
}

/// A new data file and its metadata, complete and durable under the names of `FileSet.successor`.
struct NewFiles {
    let files: FileSet
    let dataIdentity: FileIdentity
    let metaIdentity: FileIdentity
    /// Both, in bytes.
    let bytes: UInt64
}

extension NewFiles {
    init(_ successor: Successor) {
        self.init(
            files: successor.files, dataIdentity: successor.dataIdentity, metaIdentity: successor.metaIdentity,
            bytes: successor.bytes)
    }
}

internal import BlazeModel
public import BlazePlatform
public import Crypto
public import SystemPackage

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// Repairs a database under its lock: every record that the bytes still hold goes into a new file set, which is read back in full
/// and then put in the place of the old one by FORMAT.md 8.1b. The old files are kept beside it, and `RepairUndo` puts them back.
///
/// Until the new files are in place nothing of the old ones is changed but names that an interrupted vacuum had moved, and torn
/// pages that the WAL fills (FORMAT.md 8.1a). Killed at any point, the next one to come finds the old set or the new one.
///
/// One thread at a time.
public struct Repair {
    private let files: FileSet
    private let storage: any ChangingStorage
    private let key: SymmetricKey
    private let options: RepairOptions
    private var locks: [any FileLock]

    /// - Parameter locks: those of the data file, and of the one that a vacuum set aside where there is one.
    public init(
        _ files: FileSet, in storage: any ChangingStorage, key: SymmetricKey, locks: [any FileLock],
        options: RepairOptions
    ) {
        self.files = files
        self.storage = storage
        self.key = key
        self.locks = locks
        self.options = options
    }

    /// What a repair has done.
    public struct Report: Sendable, Hashable {
        /// What was found and decided.
        public internal(set) var plan: RepairPlan
        /// False where nothing was wrong, and nothing was done.
        public internal(set) var isRepaired = false
        /// The directory that keeps the old files; nil where nothing was done.
        public internal(set) var kept: FilePath?
        /// Data file and metadata afterwards, in bytes.
        public internal(set) var bytesAfter: UInt64
        /// What was put right first.
        public internal(set) var recovery: [RecoveryStep] = []
    }

    /// What a repair would do. Changes nothing.
    ///
    /// Rethrows what `progress` throws. Throws `.notFound` where no data file is left, `.recoveryUndecided` where it takes a
    /// decision what becomes of a transaction, `.unsupportedFormat`, and what reading throws.
    public func plan(progress: (MaintenanceProgress) throws -> Void = { _ in }) throws -> RepairPlan {
        try Rescue(files, in: storage, key: key, options, progress).plan
    }

    /// Repairs.
    ///
    /// - Parameters:
    ///   - always: also where nothing is wrong.
    ///   - progress: called now and then; what it throws before the new files are put in place leaves the old ones.
    /// - Throws: what `plan` throws; `.noSpace`, `.readOnly`, `.writeFailed`, `.replacedMeanwhile`, `.limitExceeded`.
    public mutating func apply(
        always: Bool = false, progress: (MaintenanceProgress) throws -> Void = { _ in }
    ) throws -> Report {
        let steps = try resolveEarlier()
        var options = options
        options.acceptsTotalLoss = options.acceptsTotalLoss || always
        let rescue = try Rescue(files, in: storage, key: key, options, progress)
        var report = Report(plan: rescue.plan, bytesAfter: rescue.plan.bytesBefore, recovery: steps)
        guard rescue.plan.isNeeded || always else { return report }
        try checkNeeds(rescue.plan)
        let kept = try KeptSet.fresh(of: files, in: storage)
        var marker = RepairMarker(
            .repair, kept: try component(kept.directory), from: WrittenStamp(rescue.present.store.status))
        let successor: Successor
        do {
            try marker.write(files, in: storage)
            let ids = Set(rescue.records.map(\.id))
            let keptFiles = try KeptFiles(files, in: storage, key: key) { ids.contains($0) }
            let list = try keep(keptFiles, rescue, kept)
            // What an interrupted vacuum moved has its name back from here on.
            var interrupted = InterruptedSwap(files, in: storage, locks: locks)
            _ = try interrupted.resolve()
            locks = interrupted.locks
            report.recovery += interrupted.steps
            try checkPlace(rescue)
            try FileSwap.checkNames(files, in: storage, probe: files.data)
            successor = try build(rescue, progress)
            let (newData, newMeta) = (try status(files.successor.data), try status(files.successor.meta))
            marker.data = WrittenStamp(newData)
            if try storage.status(of: files.meta) == nil { marker.newMeta = WrittenStamp(newMeta) }
            note(list.filter { keptFiles.moves($0.name) }, rescue, in: &marker)
            try kept.write(
                report: rescue.plan.report(of: files.data),
                manifest: try KeptManifest(list, data: newData, meta: newMeta).bytes())
            try progress(MaintenanceProgress(.swapping, done: rescue.records.count, total: rescue.records.count))
            try emptyWAL(rescue)
            marker.from = WrittenStamp(try status(files.data))
            try marker.write(files, in: storage)
            try marker.removeMoved(marker.early, files, in: storage)
        } catch {
            takeBack()
            if let error = error as? StorageError { throw EngineError(error) }
            throw error
        }
        if let outstanding = try swap(to: successor, marker, kept) { report.recovery.append(outstanding) }
        report.isRepaired = true
        report.kept = kept.directory
        report.bytesAfter = successor.bytes
        return report
    }

    /// Copies of a transaction that are not what the new files are made from go before these count: BlazeDB would put them in their
    /// place. Everything else goes afterwards.
    private func note(_ moved: [KeptSet.File], _ rescue: Rescue, in marker: inout RepairMarker) {
        for file in moved {
            let bytes = FilePath(root: nil, [file.name]).bytes
            let kind = Leftover.Kind(file: bytes, name: files.nameBytes, dataName: files.dataNameBytes)
            let move = RepairMarker.Move(name: file.name, inode: file.inode)
            if kind == .transactionCopy, rescue.backup == nil {
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

    /// What an earlier repair left that did not end.
    private func resolveEarlier() throws(EngineError) -> [RecoveryStep] {
        guard try onStorage(files.data, { try storage.status(of: files.repairMarker) }) != nil else { return [] }
        return try FileRecovery.resolve(files, in: storage, locks: locks).steps
    }

    private func checkNeeds(_ plan: RepairPlan) throws(EngineError) {
        guard let available = plan.diskAvailable, available < plan.diskNeeded else { return }
        throw EngineError(
            .noSpace, "a repair takes some \(plan.diskNeeded) bytes of disk, and \(available) are left",
            hint: "make room on the file system of \(files.data.displayString)", path: files.data)
    }

    private func keep(_ paths: KeptFiles, _ rescue: Rescue, _ kept: KeptSet) throws -> [KeptSet.File] {
        // The WAL is emptied, and pages of the data file are filled from it; a salt is so short that a copy costs nothing.
        var copied: Set<FilePath> = [files.wal, files.salt]
        if !rescue.present.store.overlay.isEmpty { copied.insert(files.data) }
        return try kept.make(
            paths.own + paths.moved.map { KeptSet.Source(path: $0, name: $0) }, copied: copied,
            like: rescue.present.store.status)
    }

    /// That the data file in place is the one that was read, and locked.
    private func checkPlace(_ rescue: Rescue) throws(EngineError) {
        let named = try onStorage(files.data) { try storage.status(of: files.data)?.identity }
        guard let named, named == rescue.present.store.status.identity, locks.contains(where: { $0.identity == named })
        else {
            throw EngineError(
                .replacedMeanwhile, "\(files.data.displayString) is another file than the one whose lock is held",
                hint: "another process replaced it; try again", path: files.data)
        }
    }

    private func build(_ rescue: Rescue, _ progress: (MaintenanceProgress) throws -> Void) throws -> Successor {
        let store = rescue.source.store
        let model = rescue.present.store.status
        let builder = try SuccessorBuilder(files.successor, in: storage, key: key, cipher: store.cipher, like: model)
        try builder.copy(rescue.records, from: store, progress)
        var image = rescue.image
        if rescue.plan.isOtherRecords { image.dropSearchIndex() }
        let successor = try builder.finish(image, like: rescue.present.metadataStatus ?? model)
        try successor.verify(progress)
        try successor.sync()
        return successor
    }

    /// Empties the WAL before the new files come: what counts of it is put into the old data file first, so that whoever goes
    /// back to that has lost nothing.
    private func emptyWAL(_ rescue: Rescue) throws {
        if let backup = rescue.backup {
            try TransactionRollback(files, in: storage, key: key, data: rescue.present.store.file).mark(backup)
        }
        guard let status = try storage.status(of: files.wal), status.size > 0 else { return }
        let store = rescue.present.store
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
    /// who opens the database for a change: why the repair ended is the error to tell.
    private func takeBack() {
        _ = try? FileRecovery.resolve(files, in: storage, locks: locks)
    }

    /// - Returns: what could not be done any more once the new files counted.
    private mutating func swap(
        to new: Successor, _ marker: RepairMarker, _ kept: KeptSet
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

extension RepairPlan {
    /// Whether the records are others than those that the index had.
    var isOtherRecords: Bool { !recovered.isEmpty || !lost.isEmpty || !deleted.isEmpty || !rolledBack.isEmpty }
}

extension SuccessorBuilder {
    /// Copies records that a scan has found, byte by byte.
    func copy(
        _ records: [RescueScan.Candidate], from store: PageStore, _ progress: (MaintenanceProgress) throws -> Void
    ) throws {
        let reader = RecordReader(store: store)
        for (place, record) in records.enumerated() {
            if place % 64 == 0 { try progress(MaintenanceProgress(.writing, done: place, total: records.count)) }
            let stored: StoredRecord
            do throws(RecordFailure) {
                stored = try reader.rescued(main: record.main)
            } catch {
                throw EngineError(
                    .changedWhileReading,
                    "record \(record.id) changed while it was read: page \(error.page) \(error.reason)",
                    page: error.page)
            }
            let digest = stored.bytes.withUnsafeBytes { Checksum.fnv1a64($0) }
            guard digest == record.digest, stored.bytes.count == record.byteCount else {
                throw EngineError(
                    .changedWhileReading, "record \(record.id) changed while it was read", page: record.main)
            }
            try stored.bytes.withUnsafeBytes { try add(record.id, $0) }
        }
    }
}

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
    ///   - before: called when there is something to repair, before anything is changed; what it throws leaves all as it was.
    /// - Throws: what `plan` throws; `.noSpace`, `.readOnly`, `.writeFailed`, `.replacedMeanwhile`, `.limitExceeded`.
    public mutating func apply(
        always: Bool = false, progress: (MaintenanceProgress) throws -> Void = { _ in },
        before: () throws -> Void = {}
    ) throws -> Report {
        let steps = try resolveEarlier()
        var options = options
        options.acceptsTotalLoss = options.acceptsTotalLoss || always
        let rescue = try Rescue(files, in: storage, key: key, options, progress)
        var report = Report(plan: rescue.plan, bytesAfter: rescue.plan.bytesBefore, recovery: steps)
        guard rescue.plan.isNeeded || always else { return report }
        try checkNeeds(rescue.plan)
        try before()
        let ids = Set(rescue.records.map(\.id))
        var replacement = Replacement(
            files, in: storage, key: key, locks: locks, before: .repair, present: rescue.present, backup: rescue.backup)
        let done = try replacement.run(
            report: rescue.plan.report(of: files.data), hasRecord: { ids.contains($0) }, total: rescue.records.count,
            progress
        ) { try build(rescue, progress) }
        locks = replacement.locks
        report.recovery += done.steps
        report.isRepaired = true
        report.kept = done.kept
        report.bytesAfter = done.bytes
        return report
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

    private func build(_ rescue: Rescue, _ progress: (MaintenanceProgress) throws -> Void) throws -> NewFiles {
        let store = rescue.source.store
        let model = rescue.present.store.status
        let builder = try SuccessorBuilder(files.successor, in: storage, key: key, cipher: store.cipher, like: model)
        try builder.copy(rescue.records, from: store, progress)
        var image = rescue.image
        if rescue.plan.isOtherRecords { image.dropSearchIndex() }
        let successor = try builder.finish(image, like: rescue.present.metadataStatus ?? model)
        try successor.verify(progress)
        try successor.sync()
        return NewFiles(successor)
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

internal import BlazeEngine
internal import BlazeModel
internal import BlazePlatform
internal import BlazeProtocol
internal import BlazeServices
internal import SystemPackage

/// What a job of maintenance is to do.
enum MaintenanceTask: Sendable {
    /// With the repository for the backup that is taken first; nil for none.
    case vacuum(dropsUnindexed: Bool, always: Bool, backup: FilePath?)
    case collection
    case repair(RepairOptions, always: Bool, backup: FilePath?)
    case repairUndo(discardsChanges: Bool)
    case backup(BackupTask)
    case restore(BackupDirectory, backupKey: JobKey)
    case restoreRollback(discardsChanges: Bool)

    /// What a task does with the database's lock.
    enum LockUse {
        /// It waits for it.
        case required
        /// It takes it where that is free.
        case preferred
        /// It does without.
        case none
    }

    var lockUse: LockUse {
        if case .backup(let task) = self { return task.lockUse }
        return .required
    }

    var kind: JobKind {
        switch self {
        case .vacuum: .vacuum
        case .collection: .collection
        case .repair: .repair
        case .repairUndo: .repairUndo
        case .backup: .backup
        case .restore: .restore
        case .restoreRollback: .restoreRollback
        }
    }

    var operation: Operation {
        switch self {
        case .vacuum: .vacuum
        case .collection: .gcRun
        case .repair: .repair
        case .repairUndo: .repairUndo
        case .backup: .backupCreate
        case .restore: .restoreInPlace
        case .restoreRollback: .restoreRollback
        }
    }

    /// What the database's key has to open: its metadata, whatever is left, or nothing, because none is needed.
    var need: JobKey.Need {
        switch self {
        case .vacuum, .collection: .metadata
        case .backup(let task): task.options.isRaw ? .anything : .metadata
        case .repair, .restore: .anything
        case .repairUndo, .restoreRollback: .nothing
        }
    }

    /// Does it.
    ///
    /// - Parameters:
    ///   - locks: those of the data file, and of the one that a vacuum set aside where there is one.
    ///   - key: nil where none is needed.
    ///   - recovered: told what was put right first.
    /// - Throws: an error of the engine, and what `progress` throws.
    func run(
        _ files: FileSet, in storage: any ChangingStorage, key: DatabaseKey.Shared?, locks: [any FileLock],
        recovered: ([RecoveryStep]) -> Void, progress: (MaintenanceProgress) throws -> Void
    ) throws -> JobOutcome {
        func needed() throws -> DatabaseKey.Shared {
            guard let key else { throw Fault(.internal, "the job has no key") }
            return key
        }
        func writing(_ body: (DatabaseWriter) throws -> JobOutcome) throws -> JobOutcome {
            guard let lock = locks.last else { throw Fault(.internal, "the job has no lock") }
            let writer = try DatabaseWriter(
                files, in: storage, key: try needed(), lock: lock, further: Array(locks.dropLast()), progress: progress)
            recovered(writer.recovery)
            let outcome = try body(writer)
            // From here on the database is as it is to be; the lock goes with the writer and the lease.
            try writer.close()
            return outcome
        }
        switch self {
        case .vacuum(let dropsUnindexed, let always, let root):
            return try writing { writer in
                var backup: String?
                let report = try writer.vacuum(
                    dropsUnindexed: dropsUnindexed, always: always, progress: progress,
                    beforeSwap: {
                        backup = try root.map {
                            try BackupTask.first(
                                of: files, in: storage, key: try needed(), to: $0, before: .vacuum, progress)
                        }
                    })
                return JobOutcome(report, backup: backup)
            }
        case .collection:
            return try writing { writer in JobOutcome(try writer.collectGarbage(progress: progress)) }
        case .repair(let options, let always, let root):
            var repair = Repair(files, in: storage, key: try needed(), locks: locks, options: options)
            var backup: String?
            let report = try repair.apply(always: always, progress: progress) {
                backup = try root.map {
                    try BackupTask.first(of: files, in: storage, key: try needed(), to: $0, before: .repair, progress)
                }
            }
            recovered(report.recovery)
            var outcome = RepairOutcome(report)
            outcome.backup = backup
            return .repair(outcome)
        case .backup(let task):
            return .backup(
                BackupOutcome(
                    try task.run(files, in: storage, key: try needed(), underLease: !locks.isEmpty, progress)))
        case .restore(let directory, let key):
            return try key.use { backupKey in
                var restore = RestoreInPlace(
                    directory, backupKey: backupKey, over: files, in: storage, key: try needed(), locks: locks)
                let report = try restore.apply { step in
                    if step.phase != .swapping { try key.check() }
                    try progress(step)
                }
                recovered(report.recovery)
                return .restore(RestoreOutcome(report))
            }
        case .restoreRollback(let discardsChanges):
            try progress(MaintenanceProgress(.swapping, done: 0, total: 0))
            return .restoreRollback(
                StoredPath(
                    try RepairUndo.run(
                        files, before: .restore, in: storage, locks: locks, discardsChanges: discardsChanges)))
        case .repairUndo(let discardsChanges):
            try progress(MaintenanceProgress(.swapping, done: 0, total: 0))
            return .repairUndo(
                StoredPath(try RepairUndo.run(files, in: storage, locks: locks, discardsChanges: discardsChanges)))
        }
    }
}

extension JobOutcome {
    init(_ report: VacuumReport, backup: String?) {
        var figures = Vacuum(
            records: UInt64(clamping: report.records), entriesRemoved: UInt64(clamping: report.entriesRemoved),
            unindexedDropped: UInt64(clamping: report.unindexedDropped), bytesBefore: report.bytesBefore,
            bytesAfter: report.bytesAfter, isRewritten: report.isRewritten)
        figures.backup = backup
        self = .vacuum(figures)
    }

    init(_ report: CollectionReport) {
        self = .collection(
            Collection(
                pagesFreed: report.freed, pagesCut: report.cut, entriesRemoved: UInt64(clamping: report.entriesRemoved),
                bytesBefore: report.bytesBefore, bytesAfter: report.bytesAfter))
    }
}

extension JobFailure {
    /// A fault, as the journal keeps it.
    init(_ fault: Fault) {
        self.init(name: fault.code.name, message: fault.message, hint: fault.hint)
    }
}

extension Fault {
    /// A failure of the journal's, as clients are told.
    init(_ failure: JobFailure, target: String = "", holder: LockHolder? = nil) {
        let code = FaultCode.allCases.first { $0.name == failure.name } ?? .internal
        self.init(code, failure.message, hint: failure.hint, target: target, holder: holder)
    }
}

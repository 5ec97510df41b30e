internal import BlazeEngine
internal import BlazeModel
internal import BlazePlatform
internal import BlazeProtocol
internal import BlazeServices

/// What a job of maintenance is to do.
enum MaintenanceTask: Sendable {
    case vacuum(dropsUnindexed: Bool, always: Bool)
    case collection
    case repair(RepairOptions, always: Bool)
    case repairUndo(discardsChanges: Bool)

    var kind: JobKind {
        switch self {
        case .vacuum: .vacuum
        case .collection: .collection
        case .repair: .repair
        case .repairUndo: .repairUndo
        }
    }

    var operation: Operation {
        switch self {
        case .vacuum: .vacuum
        case .collection: .gcRun
        case .repair: .repair
        case .repairUndo: .repairUndo
        }
    }

    /// What the database's key has to open: its metadata, whatever is left, or nothing, because none is needed.
    var need: JobKey.Need {
        switch self {
        case .vacuum, .collection: .metadata
        case .repair: .anything
        case .repairUndo: .nothing
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
        case .vacuum(let dropsUnindexed, let always):
            return try writing { writer in
                JobOutcome(try writer.vacuum(dropsUnindexed: dropsUnindexed, always: always, progress: progress))
            }
        case .collection:
            return try writing { writer in JobOutcome(try writer.collectGarbage(progress: progress)) }
        case .repair(let options, let always):
            var repair = Repair(files, in: storage, key: try needed(), locks: locks, options: options)
            let report = try repair.apply(always: always, progress: progress)
            recovered(report.recovery)
            return .repair(RepairOutcome(report))
        case .repairUndo(let discardsChanges):
            try progress(MaintenanceProgress(.swapping, done: 0, total: 0))
            return .repairUndo(
                StoredPath(try RepairUndo.run(files, in: storage, locks: locks, discardsChanges: discardsChanges)))
        }
    }
}

extension JobOutcome {
    init(_ report: VacuumReport) {
        self = .vacuum(
            Vacuum(
                records: UInt64(clamping: report.records), entriesRemoved: UInt64(clamping: report.entriesRemoved),
                unindexedDropped: UInt64(clamping: report.unindexedDropped), bytesBefore: report.bytesBefore,
                bytesAfter: report.bytesAfter, isRewritten: report.isRewritten))
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

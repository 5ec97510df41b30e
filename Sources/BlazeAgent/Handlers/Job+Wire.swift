internal import BlazeEngine
internal import BlazeModel
internal import BlazePlatform
internal import BlazeProtocol
internal import BlazeServices
internal import SystemPackage

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

extension WireJob {
    init(_ job: Job) {
        self.init()
        id = job.id
        kind =
            switch job.kind {
            case .vacuum: .vacuum
            case .collection: .gc
            case .repair: .repair
            case .repairUndo: .repairUndo
            case .backup: .backup
            case .restore: .restore
            case .restoreRollback: .restoreRollback
            }
        state = WireJobState(job.state)
        path = Data(job.path.bytes)
        title = job.title
        clientPid = job.clientProcessID
        started = job.started
        if let ended = job.ended { self.ended = ended }
        if let progress = job.progress {
            phase = progress.phase
            done = UInt64(clamping: progress.done)
            total = UInt64(clamping: progress.total)
            if let rate = progress.rate { self.rate = rate }
            if let left = progress.secondsLeft { secondsLeft = left }
        }
        switch job.outcome {
        case .vacuum(let figures): vacuum = WireVacuumOutcome(figures)
        case .collection(let figures): gc = WireGcOutcome(figures)
        case .repair(let outcome): repair = WireRepairOutcome(outcome)
        case .repairUndo(let kept): repairUndo = WireRepairUndoOutcome(kept)
        case .backup(let outcome): backup = WireBackupOutcome(outcome)
        case .restore(let outcome): restore = WireRestoreOutcome(outcome)
        case .restoreRollback(let kept):
            var wire = WireRestoreRollbackOutcome()
            wire.kept = Data(kept.path?.bytes ?? [])
            restoreRollback = wire
        case nil: break
        }
        if let failure = job.failure { self.failure = Fault(failure, target: job.title, holder: job.holder).wire }
        recovery = job.recovery.map { step in
            var wire = WireRecoveryStep()
            wire.kind = step.kind
            wire.message = step.message
            return wire
        }
        if job.state == .waiting, let holder = job.holder { waitsFor = WireLockHolder(holder) }
    }
}

extension WireJobState {
    init(_ state: JobState) {
        self =
            switch state {
            case .waiting: .waiting
            case .running: .running
            case .cancelling: .cancelling
            case .done: .done
            case .failed: .failed
            case .cancelled: .cancelled
            case .rolledBack: .rolledBack
            case .finishedAfterRestart: .finishedAfterRestart
            case .interrupted: .interrupted
            }
    }
}

extension WireVacuumOutcome {
    init(_ figures: JobOutcome.Vacuum) {
        self.init()
        records = figures.records
        entriesRemoved = figures.entriesRemoved
        unindexedDropped = figures.unindexedDropped
        bytesBefore = figures.bytesBefore
        bytesAfter = figures.bytesAfter
        rewritten = figures.isRewritten
        backup = figures.backup ?? ""
    }
}

extension WireGcOutcome {
    init(_ figures: JobOutcome.Collection) {
        self.init()
        pagesFreed = figures.pagesFreed
        pagesCut = figures.pagesCut
        entriesRemoved = figures.entriesRemoved
        bytesBefore = figures.bytesBefore
        bytesAfter = figures.bytesAfter
    }
}

extension WireRepairOutcome {
    init(_ outcome: RepairOutcome) {
        self.init()
        facts = WireRepairFacts(outcome)
        repaired = outcome.isRepaired
        kept = Data(outcome.kept?.path?.bytes ?? [])
        bytesBefore = outcome.bytesBefore
        bytesAfter = outcome.bytesAfter
        backup = outcome.backup ?? ""
    }
}

extension WireRepairUndoOutcome {
    init(_ kept: StoredPath) {
        self.init()
        self.kept = Data(kept.path?.bytes ?? [])
    }
}

extension WireSpaceFacts {
    init(_ report: SpaceReport) {
        self.init()
        records = UInt64(clamping: report.records)
        totalPages = report.totalPages
        livePages = report.livePages
        freePages = report.freePages
        leakedPages = report.leakedPages
        orphanPages = report.orphanPages
        keptPages = report.keptPages
        unindexedRecords = UInt64(clamping: report.unindexedRecords)
        deletedEntries = UInt64(clamping: report.deletedEntries)
        tailPages = report.tailPages
        dataBytes = report.dataBytes
        metadataBytes = report.metadataBytes
        vacuumedDataBytes = report.vacuumedDataBytes
        vacuumedMetadataBytes = report.vacuumedMetadataBytes
        diskNeeded = report.diskNeeded
        if let available = report.diskAvailable { diskAvailable = available }
        memoryNeeded = report.memoryNeeded
        if let available = report.memoryAvailable { memoryAvailable = available }
        obstacles = report.obstacles.map(WireFinding.init)
    }
}

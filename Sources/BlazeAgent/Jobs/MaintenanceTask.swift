internal import BlazeEngine
internal import BlazeModel
internal import BlazePlatform
internal import BlazeProtocol
internal import BlazeServices

/// What a job of maintenance is to do.
enum MaintenanceTask: Sendable {
    case vacuum(dropsUnindexed: Bool, always: Bool)
    case collection

    var kind: JobKind {
        switch self {
        case .vacuum: .vacuum
        case .collection: .collection
        }
    }

    var operation: Operation {
        switch self {
        case .vacuum: .vacuum
        case .collection: .gcRun
        }
    }

    /// Does it.
    ///
    /// - Throws: an error of the engine, and what `progress` throws.
    func run(_ writer: DatabaseWriter, progress: (MaintenanceProgress) throws -> Void) throws -> JobOutcome {
        switch self {
        case .vacuum(let dropsUnindexed, let always):
            JobOutcome(try writer.vacuum(dropsUnindexed: dropsUnindexed, always: always, progress: progress))
        case .collection: JobOutcome(try writer.collectGarbage(progress: progress))
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

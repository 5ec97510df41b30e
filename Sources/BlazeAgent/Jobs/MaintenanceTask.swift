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

    /// Whether it can be done at all, by what the pages tell.
    ///
    /// - Throws: `Fault`: `damaged`, with what stands in the way; `insufficient`, with what is needed and what there is.
    func check(_ report: SpaceReport, of database: LocatedDatabase) throws {
        if let fault = Fault(obstacles: report.obstacles, of: database) { throw fault }
        guard case .vacuum(let dropsUnindexed, let always) = self else { return }
        if report.unindexedRecords > 0, !dropsUnindexed {
            throw Fault(
                .damaged,
                "\(report.unindexedRecords) records of \(database.title) stand in pages that its index does not have: a "
                    + "vacuum would lose them",
                hint: "blazectl check --quick \(database.title) tells more; --drop-unindexed does without them",
                target: database.title)
        }
        // Where there is nothing to gain, nothing is needed.
        guard report.gain > 0 || always else { return }
        try require(report.diskNeeded, of: report.diskAvailable, "disk space", for: database)
        try require(report.memoryNeeded, of: report.memoryAvailable, "memory", for: database)
    }

    private func require(_ needed: UInt64, of available: UInt64?, _ what: String, for database: LocatedDatabase) throws
    {
        guard let available, available < needed else { return }
        throw Fault(
            .insufficient,
            "a vacuum of \(database.title) needs \(needed) bytes of \(what), and there are \(available)",
            hint: "make room and run it again; blazectl gc run needs much less", target: database.title)
    }
}

extension Fault {
    /// Longer lists are cut off.
    private static let namedObstacles = 5

    /// That a database has damage which gc and vacuum must not touch; nil when there is none.
    init?(obstacles: [Finding], of database: LocatedDatabase) {
        guard !obstacles.isEmpty else { return nil }
        let named = obstacles.prefix(Self.namedObstacles).map { "[\($0.name)] \($0.message)" }
        let more = obstacles.count > named.count ? "; and \(obstacles.count - named.count) more" : ""
        self.init(
            .damaged, "\(database.title) is left as it is: \(named.joined(separator: "; "))\(more)",
            hint: "blazectl check --quick \(database.title) tells more", target: database.title)
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

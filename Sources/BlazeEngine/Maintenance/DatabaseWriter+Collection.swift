internal import BlazeModel
internal import BlazePlatform
internal import SystemPackage

/// What gc has done. Sizes in bytes.
public struct CollectionReport: Sendable, Hashable {
    /// Pages that were put on the free list.
    public internal(set) var freed: UInt64 = 0
    /// Pages that were cut off at the end of the file.
    public internal(set) var cut: UInt64 = 0
    /// Index entries of deleted records that were taken off.
    public internal(set) var entriesRemoved = 0
    /// Records that stand in pages of no list and are not in the index: their pages were left alone.
    public internal(set) var unindexedRecords = 0
    /// Data file and metadata before.
    public internal(set) var bytesBefore: UInt64 = 0
    /// Data file and metadata after.
    public internal(set) var bytesAfter: UInt64 = 0
}

extension DatabaseWriter {
    /// Puts leaked and orphan pages on the free list (trap T13), takes deleted records off the index (trap T4), and cuts off
    /// what nothing needs at the end of the file. No record is moved.
    ///
    /// Rethrows what `progress` throws: nothing has changed then. Throws `.damaged` when a record cannot be read, because
    /// its pages cannot be told from waste; what a transaction throws.
    public func collectGarbage(
        progress: (MaintenanceProgress) throws -> Void = { _ in }
    ) throws -> CollectionReport {
        try exclusively { try collect(progress) }
    }

    private func collect(_ progress: (MaintenanceProgress) throws -> Void) throws -> CollectionReport {
        try store.renewStatus()
        let reader = try DatabaseReader(files, in: storage, key: key, underLease: true)
        var survey = RecordSurvey(in: reader)
        try survey.read(progress)
        let use = try PageUse(
            store, chains: survey.chains, freeList: Array(allocator.free), index: image.index,
            check: { try progress(survey.progress(.reading)) })
        var report = CollectionReport()
        report.bytesBefore = try sizeNow()
        report.unindexedRecords = use.unindexed
        report.entriesRemoved = survey.deleted.count
        let end = use.end
        let before = use.free.count(before: end) + use.leaked.count(before: end)
        guard before <= UInt64(EngineLimits.orphanPages) else {
            throw EngineError(
                .limitExceeded, "\(before) pages are free or empty, more than a free list can name",
                hint: "vacuum gives them back", path: files.data)
        }
        var free = Array(use.free.pages(before: end))
        let found = use.leaked.pages(before: end) + use.orphans.filter { UInt64($0) < end }
        report.freed = UInt64(found.count)
        report.cut = use.filePages - min(use.filePages, end)
        free += found
        free.sort()
        let isUnchanged =
            found.isEmpty && report.cut == 0 && survey.deleted.isEmpty && allocator.next == end
            && image.freePages == free && !isMetadataStale
        guard !isUnchanged else {
            report.bytesAfter = report.bytesBefore
            return report
        }
        try progress(survey.progress(.swapping))
        var new = image
        if !survey.deleted.isEmpty {
            new.index = new.index.applying(survey.deleted.map { RecordIndex.Change(id: $0, pages: nil) })
            new.dropSearchIndex()
        }
        new.freePages = free
        new.nextPageIndex = end
        let dirty = (use.dirtyFree + use.orphans).filter { UInt64($0) < end }
        try commit(
            new, PageAllocator(free: free, next: end, listed: []), freed: dirty, run: PageRun(data, cipher: cipher))
        try cutOff(at: end)
        report.bytesAfter = try sizeNow()
        return report
    }

    /// Cuts the data file off behind its last page in use. The metadata that does not use the rest is durable.
    private func cutOff(at end: UInt64) throws(EngineError) {
        try changing { () throws(EngineError) in
            try onStorage(files.data) {
                let size = end * UInt64(PageView.byteCount)
                if try data.status().size > size { try data.truncate(to: size) }
                try data.sync()
            }
            try store.renewStatus()
        }
    }

    /// Bytes of data file and metadata.
    func sizeNow() throws(EngineError) -> UInt64 {
        try onStorage(files.data) { try data.status().size + (storage.status(of: files.meta)?.size ?? 0) }
    }
}

/// Which pages the indexed records reach, and which of them were deleted; refuses damage.
struct RecordSurvey {
    private let reader: DatabaseReader
    private(set) var chains: [UInt32] = []
    private(set) var deleted: [RecordID] = []
    /// The first record that is neither there nor deleted.
    private var lost: RecordID?
    private(set) var done = 0
    let total: Int

    init(in reader: DatabaseReader) {
        self.reader = reader
        total = reader.metadata.index.count
    }

    func progress(_ phase: MaintenanceProgress.Phase) -> MaintenanceProgress {
        MaintenanceProgress(phase, done: done, total: total)
    }

    /// Reads every record; hands out those that are there when `body` wants them. Throws `.damaged`.
    mutating func read(
        keepsBytes: Bool = false, _ progress: (MaintenanceProgress) throws -> Void,
        as phase: MaintenanceProgress.Phase = .reading, _ body: (RecordID, FoundRecord) throws -> Void = { _, _ in }
    ) throws {
        var tally = ReadTally()
        try reader.forEachOutcome(
            keepsBytes: keepsBytes, interrupt: { try progress(self.progress(phase)) }
        ) { id, outcome, list in
            done += 1
            tally.note(outcome, id, list: list)
            switch outcome {
            case .read(let found):
                chains += found.chain
                if found.id == id { try body(id, found) }
            case .gone: deleted.append(id)
            case .absent(let absence) where absence.failure.severity == .advice: deleted.append(id)
            case .absent, .noPages, .unstable: lost = lost ?? id
            }
        }
        try reader.findSharedPages(&tally)
        let obstacles = reader.metadata.obstacles + tally.report(judgedBy: .leased).findings.filter(\.isObstacle)
        guard !obstacles.isEmpty || lost != nil else { return }
        let count = max(1, obstacles.reduce(0) { $0 + $1.count })
        let first = obstacles.first ?? Finding(.unreadable, .damage, record: lost, "it cannot be read")
        throw EngineError(
            .damaged,
            "\(reader.files.data.displayString) has \(count) damaged records or entries"
                + (first.record.map { ", \($0) among them" } ?? "") + ": \(first.message)",
            hint: "blazectl check --quick tells all of them; nothing was changed", path: reader.files.data,
            page: first.page)
    }
}

internal import BlazeModel
internal import BlazePlatform
internal import SystemPackage

extension DatabaseReader {
    /// Reads every record and tells how the pages are used. Changes nothing, and works beside a live owner, where the figures
    /// are about right.
    ///
    /// Rethrows what `progress` throws. Throws what `forEachRecord` throws.
    public func space(progress: (MaintenanceProgress) throws -> Void = { _ in }) throws -> SpaceReport {
        var tally = ReadTally()
        var chains: [UInt32] = []
        var report = SpaceReport()
        var done = 0
        var pages: UInt64 = 0
        var image = try MetadataImage(metadata)
        image.index = RecordIndex()
        let total = metadata.index.count
        try forEachOutcome(interrupt: { try progress(MaintenanceProgress(.reading, done: done, total: total)) }) {
            id, outcome, list in
            done += 1
            tally.note(outcome, id, list: list)
            guard case .read(let found) = outcome else { return }
            chains += found.chain
            let count = RecordShape.pages(ofBytes: found.storedBytes)
            image.index.append(id, UInt32(clamping: pages)..<UInt32(clamping: pages + UInt64(count)))
            pages += UInt64(count)
        }
        try findSharedPages(&tally)
        let read = tally.report(judgedBy: ownership)
        try generation.store.renewStatus()
        let use = try PageUse(
            generation.store, chains: chains, freeList: metadata.freePages, index: metadata.index,
            check: { try progress(MaintenanceProgress(.reading, done: done, total: total)) })
        report.records = read.readable
        report.deletedEntries = read.deleted
        report.obstacles = read.findings.filter(\.isObstacle) + metadata.obstacles
        report.totalPages = use.filePages
        report.livePages = UInt64(use.live.count)
        report.freePages = use.free.count
        report.leakedPages = use.leaked.count
        report.orphanPages = UInt64(use.orphans.count + use.kept.count)
        report.keptPages = UInt64(use.kept.count)
        report.unindexedRecords = use.unindexed
        report.tailPages = use.tail
        report.dataBytes = generation.store.status.size
        report.metadataBytes = generation.metadataStatus.size
        image.nextPageIndex = pages
        image.freePages = []
        report.vacuumedDataBytes = pages * UInt64(PageView.byteCount)
        report.vacuumedMetadataBytes = UInt64(try image.encoded(key: key).count)
        report.diskNeeded = report.vacuumedDataBytes + report.vacuumedMetadataBytes
        report.diskAvailable = storage.available(at: files.data)
        report.memoryNeeded = VacuumNeeds.memory(index: metadata.index, metadataBytes: report.metadataBytes)
        report.memoryAvailable = MachineMemory.available()
        return report
    }
}

/// What a vacuum needs meanwhile.
enum VacuumNeeds {
    /// Bytes of memory: the index twice, the metadata's text as it is put together, and the windows of records.
    static func memory(index: RecordIndex, metadataBytes: UInt64) -> UInt64 {
        let entries = UInt64(index.count * MemoryLayout<RecordIndex.Entry>.stride + index.pages.count * 4)
        return (64 << 20) + 2 * entries + 4 * metadataBytes
    }
}

extension Metadata {
    /// What the index says that cannot be carried over when it is written anew.
    var obstacles: [Finding] {
        let odd = index.irregularities
        var findings: [Finding] = []
        if odd.withoutID > 0 {
            findings.append(
                Finding(
                    .indexEntryUnusable, .damage, count: odd.withoutID,
                    "\(odd.withoutID) index entries have no usable record id"))
        }
        if odd.pagesOutOfRange > 0 {
            findings.append(
                Finding(
                    .pageOutOfRange, .damage, record: odd.firstWithPageOutOfRange, count: odd.pagesOutOfRange,
                    "page lists hold numbers that are no pages"))
        }
        return findings
    }
}

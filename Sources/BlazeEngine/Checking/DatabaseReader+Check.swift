internal import BlazeModel
internal import BlazePlatform

extension DatabaseReader {
    /// How the pages are used, told from their headers. Nothing is decrypted unless overflow pages stand on no list;
    /// then full main pages are, to tell which of them records reach.
    public func survey() throws(EngineError) -> PageSurvey {
        try scanHeaders({ true }).scan.survey
    }

    /// Everything that can be told without decoding records: files, headers, page lists, free list and WAL. The
    /// metadata's signature has been verified by opening. Beside an owner, the records whose headers look odd are read,
    /// because most of it passes; the WAL, which its owner is at work on, is not.
    ///
    /// Throws `.changedWhileReading` when the files' owner takes longer than 2 s to swap them, and `.interrupted`.
    ///
    /// - Parameter isWanted: asked now and then, from this thread; false ends the check.
    public func quickCheck(while isWanted: () -> Bool = { true }) throws(EngineError) -> CheckReport {
        let first = try look(isWanted)
        // At rest a second look tells nothing new, and at damage it must be certain that this is at rest.
        guard ownership.isQuiet, first.findings.hasDamage, try !isStanding() else { return report(first) }
        return report(try look(isWanted))
    }

    private func report(_ look: (findings: FindingCollector, survey: PageSurvey)) -> CheckReport {
        CheckReport(findings: look.findings.findings(judgedBy: ownership), survey: look.survey)
    }

    private func look(
        _ isWanted: () -> Bool
    ) throws(EngineError) -> (findings: FindingCollector, survey: PageSurvey) {
        var findings = FindingCollector()
        let (status, metadataFile) = try FileSummary.looked(at: files, in: storage)
        findings.add(contentsOf: status)
        let (scan, reached) = try scanHeaders(isWanted)
        if ownership.isQuiet { checkRecords(scan, &findings) } else { try checkRecordsAgain(scan, &findings) }
        checkLists(scan, reached, &findings)
        checkMetadata(&findings)
        checkMirror(metadataFile, &findings)
        checkWAL(&findings)
        return (findings, scan.survey)
    }

    /// How often the headers are counted beside an owner who is at work.
    private static let scans = 4

    /// Beside an owner the headers are counted again when something has changed meanwhile; where that happens each time,
    /// the figures are estimates.
    private func scanHeaders(
        _ isWanted: () -> Bool
    ) throws(EngineError) -> (scan: HeaderScan, reached: Set<UInt32>) {
        var left = Self.scans
        while true {
            left -= 1
            if !ownership.isQuiet {
                try renew()
                try generation.store.renewStatus()
            }
            let before = try generation.stampNow()
            var scan = try HeaderScan(generation.store, metadata, isWanted: isWanted)
            var reached: Set<UInt32> = []
            if !scan.unlisted.isEmpty, scan.survey.overflow > 0 {
                reached = try ChainReach(metadata, generation.store, scan).pages
                scan.claim(reached)
            }
            if ownership.isQuiet { return (scan, reached) }
            if try generation.stampNow() == before, try generation.hasMetadataFile() { return (scan, reached) }
            if left == 0 {
                scan.markEstimate()
                return (scan, reached)
            }
        }
    }

    private func checkRecords(_ scan: HeaderScan, _ findings: inout FindingCollector) {
        for entry in metadata.index.entries {
            let list = metadata.index.pages(of: entry)
            guard let first = list.first else {
                findings.add(Finding(.noPages, .damage, record: entry.id, "the index lists no page for the record"))
                continue
            }
            let main = list.first { scan.kind(of: $0).holdsRecord } ?? first
            if main != first { findings.add(.chainOrder(entry.id, main: main)) }
            if let failure = RecordReader.failure(scan.kind(of: main), page: main) {
                findings.add(Finding(failure, record: entry.id))
                continue
            }
            let stale = list.first { $0 != main && scan.kind(of: $0) != .overflow }
            if let stale {
                findings.add(
                    Finding(
                        .stalePageList, .advice, page: stale, record: entry.id,
                        "the index lists page \(stale) for the record, which is no overflow page"))
            }
        }
        if let page = scan.firstUnsupported {
            findings.add(
                .unsupportedPage, .damage, count: Int(clamping: scan.survey.compressed), page: page,
                "\(scan.survey.compressed) pages are of a version that is not read here, page \(page) first")
        }
        for use in sharedPages() { findings.add(.sharedPage(use.page, use.first, use.second)) }
    }

    /// The same beside a writer, where headers alone prove nothing: what looks odd is read.
    private func checkRecordsAgain(_ scan: HeaderScan, _ findings: inout FindingCollector) throws(EngineError) {
        var odd: Set<RecordID> = []
        for entry in metadata.index.entries {
            let list = metadata.index.pages(of: entry)
            let isSound =
                list.first.map { scan.kind(of: $0) == .record } ?? false
                && list.dropFirst().allSatisfy { scan.kind(of: $0) == .overflow }
            if !isSound { odd.insert(entry.id) }
        }
        for use in sharedPages() { odd.formUnion([use.first, use.second]) }
        var tally = ReadTally()
        let ids = odd.sorted()
        for start in stride(from: 0, to: ids.count, by: EngineLimits.oddRecords) {
            let some = Array(ids[start..<min(start + EngineLimits.oddRecords, ids.count)])
            var outcomes = some.map { id in
                metadata.index.entry(id).map {
                    RecordReader(store: generation.store).outcome(of: $0, in: metadata.index).withoutValues
                } ?? .gone
            }
            try settle(some, &outcomes)
            for (id, outcome) in zip(some, outcomes) {
                tally.note(outcome, id, list: metadata.index.entry(id).map { metadata.index.pages(of: $0) } ?? [])
            }
        }
        try findSharedPages(&tally)
        // Judged once, with all other findings.
        findings.add(contentsOf: tally.report(judgedBy: .free).findings)
    }

    /// The pages that two lists of the index name.
    private func sharedPages() -> [ReadTally.SharedPage] {
        var tally = ReadTally()
        for entry in metadata.index.entries { tally.use(metadata.index.pages(of: entry), entry.id) }
        return tally.sharedPages()
    }

    private func checkLists(_ scan: HeaderScan, _ reached: Set<UInt32>, _ findings: inout FindingCollector) {
        let survey = scan.survey
        let inUse = scan.listed.filter(scan.isFree) + reached.filter { scan.isFree($0) && scan.kind(of: $0) == .absent }
        findings.add(
            .freePageInUse, .damage, count: inUse.count, page: inUse.min(),
            "\(inUse.count) pages are on the free list and used by records: the next inserts overwrite them")
        findings.add(
            .freePageTwice, .damage, count: scan.freeRepeats,
            "the free list names pages more than once: two records would share them")
        let beyond = scan.free.filter { UInt64($0) >= survey.nextPageIndex }
        findings.add(
            .freePageBeyond, .damage, count: beyond.count, page: beyond.first,
            "\(beyond.count) free pages are at or above nextPageIndex \(survey.nextPageIndex): they would be used twice"
        )
        if let top = [scan.listed.last, reached.max()].compactMap(\.self).max(), survey.nextPageIndex <= UInt64(top) {
            findings.add(
                Finding(
                    .nextPageLow, .damage, page: top,
                    "nextPageIndex is \(survey.nextPageIndex), and page \(top) is in use: coming inserts overwrite it"))
        }
        findings.add(
            .orphan, .advice, count: Int(clamping: survey.orphan), page: scan.unlisted.first,
            "\(survey.orphan) pages hold something that no record uses")
        findings.add(
            .leaked, .advice, count: Int(clamping: survey.leaked), page: scan.firstLeaked,
            "\(survey.leaked) zero pages are on no free list")
        findings.add(
            .partialPage, .advice, count: survey.partialTail > 0 ? 1 : 0,
            "the data file ends with \(survey.partialTail) bytes of a page")
    }

    private func checkMetadata(_ findings: inout FindingCollector) {
        let odd = metadata.index.irregularities
        findings.add(
            .pageOutOfRange, .damage, count: odd.pagesOutOfRange + metadata.freePagesOutOfRange,
            record: odd.firstWithPageOutOfRange, "page lists or the free list hold numbers that are no pages")
        findings.add(
            .duplicateIndexEntry, .advice, count: odd.duplicates, record: odd.firstDuplicate,
            "\(odd.duplicates) records have more than one index entry; the last one counts")
        findings.add(
            .indexEntryUnusable, .damage, count: odd.withoutID,
            "\(odd.withoutID) index entries have no usable record id")
        findings.add(.unsortedIndex, .note, count: odd.unsorted, "the index is not sorted by record id")
        for index in metadata.indexes {
            findings.add(
                .indexDangling, .advice, count: index.dangling,
                "index \(index.name) has \(index.dangling) entries for records that do not exist")
        }
        let readable = metadata.indexes.filter { $0.entries > 0 }.count
        findings.add(
            .indexedValuesReadable, .note, count: readable,
            "the values of \(readable) indexes stand unencrypted in the metadata")
        if metadata.encodingFormat == "json" || metadata.unsignedEncodingFormat == "json" {
            findings.add(
                Finding(.encodingJSON, .advice, "the encoding format is json, which makes BlazeDB migrate all pages"))
        }
    }

    /// The unsigned mirror is read from the file again, because nothing else needs it; not if it was replaced since.
    private func checkMirror(_ file: MetadataFile?, _ findings: inout FindingCollector) {
        guard let file, file.status == generation.metadataStatus, let mirror = file.mirrorIndex() else { return }
        let signed = metadata.index
        let differing = mirror.entries.filter { entry in
            guard let own = signed.entry(entry.id) else { return true }
            let (a, b) = (mirror.pages(of: entry), signed.pages(of: own))
            return !a.elementsEqual(b) && Set(a) != Set(b)
        }
        let missing = signed.entries.count - mirror.entries.filter { signed.contains($0.id) }.count
        findings.add(
            .mirrorDiffers, .advice, count: differing.count + missing, record: differing.first?.id,
            "the unsigned layout differs from the signed index in \(differing.count + missing) records")
    }

    private func checkWAL(_ findings: inout FindingCollector) {
        guard let wal else { return }
        findings.add(
            .walPending, .note, count: wal.entries,
            "\(wal.entries) WAL entries are not checkpointed; \(wal.counting.count) of their pages count")
        let inside = wal.skippedBytes - wal.tailBytes
        findings.add(
            .walGarbage, .advice, count: wal.hiddenEntries,
            "\(inside) bytes in the WAL are no entry, and \(wal.hiddenEntries) entries stand behind them, which BlazeDB never reads"
        )
        findings.add(
            .walTail, .advice, count: wal.tailBytes > 0 ? 1 : 0,
            wal.searchGivenUp
                ? "\(wal.tailBytes) bytes of the WAL were not searched to the end for entries"
                : "the WAL ends with \(wal.tailBytes) bytes that are no entry")
        findings.add(
            .walOverOverflow, .damage, count: wal.overOverflow.count, page: wal.overOverflow.first,
            "BlazeDB's replay of the WAL would overwrite \(wal.overOverflow.count) newer overflow pages")
        findings.add(
            .walWouldRevert, .damage, count: wal.wouldRevert.count, page: wal.wouldRevert.first,
            "BlazeDB's replay of the WAL would put older contents into \(wal.wouldRevert.count) pages")
        findings.add(
            .walWouldResurrect, .advice, count: wal.wouldResurrect.count, page: wal.wouldResurrect.first,
            "BlazeDB's replay of the WAL would bring \(wal.wouldResurrect.count) deleted records back")
    }
}

internal import BlazeModel
internal import BlazePlatform

/// What lists, metadata and WAL say, held against the headers of the pages.
extension DatabaseReader {
    func checkLists(_ scan: HeaderScan, _ reached: Set<UInt32>, _ findings: inout FindingCollector) {
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

    func checkMetadata(_ findings: inout FindingCollector) {
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
        for index in metadata.indexes where index.isReordered {
            findings.add(
                Finding(
                    .indexOrder, .note,
                    "the definition of index \(index.name) has its fields in another order than its name: \(index.fields.joined(separator: ", "))"
                ))
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
    func checkMirror(_ file: MetadataFile?, _ findings: inout FindingCollector) {
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

    func checkWAL(_ findings: inout FindingCollector) {
        guard let wal else { return }
        findings.add(
            .walPending, .note, count: wal.entries, page: wal.counting.first,
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

extension Metadata.IndexSummary {
    /// Whether BlazeDB has put the fields into another order than the app defined them in, which the name still tells (trap T15). A
    /// field whose own name has a `+` in it cannot be told from two, so only an order of the very same parts counts.
    fileprivate var isReordered: Bool {
        let named = name.split(separator: "+").map(String.init)
        return named != fields && named.sorted() == fields.sorted()
    }
}

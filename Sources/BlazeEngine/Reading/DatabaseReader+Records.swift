public import BlazeModel

extension DatabaseReader {
    /// Hands out every readable record, sorted by id, one at a time. A record that carries another id than the index
    /// says is handed out under the index's id, with a finding.
    ///
    /// Rethrows what `body` throws. Throws `.changedWhileReading` when damage was found and another process changed
    /// the files meanwhile, because its writing may explain the damage.
    public func forEachRecord(_ body: (RecordID, Record) throws -> Void) throws -> ReadReport {
        var tally = ReadTally()
        let reader = RecordReader(store: store)
        for (place, entry) in metadata.index.entries.enumerated() {
            let list = metadata.index.pages(of: entry)
            guard !list.isEmpty else {
                tally.miss(Finding(.noPages, .damage, record: entry.id, "the index lists no page for the record"))
                continue
            }
            do {
                let found = try reader.find(entry.id, in: list)
                tally.note(found, entry.id, list: list, place: place)
                try body(entry.id, found.decoded.record)
            } catch let absence as RecordReader.Absence {
                tally.miss(absence, entry.id, list: list, place: place)
            }
        }
        tally.findSharedPages(metadata.index)
        try refuseIfChanged(tally.findings)
        return tally.finish()
    }
}

/// Counts and findings, while records are read.
private struct ReadTally {
    private struct Use {
        let page: UInt32
        let place: UInt32
    }

    private(set) var findings = FindingCollector()
    private var report = ReadReport()
    private var uses: [Use] = []
    private var vectors = 0
    private var firstVector: RecordID?
    private var jsonRecords = 0
    private var firstJSON: RecordID?
    private var oldForms = 0
    private var firstOldForm: RecordID?

    mutating func note(_ found: FoundRecord, _ id: RecordID, list: ArraySlice<UInt32>, place: Int) {
        let record = found.decoded.record
        report.readable += 1
        if record.isHidden { report.hidden += 1 } else { report.visible += 1 }
        report.byKind[record.kind, default: 0] += 1
        for page in found.stored.chain { use(page, place) }
        if found.isOutOfOrder { findings.add(.chainOrder(id, main: found.main)) }
        if !Self.sameSet(found.stored.chain, list) {
            findings.add(
                Finding(
                    .stalePageList, .advice, page: found.main, record: id,
                    "the index lists \(list.count) pages for the record, its chain has \(found.stored.chain.count) or others"
                ))
        }
        if record.id != id {
            findings.add(
                Finding(
                    .idMismatch, .damage, page: found.main, record: id,
                    record.id.map { "the page holds record \($0)" } ?? "the record carries no id of its own"))
        }
        if found.stored.isPlain {
            findings.add(
                Finding(
                    .unencryptedPage, .damage, page: found.main, record: id,
                    "the record is not encrypted and not authenticated, and BlazeDB does not read it"))
        }
        if found.decoded.holdsVector {
            vectors += 1
            firstVector = firstVector ?? id
        }
        if found.decoded.isJSON {
            jsonRecords += 1
            firstJSON = firstJSON ?? id
        }
        if found.stored.isOldForm {
            oldForms += 1
            firstOldForm = firstOldForm ?? id
        }
    }

    mutating func miss(_ absence: RecordReader.Absence, _ id: RecordID, list: ArraySlice<UInt32>, place: Int) {
        if absence.isOutOfOrder { findings.add(.chainOrder(id, main: absence.failure.page)) }
        for page in list { use(page, place) }
        miss(Finding(absence.failure, record: id))
    }

    mutating func miss(_ finding: Finding) {
        findings.add(finding)
        if finding.severity == .damage { report.unreadable += 1 } else { report.deleted += 1 }
    }

    private mutating func use(_ page: UInt32, _ place: Int) {
        uses.append(Use(page: page, place: UInt32(truncatingIfNeeded: place)))
    }

    private static func sameSet(_ chain: [UInt32], _ list: ArraySlice<UInt32>) -> Bool {
        chain.elementsEqual(list) || Set(chain) == Set(list)
    }

    mutating func findSharedPages(_ index: RecordIndex) {
        uses.sort { $0.page != $1.page ? $0.page < $1.page : $0.place < $1.place }
        for (a, b) in zip(uses, uses.dropFirst()) where a.page == b.page && a.place != b.place {
            findings.add(
                .sharedPage(a.page, index.entries[Int(a.place)].id, index.entries[Int(b.place)].id))
        }
        uses = []
    }

    mutating func finish() -> ReadReport {
        findings.add(
            .oldOverflowForm, .advice, count: oldForms, record: firstOldForm,
            "\(oldForms) records are in the overflow form before 2.7.1, which BlazeDB 2.8.1 does not read by default")
        findings.add(
            .oldRecordJSON, .note, count: jsonRecords, record: firstJSON,
            "\(jsonRecords) records are stored as JSON, as very old versions did")
        findings.add(
            .vectorPrecision, .note, count: vectors, record: firstVector,
            "\(vectors) records hold vectors, which BlazeDB does not read back as they were written")
        report.findings = findings.findings
        return report
    }
}

extension Finding {
    /// A record that cannot be read.
    init(_ failure: RecordFailure, record: RecordID) {
        self.init(
            failure.name, failure.severity, page: failure.page, record: record, "page \(failure.page) \(failure.reason)"
        )
    }

    static func chainOrder(_ id: RecordID, main: UInt32) -> Finding {
        Finding(
            .chainOrder, .damage, page: main, record: id,
            "the page list does not start with record page \(main), so BlazeDB cannot read the record")
    }

    static func sharedPage(_ page: UInt32, _ first: RecordID, _ second: RecordID) -> Finding {
        Finding(.sharedPage, .damage, page: page, record: first, "page \(page) belongs to this record and to \(second)")
    }
}

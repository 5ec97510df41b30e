internal import BlazeModel
internal import BlazePlatform

/// Counts and findings, while records are read.
struct ReadTally {
    /// A page that the chains of two records have.
    struct SharedPage {
        let page: UInt32
        let first: RecordID
        let second: RecordID
    }

    private var findings = FindingCollector()
    private var counts = ReadReport()
    /// A page in the high half, and the place in `ids` of a record that has it in the low half.
    private var uses: [UInt64] = []
    private var ids: [RecordID] = []
    private var vectors = 0
    private var firstVector: RecordID?
    private var jsonRecords = 0
    private var firstJSON: RecordID?
    private var oldForms = 0
    private var firstOldForm: RecordID?

    /// Counts what became of a record. `list` is its page list.
    mutating func note(_ outcome: RecordOutcome, _ id: RecordID, list: ArraySlice<UInt32>) {
        switch outcome {
        case .read(let found): note(found, id, list: list)
        case .noPages: miss(Finding(.noPages, .damage, record: id, "the index lists no page for the record"))
        case .absent(let absence):
            if absence.isOutOfOrder { findings.add(.chainOrder(id, main: absence.failure.page)) }
            use(list, id)
            miss(Finding(absence.failure, record: id))
        case .gone: break
        case .unstable(let page):
            counts.unstable += 1
            findings.add(.unstable(id, page: page))
        }
    }

    private mutating func note(_ found: FoundRecord, _ id: RecordID, list: ArraySlice<UInt32>) {
        counts.readable += 1
        if found.isHidden { counts.hidden += 1 } else { counts.visible += 1 }
        counts.byKind[found.kind, default: 0] += 1
        use(found.overflow[...], id)
        uses.append(UInt64(found.main) << 32 | UInt64(ids.count - 1))
        findings.add(contentsOf: found.findings(for: id, list: list))
        if found.holdsVector {
            vectors += 1
            firstVector = firstVector ?? id
        }
        if found.isJSON {
            jsonRecords += 1
            firstJSON = firstJSON ?? id
        }
        if found.isOldForm {
            oldForms += 1
            firstOldForm = firstOldForm ?? id
        }
    }

    private mutating func miss(_ finding: Finding) {
        findings.add(finding)
        if finding.severity == .damage { counts.unreadable += 1 } else { counts.deleted += 1 }
    }

    /// Notes that a record has these pages.
    mutating func use(_ pages: ArraySlice<UInt32>, _ id: RecordID) {
        let place = UInt64(ids.count)
        ids.append(id)
        for page in pages { uses.append(UInt64(page) << 32 | place) }
    }

    /// The pages that two records have, and their records.
    mutating func sharedPages() -> [SharedPage] {
        uses.sort()
        defer { uses = [] }
        return zip(uses, uses.dropFirst()).compactMap { a, b in
            guard a >> 32 == b >> 32, a != b else { return nil }
            return SharedPage(
                page: UInt32(a >> 32), first: ids[Int(truncatingIfNeeded: a & 0xFFFF_FFFF)],
                second: ids[Int(truncatingIfNeeded: b & 0xFFFF_FFFF)])
        }
    }

    mutating func add(_ more: [Finding]) { findings.add(contentsOf: more) }

    /// What was counted and found, as it counts under this ownership.
    func report(judgedBy ownership: Ownership) -> ReadReport {
        var findings = findings
        findings.add(
            .oldOverflowForm, .advice, count: oldForms, record: firstOldForm,
            "\(oldForms) records are in the overflow form before 2.7.1, which BlazeDB 2.8.1 does not read by default")
        findings.add(
            .oldRecordJSON, .note, count: jsonRecords, record: firstJSON,
            "\(jsonRecords) records are stored as JSON, as very old versions did")
        findings.add(
            .vectorPrecision, .note, count: vectors, record: firstVector,
            "\(vectors) records hold vectors, which BlazeDB does not read back as they were written")
        var report = counts
        report.findings = findings.findings(judgedBy: ownership)
        return report
    }
}

extension FoundRecord {
    /// What is wrong with where and how the record stands.
    func findings(for id: RecordID, list: ArraySlice<UInt32>) -> [Finding] {
        var out: [Finding] = []
        if isOutOfOrder { out.append(.chainOrder(id, main: main)) }
        if list.first != main || !list.dropFirst().elementsEqual(overflow), Set(chain) != Set(list) {
            out.append(
                Finding(
                    .stalePageList, .advice, page: main, record: id,
                    "the index lists \(list.count) pages for the record, its chain has \(chain.count) or others"))
        }
        if self.id != id {
            out.append(
                Finding(
                    .idMismatch, .damage, page: main, record: id,
                    self.id.map { "the page holds record \($0)" } ?? "the record carries no id of its own"))
        }
        if isPlain {
            out.append(
                Finding(
                    .unencryptedPage, .damage, page: main, record: id,
                    "the record is not encrypted and not authenticated, and BlazeDB does not read it"))
        }
        return out
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

    static func unstable(_ id: RecordID, page: UInt32?) -> Finding {
        Finding(
            .unstable, .advice, page: page, record: id,
            "another process is at work on the record: what it holds cannot be told now")
    }
}
